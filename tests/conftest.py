"""What several tests share."""

from __future__ import annotations

from pathlib import Path

import pytest
from made import write_dataset, write_model

from madeof.inference.predictor import Predictor


@pytest.fixture(scope="session")
def tiny_dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of twelve photos."""
    return write_dataset(tmp_path_factory.mktemp("data") / "set")


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder with random weights. Do not write into it."""
    return write_model(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture(scope="session")
def tiny_predictor(tiny_model: Path) -> Predictor:
    """A predictor with that model, one thread. Set no image: use `encode`."""
    return Predictor(tiny_model, threads=1)
