"""`madeof calibrate`."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from madeof.cli.main import main
from madeof.datasets import open_dataset
from madeof.evaluation.run import evaluate
from madeof.inference.predictor import Predictor
from madeof.model.calibration import Calibration
from madeof.model.record import RECORD, Record


def test_calibrate_writes_a_model_of_the_same_scores(
    tiny_model: Path, tiny_dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "mine"
    arguments = ["calibrate", str(tiny_dataset), "--model", str(tiny_model), "--threads", "1", "--out"]
    assert main([*arguments, str(out), "--split", "all", "--precision", "0.8"]) == 0
    record, before = Record.read(out), Record.read(tiny_model)
    assert record.calibration.prediction_sets is not None
    assert record.calibration.uncertain_below is not None
    changed = {"calibration": Calibration()}
    assert dataclasses.replace(record, **changed) == dataclasses.replace(before, **changed)
    assert {path.name for path in out.iterdir()} == {*before.files, RECORD}
    predictor = Predictor(out, threads=1)
    found = evaluate(predictor, open_dataset(tiny_dataset))
    assert found.covered[0].covered is not None
    assert found.covered[0].covered >= 0.9  # on the regions that it was measured on
    assert main([*arguments, str(out), "--split", "all"]) == 1
    assert "mine" in capsys.readouterr().err
    assert main([*arguments, str(tmp_path / "few"), "--split", "val"]) == 1
    assert "got 12 regions of materials that the model knows; expected 30 or more" in capsys.readouterr().err
    assert not (tmp_path / "few").exists()
    with pytest.raises(SystemExit):
        main([*arguments, str(tmp_path / "x"), "--precision", "1"])
    assert "got '1'; expected a number from 0.5 to 0.999" in capsys.readouterr().err
