"""What several tests of serve/select share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

HEIGHT, WIDTH = 120, 160


def _blocks(height: int = HEIGHT, width: int = WIDTH) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """A red disc with a hole as large as a few pixels, on grey, both with grain; and the disc."""
    y, x = np.mgrid[:height, :width]
    away = np.hypot(y - height / 2, x - width / 2)
    disc = away < height * 0.42
    pixels = np.where(disc[:, :, None], [180, 60, 50], [120, 120, 125]).astype(float)
    pixels[away < 2] = 250
    pixels += np.random.default_rng(0).normal(0, 8, pixels.shape)
    return np.clip(pixels, 0, 255).astype(np.uint8), disc


def _overlap(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """Intersection over union."""
    return float((a & b).sum() / (a | b).sum())
