"""Regions with their answers, as all formats are written from them; and a mask's outlines, exact to the pixel."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from madeof.datasets.photos import NOTHING_KNOWN, Details
from madeof.errors import RegionError
from madeof.materials.lists import key
from madeof.regions.raster import cut_polygon
from madeof.regions.shapes import Polygons


@dataclass(frozen=True, eq=False)
class AnsweredRegion:
    """A region and what it is made of."""

    name: str
    """As in the output of `madeof predict`, or its place in the file that it comes from."""
    cut: NDArray[np.bool_]
    """(h, w), True inside; the mask is False outside of it."""
    corner: tuple[int, int]
    """x, y of the first pixel of `cut` in the photo."""
    material: str
    score: float | None = None
    """In [0, 1]; None where a person named the material."""
    top: tuple[tuple[str, float], ...] = ()
    """Materials and scores, the best first."""
    polygons: Polygons | None = None
    """The outline as its file has it, where that is one."""


@dataclass(frozen=True, eq=False)
class Answered:
    """A photo and its regions."""

    file: str
    """The photo's path relative to `folder`, "/" between folders."""
    folder: Path
    size: tuple[int, int]
    """(height, width) after the EXIF turn."""
    regions: tuple[AnsweredRegion, ...]
    model: str | None = None
    """Name and version of what answered; None where a person did."""
    details: Details = NOTHING_KNOWN
    """Split, group, source and licence, as far as they are known."""


def outlines(cut: NDArray[np.bool_], corner: tuple[int, int] = (0, 0)) -> Polygons:
    """The outlines of a mask along the edges of its pixels: `Polygons.cut` gives exactly the mask back.

    Each 8-connected component is a part, clockwise on the screen; each 4-connected hole is a hole, counterclockwise.
    A hole with an island in it is no hole of the result: a line of no width joins it to its part (see
    `without_holes`), because `Polygons` would take the island for a part of the hole.

    Args:
        cut: (h, w), True inside.
        corner: x, y of its first pixel in the photo.

    Returns:
        Outlines, (n, 2) float64: x, y in pixels from the photo's upper left corner, whole numbers.

    Raises:
        RegionError: the mask is empty.
    """
    if not cut.any():
        raise RegionError("its mask is empty; expected at least one pixel")
    parts: list[NDArray[np.float64]] = []
    holes: list[NDArray[np.float64]] = []
    for ring, is_hole in _rings(cut):
        (holes if is_hole else parts).append(ring)
    least = np.stack([part.min(axis=0) for part in parts])
    most = np.stack([part.max(axis=0) for part in parts])
    plain = []
    for hole in holes:
        might = ((least > hole.min(axis=0)) & (most < hole.max(axis=0))).all(axis=1).any()
        if might and _has_island(hole, cut):
            parts = _with_hole(parts, hole)
        else:
            plain.append(hole)
    place = np.array(corner, dtype=np.float64)
    return Polygons([part + place for part in parts], [hole + place for hole in plain])


def without_holes(polygons: Polygons) -> list[NDArray[np.float64]]:
    """The parts of `polygons`, each hole joined to one of them by a line of no width: for formats that have no holes.

    A pixel is inside by the even-odd rule, and by the non-zero rule too where a hole runs against its part, as it does
    in `outlines`. The lines run along x and along y, so that both of their ways cross the same pixels exactly.
    The parts must not overlap a hole of another part.
    """
    parts = [np.asarray(part, dtype=np.float64) for part in polygons.parts]
    holes = [np.asarray(hole, dtype=np.float64) for hole in polygons.holes]
    for hole in sorted(holes, key=lambda hole: float(hole[:, 0].min())):
        parts = _with_hole(parts, hole)
    return parts


def first_names(materials: Iterable[str]) -> dict[str, str]:
    """Materials by their `madeof.materials.key`, the first spelling of each."""
    found: dict[str, str] = {}
    for material in materials:
        found.setdefault(key(material), material)
    return found


def one_ring(polygons: Polygons) -> NDArray[np.float64]:
    """All of `polygons` as one outline, as `without_holes` does it: for formats that have one outline for a region.

    The parts must not overlap.
    """
    ring, *others = without_holes(polygons)
    for other in others:
        ring = _joined(ring, other)
    return ring


def _has_island(hole: NDArray[np.float64], cut: NDArray[np.bool_]) -> bool:
    """Whether pixels of the mask are within the hole."""
    inside, (x, y) = cut_polygon(hole, (cut.shape[0], cut.shape[1]))
    return bool((inside & cut[y : y + inside.shape[0], x : x + inside.shape[1]]).any())


