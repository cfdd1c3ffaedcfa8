"""Click to select: the region around a point, found by colour, contrast and edges alone; no net, no training.

A photo is cut into superpixels, and the two most alike that touch are joined, again and again, until one is left. What
was joined when is a tree, and each of its nodes that holds the point is a region that could be meant, from a patch to
the whole photo. The one that stands out is taken: its parts are much more alike than it is to what it is joined to
next. Smaller and larger ones are steps down and up that tree.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from madeof.regions.patch_tree import join
from madeof.regions.region import Region
from madeof.regions.superpixels import find_patches, smooth

_SIDE = 320  # pixels of the longer side at which superpixels are found
_USUAL, _STRICT = 0.2, 0.3  # where on the way up a region is usually meant, and how firmly we believe it
_LEAST, _MOST = 0.003, 0.7  # shares of the photo that are taken unless smaller or larger is asked for
_STEP = 1.3  # by which factor the area changes at least when smaller or larger is asked for
_HOLE = 0.02  # of the region's area: smaller holes are filled
_REFINE, _SOFT = 6, 40.0  # reach (pixels) and softness (squared grey levels) of the edge's fit to the photo


class Prepared(Protocol):
    """A photo in which regions around points can be found. Threads may come at once."""

    @property
    def nbytes(self) -> int:
        """Bytes of memory that it holds beside the photo's pixels."""
        ...

    def find(
        self,
        points: Sequence[tuple[float, float]],
        outside: Sequence[tuple[float, float]],
        size: int,
        photo_size: tuple[int, int],
    ) -> Region | None:
        """The region around points.

        Args:
            points: x, y in pixels of the photo that the region is to hold.
            outside: the same for points that it is not to hold.
            size: 0 for the region that is likeliest meant, -1, -2, ... for smaller and 1, 2, ... for larger ones.
            photo_size: (height, width) of the photo, which may be larger than the pixels that were prepared.

        Returns:
            a region named "selection"; None where there is none.
        """
        ...


class Selector(Protocol):
    """Selector of the region around a click."""

    name: str
    """Name in `GET /v1/model`."""
    nothing: str
    """Message if no region is found."""

    def prepare(self, pixels: NDArray[np.uint8], check: Callable[[], None]) -> Prepared:
        """Prepare a photo, (h, w, 3) uint8 RGB, once for all clicks; `check` raises where nobody waits any more."""
        ...


class Superpixels:
    """The selector that needs no files: this module's."""

    name = "superpixels"
    nothing = "the points inside and outside lie on the same patch; expected some way between them"

    def prepare(self, pixels: NDArray[np.uint8], check: Callable[[], None]) -> Segments:
        """See `Selector`."""
        return segment(pixels)


@dataclass(frozen=True, eq=False)
class Segments:
    """The tree of regions of one photo; make it with `segment`."""

    pixels: NDArray[np.uint8]
    """(h, w, 3) RGB, as large as masks are made."""
    labels: NDArray[np.int64]
    """(h', w'): the superpixel of each pixel, smaller than `pixels`."""
    parents: NDArray[np.int64]
    """(k,) parent of each node, -1 for the root; the first nodes are the superpixels."""
    heights: NDArray[np.float64]
    """(k,): how different what was joined was; 0 for a superpixel, never less than what it is made of."""
    areas: NDArray[np.float64]
    """(k,) in pixels of `labels`."""

    @property
    def nbytes(self) -> int:
        """See `Prepared`."""
        return self.labels.nbytes + self.parents.nbytes + self.heights.nbytes + self.areas.nbytes

    def find(
        self,
        points: Sequence[tuple[float, float]],
        outside: Sequence[tuple[float, float]],
        size: int,
        photo_size: tuple[int, int],
    ) -> Region | None:
        """See `Prepared`: each point is held, unless an outer one is in the same superpixel."""
        shut = [self._superpixel(point, photo_size) for point in outside]
        barred = {node for leaf in shut for node in self._path(leaf)}
        inside: NDArray[np.bool_] = np.zeros(self.labels.shape, dtype=np.bool_)
        for point in points:
            path = [node for node in self._path(self._superpixel(point, photo_size)) if node not in barred]
            if path:
                inside |= self._below(path[self._level(path, size)])[self.labels]
        return self._region(_filled(inside), points, photo_size) if inside.any() else None

    def _superpixel(self, point: tuple[float, float], photo_size: tuple[int, int]) -> int:
        height, width = self.labels.shape
        row = min(max(int(point[1] * height / photo_size[0]), 0), height - 1)
        column = min(max(int(point[0] * width / photo_size[1]), 0), width - 1)
        return int(self.labels[row, column])

    def _path(self, node: int) -> list[int]:
        """The nodes that hold this one, itself first."""
        path = [node]
        while self.parents[path[-1]] >= 0:
            path.append(int(self.parents[path[-1]]))
        return path

    def _level(self, path: list[int], size: int) -> int:
        """Which node of a path is meant."""
        top = float(self.heights[-1]) or 1.0
        best, level = -math.inf, 0
        for i, node in enumerate(path):
            share = self.areas[node] / self.labels.size
            parent = self.parents[node]
            if parent < 0 or not _LEAST <= share <= _MOST:
                continue
            own, after = max(self.heights[node] / top, 0.02), max(self.heights[parent] / top, 0.02)
            worth = math.log(after / own) - _STRICT * math.log(math.sqrt(own * after) / _USUAL) ** 2
            if worth > best:
                best, level = worth, i
        step = 1 if size > 0 else -1
        for _ in range(abs(size)):
            area = self.areas[path[level]]
            while 0 <= level + step < len(path):
                level += step
                ratio = self.areas[path[level]] / area
                if max(ratio, 1 / ratio) >= _STEP:
                    break
        return level

    def _below(self, node: int) -> NDArray[np.bool_]:
        """(n,): which superpixels a node is made of."""
        within = np.zeros(len(self.parents), dtype=np.bool_)
        within[node] = True
        for i in range(node - 1, -1, -1):  # parents come after their children
            within[i] |= self.parents[i] >= 0 and within[self.parents[i]]
        return within[: int(self.labels.max()) + 1]

    def _region(
        self, inside: NDArray[np.bool_], points: Sequence[tuple[float, float]], photo_size: tuple[int, int]
    ) -> Region:
        """A mask of superpixels as a region of the photo, its edge fitted to the photo's."""
        height, width = self.pixels.shape[:2]
        soft = Image.fromarray(inside.astype(np.float32)).resize((width, height), Image.Resampling.BILINEAR)
        fitted = _fitted(np.asarray(soft), self.pixels)
        seeds = [(x * width / photo_size[1], y * height / photo_size[0]) for x, y in points]
        fitted *= _around(fitted > 0.5, seeds)
        part, (x, y) = _enlarged(fitted, photo_size)
        mask = part > 0.5 if (part > 0.5).any() else part >= part.max()  # it may be thinner than its soft edge
        return Region("selection", mask, corner=(x, y), photo_size=photo_size).tight()


