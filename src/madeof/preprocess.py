"""The only resize and normalise: the same NumPy code in training, evaluation, prediction, export and server."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from madeof.errors import ModelError

Resize = Literal["fit", "limit"]
_LIMITS = {"side": (32, 8192), "multiple": (1, 1024), "max_pixels": (1024, 100_000_000)}


@dataclass(frozen=True)
class Preprocessing:
    """What a model wants done to a photo; it stands in the model's record.

    `resize="fit"` scales the longer side to `side` and rounds both sides to `multiple`, so that a model sees few
    shapes. `resize="limit"` leaves the photo as it is and only shrinks it to `max_pixels` when it is larger: the
    original's rule. (His reader multiplies both sides by the ratio of the areas and so ends up below his limit.)
    """

    mean: tuple[float, float, float] = (123.675, 116.28, 103.53)
    """Of the RGB channels, on the scale 0-255."""
    std: tuple[float, float, float] = (58.395, 57.12, 57.375)
    """Of the RGB channels, on the scale 0-255."""
    resize: Resize = "fit"
    side: int = 384
    """Pixels of the longer side, for `fit`."""
    multiple: int = 32
    """Both sides become a multiple of this, for `fit`."""
    max_pixels: int = 1_500_000
    """Height times width, for `limit`."""

    def __post_init__(self) -> None:
        if self.resize not in get_args(Resize):
            raise ModelError(f"preprocessing: resize is {self.resize!r}; expected one of {get_args(Resize)}")
        # So written, NaN and infinity are outside.
        if len(self.mean) != 3 or not all(-1e4 < m < 1e4 for m in self.mean):
            raise ModelError(f"preprocessing: mean is {_texts(self.mean)}; expected three numbers on the scale 0-255")
        if len(self.std) != 3 or not all(1e-3 < s < 1e4 for s in self.std):
            raise ModelError(
                f"preprocessing: std is {_texts(self.std)}; expected three numbers above 0 on the scale 0-255"
            )
        for name, (least, most) in _LIMITS.items():
            if not least <= getattr(self, name) <= most:
                raise ModelError(f"preprocessing: {name} is {getattr(self, name):.6g}; expected {least} to {most}")

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Preprocessing:
        """From the record's JSON."""
        try:
            given: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in values.items()}
            return cls(**given)
        except TypeError as error:
            raise ModelError(f"preprocessing: {error}") from error

    def network_size(self, height: int, width: int) -> tuple[int, int]:
        """The (height, width) at which the net sees a photo of this height and width."""
        if self.resize == "limit":
            scale = min(1.0, math.sqrt(self.max_pixels / (height * width)))
            h, w = max(1, int(height * scale)), max(1, int(width * scale))
            return min(h, self.max_pixels), min(w, self.max_pixels)  # which bites on lines one pixel thin
        scale = self.side / max(height, width)
        return self._round(height * scale), self._round(width * scale)

    def _round(self, length: float) -> int:
        return max(1, round(length / self.multiple)) * self.multiple

    def image(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Resize and normalise a photo: (H, W, 3) uint8 RGB -> (1, 3, h, w) float32."""
        size = self.network_size(*pixels.shape[:2])
        return self.normalise(resize_image(pixels, size)[np.newaxis])

    def normalise(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Normalise photos that have their size already: (B, h, w, 3) uint8 RGB -> (B, 3, h, w) float32."""
        scale = (1 / np.asarray(self.std)).astype(np.float32)
        values = pixels.astype(np.float32)
        values -= np.asarray(self.mean, dtype=np.float32)
        values *= scale
        return np.ascontiguousarray(values.transpose(0, 3, 1, 2))

    def masks(self, masks: Sequence[NDArray[Any]] | NDArray[Any]) -> NDArray[np.float32]:
        """Resize N masks, each (H, W) bool or coverage in [0, 1], to (N, 1, h, w) float32 coverage."""
        height, width = masks[0].shape
        size = self.network_size(height, width)
        return np.stack([resize_mask(mask, size) for mask in masks])[:, np.newaxis]


def resize_image(pixels: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Resize a photo, (H, W, 3) uint8, bilinearly (over the whole source area when it shrinks) to `size` (h, w)."""
    if pixels.shape[:2] == size:
        return pixels
    from PIL import Image

    height, width = size
    resized = Image.fromarray(pixels).resize((width, height), Image.Resampling.BILINEAR, reducing_gap=3.0)
    return np.asarray(resized)


def resize_mask(mask: NDArray[Any], size: tuple[int, int]) -> NDArray[np.float32]:
    """Resize a mask, (H, W) bool or coverage, to the coverage of each cell of `size` (h, w), float32.

    A cell's coverage is the exact mean over its area, of which pixels at its edge have a part. Only the region's own
    box is worked on. A region that is not empty keeps a coverage above 0, however small it is.
    """
    if mask.shape == size:
        return mask.astype(np.float32)
    result = np.zeros(size, dtype=np.float32)
    rows = np.flatnonzero(mask.any(axis=1))
    if not len(rows):
        return result
    columns = np.flatnonzero(mask[rows[0] : rows[-1] + 1].any(axis=0))
    y_edges, down, top = _cells(rows, mask.shape[0], size[0])
    x_edges, across, left = _cells(columns, mask.shape[1], size[1])
    part = _means(mask[down, across], y_edges, mask.shape[0] / size[0])
    part = _means(np.ascontiguousarray(part.T), x_edges, mask.shape[1] / size[1]).T
    result[top : top + part.shape[0], left : left + part.shape[1]] = part.clip(0, 1)
    return result


def _cells(occupied: NDArray[np.intp], length: int, cells: int) -> tuple[NDArray[np.float64], slice, int]:
    """The cells that touch the pixels `occupied` (ascending) of a side of `length` pixels in `cells` cells.

    Returns:
        their edges in pixels, counted from the first pixel that they touch; which pixels those are; the first cell.
    """
    scale = length / cells
    first = min(cells - 1, int(occupied[0] / scale))
    last = max(first + 1, min(cells, math.ceil((int(occupied[-1]) + 1) / scale)))
    start, stop = math.floor(first * scale), min(length, math.ceil(last * scale))
    edges = np.arange(first, last + 1) * scale - start
    return edges.clip(0, stop - start), slice(start, stop), first


def _means(values: NDArray[Any], edges: NDArray[np.float64], scale: float) -> NDArray[np.float32]:
    """The means over [edges[i], edges[i + 1]) down the columns of `values`: (n, W) -> (len(edges) - 1, W)."""
    whole = np.minimum(edges.astype(np.int64), len(values) - 1)
    parts = edges - whole
    means = np.empty((len(edges) - 1, values.shape[1]), dtype=np.float32)
    for row, (first, last) in enumerate(itertools.pairwise(whole)):  # 50 times as fast as one cumulative sum
        inside = values[first:last].sum(axis=0, dtype=np.float32)
        means[row] = inside - np.float32(parts[row]) * values[first] + np.float32(parts[row + 1]) * values[last]
    return means / np.float32(scale)


def _texts(values: Sequence[float]) -> str:
    return "[" + ", ".join(f"{value:g}" for value in values[:4]) + (", ...]" if len(values) > 4 else "]")
