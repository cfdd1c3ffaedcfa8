"""Masks that stand packed in annotation files."""

from __future__ import annotations

import numpy as np
import pytest
from format_cases import mask_of, masks
from hypothesis import given, settings
from hypothesis import strategies as st

from madeof.datasets.formats.pixels import PngMask, png_mask, png_text, row_lengths, row_runs
from madeof.errors import RegionError


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_packed_masks(data: st.DataObject) -> None:
    size = data.draw(st.tuples(st.integers(1, 12), st.integers(1, 12)))
    mask = data.draw(masks(size))
    photo = size[0] + 2, size[1] + 3
    expected = np.pad(mask, ((2, 0), (3, 0)))
    png = png_mask(png_text(mask), (3, 2))
    assert png.size == size
    assert np.array_equal(mask_of(png, photo), expected)
    runs = row_runs(np.array(row_lengths(mask)), (3, 2, size[1], size[0]))
    assert np.array_equal(mask_of(runs, photo), expected)


def test_a_damaged_png_is_an_error_of_ours() -> None:
    mask = png_mask(png_text(np.ones((30, 30), dtype=np.bool_)))
    for length in (24, 30, 45):
        with pytest.raises(RegionError, match="mask"):
            PngMask(mask.png[:length], (0, 0)).cut((30, 30))
    with pytest.raises(RegionError, match="its mask is empty; expected at least one pixel"):
        png_mask(png_text(np.zeros((3, 3), dtype=np.bool_))).cut((3, 3))
    with pytest.raises(RegionError, match="hangs over the photo of 29 x 30"):
        mask.cut((30, 29))
