"""The page in a real browser on a real service: what people do with it, by mouse and by keyboard."""

from __future__ import annotations

import csv
import json
import zipfile
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from browsing import HEIGHT, WIDTH, Hand, open_browser, open_page, served, write_photo
from made import MATERIALS
from made_sam import RADII, SIDE, write_sam
from PIL import Image
from playwright.sync_api import Browser, expect
from serving import running

from madeof.datasets import open_dataset
from madeof.inference.predictor import Predictor
from madeof.serve.app import create_app
from madeof.serve.sam import Sam
from madeof.serve.settings import Settings

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def address(tiny_predictor: Predictor) -> Iterator[str]:
    with served(tiny_predictor) as address:
        yield address


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_photo(tmp_path_factory.mktemp("photo") / "two halves.png")


@pytest.fixture
def hand(browser: Browser, address: str, photo: Path) -> Iterator[Hand]:
    with open_page(browser, address) as page:
        hand = Hand(page)
        hand.open(photo)
        yield hand


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_each_tool_draws_a_region_and_reads_its_material(hand: Hand) -> None:
    hand.drag((20, 20), (120, 80))
    assert hand.wait_for_cards(1)[0]["material"] in MATERIALS
    assert hand.area() == pytest.approx(100 * 60, rel=0.02)
    hand.tool("polygon")
    for point in ((200, 20), (300, 20), (300, 120), (300, 120)):
        hand.click(point)
    hand.wait_for_cards(2)
    assert hand.area() == pytest.approx(100 * 100 / 2, rel=0.03)
    hand.tool("lasso")
    hand.drag((50, 180), (150, 180), (150, 280), (50, 280), (50, 180))
    hand.wait_for_cards(3)
    assert hand.area() == pytest.approx(100 * 100, rel=0.03)
    hand.page.keyboard.press("Escape")
    hand.tool("brush")
    hand.drag((220, 200), (320, 200))
    assert hand.wait_for_cards(4)[3]["selected"]
    painted = hand.area()
    hand.drag((220, 260), (320, 260))  # onto the same region
    hand.wait_for_cards(4)
    assert hand.area() == pytest.approx(2 * painted, rel=0.2)
    hand.tool("eraser")
    hand.drag((220, 260), (320, 260))
    hand.cards()
    assert hand.area() == pytest.approx(painted, rel=0.05)
    hand.tool("select")
    hand.click((200, 140))
    cards = hand.wait_for_cards(5)
    assert hand.area() == pytest.approx(WIDTH * HEIGHT / 2, rel=0.02)  # all that is red
    assert [card["number"] for card in cards] == ["1", "2", "3", "4", "5"]
    assert all(card["material"] in MATERIALS and card["score"].endswith("%") for card in cards)