def _with_hole(parts: Sequence[NDArray[np.float64]], hole: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """The parts, with the hole in the one that is around it."""
    at = _around(parts, hole)
    return [_joined(part, hole) if number == at else part for number, part in enumerate(parts)]


def _around(parts: Sequence[NDArray[np.float64]], hole: NDArray[np.float64]) -> int:
    """The smallest part whose box holds the hole's; the first one where there is none."""
    low, high = hole.min(axis=0), hole.max(axis=0)
    sizes = {
        number: float(np.prod(part.max(axis=0) - part.min(axis=0)))
        for number, part in enumerate(parts)
        if (part.min(axis=0) <= low).all() and (part.max(axis=0) >= high).all() and _inside(part, hole)
    }
    return min(sizes, key=lambda number: sizes[number]) if sizes else 0


def _inside(part: NDArray[np.float64], hole: NDArray[np.float64]) -> bool:
    """Whether most of the hole's outline is inside the part, by the even-odd rule."""
    starts, ends = part, np.roll(part, -1, axis=0)
    # The middles of its edges: unlike its corners they are not on the part's outline.
    points = ((hole + np.roll(hole, -1, axis=0)) / 2)[:: max(1, len(hole) // 16)]
    crosses = (starts[None, :, 1] > points[:, None, 1]) != (ends[None, :, 1] > points[:, None, 1])
    height = ends[:, 1] - starts[:, 1]
    along = (points[:, None, 1] - starts[None, :, 1]) / np.where(height == 0, 1, height)
    x = starts[None, :, 0] + along * (ends[:, 0] - starts[:, 0])
    within = (crosses & (points[:, None, 0] < x)).sum(axis=1) % 2 == 1
    return bool(within.mean() >= 0.5)


def _joined(ring: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """Both rings as one: from a corner of `ring` over to the nearest one of `other`, around it and back."""
    first = int(np.lexsort((other[:, 1], other[:, 0]))[0])
    start = other[first]
    near = int(np.abs(ring - start).sum(axis=1).argmin())
    turn = np.array([[start[0], ring[near, 1]]])
    way = [ring[: near + 1], turn, np.roll(other, -first, axis=0), start[None], turn, ring[near:]]
    joined: NDArray[np.float64] = np.concatenate(way)
    repeated = (joined == np.roll(joined, 1, axis=0)).all(axis=1)
    return np.delete(joined, np.flatnonzero(repeated), axis=0)


def _rings(cut: NDArray[np.bool_]) -> list[tuple[NDArray[np.float64], bool]]:
    """The corners of each outline of a mask, in reading order of their first ones, and whether it is that of a hole."""
    padded = np.pad(cut, 1)
    four = [padded[:-1, :-1], padded[:-1, 1:], padded[1:, :-1], padded[1:, 1:]]  # the pixels around each grid point
    odd = np.logical_xor.reduce(four)  # an outline turns here
    saddle = (four[0] == four[3]) & (four[1] == four[2]) & (four[0] != four[1])  # two outlines meet here
    ys, xs = np.nonzero(odd | saddle)
    twice = saddle[ys, xs]
    point = np.repeat(np.arange(len(xs)), np.where(twice, 2, 1))
    second = np.zeros(len(point), dtype=np.bool_)
    second[1:] = point[1:] == point[:-1]
    x, y = xs[point], ys[point]
    # Along each row of grid points, corners bound the horizontal edges in pairs; so they do along each column. Of the
    # two corners at a saddle the first has the edge to the left and the second that to the right. The upper edge goes
    # with that one which keeps the two pixels of the mask together.
    falling = four[0][y, x]  # at a saddle: the mask's pixels are upper left and lower right
    lower = np.where(twice[point], second != falling, False)
    beside = np.arange(len(x)) ^ 1
    order = np.lexsort((lower, y, x))
    above = np.empty_like(order)
    above[order] = order[np.arange(len(x)) ^ 1]
    steps = (beside.tolist(), above.tolist())
    places = np.stack([x, y], axis=1).astype(np.float64)
    seen = np.zeros(len(x), dtype=np.bool_).tolist()
    rings = []
    for start in range(len(x)):
        if seen[start]:
            continue
        ring, at, turn = [start], start, 0
        while True:
            seen[at] = True
            at = steps[turn][at]
            turn ^= 1
            if at == start:
                break
            ring.append(at)
        # The first edge is the uppermost of the ring and goes right: the mask is below it, or this is a hole's, which
        # is to run the other way round.
        is_hole = not four[3][y[start], x[start]]
        rings.append((places[ring[:1] + ring[:0:-1]] if is_hole else places[ring], is_hole))
    return rings
