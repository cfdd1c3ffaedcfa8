"""Cost of rasterising a shape, estimated beforehand: a few hundred bytes can ask for minutes of work.

The measure is pixels that are looked at: of a box or a polygon those of the box around it, of run lengths whole
columns, and five for each pixel of the length of a polygon's outline. A hundred million of them take a second at most,
those of boxes and polygons a fifth of that.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from madeof.errors import RegionError
from madeof.regions.rle import RLE, decompress
from madeof.regions.shapes import Box, Polygons, Shape, Whole

OUTLINE = 5
"""An edge that crosses a row, or runs along it, costs as much as so many pixels."""


def cost_of(shape: Shape, size: tuple[int, int]) -> float | None:
    """Pixel cost of a shape in a photo of `size` (height, width); None if only its mask tells."""
    if isinstance(shape, Whole):
        return float(size[0] * size[1])
    if isinstance(shape, Box):
        return points_cost([shape[:2], shape[2:]], False, size)
    if isinstance(shape, Polygons):
        return sum(points_cost(part, True, size) for part in (*shape.parts, *shape.holes))
    return rle_cost(shape, size) if isinstance(shape, RLE) else None


def rle_cost(runs: RLE, size: tuple[int, int]) -> float:
    """The pixels of the columns between the first and the last that is inside; 0 for runs that will be refused."""
    try:
        counts = decompress(runs.counts) if isinstance(runs.counts, bytes) else runs.counts
    except RegionError:
        return 0.0
    height = runs.size[0]
    if runs.size != size or len(counts) < 2 or (counts < 0).any() or (counts > height * runs.size[1]).any():
        return 0.0
    after = int(counts[-1]) if len(counts) % 2 else 0  # as the first, it is of what is outside
    between = int(counts[1:].sum()) - after
    return float(min(between + 2 * height, height * runs.size[1]))


def points_cost(points: Any, closed: bool, size: tuple[int, int]) -> float:
    """Pixel cost of the part of a box (two corners) or a `closed` polygon inside the photo.

    Args:
        points: (n, 2) numbers x, y; what is not finite costs nothing, for it is refused.
        closed: whether it has an outline to be followed.
        size: (height, width) of the photo.
    """
    corners: NDArray[np.float64] = np.nan_to_num(np.asarray(points, dtype=np.float64))
    inside = np.clip(corners, 0, (size[1], size[0]))
    width, height = inside.max(axis=0) - inside.min(axis=0)
    area = float(width * height)
    return area + OUTLINE * float(np.abs(inside - np.roll(inside, -1, axis=0)).sum()) if closed else area