def test_a_click_by_sam(browser: Browser, tiny_predictor: Predictor, photo: Path, tmp_path: Path) -> None:
    """With made-up files, whose masks are discs where the photo is red; see made_sam."""
    app = create_app(tiny_predictor, Settings(workers=1), Sam(write_sam(tmp_path / "sam")))
    with running(app) as (host, port), open_page(browser, f"http://{host}:{port}/", refused=True) as page:
        hand = Hand(page)
        hand.open(photo)
        hand.tool("select")
        hand.click((200, 100))
        assert hand.wait_for_cards(1)[0]["material"] in MATERIALS
        rows, columns = np.mgrid[: HEIGHT // 2, :WIDTH] + 0.5
        away, scale = np.hypot(columns - 200, rows - 100), WIDTH / SIDE
        assert hand.area() == pytest.approx((away < RADII[1] * scale).sum(), rel=0.04)
        for key, radius in (("]", RADII[2]), ("[", RADII[1]), ("[", RADII[0])):
            page.keyboard.press(key)
            expect(page.locator(".region.waiting")).to_have_count(0)
            expected = int((away < radius * scale).sum())
            page.wait_for_function(
                """(expected) => {
                     const text = document.querySelector(".region.selected .facts").textContent;
                     return Math.abs(parseInt(text.replaceAll(",", "")) / expected - 1) < 0.05;
                   }""",
                arg=expected,
            )
        hand.click((200, 250))  # blue: nothing is found there, and the page says so
        expect(page.locator("body")).to_contain_text("SAM finds nothing at these points")


def test_shift_adds_to_the_chosen_region_and_alt_takes_away(hand: Hand) -> None:
    hand.drag((20, 20), (120, 120))
    hand.wait_for_cards(1)
    hand.drag((120, 20), (220, 120), key="Shift")
    hand.cards()
    assert hand.area() == pytest.approx(200 * 100, rel=0.02)
    hand.drag((120, 20), (220, 120), key="Alt")
    hand.cards()
    assert hand.area() == pytest.approx(100 * 100, rel=0.03)


def test_the_answer_follows_while_one_draws(hand: Hand) -> None:
    page = hand.page
    page.mouse.move(*hand.at((20, 20)))
    page.mouse.down()
    page.mouse.move(*hand.at((200, 200)), steps=4)
    page.wait_for_selector(".region.selected:not(.waiting)")  # the button is still down
    assert page.locator(".region .head .name").text_content() in MATERIALS
    assert page.locator(".selected .bars li:visible").count() == len(MATERIALS)
    page.mouse.up()
    hand.wait_for_cards(1)


def test_regions_can_be_moved_and_their_corners_dragged(hand: Hand) -> None:
    hand.drag((20, 20), (120, 80))
    hand.wait_for_cards(1)
    hand.tool("edit")
    hand.drag((120, 80), (220, 140))
    hand.cards()
    assert hand.area() == pytest.approx(200 * 120, rel=0.02)
    hand.drag((100, 100), (200, 150))
    hand.cards()
    hand.click((390, 290))  # no region is here
    assert not hand.cards()[0]["selected"]
    hand.click((300, 180))  # it is here since it was moved
    assert hand.cards()[0]["selected"]


def test_a_person_corrects_the_material_and_takes_it_back(hand: Hand) -> None:
    hand.drag((20, 20), (120, 80))
    guess = hand.wait_for_cards(1)[0]["material"]
    second = hand.page.locator(".selected .bars .name").nth(1).text_content()
    hand.page.locator(".selected .bars button").nth(1).click()
    assert hand.cards()[0] | {"material": second, "badge": "by hand"} == hand.cards()[0]
    assert f"The model says {guess}" in (hand.page.locator(".selected .note").text_content() or "")
    hand.page.fill(".selected .other input", "moon <b>rock</b>")  # not of the model's list
    hand.page.keyboard.press("Enter")
    assert hand.cards()[0]["material"] == "moon <b>rock</b>"
    hand.page.get_by_role("button", name="Take back").click()
    assert hand.cards()[0]["material"] == guess


def test_undo_and_redo_go_through_everything(hand: Hand) -> None:
    hand.drag((20, 20), (120, 80))
    guess = hand.wait_for_cards(1)[0]["material"]
    hand.page.get_by_role("button", name="Delete region 1").click()
    hand.wait_for_cards(0)
    hand.page.keyboard.press("Control+z")
    assert hand.wait_for_cards(1)[0]["material"] == guess
    hand.page.keyboard.press("Control+z")
    hand.wait_for_cards(0)
    assert hand.page.get_by_role("button", name="Undo").is_disabled()
    hand.page.keyboard.press("Control+Shift+Z")
    assert hand.wait_for_cards(1)[0]["material"] == guess


def test_everything_works_by_keyboard_alone(browser: Browser, address: str, photo: Path, tmp_path: Path) -> None:
    with open_page(browser, address) as page:
        hand, press = Hand(page), page.keyboard.press
        expect(page.get_by_role("heading", name="What is this made of?")).to_be_visible()
        with page.expect_file_chooser() as chooser:
            page.evaluate("0")  # the driver has to watch for it before it comes
            press("o")
        chooser.value.set_files(str(photo))
        hand.ready()
        for key in ("k", "b", "Space", *["Shift+ArrowRight"] * 3, *["Shift+ArrowDown"] * 3, "Space"):
            press(key)
        hand.wait_for_cards(1)
        for key in ("p", "Space", *["Shift+ArrowLeft"] * 3, "Space", *["Shift+ArrowUp"] * 3, "Space", "Enter"):
            press(key)
        hand.wait_for_cards(2)
        for key in ("Escape", "r", "Space", *["Shift+ArrowUp"] * 2, "Space"):
            press(key)
        hand.wait_for_cards(3)
        for key in ("Escape", "c", "Space"):
            press(key)
        hand.wait_for_cards(4)
        press("2")
        assert hand.cards()[3]["badge"] == "by hand"
        for key in ("n", "m"):
            press(key)
        page.keyboard.type("Granite")
        press("Enter")
        assert hand.cards()[0]["material"] == "Granite"
        press("Escape")  # out of the field
        press("Delete")
        assert [card["number"] for card in hand.wait_for_cards(3)] == ["2", "3", "4"]
        press("Control+z")
        hand.wait_for_cards(4)
        press("?")
        expect(page.get_by_role("dialog")).to_be_visible()
        press("Escape")
        expect(page.get_by_role("dialog")).to_be_hidden()
        press("x")
        expect(page.locator('#export [data-kind="json"]')).to_be_focused()
        press("ArrowDown")
        expect(page.locator('#export [data-kind="csv"]')).to_be_focused()
        with page.expect_download() as download:
            press("Enter")
        assert download.value.suggested_filename == "madeof.csv"


def test_single_letters_can_be_switched_off(hand: Hand) -> None:
    hand.page.keyboard.press("?")
    hand.page.get_by_label("Single letters").uncheck()
    hand.page.keyboard.press("Escape")
    expect(hand.page.get_by_role("dialog")).to_be_hidden()
    hand.page.keyboard.press("l")
    assert hand.page.locator('[data-do="tool:box"]').get_attribute("aria-pressed") == "true"


def test_exports_hold_what_the_page_shows(hand: Hand, photo: Path, tmp_path: Path) -> None:
    hand.drag((0, 0), (400, 150))
    hand.wait_for_cards(1)
    hand.tool("lasso")
    hand.drag((50, 180), (150, 180), (150, 280), (50, 280), (50, 180))
    hand.wait_for_cards(2)
    hand.page.keyboard.press("2")
    shown = hand.cards()
    areas = [150 * 400, 100 * 100]

    told = json.loads(hand.export("json", tmp_path).read_text())
    assert (told["image"], told["width"], told["height"]) == ("two halves.png", WIDTH, HEIGHT)
    assert told["regions"][0]["material"] == shown[0]["material"]
    assert told["regions"][1]["truth"] == shown[1]["material"]
    assert [region["area"] for region in told["regions"]] == pytest.approx(areas, rel=0.03)
    assert [list(region["shape"]) for region in told["regions"]] == [["box"], ["polygon"]]

    rows = _rows(hand.export("csv", tmp_path))
    assert [row["region"] for row in rows] == ["region 1", "region 2"]
    assert [int(row["area"]) for row in rows] == [region["area"] for region in told["regions"]]
    assert [row["truth"] for row in rows] == ["", shown[1]["material"]]

    coco = open_dataset(hand.export("coco", tmp_path), images=photo.parent)
    assert coco.regions.area.tolist() == pytest.approx(areas, rel=0.03)
    assert {coco.materials[i] for i in coco.regions.material} == {card["material"] for card in shown}

    with Image.open(hand.export("overlay", tmp_path)) as picture:
        assert picture.size == (512, 384)  # a small photo is enlarged, so that labels can be read


def test_the_label_map_and_the_data_set_are_those_that_training_takes(hand: Hand, tmp_path: Path) -> None:
    hand.drag((0, 0), (400, 150))
    guess = hand.wait_for_cards(1)[0]["material"]
    hand.drag((100, 200), (200, 280))
    hand.wait_for_cards(2)
    hand.page.fill(".selected .other input", "moon rock")
    hand.page.keyboard.press("Enter")

    with zipfile.ZipFile(hand.export("labels", tmp_path)) as archive:
        archive.extractall(tmp_path / "map")
    with Image.open(tmp_path / "map" / "two halves.png") as label_map:
        assert label_map.mode == "L"
        values = np.asarray(label_map)
    names = {int(row["id"]): row["name"] for row in _rows(tmp_path / "map" / "materials.csv")}
    assert (names[int(values[10, 10])], names[int(values[240, 150])]) == (guess, "moon rock")
    assert values[170, 10] == 0

    with zipfile.ZipFile(hand.export("dataset", tmp_path)) as archive:
        archive.extractall(tmp_path / "set")
    dataset = open_dataset(tmp_path / "set")  # only what a person has said is in it
    assert dataset.materials == ("moon rock",)
    assert dataset.regions.area.tolist() == pytest.approx([100 * 80], rel=0.03)
    assert list(dataset.photos.name) == ["two halves"]


def test_nothing_to_export_says_so(hand: Hand) -> None:
    assert hand.page.locator("#export-button").is_disabled()
    hand.drag((0, 0), (400, 150))
    hand.wait_for_cards(1)
    hand.page.click("#export-button")
    row = hand.page.locator('#export [data-kind="dataset"]')
    assert row.is_disabled()
    assert "say by hand" in (row.text_content() or "")


def test_a_reload_brings_everything_back(hand: Hand) -> None:
    hand.drag((20, 20), (120, 80))
    hand.wait_for_cards(1)
    hand.tool("select")
    hand.click((200, 220))
    hand.wait_for_cards(2)
    hand.page.keyboard.press("2")
    before = [card | {"selected": False} for card in hand.cards()]
    hand.page.reload()
    hand.ready()
    assert [card | {"selected": False} for card in hand.wait_for_cards(2)] == before
    hand.page.get_by_role("button", name="Close two halves.png").click()
    expect(hand.page.get_by_role("heading", name="What is this made of?")).to_be_visible()
    hand.page.reload()
    expect(hand.page.get_by_role("heading", name="What is this made of?")).to_be_visible()


def test_several_photos_keep_their_regions_apart(hand: Hand, photo: Path) -> None:
    hand.drag((20, 20), (120, 80))
    hand.wait_for_cards(1)
    hand.open(photo)
    hand.wait_for_cards(0)
    names = hand.page.locator("#strip .name").all_text_contents()
    assert names == ["two halves.png", "two halves-2.png"]
    hand.page.keyboard.press("PageUp")
    hand.wait_for_cards(1)


def test_the_example_and_a_dropped_photo_open(browser: Browser, address: str) -> None:
    with open_page(browser, address) as page:
        page.get_by_role("button", name="Try the example").click()
        Hand(page).ready()
        page.evaluate(
            """async () => {
                 const data = new DataTransfer();
                 const blob = await (await fetch('page/example.jpg')).blob();
                 data.items.add(new File([blob], '../dropped.jpg', {type: 'image/jpeg'}));
                 document.body.dispatchEvent(new DragEvent('drop', {dataTransfer: data, bubbles: true}));
               }"""
        )
        page.get_by_text("_dropped.jpg").wait_for()
        Hand(page).ready()
        assert page.locator("#strip .name").all_text_contents() == ["coffee.jpg", "_dropped.jpg"]


def test_what_is_no_photo_is_told_in_a_line(browser: Browser, address: str, tmp_path: Path) -> None:
    (tmp_path / "no.png").write_bytes(b"no photo")
    with open_page(browser, address, refused=True) as page:
        page.set_input_files("#files", str(tmp_path / "no.png"))
        expect(page.get_by_role("alert")).to_contain_text("no.png")


def test_a_photo_that_the_service_has_forgotten_is_sent_again(
    browser: Browser, tiny_predictor: Predictor, photo: Path
) -> None:
    with served(tiny_predictor, cache_images=1) as address, open_page(browser, address, refused=True) as page:
        hand = Hand(page)
        hand.open(photo)
        hand.open(photo)  # drives the first out of the service
        hand.page.keyboard.press("PageUp")
        hand.ready()
        hand.drag((20, 20), (120, 80))
        hand.wait_for_cards(1)


def test_a_service_with_a_token_is_opened_by_its_address_or_by_hand(
    browser: Browser, tiny_predictor: Predictor, photo: Path
) -> None:
    with served(tiny_predictor, token="secret-of-the-test") as address:
        with open_page(browser, f"{address}#token=secret-of-the-test") as page:
            hand = Hand(page)
            hand.open(photo)
            assert "token" not in page.url
            hand.drag((20, 20), (120, 80))
            hand.wait_for_cards(1)
        context = browser.new_context()
        page = context.new_page()
        page.goto(address)
        page.get_by_role("textbox", name="Token").fill("secret-of-the-test")
        page.keyboard.press("Enter")
        page.get_by_text("4 materials").wait_for()
        context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1280, 800), (390, 844)])
