"""Masks as arrays: checked, and cut out of the photo to what is not 0, so that a small region costs little."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from madeof._util.text import join_some, show
from madeof.errors import EmptyRegionError, RegionError
from madeof.regions.raster import cut_box, cut_polygon

Mask = NDArray[np.bool_] | NDArray[np.float32]
"""(H, W): True inside, or coverage in [0, 1]."""

SMALL_AREA = 64
"""Pixels. An answer for a smaller region is given, with a note: it rests on little."""

_NO_COVERAGE = 1e-6  # less in every pixel counts as an empty mask: nothing could be averaged under it


@dataclass(frozen=True, eq=False)
class Region:
    """A region: a mask, or a crop of it with its offset in the photo."""

    name: str
    """As in the output: "mask.png", "box 0", "polygon 0", "label 43 #2"."""
    cut: Mask
    """(h, w): the whole mask, or a crop outside which it is 0."""
    value: int | None = None
    """The label map's value."""
    corner: tuple[int, int] = (0, 0)
    """x, y of the first pixel of `cut` in the photo."""
    photo_size: tuple[int, int] | None = None
    """(height, width) of the photo; None where `cut` is the whole mask."""

    @classmethod
    def from_box(cls, name: str, box: Sequence[float], size: tuple[int, int]) -> Region:
        """The region of a box; args and errors are those of `shapes.from_box`."""
        cut, corner = cut_box(box, size)
        return cls(name, cut, corner=corner, photo_size=size)

    @classmethod
    def from_polygon(cls, name: str, points: ArrayLike, size: tuple[int, int]) -> Region:
        """The region of a polygon; args and errors are those of `shapes.from_polygon`."""
        cut, corner = cut_polygon(points, size)
        return cls(name, cut, corner=corner, photo_size=size)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the photo."""
        return self.photo_size or (self.cut.shape[0], self.cut.shape[1])

    @property
    def mask(self) -> Mask:
        """(H, W) of the photo's size, made anew from a `cut` that is smaller."""
        if self.cut.shape == self.size:
            return self.cut
        (height, width), (x, y) = self.cut.shape, self.corner
        mask: NDArray[Any] = np.zeros(self.size, dtype=self.cut.dtype)
        mask[y : y + height, x : x + width] = self.cut
        return mask

    @cached_property
    def area(self) -> float:
        """Its pixels, or the sum of its coverage."""
        return _area(self.cut)

    @cached_property
    def box(self) -> tuple[int, int, int, int]:
        """x0, y0, x1, y1 around every pixel above 0; x1 and y1 one past the last."""
        x, y = self.corner
        x0, y0, x1, y1 = mask_box(self.cut)
        return x0 + x, y0 + y, x1 + x, y1 + y

    def notes(self) -> tuple[str, ...]:
        """Warnings; see `notes`."""
        return _notes(self.area)

    def tight(self) -> Region:
        """The same with no more cut out than its box. A view: nothing is copied."""
        x0, y0, x1, y1 = self.box
        if self.cut.shape == (y1 - y0, x1 - x0):
            return self
        x, y = self.corner
        part = self.cut[y0 - y : y1 - y, x0 - x : x1 - x]
        return Region(self.name, part, self.value, (x0, y0), self.size)


def check_region(given: Region | ArrayLike, size: tuple[int, int], *, name: str = "mask") -> Region:
    """Check a region, or a mask given as an array, and cut it out tightly.

    Args:
        given: the region, or what `check_mask` takes.
        size: (height, width) of the photo.
        name: what the messages call a mask; a region has a name of its own.

    Raises:
        RegionError: see `check_mask`.
    """
    region = given if isinstance(given, Region) else Region(name, np.asarray(given))
    name, (x, y) = show(region.name), region.corner
    _check_dimensions(region.cut, size, name)
    check_size(region.size, size, name)
    bottom, right = y + region.cut.shape[0], x + region.cut.shape[1]
    if min(x, y) < 0 or bottom > size[0] or right > size[1]:
        raise RegionError(
            f"{name} lies from {region.corner} to {(right, bottom)} (x, y); expected it inside the photo of "
            f"{size[1]} x {size[0]}: check its corner"
        )
    tight = Region(region.name, _check_values(region.cut, name), region.value, region.corner, size).tight()
    not_empty(tight.cut, name)  # only now, when there is little left to look at
    return tight


