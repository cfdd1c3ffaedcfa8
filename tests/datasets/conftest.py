"""What the tests of this room share."""

from __future__ import annotations

from pathlib import Path

import pytest
from datasets_opening import TWO, folder
from datasets_problems import MATERIALS, photo, save, square

from madeof.datasets import RegionDataset, open_dataset


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A sound data set of two photos."""
    for name in ("a", "b"):
        save(tmp_path / "images" / f"{name}.jpg", photo())
        save(tmp_path / "labels" / f"{name}.png", square())
    (tmp_path / "materials.csv").write_text(MATERIALS)
    return tmp_path


@pytest.fixture
def two(tmp_path: Path) -> RegionDataset:
    return open_dataset(folder(tmp_path, TWO))
