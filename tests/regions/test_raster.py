"""The pixels of boxes and polygons, with scikit-image as a second opinion."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.draw
import skimage.measure
from hypothesis import given, settings
from hypothesis import strategies as st
from regions_files import SIZE, refused

from madeof.errors import RegionError
from madeof.regions.raster import cut_polygon, cut_polygons, from_box, from_polygon, parse_box, parse_polygon
from madeof.regions.region import mask_box


def test_boxes_hold_the_pixels_whose_centres_they_hold():
    assert mask_box(from_box((0, 0, 8, 6), SIZE)) == (0, 0, 8, 6)
    assert mask_box(from_box((1, 2, 5, 4), SIZE)) == (1, 2, 5, 4)
    assert mask_box(from_box((1.5, 2.6, 5.5, 4.4), SIZE)) == (1, 3, 5, 4)
    assert mask_box(from_box((-10, -10, 2, 100), SIZE)) == (0, 0, 2, 6)
    assert mask_box(from_box((3.6, 2.1, 3.7, 2.2), SIZE)) == (3, 2, 4, 3)
    assert mask_box(from_box((7.9, 5.9, 100, 100), SIZE)) == (7, 5, 8, 6)


@pytest.mark.parametrize(
    ("box", "told"),
    [
        ((5, 2, 1, 4), "the box is 5, 2, 1, 4; expected x0 < x1 and y0 < y1"),
        ((1, 2, 1, 4), "expected x0 < x1"),
        ((8, 0, 9, 2), "outside the photo of 8 x 6"),
        ((-3, 0, 0, 2), "outside the photo"),
        ((0, 0, float("nan"), 2), "four finite numbers"),
        ((0, 0, float("inf"), 2), "four finite numbers"),
        ((0, 0, 1), "four finite numbers"),
    ],
)
def test_boxes_that_are_refused(box, told):
    assert told in refused(from_box, box, SIZE)


def test_texts_of_boxes_and_polygons():
    assert parse_box("1,2.5, 3,4e1") == (1.0, 2.5, 3.0, 40.0)
    assert parse_polygon(" 1,2  3,4\n5.5,-6 ") == [(1, 2), (3, 4), (5.5, -6)]
    for text in ("", "1,2,3", "1,2,3,4,5", "a,b,c,d", "1;2;3;4", "1,2,3,\n"):
        assert "expected four numbers x0,y0,x1,y1" in refused(parse_box, text)
    for text in ("", "1,2 3,4", "1,2 3,4 5", "1,2,3 4,5 6,7", "1,2 3,4 x,y"):
        assert "expected three or more points" in refused(parse_polygon, text)


def test_polygons_against_scikit_image():
    rng = np.random.default_rng(2)
    for trial in range(60):
        size = tuple(rng.integers(5, 60, 2).tolist())
        count = int(rng.integers(3, 12)) if trial else 3000  # more edges than go in one pass
        points = rng.uniform(-10, 70, (count, 2))
        try:
            mask = from_polygon(points, size)
        except RegionError:
            mask = np.zeros(size, dtype=bool)
        # scikit-image takes pixel centres as whole numbers, and rows first
        second = skimage.draw.polygon2mask(size, points[:, ::-1] - 0.5) if trial else _even_odd(points, size)
        if second.any():
            np.testing.assert_array_equal(mask, second)


def _even_odd(points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    y, x = np.mgrid[: size[0], : size[1]] + 0.5
    inside = np.zeros(size, dtype=bool)
    for (xa, ya), (xb, yb) in zip(points, np.roll(points, -1, axis=0), strict=True):
        crosses = (ya <= y) != (yb <= y)
        with np.errstate(divide="ignore", invalid="ignore"):
            inside ^= crosses & (x >= xa + (y - ya) / (yb - ya) * (xb - xa))
    return inside


def test_a_rectangle_as_polygon_is_the_box():
    for box in ((1, 2, 5, 4), (0, 0, 8, 6), (1.5, 2.5, 5.5, 4.5), (0.2, 0.7, 3.3, 5.1)):
        x0, y0, x1, y1 = box
        for corners in ([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], [(x0, y1), (x1, y1), (x1, y0), (x0, y0)]):
            np.testing.assert_array_equal(from_polygon(corners, SIZE), from_box(box, SIZE))


def test_polygons_that_share_an_edge_share_no_pixel():
    rng = np.random.default_rng(4)
    for _ in range(50):
        corner = rng.integers(2, 15, 2) / 2
        parts = [
            from_polygon([a, b, tuple(corner)], (8, 8))
            for a, b in (((0, 0), (8, 0)), ((8, 0), (8, 8)), ((8, 8), (0, 8)), ((0, 8), (0, 0)))
        ]
        assert (np.sum(parts, axis=0) == 1).all()


def test_even_odd_leaves_a_hole():
    outer, inner = [(0, 0), (8, 0), (8, 6), (0, 6), (0, 0)], [(2, 2), (6, 2), (6, 4), (2, 4), (2, 2)]
    mask = from_polygon(outer + inner, SIZE)
    assert not mask[2:4, 2:6].any()
    assert mask.sum() == 40


def test_tiny_and_thin_polygons_mark_the_pixels_that_they_run_through():
    tiny = from_polygon([(3.1, 2.1), (3.3, 2.1), (3.2, 2.3)], SIZE)
    assert np.argwhere(tiny).tolist() == [[2, 3]]
    line = from_polygon([(1.2, 4.7), (6.8, 4.7), (6.8, 4.8)], SIZE)
    assert np.argwhere(line).tolist() == [[4, x] for x in range(1, 7)]
    point = from_polygon([(7.5, 5.5)] * 3, SIZE)
    assert np.argwhere(point).tolist() == [[5, 7]]
    far = from_polygon([(-1e8, 3.1), (1e8, 3.1), (1e8, 3.2)], SIZE)
    assert np.argwhere(far).tolist() == [[3, x] for x in range(8)]


@pytest.mark.parametrize(
    ("points", "told"),
    [
        ([(1, 1), (2, 2)], "three or more points"),
        ([], "three or more points"),
        ([1, 2, 3], "three or more points"),
        ([(1, 2), (3, 4), (5,)], "three or more points"),
        ([(1, 2), (3, 4), ("a", "b")], "three or more points"),
        ([(1, 2), (3, 4), (5, float("nan"))], "not finite"),
        ([(1, 2), (3, 4), (5, 1e300)], "not finite or over 1e+09"),
        ([(9, 1), (12, 1), (12, 4)], "outside the photo of 8 x 6"),
        ([(-5, 1), (-1, 1), (-1, 4)], "outside the photo"),
    ],
)
def test_polygons_that_are_refused(points, told):
    assert told in refused(from_polygon, points, SIZE)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    st.lists(st.tuples(*[st.floats(-20, 20) | st.integers(-20, 20).map(lambda v: v / 2)] * 2), min_size=3, max_size=9)
)
def test_any_polygon_is_a_mask_within_its_box_or_refused(points):
    try:
        mask = from_polygon(points, SIZE)
    except RegionError as error:
        message = str(error)
        assert "outside the photo" in message
        return
    x0, y0, x1, y1 = mask_box(mask)
    left, top = np.floor(np.min(points, axis=0) - 1e-9)  # a walk along an edge rounds
    right, bottom = np.floor(np.max(points, axis=0) + 1e-9) + 1
    assert left <= x0 < x1 <= right
    assert top <= y0 < y1 <= bottom


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 8), st.sampled_from([0, 1, 3]))
def test_several_polygons_at_once_are_what_each_is_alone(seed: int, count: int, digits: int) -> None:
    rng = np.random.default_rng(seed)
    outlines = [rng.uniform(-4, 12, (int(rng.integers(3, 8)), 2)).round(digits) for _ in range(count)]
    for outline, found in zip(outlines, cut_polygons(outlines, SIZE), strict=True):
        if found is not None:
            part, corner = cut_polygon(outline, SIZE)
            assert corner == found[1]
            np.testing.assert_array_equal(part, found[0])


def test_polygons_that_are_to_be_seen_alone() -> None:
    square = np.array([[1, 1], [4, 1], [4, 3], [1, 3]])
    others = [square * 0.01, square + 100, square * np.nan, square * 1e12, square * (1, 0)]
    found = cut_polygons([others[0], square, *others[1:]], SIZE)
    assert [one is None for one in found] == [True, False, True, True, True, True]
    assert found[1] is not None
    assert (found[1][0].sum(), found[1][1]) == (6, (1, 1))
    assert cut_polygons([], SIZE) == []
    assert cut_polygons([square * 100, square], (2000, 2000))[0] is not None
    assert cut_polygons([square * 1000, square], (5000, 5000)) == [None, None]  # too large for one pass
