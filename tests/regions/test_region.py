"""Masks as arrays and the regions cut out of them."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from madeof.errors import RegionError
from madeof.regions.raster import from_box, from_polygon
from madeof.regions.region import Region, check_mask, check_region, mask_box

SIZE = (40, 60)


def refused(*args, **options) -> str:
    with pytest.raises(RegionError) as caught:
        check_region(*args, **options)
    message = str(caught.value)
    assert message.isprintable()
    assert "expected" in message
    return message


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([bool, np.uint8, np.int8, np.int64, np.float32, np.float64, "255"]))
def test_a_mask_becomes_its_box(seed: int, kind: object) -> None:
    random = np.random.default_rng(seed)
    height, width = random.integers(1, 50, 2).tolist()
    mask = random.random((height, width)) < random.choice([0.02, 0.5])
    mask[random.integers(height), random.integers(width)] = True
    array = mask.astype(np.uint8) * 255 if kind == "255" else mask.astype(kind)  # type: ignore[call-overload]
    before = array.copy()
    for given_array in (array, np.asfortranarray(array), array[::-1][::-1]):
        region = check_region(given_array, (height, width))
        ys, xs = np.nonzero(mask)
        assert region.box == (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)
        assert region.cut.shape == (region.box[3] - region.box[1], region.box[2] - region.box[0])
        assert region.cut.dtype == (np.float32 if array.dtype.kind == "f" else np.bool_)
        assert region.area == mask.sum()
        assert region.size == (height, width)
        np.testing.assert_array_equal(region.mask, mask)
    np.testing.assert_array_equal(array, before)


@pytest.mark.parametrize("kind", [bool, np.uint8, np.int64, np.float32])
def test_an_empty_mask_is_told(kind: type) -> None:
    mask = np.zeros(SIZE, kind)
    assert mask_box(mask) == (0, 0, 0, 0)
    assert refused(mask, SIZE, name="mask 3") == (
        "mask 3 is empty; expected at least one pixel inside (not 0): mark the region"
    )
    assert "is empty" in refused(np.full(SIZE, 1e-7), SIZE)


def test_nothing_is_copied() -> None:
    mask = np.zeros(SIZE, bool)
    mask[3:9, 20:31] = True
    for array in (mask, mask.astype(np.uint8), mask.astype(np.float32)):
        assert np.shares_memory(check_region(array, SIZE).cut, array)


def test_soft_area_and_box() -> None:
    mask = np.zeros(SIZE, np.float32)
    mask[3:9, 20:31] = 0.25
    region = check_region(mask, SIZE)
    assert region.area == 6 * 11 / 4
    assert region.box == mask_box(mask) == (20, 3, 31, 9)
    assert region.notes() == ("small: 16.5 px",)


def test_a_region_is_checked_and_keeps_its_name() -> None:
    cut = np.zeros((9, 11), np.uint8)
    cut[2, 3:5] = 1
    region = check_region(Region("mine", cut, 7, (10, 20), SIZE), SIZE, name="mask 0")  # type: ignore[arg-type]
    assert (region.name, region.value, region.box, region.area) == ("mine", 7, (13, 22, 15, 23), 2)
    assert region.mask.dtype == np.bool_
    assert np.argwhere(region.mask).tolist() == [[22, 13], [22, 14]]
    again = check_region(region, SIZE)
    assert (again.box, again.cut.shape) == (region.box, (1, 2))


@pytest.mark.parametrize(
    ("region", "told"),
    [
        (Region("mine", np.ones((6, 8), bool)), "mine is 8 x 6 but the photo is 60 x 40"),
        (Region("mine", np.ones((6, 8), bool), photo_size=(60, 40)), "mine is 40 x 60 but the photo is 60 x 40"),
        (Region("mine", np.ones((6, 8), bool), None, (53, 3), SIZE), "mine lies from (53, 3) to (61, 9) (x, y)"),
        (Region("mine", np.ones((6, 8), bool), None, (-1, 3), SIZE), "mine lies from (-1, 3)"),
        (Region("mine", np.zeros((6, 8), bool), None, (3, 3), SIZE), "mine is empty"),
        (Region("mine", np.zeros((0, 8), np.float32), None, (3, 3), SIZE), "mine is empty"),
        (Region("mine", np.full((6, 8), 2.0, np.float32), None, (3, 3), SIZE), "mine has float values from 2 to 2"),
        (Region("mine", np.ones(6, bool), None, (3, 3), SIZE), "mine is an array of shape (6,)"),
    ],
)
def test_regions_that_are_not(region: Region, told: str) -> None:
    assert told in refused(region, SIZE)


@pytest.mark.parametrize("values", [[2, 0], [254, 255], [128, 0], [255, 1], [0, 1, 255]])
@pytest.mark.parametrize("kind", [np.uint8, np.int64])
def test_other_integers_are_told(values: list[int], kind: type) -> None:
    mask = np.resize(np.array(values, kind), SIZE)
    with pytest.raises(RegionError, match="expected 0 and 1, or 0 and 255"):
        check_mask(mask, SIZE)


@settings(deadline=None)
@given(st.tuples(*[st.floats(-20, 80)] * 4))
def test_a_box_is_cut_out_of_its_mask(sides: tuple[float, float, float, float]) -> None:
    x0, x1 = sorted(sides[:2])
    y0, y1 = sorted(sides[2:])
    try:
        mask = from_box((x0, y0, x1, y1), SIZE)
    except RegionError as error:
        with pytest.raises(RegionError, match=re.escape(str(error))):
            Region.from_box("box 0", (x0, y0, x1, y1), SIZE)
        return
    region = Region.from_box("box 0", (x0, y0, x1, y1), SIZE)
    np.testing.assert_array_equal(region.mask, mask)
    assert region.box == mask_box(mask)
    assert region.cut.all()


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.floats(-20, 80), st.floats(-20, 60)), min_size=3, max_size=8))
def test_a_polygon_is_cut_out_of_its_mask(points: list[tuple[float, float]]) -> None:
    try:
        region = Region.from_polygon("polygon 0", points, SIZE)
    except RegionError:
        with pytest.raises(RegionError):
            from_polygon(points, SIZE)
        return
    mask = from_polygon(points, SIZE)
    np.testing.assert_array_equal(region.mask, mask)
    assert mask_box(mask) == region.box


def test_a_small_region_of_a_large_photo_is_small() -> None:
    size = (6000, 8000)
    for region in (
        Region.from_box("b", (10, 20, 40, 30), size),
        Region.from_polygon("p", [(10, 20), (40, 20), (40, 30), (10, 30)], size),
    ):
        assert region.cut.nbytes < 1000
        assert region.box == (10, 20, 40, 30)
        assert check_region(region, size).area == 300
