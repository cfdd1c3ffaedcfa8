"""Mask quality without ground truth: does the mask's border lie on edges of the photo?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from madeof.metrics.bootstrap import Interval

QUALITY_BOUNDS = (0.5, 0.6, 0.7, 0.8, 0.9)
"""Edge agreements: a region belongs to the first bound that it is under. 0.5 is what a border drawn anywhere has."""

QUALITY_BINS = len(QUALITY_BOUNDS) + 2
"""Under each bound, the last bound and more, and those of which nothing can be said."""

LONGEST_SIDE = 1024
"""A longer photo is shrunk by whole steps first: the borders and edges of 12 megapixels are as sharp as a screen's."""

# Seven pixels away, all around. Far enough to be off an edge's slope, near enough to be in the same surroundings.
_BESIDE = ((-7, 0), (-5, -5), (0, -7), (5, -5), (7, 0), (5, 5), (0, 7), (-5, 5))
_REACH = 9  # from a region to the farthest pixel that its border is compared with, and its neighbours


@dataclass(frozen=True)
class QualityBin:
    """The regions whose mask quality, the edge agreement, lies in [low, high); the last one holds 1 as well."""

    low: float | None
    """None, as `high`, for the regions of whose masks nothing can be said."""
    high: float | None
    regions: int
    accuracy: float | None
    accuracy_interval: Interval | None
    mean_class_accuracy: float | None

    @property
    def label(self) -> str:
        """Label for a table."""
        if self.low is None or self.high is None:
            return "no border to judge"
        if not self.low:
            return f"under {100 * self.high:.0f}%"
        return f"{100 * self.low:.0f}% and more" if self.high == 1 else f"{100 * self.low:.0f}-{100 * self.high:.0f}%"


def quality_bins(quality: NDArray[np.floating]) -> NDArray[np.int64]:
    """Each region's bin, (N,), by its mask's quality, (N,) in [0, 1] or NaN."""
    place = np.searchsorted(np.array(QUALITY_BOUNDS), quality, side="right").astype(np.int64)
    return np.where(np.isnan(quality), QUALITY_BINS - 1, place)


def quality_ranges() -> list[tuple[float | None, float | None]]:
    """The low and high end of each bin."""
    return [*zip((0.0, *QUALITY_BOUNDS), (*QUALITY_BOUNDS, 1.0), strict=True), (None, None)]


def edge_agreement(image: NDArray[np.uint8], masks: NDArray[np.bool_] | Sequence[Any]) -> NDArray[np.float32]:
    """How often the photo has a stronger edge on a mask's border than seven pixels beside it.

    Each pixel of the border, inside and outside, is compared with eight pixels around it that are not at the border;
    a stronger edge counts 1, an equal one 1/2. About 0.5 is what a border has that was drawn anywhere, 1 one that lies
    on edges all along; under 0.5, one that runs beside edges: a mask that is too large or too small. The photo alone
    decides, so a good mask between two things of the same colour scores low.

    Args:
        image: RGB, (H, W, 3) uint8.
        masks: (N, H, W) bool.

    Returns:
        (N,) in [0, 1]; NaN where a mask has no border in the photo: an empty one, the whole photo, or a speck that is
        lost when a long photo is shrunk.
    """
    if not len(masks):
        return np.zeros(0, dtype=np.float32)
    step = -(-max(image.shape[:2]) // LONGEST_SIDE)
    rows, columns = (slice(step // 2, None, step) for _ in range(2))
    edges = _edges(image, step)
    height, width = edges.shape
    small = [np.asarray(mask)[rows, columns][:height, :width] for mask in masks]
    return np.array([_agreement(edges, mask) for mask in small], dtype=np.float32)


def _edges(image: NDArray[np.uint8], step: int) -> NDArray[np.int16]:
    """The strongest change of any channel within a pixel of each pixel, of the photo shrunk by `step`."""
    if step > 1:
        from PIL import Image

        image = np.asarray(Image.fromarray(image).reduce(step))
    padded = np.pad(image.astype(np.int16), ((1, 1), (1, 1), (0, 0)), mode="edge")
    down = padded[:-2] + 2 * padded[1:-1] + padded[2:]
    across = padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]
    change = np.abs(down[:, 2:] - down[:, :-2]) + np.abs(across[2:] - across[:-2])  # Sobel's, at most 2040
    edges: NDArray[np.int16] = _around(change.max(axis=2), np.maximum)
    return edges


def _agreement(edges: NDArray[np.int16], mask: NDArray[np.bool_]) -> float:
    """The edge agreement of one mask, at most as large as `edges`."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        return float("nan")
    part = (
        slice(max(0, rows[0] - _REACH), rows[-1] + 1 + _REACH),
        slice(max(0, columns[0] - _REACH), columns[-1] + 1 + _REACH),
    )
    mask, edges = mask[part], edges[part]
    border = _around(mask, np.logical_or) & ~_around(mask, np.logical_and)
    near = _around(border, np.logical_or)
    y, x = np.nonzero(border)
    wins, pairs = 0.0, 0
    for down, right in _BESIDE:
        beside_y, beside_x = y + down, x + right
        kept = (beside_y >= 0) & (beside_y < mask.shape[0]) & (beside_x >= 0) & (beside_x < mask.shape[1])
        kept[kept] = ~near[beside_y[kept], beside_x[kept]]
        on, beside = edges[y[kept], x[kept]], edges[beside_y[kept], beside_x[kept]]
        wins += np.count_nonzero(on > beside) + np.count_nonzero(on == beside) / 2
        pairs += len(on)
    return wins / pairs if pairs else float("nan")


def _around(values: NDArray[Any], reduce: np.ufunc) -> Any:
    """The maximum, or what else `reduce` makes, of each pixel and its eight neighbours, (H, W)."""
    padded = np.pad(values, 1, mode="edge")
    rows = reduce(reduce(padded[:-2], padded[1:-1]), padded[2:])
    return reduce(reduce(rows[:, :-2], rows[:, 1:-1]), rows[:, 2:])
