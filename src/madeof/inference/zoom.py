"""Which windows of a photo the net looks at again, because what lies there is too small in its first look.

A photo is shrunk to what the net takes, so that 400 pixels of a photo of 12 megapixels become 50. Windows of a half, a
quarter, an eighth ... of the photo's sides lie in fixed places on it, in rows and columns that overlap. A region that
is seen small in the first look gets the coarsest window in which it is seen large enough, or else the finest in which
it lies whole and for which the photo has the pixels.

Which one depends on the region and the photo alone: not on what else is asked, when, or in which order. So an answer is
the same however questions are put together, regions that lie together share a window, and a window that was encoded
serves whoever asks next. A window has the shape that the whole photo has for the net, which is not new to the engine.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from madeof.errors import InputError
from madeof.model.preprocess import Preprocessing
from madeof.model.zooming import ZoomRule
from madeof.regions.region import Region

Zoom = Literal["auto", "off"] | int
"""How many windows of a photo are looked at for one question: "auto" for `AUTO`, "off" for none, or a number."""

AUTO = 128
"""Windows for "auto"."""

MOST = 4096
"""Windows that may be asked for."""

Box = tuple[float, float, float, float]
"""x0, y0, x1, y1 in pixels of the photo."""

_ENLARGED = 1.4  # how much a window may be enlarged: it then still shows 1.4 times as much as the next coarser one
_LONGEST = 2  # the longer side of a window, in shorter ones: strips of a panorama would show no more than its height
_MARGIN = 16  # a part of a window's side that is left free around a region, except at the photo's own edge


@dataclass(frozen=True, order=True)
class Window:
    """A part of a photo that the net looks at."""

    level: int
    """How many times as large as in the first look it is seen, both ways: 2, 4, 8, ..."""
    top: int
    left: int
    height: int
    """In pixels of the photo, as are `top`, `left` and `width`."""
    width: int


@dataclass(frozen=True)
class Seen:
    """A region as the net sees it; areas are in the net's pixels."""

    first: float
    """Its area in the first look."""
    area: float
    """Its area in the closest look."""
    window: Window | None = None
    """Window of the second look; None if there is none."""
    left_out: bool = False
    """Whether there would be one, but there were too many windows."""

    @property
    def weight(self) -> float:
        """How much the second look counts, in [0, 1]: its part of what is seen of the region in both."""
        return self.area / (self.first + self.area)

    def notes(self, small_below: float) -> tuple[str, ...]:
        """Warnings: the region is small in the closest look, or had no second one."""
        small = (f"small: {self.area:.3g} px seen",) if self.area < small_below else ()
        return (*small, *(("not zoomed: too many windows",) if self.left_out else ()))


def windows_for(zoom: Zoom) -> int:
    """How many windows that is.

    Raises:
        InputError: it is none of "auto", "off" and a number from 0 to `MOST`.
    """
    if zoom == "auto":
        return AUTO
    if zoom == "off":
        return 0
    if isinstance(zoom, bool) or not isinstance(zoom, int) or not 0 <= zoom <= MOST:
        raise InputError(f"zoom is {zoom!r}; expected 'auto', 'off', or how many windows, 0 to {MOST}")
    return zoom


