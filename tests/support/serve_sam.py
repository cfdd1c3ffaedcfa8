"""What several tests of serve/sam share."""

from __future__ import annotations

import numpy as np
from made_sam import SIDE
from numpy.typing import NDArray

from madeof.regions.region import Region

HEIGHT, WIDTH = 120, 160


_SCALE = WIDTH / SIDE  # pixels of the photo for one of the square


def _halves(height: int = HEIGHT, width: int = WIDTH) -> NDArray[np.uint8]:
    """A photo whose left half is red and whose right half is blue."""
    pixels = np.zeros((height, width, 3), dtype=np.uint8)
    pixels[:, : width // 2, 0] = pixels[:, width // 2 :, 2] = 255
    return pixels


def _overlap(region: Region | None, mask: NDArray[np.bool_]) -> float:
    """Intersection over union."""
    assert region is not None
    found = region.mask > 0
    return float((found & mask).sum() / (found | mask).sum())


def _disc(x: float, y: float, radius: float, stretch: float = 1.0, scale: float = 1.0) -> NDArray[np.bool_]:
    rows, columns = np.mgrid[: int(HEIGHT * scale), : int(WIDTH * scale)] + 0.5
    inside: NDArray[np.bool_] = np.hypot(columns - x, (rows - y) / stretch) < radius
    return inside & (columns < WIDTH * scale / 2)
