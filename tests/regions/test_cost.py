"""How much work a shape is: never less than what is made of it."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from madeof.errors import RegionError
from madeof.regions.cost import cost_of, points_cost, rle_cost
from madeof.regions.raster import cut_polygon
from madeof.regions.request import Broken, LabelMapFile, MaskFile, RegionRequest
from madeof.regions.rle import RLE
from madeof.regions.shapes import Bits, Box, Polygons, Whole


@given(st.lists(st.integers(-1, 12), min_size=1, max_size=12), st.booleans())
def test_no_runs_are_counted_as_less_than_their_columns(counts: list[int], full: bool) -> None:
    height, width = 5, 8
    if full:  # the photo, exactly
        counts = [*counts, height * width - sum(counts)]
    for runs in (
        RLE(np.array(counts), (height, width)),
        RLE(b"".join(b"%c" % max(0, 48 + each) for each in counts), (5, 8)),
    ):
        counted = rle_cost(runs, (height, width))
        try:
            cut, _ = runs.cut((height, width))
        except RegionError:
            continue
        assert height * width >= counted >= min(height * width, cut.shape[1] * height)


_POINTS = st.lists(st.tuples(st.floats(-50, 150), st.floats(-50, 150)), min_size=3, max_size=30)


@given(_POINTS)
def test_what_is_counted_is_never_less_than_the_box_of_what_is_made(points: list[tuple[float, float]]) -> None:
    try:
        cut, _ = cut_polygon(points, (100, 100))
    except Exception:
        return
    height, width = cut.shape
    assert points_cost(points, True, (100, 100)) >= max(0, height - 2) * max(0, width - 2)


def test_an_outline_is_counted_by_its_length() -> None:
    box = [(10, 10), (50, 10), (50, 30), (10, 30)]
    assert points_cost([box[0], box[2]], False, (100, 100)) == 40 * 20
    assert points_cost(box, True, (100, 100)) == 40 * 20 + 5 * 120
    assert points_cost([(-10, -10), (500, -10), (500, 500), (-10, 500)], True, (100, 100)) == 100 * 100 + 5 * 400


def test_every_request_says_what_it_costs_where_that_is_known() -> None:
    size = (100, 200)
    triangle = Polygons([np.array([(0.0, 0.0), (10.0, 0.0), (10.0, 10.0)])])
    sources = (Box(10, 10, 30, 20), Whole(), MaskFile("m.png"), LabelMapFile(("l.png",)), Broken("no box"), triangle)
    assert [RegionRequest("r", source).cost(size) for source in sources] == [
        200,
        20_000,
        20_000,
        20_000,
        0,
        100 + 5 * 40,
    ]
    assert cost_of(Polygons([*triangle.parts, *triangle.parts], triangle.parts), size) == 3 * (100 + 5 * 40)
    assert cost_of(Bits(np.ones((2, 2), dtype=np.bool_)), size) is None


def _even_odd(points: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Pixel by pixel and edge by edge."""
    rows, columns = np.mgrid[: size[0], : size[1]] + 0.5
    inside = np.zeros(size, dtype=np.bool_)
    for (x0, y0), (x1, y1) in zip(points, np.roll(points, -1, axis=0), strict=True):
        if y0 != y1:
            crossed = (rows > min(y0, y1)) & (rows <= max(y0, y1))
            inside ^= crossed & (columns > x0 + (rows - y0) / (y1 - y0) * (x1 - x0))
    return inside


@pytest.mark.parametrize("at_once", [7, 300, 5000])
def test_polygons_are_the_same_in_however_many_pieces(monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    from madeof.regions import raster as shapes

    monkeypatch.setattr(shapes, "_PIXELS_AT_ONCE", at_once)
    random = np.random.default_rng(0)
    for count in (3, 4, 20, 400):
        points = random.uniform(-20, 110, (count, 2))
        assert (shapes.from_polygon(points, (80, 90)) == _even_odd(points, (80, 90))).all()


def test_a_polygon_of_a_large_photo_takes_little_more_than_its_mask() -> None:
    """It took 28 bytes a pixel."""
    zigzag = [(i * 4, 3000 * (i % 2)) for i in range(1000)]
    tracemalloc.start()
    try:
        cut, _ = cut_polygon(zigzag, (3000, 4000))
        assert tracemalloc.get_traced_memory()[1] < 6 * cut.size
    finally:
        tracemalloc.stop()
