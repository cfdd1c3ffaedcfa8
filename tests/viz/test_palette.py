"""The colours of regions: readable labels, told apart, and the same on the page as in Python."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import madeof
from madeof.viz.labels import Labelled, write_labels
from madeof.viz.palette import COLOURS, Colour, contrast, ink_on

_PAGE = Path(madeof.__file__).parent / "serve" / "page" / "colours.js"


def test_contrast_is_that_of_wcag() -> None:
    assert contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)
    assert contrast((119, 119, 119), (255, 255, 255)) == pytest.approx(4.478, abs=0.001)  # the known near miss
    assert contrast((0, 158, 115), (255, 255, 255)) == pytest.approx(3.42, abs=0.01)


@pytest.mark.parametrize("colour", COLOURS)
def test_labels_can_be_read_on_each_colour(colour: Colour) -> None:
    ink = ink_on(colour)
    assert contrast(ink, colour) >= 4.5
    picture = Image.new("RGB", (240, 80), (128, 128, 128))
    written = write_labels(picture, [Labelled(np.ones((80, 240), bool), colour, "Wood 90%", 1)], 2.0)
    found = {tuple(each) for each in np.asarray(written).reshape(-1, 3).tolist()}
    assert {ink, colour} <= found
    assert ({(0, 0, 0), (255, 255, 255)} - {ink}).isdisjoint(found)


def test_no_colour_at_all_has_less() -> None:
    values = range(0, 256, 15)
    assert min(contrast(ink_on((r, g, b)), (r, g, b)) for r in values for g in values for b in values) >= 4.5


def test_the_page_has_the_same_colours() -> None:
    text = _PAGE.read_text(encoding="utf-8")
    found = re.findall(r"\[(\d+), (\d+), (\d+)\]", text)
    assert tuple((int(red), int(green), int(blue)) for red, green, blue in found) == COLOURS
