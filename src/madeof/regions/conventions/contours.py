"""OpenCV's contours -> the pixels that they were found around.

`cv2.findContours` gives whole numbers, (n, 1, 2) int32: the x, y of the outermost pixels themselves. They run through
the centres of pixels, not along their edges, so that a polygon of them would lose half a pixel all around.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from madeof.errors import RegionError
from madeof.regions.raster import Cut, cut_edges
from madeof.regions.region import Region


def is_contour(thing: object) -> bool:
    """Whether something is a contour: (n, 1, 2) int32."""
    return (
        isinstance(thing, np.ndarray) and thing.ndim == 3 and thing.shape[1:] == (1, 2) and thing.dtype.name == "int32"
    )


def is_found(thing: object) -> bool:
    """Whether something is what `cv2.findContours` returns: contours and their hierarchy, (1, n, 4)."""
    if not isinstance(thing, tuple) or len(thing) != 2 or not isinstance(thing[0], tuple | list):
        return False
    contours, hierarchy = thing
    nested = hierarchy is None if not contours else getattr(hierarchy, "shape", ()) == (1, len(contours), 4)
    return nested and all(is_contour(contour) for contour in contours)


def regions_of_contours(contours: Sequence[NDArray[Any]], size: tuple[int, int]) -> list[Region]:
    """A region for each contour; all that it runs around is inside.

    Raises:
        RegionError: one lies outside the photo.
    """
    return [_region(index, contour, [], size) for index, contour in enumerate(contours)]


def regions_of_found(found: tuple[Sequence[NDArray[Any]], NDArray[Any] | None], size: tuple[int, int]) -> list[Region]:
    """A region for each outer contour, without its holes: what lies in a hole is a region of its own.

    Args:
        found: what `cv2.findContours` returned. With RETR_EXTERNAL and RETR_LIST it knows of no holes.
        size: (height, width) of the photo.

    Raises:
        RegionError: one lies outside the photo.
    """
    contours, hierarchy = found
    if hierarchy is None:
        return []
    parents = np.asarray(hierarchy)[0, :, 3]
    depth = np.zeros(len(contours), dtype=np.int64)
    for index in range(len(contours)):
        above = int(parents[index])
        while above >= 0:
            depth[index] += 1
            above = int(parents[above])
    return [
        _region(index, contours[index], [contours[hole] for hole in np.flatnonzero(parents == index).tolist()], size)
        for index in range(len(contours))
        if depth[index] % 2 == 0
    ]


def _region(index: int, contour: NDArray[Any], holes: Sequence[NDArray[Any]], size: tuple[int, int]) -> Region:
    name = f"contour {index}"
    points = contour[:, 0].astype(np.int64)
    least, most = points.min(axis=0), points.max(axis=0)
    if (least < 0).any() or (most >= (size[1], size[0])).any():
        raise RegionError(
            f"{name} runs from {tuple(least.tolist())} to {tuple(most.tolist())} (x, y); expected pixels of the photo "
            f"of {size[1]} x {size[0]}: check that it is of this photo"
        )
    part, (x, y) = _inside(points, size)
    for hole in holes:  # its contour runs over the pixels around it, which are inside the region
        edge = hole[:, 0].astype(np.int64)
        gone, corner = _inside(edge, size)
        line, _ = _line(edge)
        gone &= ~line
        rows, columns = corner[1] - y, corner[0] - x
        part[rows : rows + gone.shape[0], columns : columns + gone.shape[1]] &= ~gone
    return Region(name, part, corner=(x, y), photo_size=size)


def _inside(points: NDArray[np.int64], size: tuple[int, int]) -> Cut:
    """All that a contour, (n, 2), bounds, its own pixels too, within its box."""
    line, corner = _line(points)
    if min(line.shape) > 2:
        centres = points.astype(np.float64) + 0.5
        try:
            filled, (x, y) = cut_edges(centres, np.roll(centres, -1, axis=0), size)
        except RegionError:  # it bounds no pixel besides its own
            return line, corner
        rows, columns = y - corner[1], x - corner[0]
        height, width = min(filled.shape[0], line.shape[0] - rows), min(filled.shape[1], line.shape[1] - columns)
        line[rows : rows + height, columns : columns + width] |= filled[:height, :width]
    return line, corner


def _line(points: NDArray[np.int64]) -> Cut:
    """The pixels of a contour, (n, 2), within its box: a step from each to the next, on the longer side."""
    corner = points.min(axis=0)
    width, height = (points.max(axis=0) - corner + 1).tolist()
    part = np.zeros((height, width), dtype=np.bool_)
    way = np.roll(points, -1, axis=0) - points
    steps = np.maximum(np.abs(way).max(axis=1), 1)
    which = np.repeat(np.arange(len(points)), steps)
    done = (np.arange(len(which)) - np.repeat(np.cumsum(steps) - steps, steps)) / steps[which]
    pixels = points[which] - corner + np.rint(way[which] * done[:, None]).astype(np.int64)
    part[pixels[:, 1], pixels[:, 0]] = True
    return part, (int(corner[0]), int(corner[1]))
