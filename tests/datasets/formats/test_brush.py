"""Label Studio's run-length encoding. The bytes here are what its own encoders gave: see each."""

from __future__ import annotations

import numpy as np
import pytest
from format_cases import masks
from hypothesis import given, settings
from hypothesis import strategies as st

from madeof.datasets.formats.brush import BrushMask, brush_mask, decode, encode
from madeof.errors import DatasetError, RegionError

# label_studio_sdk 2.1.2, converter.brush.mask2rle of the mask times 255.
BY_THE_SDK = {
    ((0, 1, 1), (0, 0, 1)): [0, 0, 0, 24, 57, 27, 252, 96, 19, 255, 206, 1, 31, 248],
    ((1,),): [0, 0, 0, 4, 57, 27, 252, 127, 224],
    ((0,) * 9, (1,) * 9): [0, 0, 0, 72, 57, 27, 254, 35, 0, 196, 127, 224],
}
# @thi.ng/rle-pack 3, which Label Studio's page uses: its encode of these values, among which are some that follow one
# another without being repeated.
VALUES = [0, 0, 10, 20, 30, 255, 255, 255, 255, 255, 7, 0]
BY_THE_PAGE = [0, 0, 0, 12, 57, 27, 252, 32, 1, 5, 10, 15, 73, 254, 8, 56, 0]


@pytest.mark.parametrize("rows", list(BY_THE_SDK))
def test_the_bytes_are_those_of_the_sdk(rows: tuple[tuple[int, ...], ...]) -> None:
    mask = np.array(rows, dtype=np.bool_)
    assert encode(mask) == BY_THE_SDK[rows]
    assert np.array_equal(decode(bytes(BY_THE_SDK[rows])).reshape(*mask.shape, 4)[..., 3] == 255, mask)


def test_the_bytes_of_the_page_are_read() -> None:
    assert decode(bytes(BY_THE_PAGE)).tolist() == VALUES


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_round_trip(data: st.DataObject) -> None:
    size = data.draw(st.tuples(st.integers(1, 40), st.integers(1, 40)))
    mask = data.draw(masks(size))
    part, corner = brush_mask(encode(mask), size).cut(size)
    assert corner == (0, 0)
    assert np.array_equal(part, mask)


def test_long_runs() -> None:
    """Runs of more than 65,536 values, and of exactly so many, are several items."""
    for size in ((128, 128), (256, 64 * 3), (1, 16384), (300, 500)):
        mask = np.zeros(size, dtype=np.bool_)
        mask[-1, -1] = True
        assert np.array_equal(decode(bytes(encode(mask))).reshape(*size, 4)[..., 0] > 0, mask)
        assert np.array_equal(decode(bytes(encode(~mask))).reshape(*size, 4)[..., 0] > 0, ~mask)


def test_soft_edges_are_cut_at_half() -> None:
    alphas = [[0, 100, 127, 128, 255]]
    values = np.repeat(np.array(alphas, dtype=np.uint8), 4)
    header = [0, 0, 0, 20, 57, 27, 252]
    bits = "".join(f"{0:06b}{value:08b}" for value in values)  # each by itself
    stream = "".join(f"{value:08b}" for value in header)[:53] + bits
    stream += "0" * (-len(stream) % 8)
    rle = [int(stream[at : at + 8], 2) for at in range(0, len(stream), 8)]
    part, _ = brush_mask(rle, (1, 5)).cut((1, 5))
    assert part.tolist() == [[False, False, False, True, True]]


@pytest.mark.parametrize(
    ("rle", "expected"),
    [
        ([], "its rle is not a list of 7 or more whole numbers from 0 to 255"),
        ("abc", "its rle is not a list of 7 or more whole numbers from 0 to 255"),
        ([0, 0, 0, 24, 57, 27, 256], "its rle is not a list of 7 or more whole numbers from 0 to 255"),
        ([0, 0, 0, 28, 57, 27, 252, 96], "its rle is of 28 values; expected 24, 3 x 2 pixels of 4"),
    ],
)
def test_what_is_wrong_at_sight(rle: object, expected: str) -> None:
    with pytest.raises(DatasetError) as raised:
        brush_mask(rle, (2, 3))
    assert str(raised.value) == expected


@pytest.mark.parametrize(
    ("rle", "expected"),
    [
        ([0, 0, 0, 24, 57, 27, 252, 96, 19, 255], "its rle is cut off: it holds 4 of 24 values"),
        ([0, 0, 0, 24, 57, 27, 252, 96, 19, 255, 206, 1, 63, 248], "its rle holds 28 values; expected 24"),
        ([0, 0, 0, 24, 25, 27, 252, 96, 19, 255], "its rle has values of 4 bits; expected 8"),
    ],
)
def test_what_is_wrong_within(rle: list[int], expected: str) -> None:
    with pytest.raises(RegionError) as raised:
        brush_mask(rle, (2, 3)).cut((2, 3))
    assert str(raised.value) == expected


@settings(max_examples=300, deadline=None)
@given(st.binary(min_size=5, max_size=40))
def test_any_bytes_are_values_or_an_error_of_ours(data: bytes) -> None:
    rle = b"\0\0\0\x18" + data
    try:
        values = decode(rle)
    except RegionError:
        return
    assert len(values) == 24


def test_another_photo() -> None:
    with pytest.raises(RegionError, match="its mask is 3 x 2 but the photo is 2 x 3"):
        BrushMask(bytes(encode(np.ones((2, 3), dtype=np.bool_))), (2, 3)).cut((3, 2))
