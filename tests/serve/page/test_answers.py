"""The page says sets and what is unsure, where the model's record knows them."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from browsing import Hand, open_browser, open_page, served, write_photo
from made import MATERIALS
from playwright.sync_api import Browser, expect

from madeof.inference.predictor import Predictor
from madeof.metrics.conformal import Band, Sets
from madeof.model.calibration import Calibration

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


def test_the_card_says_the_set_and_that_it_is_unsure(browser: Browser, tiny_model: Path, tmp_path: Path) -> None:
    predictor = Predictor(tiny_model, threads=1)
    sets = Sets((Band(None, 40, (0.0,) * 50),))
    predictor.record = dataclasses.replace(predictor.record, calibration=Calibration(1.0, 1.0, sets))
    with served(predictor) as address, open_page(browser, address) as page:
        hand = Hand(page)
        hand.open(write_photo(tmp_path / "a.png"))
        hand.drag((20, 20), (120, 80))
        (card,) = hand.wait_for_cards(1)
        assert card["badge"] == "unsure"
        expect(page.locator(".region .note")).to_contain_text("Not sure enough: look for yourself")
        told = page.locator(".region .set").text_content() or ""
        assert told.startswith("90% set: ")
        assert set(told.removeprefix("90% set: ").split(", ")) == set(MATERIALS)
        expect(page.locator("#status")).to_contain_text(f"unsure, {card['material']}, {card['score']}")
        modules = "Promise.all(['export', 'regions'].map((name) => import(`./page/${name}.js`)))"
        script = f"""async () => {{
          const [files, regions] = await {modules};
          const answer = {{material: "Stone", score: 0.45, uncertain: true, answer: null,
            set: {{coverage: 0.9, materials: ["Stone", "Tile"]}}}};
          const region = {{number: 1, shape: {{box: [0, 0, 9, 9]}}, material: null}};
          const photo = {{name: "a.png", width: 20, height: 20, items: [{{region, answer}}]}};
          return [regions.labelOf(region, answer), files.toCsv([photo])];
        }}"""
        label, table = page.evaluate(script)
    assert label == "1 unsure: Stone 45%"
    (row,) = csv.DictReader(io.StringIO(table))
    assert (row["material"], row["answer"], row["set"]) == ("Stone", "", "Stone; Tile")


def test_an_old_model_has_no_line_of_a_set(browser: Browser, tiny_predictor: Predictor, tmp_path: Path) -> None:
    with served(tiny_predictor) as address, open_page(browser, address) as page:
        hand = Hand(page)
        hand.open(write_photo(tmp_path / "a.png"))
        hand.drag((20, 20), (120, 80))
        hand.wait_for_cards(1)
        expect(page.locator(".region .set")).to_be_hidden()
        assert hand.area() == pytest.approx(100 * 60, rel=0.02)
