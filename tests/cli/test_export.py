"""`madeof export`."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made import photo_and_label_map, write_model

from madeof.cli.main import main
from madeof.inference.predictor import load
from madeof.model.calibration import Calibration


@pytest.fixture(autouse=True)
def _quiet_logger_again() -> Any:
    """`main` sets up logging to this test's standard error; the next test has another."""
    logger = logging.getLogger("madeof")
    before = logger.handlers[:], logger.level
    yield
    logger.handlers[:], level = before
    logger.setLevel(level)


def test_export_half(tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    half = tmp_path / "half"
    assert main(["export", str(tiny_model), "--out", str(half), "--bits", "16"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert f"madeof: wrote {half}\n" in err
    assert sorted(path.name for path in half.iterdir()) == ["classifier.onnx", "encoder.onnx", "model.json"]
    whole = sum((tiny_model / path.name).stat().st_size for path in half.iterdir())
    assert sum(path.stat().st_size for path in half.iterdir()) < 0.75 * whole
    photo, labels = photo_and_label_map(5)
    scores = []
    for folder in (tiny_model, half):
        predictor = load(folder, threads=1)
        predictor.set_image(photo)
        scores.append(predictor.scores([labels == value for value in np.unique(labels)]))
    np.testing.assert_allclose(*scores, atol=1e-2)
    assert main(["export", str(half), "--out", str(tmp_path / "again")]) == 1
    assert capsys.readouterr().err == (
        f"madeof: {half} has no weights.safetensors: it can predict, but not be trained on or exported again\n"
    )
    assert not (tmp_path / "again").exists()


def test_export_into_a_model(tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = shutil.copytree(tiny_model, tmp_path / "model")
    before = {path.name: path.read_bytes() for path in model.iterdir()}
    assert main(["export", str(tiny_model), "--out", str(model)]) == 1
    assert capsys.readouterr().err == f"madeof: {model} already holds a model; choose another folder\n"
    assert {path.name: path.read_bytes() for path in model.iterdir()} == before


def test_export_with_weights(tmp_path: Path) -> None:
    model = write_model(tmp_path / "a", calibration=Calibration(1.5), background=0)
    assert main(["export", str(model), "--out", str(tmp_path / "b"), "--with-weights"]) == 0
    assert (tmp_path / "b" / "weights.safetensors").read_bytes() == (model / "weights.safetensors").read_bytes()
    record = load(tmp_path / "b").record
    assert (record.calibration.temperature, record.background, record.name) == (1.5, 0, "tiny")
