"""What several tests of viz/overlay share."""

from __future__ import annotations

import numpy as np

GREY = np.full((600, 800, 3), 128, dtype=np.uint8)


def disc(x: float, y: float, radius: float, size: tuple[int, int] = (600, 800)) -> np.ndarray:
    rows, columns = np.mgrid[: size[0], : size[1]]
    return (columns + 0.5 - x) ** 2 + (rows + 0.5 - y) ** 2 < radius**2
