"""What a training says of the model that it made."""

from __future__ import annotations

from pathlib import Path

from training_run import train

from madeof.model.record import Record


def test_the_record_says_what_it_was_trained_on(trained: Path) -> None:
    training_record = Record.read(trained).training
    assert training_record["config"]["seed"] == 5
    assert training_record["data"]["photos"] == {"train": 8, "val": 4}
    assert training_record["data"]["licences"] == {"MIT": 5, "non-commercial research": 3}
    assert set(training_record["versions"]) == {"madeof", "torch", "timm"}
    assert len(training_record["data"]["digest"]) == 64


def test_no_val_split(tmp_path: Path) -> None:
    from made import write_dataset

    assert train(write_dataset(tmp_path / "set", val=0), tmp_path / "run") == 0
    record = Record.read(tmp_path / "run")
    assert record.metrics == {}
    assert record.calibration.temperature == 1.0
