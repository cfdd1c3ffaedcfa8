"""What several tests of regions/superpixels share."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def _tiles(seed: int = 0, height: int = 150, width: int = 200) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Twelve tiles of different colours with grain, and the number of each pixel's tile."""
    random = np.random.default_rng(seed)
    tile = np.arange(height)[:, None] * 3 // height * 4 + np.arange(width) * 4 // width
    colours = random.permutation(np.stack(np.meshgrid([40, 200], [30, 120, 220], [60, 190]), axis=-1).reshape(-1, 3))
    pixels = colours[tile] + random.normal(0, 6, (height, width, 3))
    return np.clip(pixels, 0, 255).astype(np.uint8), tile


def _purity(labels: NDArray[Any], truth: NDArray[Any]) -> float:
    """The share of pixels that are of their patch's most frequent tile."""
    counts = np.zeros((labels.max() + 1, truth.max() + 1))
    np.add.at(counts, (labels.ravel(), truth.ravel()), 1)
    return float(counts.max(axis=1).sum() / labels.size)
