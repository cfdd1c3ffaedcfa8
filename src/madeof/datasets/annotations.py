"""What the annotation files of other tools say: photos, and the shapes of their regions. All formats read into this."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from madeof.datasets.photos import Details
from madeof.datasets.problems import Problem
from madeof.errors import RegionError
from madeof.regions.raster import Cut, cut_box, cut_polygon


class Shape(Protocol):
    """A region as its file has it. It becomes pixels only when these are asked for."""

    def cut(self, size: tuple[int, int]) -> Cut:
        """The part of its mask that may be not 0, and the (x, y) of that part's first pixel in the photo.

        Args:
            size: (height, width) of the photo.

        Raises:
            RegionError: it is empty, lies outside the photo, or is of a photo of another size.
        """
        ...


class Box(NamedTuple):
    """x0, y0, x1, y1 in pixels from the photo's upper left corner; (0, 0, width, height) is the whole photo."""

    x0: float
    y0: float
    x1: float
    y1: float

    def cut(self, size: tuple[int, int]) -> Cut:
        """See `Shape`."""
        return cut_box(self, size)


class Whole(NamedTuple):
    """The whole photo."""

    def cut(self, size: tuple[int, int]) -> Cut:
        """See `Shape`."""
        return np.ones(size, dtype=np.bool_), (0, 0)


class Polygons(NamedTuple):
    """One or more outlines: a pixel is inside when its centre is within any of `parts` and within none of `holes`."""

    parts: Sequence[NDArray[np.floating]]
    """Each (n, 2): x, y in pixels, n >= 3."""
    holes: Sequence[NDArray[np.floating]] = ()

    def cut(self, size: tuple[int, int]) -> Cut:
        """See `Shape`."""
        return join([cut_polygon(part, size) for part in self.parts], [cut_polygon(hole, size) for hole in self.holes])


class Bits(NamedTuple):
    """Pixels that the file holds itself."""

    part: NDArray[np.bool_]
    """(h, w), True inside."""
    corner: tuple[int, int] = (0, 0)
    """x, y of its first pixel in the photo."""

    def cut(self, size: tuple[int, int]) -> Cut:
        """See `Shape`."""
        (x, y), (height, width) = self.corner, self.part.shape
        if x < 0 or y < 0 or x + width > size[1] or y + height > size[0]:
            raise RegionError(
                f"its mask of {width} x {height} at ({x}, {y}) hangs over the photo of {size[1]} x {size[0]}: "
                "check that it belongs to this photo"
            )
        if not self.part.any():
            raise RegionError("its mask is empty; expected at least one pixel")
        return self.part, self.corner


class Annotation(NamedTuple):
    """A region with its material."""

    material: str
    """As the file has it."""
    shape: Shape
    place: str
    """Where it stands in its file, for messages and as the region's name: "annotation 17", "line 3", "shape 2"."""


@dataclass(frozen=True)
class AnnotatedPhoto:
    """A photo and its regions."""

    file: str
    """Its path relative to `Annotations.photos_folder`, "/" between folders."""
    annotations: Sequence[Annotation]
    size: tuple[int, int] | None = None
    """(height, width) that the file states: another size of the photo itself is an error."""
    details: Details = field(default_factory=Details)


@dataclass(frozen=True)
class Annotations:
    """All that an annotation file, or a folder of them, says."""

    where: Path
    """The file or folder, for messages."""
    photos_folder: Path
    photos: Sequence[AnnotatedPhoto]
    """Photos without a region are among them."""
    materials: tuple[str, ...]
    """In the file's own order where it has a list, else in alphabetical order."""
    problems: tuple[Problem, ...] = ()
    """What is broken in single annotations or photos; the others can be used all the same (--skip-bad)."""
    left_out: Counter[str] = field(default_factory=Counter)
    """What is no region, such as keypoints, by kind; said in one line, no error."""


def join(parts: Sequence[Cut], holes: Sequence[Cut] = ()) -> Cut:
    """The union of `parts` without the union of `holes`.

    Raises:
        RegionError: nothing is left.
    """
    left = min(x for _, (x, _) in parts)
    top = min(y for _, (_, y) in parts)
    right = max(x + part.shape[1] for part, (x, _) in parts)
    bottom = max(y + part.shape[0] for part, (_, y) in parts)
    joined = np.zeros((bottom - top, right - left), dtype=np.bool_)
    for part, (x, y) in parts:
        joined[y - top : y - top + part.shape[0], x - left : x - left + part.shape[1]] |= part
    for hole, (x, y) in holes:
        x0, y0 = max(x, left), max(y, top)
        x1, y1 = min(x + hole.shape[1], right), min(y + hole.shape[0], bottom)
        if x0 < x1 and y0 < y1:
            joined[y0 - top : y1 - top, x0 - left : x1 - left] &= ~hole[y0 - y : y1 - y, x0 - x : x1 - x]
    if not joined.any():
        raise RegionError("its holes leave nothing of it; expected at least one pixel")
    return joined, (left, top)
