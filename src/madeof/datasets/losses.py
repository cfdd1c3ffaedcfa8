"""Information that a format cannot hold, counted while photos are written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from madeof._util.text import pluralize
from madeof.datasets.writing import Answered, AnsweredRegion
from madeof.materials.lists import key

_SCORES = "scores"
_DETAILS = "splits, groups, sources and licences"
_OUTLINES = "outlines: they are pixels now"
_HOLED = "outlines with holes: they are pixels now"
_SEVERAL = "outlines of several parts or with holes: they are pixels now"
_JOINED = "holes and parts of their own: lines of no width join them"
_HIDDEN = "pixels of regions that overlap: the smallest region has them"
_PIECES = "that several pieces are one region: each is a region now"
_TOUCHING = "that regions of one material which touch are several: they are one now"

_WITHOUT_SCORES = ("yolo", "cvat", "label_map", "masks")


class Losses:
    """Counts of what is lost from the photos that pass `through`."""

    def __init__(self, to: str) -> None:
        """Nothing yet.

        Args:
            to: the name of the format.
        """
        self._to = to
        self._regions: Counter[str] = Counter()
        self._photos: Counter[str] = Counter()

    def through(self, photos: Iterable[Answered]) -> Iterator[Answered]:
        """Pass photos on, counting each."""
        for photo in photos:
            if any(photo.details) and self._to != "label_map":
                self._photos[_DETAILS] += 1
            for region in photo.regions:
                self._regions.update(self._of(region))
            if self._to == "label_map":
                self._regions.update(_in_a_map(photo))
            yield photo

    def lines(self) -> list[str]:
        """A line for each kind: "scores (12 regions)"."""
        found = [(kind, count, "region") for kind, count in self._regions.items() if count]
        found += [(kind, count, "photo") for kind, count in self._photos.items()]
        return [f"{kind} ({pluralize(count, what)})" for kind, count, what in found]

    def _of(self, region: AnsweredRegion) -> list[str]:
        """Losses of a region on its own."""
        found = []
        if region.score is not None and self._to in _WITHOUT_SCORES:
            found.append(_SCORES)
        outline = region.polygons
        if self._to in ("label_map", "masks"):
            if outline is not None:
                found.append(_OUTLINES)
        elif self._to == "yolo":
            pieces, holes = (len(outline.parts), len(outline.holes)) if outline is not None else _count(region.cut)
            if pieces > 1 or holes:
                found.append(_JOINED)
        elif outline is not None and self._to == "label_studio":
            if outline.holes or len(outline.parts) > 1:
                found.append(_SEVERAL)
        elif outline is not None and outline.holes:
            found.append(_HOLED)
        return found


def _count(cut: NDArray[np.bool_]) -> tuple[int, int]:
    """The 8-connected pieces of a mask, and its 4-connected holes."""
    import cc3d

    _, pieces = cc3d.connected_components(np.ascontiguousarray(cut), connectivity=8, return_N=True)
    outside = np.pad(~cut, 1, constant_values=True)
    _, grounds = cc3d.connected_components(outside, connectivity=4, return_N=True)
    return int(pieces), int(grounds) - 1


def _in_a_map(photo: Answered) -> Counter[str]:
    """Losses in a label map: one value per pixel, and each component of a value is a region."""
    import cc3d

    found: Counter[str] = Counter()
    owners = np.zeros(photo.size, dtype=np.int32)
    order = sorted(range(len(photo.regions)), key=lambda number: -_area(photo.regions[number]))
    for number in order:
        region = photo.regions[number]
        owners[_place(region)][region.cut] = number + 1
    visible = np.bincount(owners.ravel(), minlength=len(photo.regions) + 1)[1:]
    found[_HIDDEN] = sum(
        int(seen) < _area(region) for seen, region in zip(visible.tolist(), photo.regions, strict=True)
    )
    found[_PIECES] = sum(_count(region.cut)[0] > 1 for region in photo.regions)
    numbers: dict[str, int] = {}
    values = [0, *(numbers.setdefault(key(region.material), len(numbers) + 1) for region in photo.regions)]
    components = cc3d.connected_components(np.array(values, dtype=np.int32)[owners], connectivity=8)
    inside = owners > 0
    pairs = components[inside].astype(np.int64) * (len(photo.regions) + 1) + owners[inside]
    pairs = np.unique(pairs[np.flatnonzero(np.diff(pairs, prepend=-1))])  # neighbours are mostly of one pair
    component, owner = np.divmod(pairs, len(photo.regions) + 1)
    found[_TOUCHING] = len(np.unique(owner[np.bincount(component)[component] > 1])) if len(pairs) else 0
    return found


def _place(region: AnsweredRegion) -> tuple[slice, slice]:
    (x, y), (height, width) = region.corner, region.cut.shape
    return slice(y, y + height), slice(x, x + width)


def _area(region: AnsweredRegion) -> int:
    return int(np.count_nonzero(region.cut))
