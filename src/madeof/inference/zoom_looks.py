"""Second looks at a photo: its windows encoded, and kept within a bound for whoever asks next."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from madeof.images.photo import Photo, finer
from madeof.inference.zoom import Sights, Window
from madeof.model.preprocess import Preprocessing, resize_image
from madeof.model.runtime import Features
from madeof.regions.region import Region

KEPT_BYTES = 64_000_000
"""Most bytes of window features per photo: about ten windows of the bundled model."""

_DECODED = 0.95  # of a window's pixels for the net that are decoded at least: a half of 4,000 pixels does for 2,048


class Looks:
    """The features of windows of one photo: the last ones used, within `KEPT_BYTES`. Threads may come at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[Window, Features] = OrderedDict()
        self.nbytes = 0

    def get(self, window: Window) -> Features | None:
        """Those of a window, where they are kept."""
        with self._lock:
            found = self._kept.get(window)
            if found is not None:
                self._kept.move_to_end(window)
            return found

    def add(self, window: Window, features: Features) -> None:
        """Keep those of a window; the longest unused go where they need room."""
        size = _nbytes(features)
        if size > KEPT_BYTES:
            return
        with self._lock:
            if window in self._kept:
                return
            self._kept[window] = features
            self.nbytes += size
            while self.nbytes > KEPT_BYTES:
                self.nbytes -= _nbytes(self._kept.popitem(last=False)[1])


def look_again(
    photo: Photo,
    windows: Iterable[Window],
    sights: Sights,
    looks: Looks,
    preprocessing: Preprocessing,
    encode: Callable[[NDArray[np.float32]], Features],
) -> Iterator[tuple[Window, Features]]:
    """The features of each window, one after the other: what is kept of them, or encoded now.

    Of a photo that was decoded smaller more pixels are decoded at the first window of a level that needs them.
    """
    pixels: NDArray[np.uint8] | None = None
    level = 0
    for window in sorted(windows):
        features = looks.get(window)
        if features is None:
            if pixels is None or window.level != level:
                pixels, level = None, window.level  # never those of two levels at once
                pixels = finer(photo, _least(photo.size, window.level, sights))
            features = encode(
                preprocessing.normalise(resize_image(cut(pixels, window, photo.size), sights.net_shape)[np.newaxis])
            )
            looks.add(window, features)
        yield window, features


def read_window(photo: Photo, window: Window, sights: Sights) -> NDArray[np.uint8]:
    """The pixels of a window as the net sees them: (h, w, 3) uint8 RGB, not normalised."""
    return resize_image(
        cut(finer(photo, _least(photo.size, window.level, sights)), window, photo.size), sights.net_shape
    )


def cut(pixels: NDArray[np.uint8], window: Window, size: tuple[int, int]) -> NDArray[np.uint8]:
    """The pixels of a window, (h, w, 3), of a photo of `size` whose `pixels` may be fewer: whole ones, at least one."""
    sides = []
    for start, length, own, full in zip(
        (window.top, window.left), (window.height, window.width), pixels.shape[:2], size, strict=True
    ):
        first = min(round(start * own / full), own - 1)
        sides.append(slice(first, max(first + 1, round((start + length) * own / full))))
    return np.ascontiguousarray(pixels[sides[0], sides[1]])


def inside(region: Region, window: Window, size: tuple[int, int]) -> Region:
    """A region of a photo of `size`, as a region of one of its windows."""
    region = enlarge(region, size)
    (x, y), shape = region.corner, (window.height, window.width)
    return Region(region.name, region.cut, region.value, (x - window.left, y - window.top), shape)


def enlarge(region: Region, size: tuple[int, int]) -> Region:
    """A region whose mask is of a smaller copy of a photo, as one of the photo of `size`; tight."""
    region = region.tight()
    if region.size == size:
        return region
    places, starts = [], []
    for low, high, own, full in zip(region.box[:2], region.box[2:], region.size[::-1], size[::-1], strict=True):
        start, end = low * full // own, min(full, -(-high * full // own))
        nearest = (2 * np.arange(start, end) + 1) * own // (2 * full)
        kept = (nearest >= low) & (nearest < high)
        if not kept.any():  # of what is smaller than a pixel of the photo
            kept, nearest = np.ones_like(kept), nearest.clip(low, high - 1)
        places.append(nearest[kept] - low)
        starts.append(start + int(kept.argmax()))
    mask = region.cut[np.ix_(places[1], places[0])]
    return Region(region.name, mask, region.value, (starts[0], starts[1]), size)


def mix(values: NDArray[np.float32], rows: list[int], weights: NDArray[np.float32], again: NDArray[np.float32]) -> None:
    """Put the second look at some regions into what the first one gave: their weighted mean, into `values`.

    Of logits that is the mean of log-probabilities, but for a constant that the softmax takes away.

    Args:
        values: (N, C): of the first look at all regions; written to.
        rows: which M of them.
        weights: (M,), in [0, 1]: how much the second look counts.
        again: (M, C): of the second look.
    """
    values[rows] += weights[:, np.newaxis] * (again - values[rows])


def _least(size: tuple[int, int], level: int, sights: Sights) -> tuple[int, int]:
    """The (height, width) that the whole photo must have, at least, for windows of a level; no more than it has."""
    height, width = size
    scale = min(1.0, level * sights.scale * _DECODED)
    return int(height * scale), int(width * scale)


def _nbytes(features: Features) -> int:
    return sum(array.nbytes for array in features)