def check_mask(mask: ArrayLike, size: tuple[int, int], *, name: str = "mask") -> Mask:
    """Check a mask given as an array.

    Args:
        mask: (H, W) bool; or float coverage in [0, 1]; or integers, all of them 0 and 1 or 0 and 255.
        size: (height, width) of the photo.
        name: what the messages call it.

    Returns:
        the mask, (H, W) bool or float32. Not a copy where it need not be one.

    Raises:
        RegionError: its size, dtype or values are others, or it is empty.
    """
    array = np.asarray(mask)
    name = show(name)
    _check_dimensions(array, size, name)
    check_size(array.shape, size, name)
    return not_empty(_check_values(array, name), name)


def _check_dimensions(array: NDArray[Any], size: tuple[int, int], name: str) -> None:
    if array.ndim != 2:
        raise RegionError(f"{name} is an array of shape {array.shape}; expected {size}, the photo's height and width")


def _check_values(array: NDArray[Any], name: str) -> Mask:
    """The array as a mask, be it empty; see `check_mask`."""
    if array.dtype == np.bool_:
        return array
    if not array.size:
        return array.astype(np.bool_)
    if np.issubdtype(array.dtype, np.floating):
        least, most = array.min(), array.max()
        if not (least >= 0 and most <= 1):  # so written, it is true for NaN
            raise RegionError(
                f"{name} has float values from {least:g} to {most:g}; expected coverage from 0 to 1: give  "
                "mask / 255  for one up to 255,  logits_above=0  for logits, or  mask > 0.5"
            )
        return array.astype(np.float32, copy=False)
    if np.issubdtype(array.dtype, np.integer):
        if not _two_valued(array):
            raise RegionError(
                f"{name} has the values {join_some(np.unique(array))}; expected 0 and 1, or 0 and 255: "
                "give  mask / 255  or  soft=True  for a soft mask, label_map=  for a label map, or  mask == value"
            )
        one_byte = array.dtype.itemsize == 1 and array.max() <= 1
        return array.view(np.bool_) if one_byte else array != 0
    raise RegionError(f"{name} has the dtype {array.dtype}; expected bool, or float coverage from 0 to 1")


def not_empty(mask: Mask, name: str) -> Mask:
    """The mask.

    Raises:
        RegionError: it is 0 everywhere.
    """
    if not mask.size or not (mask.any() if mask.dtype == np.bool_ else mask.max() >= _NO_COVERAGE):
        raise EmptyRegionError(f"{name} is empty; expected at least one pixel inside (not 0): mark the region")
    return mask


def mask_box(mask: NDArray[Any]) -> tuple[int, int, int, int]:
    """x0, y0, x1, y1 around every pixel above 0; x1 and y1 one past the last; all 0 where the mask is empty."""
    rows = np.flatnonzero(_occupied(mask, 1)) if mask.size else np.zeros(0, dtype=np.int64)
    if not len(rows):
        return 0, 0, 0, 0
    y0, y1 = int(rows[0]), int(rows[-1]) + 1
    columns = np.flatnonzero(_occupied(mask[y0:y1], 0))
    return int(columns[0]), y0, int(columns[-1]) + 1, y1


def notes(mask: Mask) -> tuple[str, ...]:
    """Warnings about a mask: it covers fewer than `SMALL_AREA` pixels."""
    return _notes(_area(mask))


def _occupied(mask: NDArray[Any], axis: int) -> NDArray[np.bool_]:
    """Whether anything along the axis is above 0; the largest number is found faster than all are compared."""
    return np.asarray(mask.any(axis=axis) if mask.dtype == np.bool_ else mask.max(axis=axis) > 0)


def _area(mask: Mask) -> float:
    if mask.dtype == np.bool_:
        return int(np.count_nonzero(mask))
    return float(mask.sum(axis=1).sum(dtype=float))  # row by row it is several times as quick as all in 64 bits


def _notes(area: float) -> tuple[str, ...]:
    return (f"small: {area:.3g} px",) if area < SMALL_AREA else ()


def _two_valued(array: NDArray[Any]) -> bool:
    """Whether integers are all 0 and 1, or all 0 and 255."""
    most = array.max()
    if most not in (0, 1, 255):
        return False
    if array.dtype == np.uint8:
        if most <= 1:
            return True
        signed = array.view(np.int8)  # 255 is -1 and the others are under -1 or above 0: no copy is needed
        return bool(signed.min() == -1 and signed.max() <= 0)
    return bool(array.min() >= 0 and array[array != 0].min(initial=most) == most)


def check_size(found: tuple[int, ...], size: tuple[int, int], name: str, remedy: str = "") -> None:
    """Raise a RegionError where a mask's (height, width) is not the photo's; `remedy` ends its message."""
    if tuple(found) != tuple(size):
        raise RegionError(
            f"{name} is {found[1]} x {found[0]} but the photo is {size[1]} x {size[0]} (width x height); "
            f"expected the same{remedy}"
        )
