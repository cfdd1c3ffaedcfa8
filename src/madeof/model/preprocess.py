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
from madeof.regions.region import Region

Resize = Literal["fit", "limit"]
_SPARE = 1.5  # how many times the network's size a photo that is decoded smaller keeps, at least
_LONG = 12_000  # bytes of mask in a cell's row from which on it is summed by itself
_LIMITS = {"side": (32, 8192), "multiple": (1, 1024), "max_pixels": (1024, 100_000_000), "mask_stride": (1, 32)}


@dataclass(frozen=True)
class Preprocessing:
    """Preprocessing of a photo; part of the model's record.

    `resize="fit"` scales the longer side to `side` and rounds both sides to `multiple`, so that a model sees few
    shapes. `resize="limit"` leaves the photo as it is and only shrinks it to `max_pixels` when it is larger: the
    original's rule. (His reader multiplies both sides by the ratio of the areas and so ends up below his limit.)
    """

    mean: tuple[float, float, float] = (123.675, 116.28, 103.53)
    """Per RGB channel, on the scale 0-255."""
    std: tuple[float, float, float] = (58.395, 57.12, 57.375)
    """Per RGB channel, on the scale 0-255."""
    resize: Resize = "fit"
    side: int = 384
    """Pixels of the longer side, for `fit`."""
    multiple: int = 32
    """Both sides become a multiple of this, for `fit`."""
    max_pixels: int = 1_500_000
    """Height times width, for `limit`."""
    mask_stride: int = 1
    """A mask is given as the coverage of cells of so many of the net's pixels each way: the stride of the finest map
    that the net pools, where it sees no more of the mask than that."""

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

    def mask_size(self, height: int, width: int) -> tuple[int, int]:
        """The (height, width) of a mask as the net takes it, for a photo of this height and width."""
        h, w = self.network_size(height, width)
        return -(-h // self.mask_stride), -(-w // self.mask_stride)

    def _round(self, length: float) -> int:
        return max(1, round(length / self.multiple)) * self.multiple

    def least_size(self, height: int, width: int) -> tuple[int, int]:
        """The (height, width) from which a photo of this height and width may be decoded smaller, and no further."""
        h, w = self.network_size(height, width)
        return math.ceil(h * _SPARE), math.ceil(w * _SPARE)

    def image(self, pixels: NDArray[np.uint8], size: tuple[int, int] | None = None) -> NDArray[np.float32]:
        """Resize and normalise a photo: (H, W, 3) uint8 RGB -> (1, 3, h, w) float32.

        Args:
            pixels: the photo.
            size: the photo's own (height, width), where `pixels` were decoded smaller.
        """
        height, width = size or pixels.shape[:2]
        return self.normalise(resize_image(pixels, self.network_size(height, width))[np.newaxis])

    def normalise(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Normalise photos that have their size already: (B, h, w, 3) uint8 RGB -> (B, 3, h, w) float32."""
        scale = (1 / np.asarray(self.std)).astype(np.float32)
        values = pixels.astype(np.float32)
        values -= np.asarray(self.mean, dtype=np.float32)
        values *= scale
        return np.ascontiguousarray(values.transpose(0, 3, 1, 2))

    def masks(
        self, masks: Sequence[NDArray[Any] | Region] | NDArray[Any], photo_size: tuple[int, int] | None = None
    ) -> NDArray[np.float32]:
        """Resize N masks of one photo to (N, 1, h, w) float32 coverage of `mask_size`.

        Args:
            masks: each (H, W) bool or coverage in [0, 1], or a `Region`, of which only its cut-out is worked on.
            photo_size: (height, width) of the photo, where the masks are of a smaller copy of it.
        """
        first = masks[0]
        size = self.mask_size(*(photo_size or (first.size if isinstance(first, Region) else first.shape)))
        result = np.zeros((len(masks), 1, *size), dtype=np.float32)
        for mask, cells in zip(masks, result[:, 0], strict=True):
            _shrink(mask, cells)
        return result


def resize_image(pixels: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Resize a photo, (H, W, 3) uint8, bilinearly (over the whole source area when it shrinks) to `size` (h, w)."""
    if pixels.shape[:2] == size:
        return pixels
    from PIL import Image

    height, width = size
    resized = Image.fromarray(pixels).resize((width, height), Image.Resampling.BILINEAR, reducing_gap=3.0)
    return np.asarray(resized)


def resize_mask(mask: NDArray[Any] | Region, size: tuple[int, int]) -> NDArray[np.float32]:
    """Resize a mask, (H, W) bool or coverage, or a region to the coverage of each cell of `size` (h, w), float32.

    A cell's coverage is the exact mean over its area, of which pixels at its edge have a part. Only the region's own
    box is worked on. A region that is not empty keeps a coverage above 0, however small it is.
    """
    result = np.zeros(size, dtype=np.float32)
    _shrink(mask, result)
    return result


def _shrink(mask: NDArray[Any] | Region, cells: NDArray[np.float32]) -> None:
    """Write the coverage of the cells that a mask or region touches into `cells`, (h, w), which are 0."""
    if not isinstance(mask, Region):
        if not mask.any():
            return
        mask = Region("mask", mask).tight()
    (x, y), (height, width) = mask.corner, mask.size
    values: NDArray[Any] = mask.cut
    if (height, width) == cells.shape:
        cells[y : y + values.shape[0], x : x + values.shape[1]] = values
        return
    if values.dtype == np.bool_ and mask.area == values.size:  # a box: what holds for one column holds for all
        column, row = (np.ones((side, 1), dtype=np.uint8) for side in values.shape)
        down, top = _turned_sums(column, y, height, cells.shape[0])
        across, left = _turned_sums(row, x, width, cells.shape[1])
        sums = down.T * across
    else:  # bytes are the quickest to add up, and of what the rows' sums leave there is little to turn
        values = values.view(np.uint8) if values.dtype == np.bool_ else values.astype(np.float32, copy=False)
        turned, top = _turned_sums(values, y, height, cells.shape[0])
        sums, left = _turned_sums(turned, x, width, cells.shape[1])
    sums /= np.float32(height * width)  # a cell's area in those units
    np.clip(sums, 0, 1, out=cells[top : top + sums.shape[0], left : left + sums.shape[1]])


def _turned_sums(values: NDArray[Any], start: int, length: int, cells: int) -> tuple[NDArray[np.float32], int]:
    """The sums of rows over the cells that they touch, where a side of `length` pixels is divided into `cells` cells.

    Args:
        values: (n, W) uint8 (0 and 1) or float32: the pixels from `start` on; all others are 0.
        start: of the first row, in pixels.
        length: pixels of the side.
        cells: cells of the side.

    Returns:
        (W, m) float32, turned over, in units of 1 / `cells` rows, so that whole numbers stay whole; and which cell the
        first of the m is.
    """
    count = len(values)
    first, last = start * cells // length, -(-(start + count) * cells // length)
    edges = (np.arange(first, last + 1) * length - start * cells).clip(0, count * cells)  # in those units
    whole, part = np.divmod(edges, cells)
    sums = np.multiply(_begun(values, whole), cells, dtype=np.float32)
    # An edge may cut a row in two: its first part belongs to the cell before it.
    cut = values[np.minimum(whole, count - 1)] * part.astype(np.float32)[:, np.newaxis]
    sums -= cut[:-1]
    sums += cut[1:]
    return np.ascontiguousarray(sums.T), first


def _begun(values: NDArray[Any], edges: NDArray[np.int64]) -> NDArray[Any]:
    """The sums of the rows [edges[i], edges[i + 1]) of `values`, which may be none: (len(edges) - 1, W)."""
    rows = np.diff(edges)
    most = int(rows.max())
    kind = values.dtype if values.dtype != np.uint8 or most < 256 else np.dtype(np.uint32)
    sums = np.zeros((len(rows), values.shape[1]), dtype=kind)
    if values.nbytes > _LONG * len(rows):  # cell by cell, each at the speed of memory
        for total, (first, last) in zip(sums, itertools.pairwise(edges.tolist()), strict=True):
            np.add.reduce(values[first:last], axis=0, dtype=kind, out=total)
        return sums
    for step in range(most):  # one row of every cell at a time: few steps, and each is long
        taken = values[np.minimum(edges[:-1] + step, len(values) - 1)]
        if rows.min() <= step:
            taken *= (rows > step).astype(values.dtype)[:, np.newaxis]
        sums += taken
    return sums


def _texts(values: Sequence[float]) -> str:
    return "[" + ", ".join(f"{value:g}" for value in values[:4]) + (", ...]" if len(values) > 4 else "]")