def segment(pixels: NDArray[np.uint8]) -> Segments:
    """The tree of regions of a photo, (h, w, 3) uint8 RGB; takes about 0.2 s."""
    height, width = pixels.shape[:2]
    scale = min(1.0, _SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    patches = find_patches(np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX)))
    tree = join(patches)
    return Segments(pixels, patches.labels, tree.parents, tree.heights, tree.areas)


def _filled(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The mask without its small holes."""
    import cc3d

    holes, count = cc3d.connected_components(np.ascontiguousarray(~inside), connectivity=4, return_N=True)
    if not count:
        return inside
    areas = np.bincount(holes.ravel())
    at_border = np.zeros(count + 1, dtype=np.bool_)
    for side in (holes[0], holes[-1], holes[:, 0], holes[:, -1]):
        at_border[side] = True
    small = (areas < _HOLE * inside.sum()) & ~at_border
    small[0] = False
    filled: NDArray[np.bool_] = inside | small[holes]
    return filled


def _enlarged(soft: NDArray[np.float32], size: tuple[int, int]) -> tuple[NDArray[np.float32], tuple[int, int]]:
    """The part of a soft mask that is not 0 at the photo's (height, width), and the (x, y) of its first pixel there."""
    spans = []
    for axis, length in ((1, size[0]), (0, size[1])):
        places = np.flatnonzero(soft.any(axis=axis))
        scale = length / soft.shape[1 - axis]
        spans.append((max(0, math.floor((places[0] - 1) * scale)), min(length, math.ceil((places[-1] + 2) * scale))))
    (top, bottom), (left, right) = spans
    down, across = soft.shape[0] / size[0], soft.shape[1] / size[1]
    source = (left * across, top * down, right * across, bottom * down)
    part = Image.fromarray(soft).resize((right - left, bottom - top), Image.Resampling.BILINEAR, box=source)
    return np.asarray(part), (left, top)


def _around(inside: NDArray[np.bool_], points: Sequence[tuple[float, float]]) -> NDArray[np.bool_]:
    """The mask's parts that hold one of the points (x, y), or its largest part: thin bridges fall to the fitting."""
    import cc3d

    parts, count = cc3d.connected_components(np.ascontiguousarray(inside), connectivity=8, return_N=True)
    if count < 2:
        return inside if count else np.ones_like(inside)
    height, width = inside.shape
    held = {int(parts[min(int(y), height - 1), min(int(x), width - 1)]) for x, y in points} - {0}
    kept: NDArray[np.bool_] = np.isin(parts, list(held) or [int(np.bincount(parts.ravel())[1:].argmax()) + 1])
    return kept


def _fitted(soft: NDArray[np.float32], pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """A soft mask whose edge follows the photo's (guided filter: He, Sun, Tang, PAMI 2013, equations 5 to 8).

    Args:
        soft: (h, w) float32 in [0, 1].
        pixels: (h, w, 3) uint8 RGB.
    """
    rows, columns = np.flatnonzero(soft.any(axis=1)), np.flatnonzero(soft.any(axis=0))
    reach = 2 * _REFINE + 1
    part = (
        slice(max(0, rows[0] - reach), rows[-1] + 1 + reach),
        slice(max(0, columns[0] - reach), columns[-1] + 1 + reach),
    )
    mask, grey = soft[part], pixels[part].mean(axis=2, dtype=np.float32)

    def mean(values: NDArray[np.float32]) -> NDArray[np.float32]:
        return smooth(values, _REFINE)

    mean_grey, mean_mask = mean(grey), mean(mask)
    slope = (mean(grey * mask) - mean_grey * mean_mask) / (mean(grey * grey) - mean_grey**2 + _SOFT)
    fitted = np.zeros_like(soft)
    fitted[part] = mean(slope) * grey + mean(mean_mask - slope * mean_grey)
    return fitted
