"""The part of a photo to show with a region."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

WIDTH = 400  # of a picture, in pixels: sharp on a card of half of that
HEIGHT = 300


_LEAST = (
    96  # pixels of the photo that a picture shows at least: a region of ten pixels says nothing without what is near
)


def frame(mask: NDArray[np.bool_]) -> tuple[slice, slice]:
    """The rows and columns of the photo to show: the region with what is around it, four by three where that fits."""
    height, width = mask.shape
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        return slice(0, height), slice(0, width)
    tall, wide = int(rows[-1] - rows[0]) + 1, int(columns[-1] - columns[0]) + 1
    wide = max(round(1.6 * wide), round(1.6 * tall * WIDTH / HEIGHT), _LEAST)
    tall = round(wide * HEIGHT / WIDTH)
    middle = (int(rows[0]) + int(rows[-1])) // 2, (int(columns[0]) + int(columns[-1])) // 2
    return _within(middle[0], tall, height), _within(middle[1], wide, width)


def _within(middle: int, length: int, limit: int) -> slice:
    """`length` pixels around `middle`, moved into [0, limit)."""
    length = min(length, limit)
    start = min(max(0, middle - length // 2), limit - length)
    return slice(start, start + length)