def test_axe_finds_nothing_serious(
    browser: Browser, address: str, photo: Path, scheme: str, size: tuple[int, int]
) -> None:
    axe = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
    viewport = {"width": size[0], "height": size[1]}
    with open_page(browser, address, color_scheme=scheme, viewport=viewport, bypass_csp=True) as page:
        hand = Hand(page)
        found = []

        def look() -> None:
            page.evaluate(axe)
            found.extend(page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"])

        look()
        hand.open(photo)
        for top in (20, 120, 200):
            hand.drag((20, top), (120, top + 60))
        hand.wait_for_cards(3)
        page.keyboard.press("2")
        look()
        page.keyboard.press("?")
        look()
        page.keyboard.press("Escape")
        page.keyboard.press("x")
        look()
        assert [(each["id"], each["impact"], each["nodes"][0]["html"]) for each in found] == []
        assert page.evaluate("document.documentElement.scrollWidth") == size[0]  # nothing hangs over the side


def test_without_the_service_the_page_waits_and_goes_on(browser: Browser, address: str, photo: Path) -> None:
    with open_page(browser, address, refused=True) as page:
        hand = Hand(page)
        hand.open(photo)
        page.context.set_offline(True)
        hand.drag((20, 20), (120, 80))
        expect(page.get_by_role("alert")).to_contain_text("does not answer")
        page.context.set_offline(False)
        assert hand.wait_for_cards(1)[0]["material"] in MATERIALS
        expect(page.get_by_role("alert")).to_be_hidden()


def test_the_wheel_the_buttons_and_two_fingers_zoom(browser: Browser, address: str, photo: Path) -> None:
    with open_page(browser, address, has_touch=True) as page:
        hand = Hand(page)
        hand.open(photo)

        def scale() -> int:
            page.evaluate("new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
            return int((page.locator("#scale").text_content() or "").rstrip("%"))

        whole = scale()
        page.mouse.move(*hand.at((200, 150)))
        page.mouse.wheel(0, -300)
        assert scale() > 1.3 * whole
        page.get_by_role("button", name="Show the whole photo").click()
        assert scale() == whole
        page.keyboard.press("z")
        assert scale() == 100
        page.keyboard.press("f")
        devtools = page.context.new_cdp_session(page)
        (x, y), reach = hand.at((200, 150)), 40
        for kind in ("touchStart", "touchMove", "touchEnd"):
            reach = 120 if kind == "touchMove" else reach
            fingers = [{"x": x - reach, "y": y, "id": 0}, {"x": x + reach, "y": y, "id": 1}]
            points = [] if kind == "touchEnd" else fingers
            devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        assert scale() == pytest.approx(3 * whole, rel=0.1)
        assert page.locator(".region").count() == 0  # two fingers draw nothing
        page.keyboard.press("f")
        hand.tool("select")
        page.touchscreen.tap(*hand.at((200, 50)))
        assert hand.wait_for_cards(1)[0]["material"] in MATERIALS
