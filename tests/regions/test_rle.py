"""Run lengths of masks, with pycocotools as a second opinion."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from formats_coco import SIZE, Mask, sizes, whole
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pycocotools import mask as coco_mask

from madeof.errors import RegionError
from madeof.regions.rle import RLE, compress, decode_rle, decompress, encode_rle

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools' own


masks = sizes.flatmap(lambda size: arrays.arrays(np.bool_, size)).filter(lambda mask: bool(mask.any()))


@settings(deadline=None)
@given(masks)
def test_runs_are_those_of_pycocotools(mask: Mask) -> None:
    size = mask.shape
    text = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"]
    runs = encode_rle(mask, (0, 0), size)
    assert compress(runs) == text
    assert decompress(text).tolist() == runs.tolist()
    for counts in (text, runs):
        cut, corner = RLE(counts, size).cut(size)
        assert (whole(cut, corner, size) == mask).all()
        assert cut.any(axis=0)[[0, -1]].all()  # no column more than there has to be
    assert encode_rle(*decode_rle(runs, size), size).tolist() == runs.tolist()


@settings(deadline=None)
@given(st.lists(st.integers(0, 2**40), min_size=1, max_size=30))
def test_any_numbers_are_compressed_and_back(counts: list[int]) -> None:
    assert decompress(compress(np.array(counts, dtype=np.int64))).tolist() == counts


def test_runs_of_length_0() -> None:
    cut, corner = decode_rle(np.array([2, 1, 0, 1, 0, 0, 2]), (3, 2))
    assert (whole(cut, corner, (3, 2)).ravel(order="F") == [False, False, True, True, False, False]).all()


@pytest.mark.parametrize(
    ("counts", "size", "message"),
    [
        ([3, 4], SIZE, "its runs make 7 pixels; expected the photo's 16 x 12 = 192"),
        ([0, 192, 1], SIZE, "its runs make 193 pixels"),
        ([100, -8, 100], SIZE, "its runs make a negative number; expected"),
        ([2**62, 2**62, 2**62, 2**62, 192], SIZE, "its runs make 18446744073709551616 pixels"),
        ([192], SIZE, "its runs have nothing inside; expected at least one pixel"),
        ([], SIZE, "its runs make 0 pixels"),
        (
            [0, 192],
            (16, 12),
            "are of a photo of 12 x 16 but the photo is 16 x 12 (width x height): they seem to be turned",
        ),
        ([0, 192], (12, 12), "are of a photo of 12 x 12 but the photo is 16 x 12 (width x height)"),
        (b"0 0", SIZE, "its runs hold the character ' '; expected compressed runs of COCO"),
        (b"", SIZE, "its runs end within a number: they are cut off"),
        (b"P6o", SIZE, "its runs end within a number: they are cut off"),
        (b"o" * 20 + b"0", SIZE, "its runs hold a number of more than 60 bits"),
        (b"n" * 11 + b"?" + b"n" * 11 + b"?", SIZE, "its runs make"),
    ],
)
def test_runs_that_are_no_mask(counts: Any, size: tuple[int, int], message: str) -> None:
    with pytest.raises(RegionError) as caught:
        RLE(counts if isinstance(counts, bytes) else np.array(counts, dtype=np.int64), size).cut(SIZE)
    assert message in str(caught.value)


@settings(deadline=None)
@given(st.binary(max_size=12), sizes)
def test_any_text_is_a_mask_or_an_error(text: bytes, size: tuple[int, int]) -> None:
    try:
        cut, (x, y) = RLE(text, size).cut(size)
    except RegionError:
        return
    assert cut.any()
    assert x + cut.shape[1] <= size[1]
    assert y + cut.shape[0] <= size[0]
