"""Ellipses and turned boxes as outlines, against the formulas of both; and masks that files hold packed."""

from __future__ import annotations

import math

import numpy as np
import pytest
from format_cases import mask_of
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from madeof.datasets.formats.curves import ellipse, turned_box
from madeof.datasets.formats.gathering import beside
from madeof.errors import DatasetError
from madeof.regions.shapes import Polygons

SIZE = 60, 80


def turned_back(degrees: float, x: float, y: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The pixels' centres around (x, y), turned by so much against the clock."""
    down, right = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
    angle = math.radians(degrees)
    right, down = right - x, down - y
    return right * math.cos(angle) + down * math.sin(angle), down * math.cos(angle) - right * math.sin(angle)


@settings(max_examples=60, deadline=None)
@given(*(st.floats(5, 50) for _ in range(4)), st.floats(-400, 400))
def test_an_ellipse_is_where_its_formula_is(x: float, y: float, across: float, down: float, degrees: float) -> None:
    mask = mask_of(Polygons([ellipse(x, y, across, down, degrees)]), SIZE)
    right, below = turned_back(degrees, x, y)
    off = 0.06 / min(across, down)
    distance = np.hypot(right / across, below / down)
    assert mask[distance < 1 - off].all()
    assert not mask[distance > 1 + off].any()


@settings(max_examples=60, deadline=None)
@given(st.floats(5, 50), st.floats(5, 50), st.floats(2, 30), st.floats(2, 30), st.floats(-400, 400), st.booleans())
def test_a_turned_box_is_where_its_formula_is(
    x: float, y: float, width: float, height: float, degrees: float, at_corner: bool
) -> None:
    around = (x, y) if at_corner else (x + width / 2, y + height / 2)
    points = turned_box(x, y, x + width, y + height, degrees, around if at_corner else None)
    right, below = turned_back(degrees, *around)
    left, top = x - around[0], y - around[1]
    inside = np.minimum.reduce([right - left, left + width - right, below - top, top + height - below])
    assert len(points) == 4
    if (inside > 1).any():
        mask = mask_of(Polygons([points]), SIZE)
        assert mask[inside > 1e-6].all()
        assert not mask[inside < -1e-6].any()


def test_a_quarter_turn_is_clockwise() -> None:
    points = turned_box(2, 3, 6, 5, 90, around=(2, 3))
    assert np.allclose(points, [[2, 3], [2, 7], [0, 7], [0, 3]])


@pytest.mark.parametrize("radius", [1e-6, 0.4, 1e5, 1e30])
def test_any_radius(radius: float) -> None:
    points = ellipse(0, 0, radius, radius)
    assert 8 <= len(points) <= 4096
    assert np.allclose(np.hypot(*points.T), radius)


@pytest.mark.parametrize("radii", [(0, 1), (1, -1), (math.nan, 1)])
def test_no_radius(radii: tuple[float, float]) -> None:
    with pytest.raises(DatasetError, match="its radii are .*; expected both above 0"):
        ellipse(0, 0, *radii)


def test_photos_that_stand_beside_their_files() -> None:
    assert beside("a.json", "a.png") == ["a.png"]
    assert beside("house/a.json", "./a.png") == ["house/a.png", "a.png"]
    assert beside("house/a.json", "/home/me/a.png") == ["house/a.png", "a.png"]
    assert beside("house/a.json", "C:\\me\\a.png") == ["house/a.png", "a.png"]
    assert beside("a.json", "../../a.png") == ["a.png"]
    assert beside("x/a.json", "..\\..\\photos\\x\\a.png") == ["x/a.png", "a.png"]


@pytest.mark.parametrize("far", [1e308, -1e308, math.inf])
def test_what_lies_far_out_is_an_error_and_no_overflow(far: float) -> None:
    with pytest.raises(DatasetError, match="pixels out; expected something in a photo"):
        turned_box(far, 0, 1, 1, 30)
    with pytest.raises(DatasetError, match="pixels out; expected something in a photo"):
        ellipse(0, far, 1, 1, 30)
