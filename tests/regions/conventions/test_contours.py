"""OpenCV's contours, as its documentation has them; `tests/ecosystem` compares with OpenCV itself."""

from __future__ import annotations

import numpy as np

from madeof.regions import as_regions

SIZE = (12, 12)


def contour(*points: tuple[int, int]) -> np.ndarray:
    return np.array(points, dtype=np.int32)[:, None]


def square(low: int, high: int) -> np.ndarray:
    return contour((low, low), (low, high), (high, high), (high, low))


def test_the_pixels_on_a_contour_are_inside() -> None:
    (found,) = as_regions([square(2, 8)], SIZE)
    assert (found.box, found.area) == ((2, 2, 9, 9), 49)


def test_contours_of_a_pixel_and_of_a_line() -> None:
    for points, box, area in (
        ([(5, 6)], (5, 6, 6, 7), 1),
        ([(2, 3), (6, 3)], (2, 3, 7, 4), 5),
        ([(2, 2), (5, 5)], (2, 2, 6, 6), 4),
    ):
        (found,) = as_regions([contour(*points)], SIZE)
        assert (found.box, found.area) == (box, area)


def test_holes_are_taken_out_and_what_lies_in_them_is_a_region() -> None:
    """A hole's contour runs over the pixels around it, which belong to the region."""
    contours = (square(0, 10), square(2, 8), square(4, 6))
    hierarchy = np.array([[[-1, -1, 1, -1], [-1, -1, 2, 0], [-1, -1, -1, 1]]], dtype=np.int32)
    ring, island = as_regions((contours, hierarchy), SIZE)
    assert (ring.area, island.area) == (121 - 25, 9)
    assert ring.mask[2, 2]
    assert not ring.mask[3, 3]
    assert [region.area for region in as_regions(contours, SIZE)] == [121, 49, 9]  # without it nobody knows of holes
