"""What several tests of model/openvino_engine share."""

from __future__ import annotations

from typing import Any

import numpy as np


def photo(height: int, width: int) -> np.ndarray[Any, Any]:
    random = np.random.default_rng(height)
    coarse = random.integers(0, 256, (-(-height // 8), -(-width // 8), 3))
    return coarse.repeat(8, 0).repeat(8, 1)[:height, :width].astype(np.uint8)