class Sights:
    """Sizes and windows of the regions of one photo, as the net sees them.

    Args:
        size: (height, width) of the photo.
        preprocessing: of the model.
        rule: of the model.
    """

    def __init__(self, size: tuple[int, int], preprocessing: Preprocessing, rule: ZoomRule) -> None:
        height, width = size
        self.size = size
        self.rule = rule
        self.shape = max(height, -(-width // _LONGEST)), max(width, -(-height // _LONGEST))
        """(height, width) of what windows are the halves, quarters, ... of: the photo, or a wider one round a strip."""
        self.net_shape = preprocessing.network_size(*self.shape)
        """(height, width) of a window for the net."""
        self.scale = _scale(self.net_shape, self.shape)
        """Pixels of the net for one of the photo, in a window of level 1."""
        self._first_scale = _scale(preprocessing.network_size(height, width), size)

    @cached_property
    def levels(self) -> tuple[int, ...]:
        """The levels that the photo has the pixels for, the coarsest first; none where it is small."""
        found = [2]
        while found[-1] * self.scale <= _ENLARGED:
            found.append(2 * found[-1])
        return tuple(found[:-1])

    def first(self, area: float) -> float:
        """The area of a region in the first look, from its area in the photo."""
        return area * self._first_scale**2

    def close(self, area: float, level: int) -> float:
        """The same in a window."""
        return area * (level * self.scale) ** 2

    def window(self, box: Box, area: float) -> Window | None:
        """The window of a region; None where it needs none, or there is none that shows more of it.

        Args:
            box: around the region.
            area: of the region, in pixels of the photo.
        """
        if self.first(area) >= self.rule.closer_below:
            return None
        found = None
        for level in self.levels:
            height, width = (max(1, round(side / level)) for side in self.shape)
            top = place(box[1], box[3], height, self.size[0])
            left = place(box[0], box[2], width, self.size[1])
            if top is None or left is None or self.close(area, level) <= self.first(area):
                continue
            found = Window(level, top, left, height, width)
            if self.close(area, level) >= self.rule.enough:
                break
        return found


def place(low: float, high: float, window: int, length: int) -> int | None:
    """Where the window of a stretch of one side of the photo begins; None where the stretch lies whole in none.

    The windows at multiples of their length come first, so that what lies together shares one more often; then those at
    multiples of a half and of a quarter. The last ones end where the side ends.

    Args:
        low: where the stretch begins, in pixels.
        high: where it ends.
        window: the length of a window.
        length: of the side.
    """
    last, margin, middle = length - window, window // _MARGIN, (low + high) / 2
    if last < 0:
        return None
    nearest = [round(parts * (middle / window - 0.5)) * window / parts for parts in (2, 4)]
    for start in (middle // window * window, *nearest):
        first = min(max(0, round(start)), last)
        begins = first if first == 0 else first + margin
        ends = length if first == last else first + window - margin
        if begins <= low and high <= ends:
            return first
    return None


def choose(regions: Sequence[Region], sights: Sights, zoom: Zoom) -> list[Seen]:
    """How each region of a photo is seen.

    Args:
        regions: of the photo, or of a smaller copy of it.
        sights: of the photo.
        zoom: how many windows there may be. Where more are wanted, those with the most regions are taken, and of these
            the coarsest and topmost.
    """
    most = windows_for(zoom)
    areas = [region.area * _ratio(region.size, sights.size) for region in regions]
    if not most or not sights.levels:
        return [Seen(sights.first(area), sights.first(area)) for area in areas]
    wanted = [sights.window(_box(region, sights.size), area) for region, area in zip(regions, areas, strict=True)]
    votes = Counter(window for window in wanted if window is not None)
    taken = set(sorted(votes, key=lambda window: (-votes[window], window))[:most])
    found = []
    for area, window in zip(areas, wanted, strict=True):
        first = sights.first(area)
        if window in taken:
            assert window is not None
            found.append(Seen(first, sights.close(area, window.level), window))
        else:
            found.append(Seen(first, first, left_out=window is not None))
    return found


def _box(region: Region, size: tuple[int, int]) -> Box:
    """The box of a region in the photo of `size`."""
    down, across = (full / own for full, own in zip(size, region.size, strict=True))
    x0, y0, x1, y1 = region.box
    return x0 * across, y0 * down, x1 * across, y1 * down


def _ratio(size: tuple[int, int], full: tuple[int, int]) -> float:
    """Pixels of the photo for one of its smaller copy."""
    return 1.0 if size == full else full[0] * full[1] / (size[0] * size[1])


def _scale(net: tuple[int, int], photo: tuple[int, int]) -> float:
    """Pixels of the net for one of the photo, the mean of both ways where they differ."""
    return math.sqrt(net[0] * net[1] / (photo[0] * photo[1]))
