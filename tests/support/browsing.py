"""What the tests of the page share: a browser, the page on a real service with a small model, a hand that draws."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright
from serving import make_app, running

expect.set_options(timeout=20_000)

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WIDTH, HEIGHT = 400, 300
"""Of the photos of `write_photo`."""

Point = tuple[float, float]


@contextlib.contextmanager
def open_browser() -> Iterator[Browser]:
    """This machine's Chromium; nothing is downloaded."""
    path = next((found for name in NAMES if (found := shutil.which(name))), None)
    assert path, f"none of {', '.join(NAMES)} is on this machine: install Chromium, or leave out -m browser"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextlib.contextmanager
def served(predictor: Any, **settings: Any) -> Iterator[str]:
    """A service, by its address."""
    with running(make_app(predictor, **settings)) as (host, port):
        yield f"http://{host}:{port}/"


@contextlib.contextmanager
def open_page(browser: Browser, address: str, *, refused: bool = False, **options: Any) -> Iterator[Page]:
    """The page in a new profile; nothing may be written to its console, and no script may fail.

    Args:
        browser: the browser.
        address: the page's.
        refused: whether the service refuses a request on purpose, which the browser writes to the console.
        options: of the profile.
    """
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, "accept_downloads": True, **options})
    context.set_default_timeout(20_000)
    page = context.new_page()
    trouble: list[str] = []
    page.on("console", lambda message: trouble.append(message.text))
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.goto(address)
    page.locator("#tools button").first.wait_for()  # its scripts have begun
    yield page
    context.close()
    assert [line for line in trouble if not (refused and line.startswith("Failed to load resource"))] == []


def write_photo(path: Path) -> Path:
    """Red above and blue below, with grain."""
    pixels = np.zeros((HEIGHT, WIDTH, 3))
    pixels[: HEIGHT // 2], pixels[HEIGHT // 2 :] = (190, 60, 50), (50, 80, 180)
    pixels += np.random.default_rng(0).normal(0, 6, pixels.shape)
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(path)
    return path


class Hand:
    """Draws on the photo, in its pixels."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def open(self, *photos: Path) -> None:
        """Open photos, and wait until the first is shown and encoded."""
        self.page.set_input_files("#files", [str(photo) for photo in photos])
        self.ready()

    def ready(self) -> None:
        """Wait until the photo is shown and nothing is under way."""
        self.page.wait_for_selector("#zoom", state="visible")
        self.page.wait_for_selector("body:not(.busy)")

    def tool(self, name: str) -> None:
        """Take a tool."""
        self.page.click(f'[data-do="tool:{name}"]')

    def at(self, point: Point) -> Point:
        """A pixel of the photo on the screen; it is shown whole, as large as fits."""
        box = self.page.locator("#canvas").bounding_box()
        assert box is not None
        scale = min((box["width"] - 32) / WIDTH, (box["height"] - 32) / HEIGHT)
        left, top = box["x"] + (box["width"] - WIDTH * scale) / 2, box["y"] + (box["height"] - HEIGHT * scale) / 2
        return left + point[0] * scale, top + point[1] * scale

    def drag(self, *points: Point, key: str | None = None) -> None:
        """Press at the first point, move over the others, let go."""
        if key:
            self.page.keyboard.down(key)
        self.page.mouse.move(*self.at(points[0]))
        self.page.mouse.down()
        for point in points[1:]:
            self.page.mouse.move(*self.at(point), steps=5)
        self.page.mouse.up()
        if key:
            self.page.keyboard.up(key)

    def click(self, point: Point) -> None:
        """Click a pixel."""
        self.page.mouse.click(*self.at(point))

    def cards(self) -> list[dict[str, Any]]:
        """What the list says, once every region has its answer."""
        self.page.evaluate("new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
        expect(self.page.locator(".region.waiting")).to_have_count(0)
        found: list[dict[str, Any]] = self.page.evaluate(
            """[...document.querySelectorAll('.region')].map((card) => {
                 const text = (name) => card.querySelector(`.head ${name}`).textContent;
                 return {number: text('.number'), material: text('.name'), score: text('.score'), badge: text('.badge'),
                         selected: card.classList.contains('selected')};
               })"""
        )
        return found

    def wait_for_cards(self, count: int) -> list[dict[str, Any]]:
        """The list, once it holds so many regions."""
        expect(self.page.locator(".region")).to_have_count(count)
        return self.cards()

    def area(self) -> int:
        """The pixels of the chosen region, as its card says."""
        text = self.page.locator(".region.selected .facts").text_content() or ""
        return int(text.split(" pixels")[0].replace(",", ""))

    def export(self, kind: str, folder: Path) -> Path:
        """Export, and save the file in a folder under the name that it is given."""
        self.page.click("#export-button")
        with self.page.expect_download() as download:
            self.page.click(f'#export [data-kind="{kind}"]')
        path = folder / download.value.suggested_filename
        download.value.save_as(path)
        return path
