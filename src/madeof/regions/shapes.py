"""Shapes: a region before it has pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from madeof.errors import RegionError
from madeof.regions.raster import Cut, cut_box, cut_drawn, cut_polygon, cut_polygons


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
    """One or more outlines: a pixel is inside when its centre is within any of `parts` and within none of `holes`.

    A part that holds no pixel, being thin, stray or outside the photo, changes nothing where another holds some.
    """

    parts: Sequence[NDArray[np.floating]]
    """Each (n, 2): x, y in pixels, n >= 3."""
    holes: Sequence[NDArray[np.floating]] = ()

    def cut(self, size: tuple[int, int]) -> Cut:
        """See `Shape`."""
        if len(self.parts) == 1 and not self.holes:
            return cut_polygon(self.parts[0], size)
        parts = [cut_polygon(part, size, thin=False) for part in self.parts]
        parts = [cut for cut in parts if cut[0].any()] or cut_all([Polygons([part]) for part in self.parts], size)
        return join(parts, [cut_polygon(hole, size, thin=False) for hole in self.holes])


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


class Drawn(NamedTuple):
    """Outlines through pixel centres, the pixels included, as in tools that address pixels by index."""

    parts: Sequence[NDArray[np.floating]]
    """Each (n, 2): the column and row of pixels, n >= 3."""
    holes: Sequence[NDArray[np.floating]] = ()

    def cut(self, size: tuple[int, int]) -> Cut:
        """See `Shape`."""
        parts = [cut for part in self.parts for cut in cut_drawn(part, size)]
        if not parts:
            raise RegionError(f"the polygon lies outside the photo of {size[1]} x {size[0]}: check its pixels")
        return join(parts, [cut for hole in self.holes for cut in cut_drawn(hole, size)])


class Several(NamedTuple):
    """The union of shapes. An outline or box that is outside the photo changes nothing where another is not."""

    shapes: Sequence[Shape]

    def cut(self, size: tuple[int, int]) -> Cut:
        """See `Shape`."""
        return join(cut_all(self.shapes, size))


def cut_in_pixels(shape: Shape, size: tuple[int, int]) -> Cut:
    """As `shape.cut`, but coordinates that are parts of the photo's size, as it seems, are an error.

    Raises:
        RegionError: it cannot be cut, or all of its coordinates are from 0 to 1 and not all whole.
    """
    part, corner = shape.cut(size)
    if corner == (0, 0) and max(part.shape) <= 2 < max(size):
        shapes = shape.shapes if isinstance(shape, Several) else [shape]
        numbers = [np.ravel(part) for one in shapes if isinstance(one, Polygons | Drawn) for part in one.parts]
        numbers += [np.array(one) for one in shapes if isinstance(one, Box)]
        found = np.concatenate(numbers or [np.zeros(1)])
        if (found >= 0).all() and (found <= 1).all() and (found != np.rint(found)).any():
            raise RegionError(
                "its coordinates are all from 0 to 1, parts of the photo's size as it seems; expected pixels: multiply "
                "them by its width and height"
            )
    return part, corner


def cut_many(shapes: Sequence[Shape], size: tuple[int, int]) -> list[Cut | None]:
    """What `cut_in_pixels` gives for each of several shapes, where that is quicker in one pass; None for the others."""
    outlines = {at: one for at, one in enumerate(shapes) if isinstance(one, Polygons)}
    single = {at: one.parts[0] for at, one in outlines.items() if len(one.parts) == 1 and not one.holes}
    cuts = dict(zip(single, cut_polygons(list(single.values()), size), strict=True))
    found = map(cuts.get, range(len(shapes)))
    return [cut if cut is not None and max(cut[0].shape) > 2 else None for cut in found]


def cut_all(shapes: Sequence[Shape], size: tuple[int, int]) -> list[Cut]:
    """What there is of each shape: of outlines and boxes those outside the photo are left out where any is not.

    Raises:
        RegionError: another shape cannot be cut, or all lie outside.
    """
    cuts: list[Cut] = []
    outside: RegionError | None = None
    for shape in shapes:
        try:
            cuts.append(shape.cut(size))
        except RegionError as error:
            if not isinstance(shape, Polygons | Box):
                raise
            outside = error
    if outside is not None and not cuts:
        raise outside
    return cuts


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
