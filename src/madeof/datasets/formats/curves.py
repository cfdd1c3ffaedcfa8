"""Ellipses and turned boxes as outlines, which is how all curves become pixels. x runs right, y down, in pixels."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from madeof.errors import DatasetError

_DEVIATION = 0.05  # pixels between an ellipse and its outline, at most
_MOST_POINTS = 4096
_FARTHEST = 1e150  # pixels; sums and products of such do not overflow


def ellipse(x: float, y: float, radius_x: float, radius_y: float, degrees: float = 0.0) -> NDArray[np.float64]:
    """The outline of an ellipse, (n, 2), within a twentieth of a pixel.

    Args:
        x: of its centre.
        y: of its centre.
        radius_x: half of its size along x, before it is turned.
        radius_y: half of its size along y.
        degrees: by which it is turned around its centre, clockwise as one sees it.

    Raises:
        DatasetError: a radius is not above 0, or it lies far out.
    """
    _check_reach(x, y, radius_x, radius_y)
    if not (radius_x > 0 and radius_y > 0):
        raise DatasetError(f"its radii are {radius_x:g} and {radius_y:g}; expected both above 0")
    # A chord of a circle of radius r over an angle of 2a is r (1 - cos a) off the circle.
    half = math.acos(max(0.0, 1 - _DEVIATION / max(radius_x, radius_y)))
    count = max(8, math.ceil(math.pi / max(half, math.pi / _MOST_POINTS)))
    angles = np.arange(count) * (2 * np.pi / count)
    points = np.stack([radius_x * np.cos(angles), radius_y * np.sin(angles)], axis=1)
    outline: NDArray[np.float64] = _turned(points, degrees) + np.array([x, y])
    return outline


def turned_box(
    x0: float, y0: float, x1: float, y1: float, degrees: float, around: tuple[float, float] | None = None
) -> NDArray[np.float64]:
    """The outline of a box that is turned, (4, 2), from the corner that was its upper left one.

    Args:
        x0: the left side before the turn.
        y0: the upper side.
        x1: the right side.
        y1: the lower side.
        degrees: clockwise as one sees it.
        around: the point (x, y) around which it is turned; None is its centre.

    Raises:
        DatasetError: it lies so far out that its corners cannot be reckoned.
    """
    _check_reach(x0, y0, x1, y1)
    centre = np.array(around if around is not None else ((x0 + x1) / 2, (y0 + y1) / 2))
    corners = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], dtype=np.float64)
    outline: NDArray[np.float64] = _turned(corners - centre, degrees) + centre
    return outline


def _check_reach(*values: float) -> None:
    farthest = max(map(abs, values))
    if farthest > _FARTHEST:
        raise DatasetError(f"it reaches {farthest:g} pixels out; expected something in a photo")


def _turned(points: NDArray[np.float64], degrees: float) -> NDArray[np.float64]:
    """The points turned around (0, 0), clockwise as one sees it, y being down."""
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    x, y = points[:, 0], points[:, 1]
    turned: NDArray[np.float64] = np.stack([x * cosine - y * sine, x * sine + y * cosine], axis=1)
    return turned
