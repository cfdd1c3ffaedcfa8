"""What the tests of this room share."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from model_openvino_engine import photo

from madeof.training.export import read_net, write_model


@pytest.fixture(scope="session")
def model(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model with ranges for 8 bits."""
    folder = tmp_path_factory.mktemp("engines") / "model"
    net, record = read_net(tiny_model)
    images = [record.preprocessing.image(photo(height, width)) for height, width in ((64, 96), (97, 61), (80, 80))]
    write_model(net, record, folder, weights=False, bits=16, ranges_from=images)
    return folder


@pytest.fixture
def copy(model: Path, tmp_path: Path) -> Path:
    """One to write into."""
    return shutil.copytree(model, tmp_path / "copy")
