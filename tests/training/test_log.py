"""The logs of a training."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from small_training import SMALL
from training_run import rows_of

from madeof.cli.main import main


def test_the_logs(trained: Path) -> None:
    rows = rows_of(trained)
    assert [row["step"] for row in rows] == ["head"] * 8 + ["net"]
    assert all(math.isfinite(float(row["loss"])) and 0 <= float(row["val_accuracy"]) <= 1 for row in rows)
    assert list((trained / "tensorboard").glob("events*"))


def test_without_a_terminal_the_epochs_are_lines(
    tiny_dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = [part for text in [*SMALL, "head_epochs=20", "epochs=1"] for part in ("--set", text)]
    assert main(["train", str(tiny_dataset), "--out", str(tmp_path / "run"), *settings]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert sum(line.startswith("madeof: head: epoch ") for line in lines) == 10
    assert any(line.startswith("madeof: net: epoch 1 of 1: loss ") and "val accuracy" in line for line in lines)
    assert any(line.startswith("madeof: on the val split: accuracy ") for line in lines)
    assert all(line.startswith("madeof: ") for line in lines)
