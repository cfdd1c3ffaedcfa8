"""Several runs as one model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from made import photo_and_label_map, write_model

import madeof
from madeof.cli.main import main
from madeof.model.record import Record


def test_the_ensemble_is_the_geometric_mean_of_its_members(
    combined_model: Path, tiny_model: Path, second_model: Path
) -> None:
    record = Record.read(combined_model)
    photo, labels = photo_and_label_map(5)
    masks = [labels == value for value in np.unique(labels)]
    logs = []
    for folder, own in zip((tiny_model, second_model), record.architecture["temperatures"], strict=True):
        predictor = madeof.load(folder, threads=1)
        predictor.set_image(photo)
        member = np.log(predictor.scores(masks)) * Record.read(folder).calibration.temperature / own
        logs.append(member - np.log(np.exp(member).sum(axis=1, keepdims=True)))
    wanted = np.exp(np.mean(logs, axis=0) / record.calibration.temperature)
    wanted /= wanted.sum(axis=1, keepdims=True)
    both = madeof.load(combined_model, threads=1)
    both.set_image(photo)
    np.testing.assert_allclose(both.scores(masks), wanted, atol=1e-4)
    assert record.name == "both"


def test_it_is_measured_and_says_what_it_is_made_of(combined_model: Path) -> None:
    record = Record.read(combined_model)
    assert record.metrics["val"]["regions"] > 0
    assert [member["hidden"] for member in record.architecture["members"] if "hidden" in member] == [24]
    assert len(record.training["members"]) == 2
    assert [path.name for path in sorted(combined_model.iterdir())] == [
        "classifier.onnx", "encoder.onnx", "model.json", "weights.safetensors",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("bits", "most", "tolerance"), [pytest.param(16, 0.75, 1e-2, marks=pytest.mark.slow), (8, 0.5, 0.1)]
)
def test_it_is_exported_small(combined_model: Path, tmp_path: Path, bits: int, most: float, tolerance: float) -> None:
    small = tmp_path / "small"
    assert main(["export", str(combined_model), "--out", str(small), "--bits", str(bits)]) == 0
    graphs = ("encoder.onnx", "classifier.onnx")
    sizes = [sum((folder / name).stat().st_size for name in graphs) for folder in (small, combined_model)]
    assert sizes[0] < most * sizes[1]
    photo, labels = photo_and_label_map(5)
    scores = []
    for folder in (combined_model, small):
        predictor = madeof.load(folder, threads=1)
        predictor.set_image(photo)
        scores.append(predictor.scores([labels == value for value in np.unique(labels)]))
    np.testing.assert_allclose(*scores, atol=tolerance)


@pytest.mark.slow
def test_runs_that_do_not_fit(
    tiny_model: Path, second_model: Path, tiny_dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stem = write_model(tmp_path / "stem", architecture={"net": "MaskAtStem", "backbone": "test_resnet"})
    others = tmp_path / "others"
    write_model(others)
    values = json.loads((others / "model.json").read_text(encoding="utf-8"))
    values["materials"][0] = "Moon rock"
    (others / "model.json").write_text(json.dumps(values), encoding="utf-8")
    larger = tmp_path / "larger"
    write_model(larger)
    values = json.loads((larger / "model.json").read_text(encoding="utf-8"))
    values["preprocessing"]["side"] = 128
    (larger / "model.json").write_text(json.dumps(values), encoding="utf-8")

    def refused(*runs: Path, more: tuple[str, ...] = ()) -> str:
        arguments = [part for run in runs for part in ("--run", str(run))]
        assert main(["combine", str(tiny_dataset), *arguments, "--out", str(tmp_path / "out"), *more]) == 1
        return capsys.readouterr().err.splitlines()[-1]

    assert "got 1 run; expected two or more" in refused(tiny_model)
    assert "a run is not MaskAtPooling" in refused(tiny_model, stem)
    assert "another list or other values of materials" in refused(tiny_model, others)
    assert "preprocessing (give --side where only that differs)" in refused(tiny_model, larger)
    assert "no photo has the source 'moon'" in refused(tiny_model, second_model, more=("--calibration-source", "moon"))
    assert not (tmp_path / "out").exists()
    runs = ["--run", str(tiny_model), "--run", str(larger)]
    assert main(["combine", str(tiny_dataset), *runs, "--out", str(tmp_path / "out"), "--side", "128"]) == 0
    assert Record.read(tmp_path / "out").preprocessing.side == 128
    assert main(["combine", str(tiny_dataset), *runs, "--out", str(tmp_path / "out"), "--side", "128"]) == 1
    assert "already holds a model" in capsys.readouterr().err
