"""What the tests of this room share."""

from __future__ import annotations

from pathlib import Path

import pytest

from madeof.datasets import RegionDataset, open_dataset


@pytest.fixture(scope="session")
def report_dataset(tiny_dataset: Path) -> RegionDataset:
    return open_dataset(tiny_dataset).split("val")
