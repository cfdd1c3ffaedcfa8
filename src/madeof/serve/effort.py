"""How much work regions are, told before it is done: a few hundred bytes can ask for minutes of it.

The measure is pixels that are looked at: of a mask all, of a box or a polygon those of the box around it, of run
lengths whole columns, and five for each pixel of the length of a polygon's outline. A hundred million of them take a
second at most, those of boxes and polygons a fifth of that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from madeof.errors import RegionError
from madeof.images.photo import Photo
from madeof.regions.region import Region
from madeof.regions.rle import Runs, decompress
from madeof.serve.problems import ProblemError
from madeof.serve.settings import MB

_OF_OUTLINE = 5  # an edge that crosses a row, or runs along it, costs as much as so many pixels


@dataclass(frozen=True)
class Known:
    """Makes a region, and knows beforehand how much work that is."""

    make: Callable[[Photo], Region]
    pixels: Callable[[tuple[int, int]], float]
    """Of a photo of this (height, width)."""

    def __call__(self, photo: Photo) -> Region:
        """Make it."""
        return self.make(photo)


class Effort:
    """What the regions of one request may cost.

    Args:
        most: pixels.
        makers: of its regions. What they know is counted now, what is not known when it is there.
        size: (height, width) of the photo.

    Raises:
        ProblemError: it is known to be too much.
    """

    def __init__(self, most: float, makers: Iterable[Callable[[Photo], Region]], size: tuple[int, int]) -> None:
        self._most = most
        self._spent = sum(make.pixels(size) for make in makers if isinstance(make, Known))
        self._check()

    def made(self, make: Callable[[Photo], Region], region: Region) -> None:
        """Count a region that was made.

        Raises:
            ProblemError: it was too much.
        """
        if not isinstance(make, Known):
            self._spent += region.cut.size
            self._check()

    def _check(self) -> None:
        if self._spent > self._most:
            raise ProblemError(
                "input",
                f"the regions have {self._spent / MB:.0f} megapixels, each counted for itself and a polygon's outline "
                f"{_OF_OUTLINE} times; expected {self._most / MB:g} at most: ask for fewer at once",
            )


def of_mask(size: tuple[int, int]) -> float:
    """The pixels of a mask of the photo's size."""
    return float(size[0] * size[1])


def of_runs(runs: Runs, size: tuple[int, int]) -> float:
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


def of_points(points: Any, closed: bool, size: tuple[int, int]) -> float:
    """The pixels of a box (two corners) or a `closed` polygon, of what of it lies in the photo.

    Args:
        points: (n, 2) numbers x, y; what is none of that costs nothing, for it is refused.
        closed: whether it has an outline to be followed.
        size: (height, width) of the photo.
    """
    corners: NDArray[np.float64] = np.nan_to_num(np.asarray(points, dtype=np.float64))
    inside = np.clip(corners, 0, (size[1], size[0]))
    width, height = inside.max(axis=0) - inside.min(axis=0)
    area = float(width * height)
    return area + _OF_OUTLINE * float(np.abs(inside - np.roll(inside, -1, axis=0)).sum()) if closed else area
