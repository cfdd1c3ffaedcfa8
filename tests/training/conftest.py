"""What the tests of this room share."""

from __future__ import annotations

from pathlib import Path

import pytest
from training_run import train


@pytest.fixture(scope="session")
def trained(tiny_dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished training."""
    out = tmp_path_factory.mktemp("runs") / "run"
    assert train(tiny_dataset, out) == 0
    return out
