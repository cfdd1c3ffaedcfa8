"""What the tests of this room share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from made import photo_and_label_map

from madeof.inference.predictor import Predictor, load


@pytest.fixture(scope="session")
def predictor(tiny_model: Path) -> Predictor:
    return load(tiny_model, threads=1)


@pytest.fixture(scope="session")
def photo() -> np.ndarray:
    return photo_and_label_map(1, 60, 83)[0]


@pytest.fixture(scope="session")
def masks() -> np.ndarray:
    """Boxes, one pixel, a line, and all."""
    masks = np.zeros((7, 60, 83), dtype=bool)
    masks[0, 5:30, 5:20] = True
    masks[1, 31:, 40:] = True
    masks[2, 59, 82] = True
    masks[3, :, 7] = True
    masks[4] = True
    masks[5, ::2, ::3] = True
    masks[6, 0, 0] = True
    return masks
