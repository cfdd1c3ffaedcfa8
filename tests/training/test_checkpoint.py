"""Checkpoints, and going on from them."""

from __future__ import annotations

from pathlib import Path

import pytest
from training_run import train

from madeof.cli.main import main
from madeof.model.record import Record


def test_resume_takes_the_settings_of_the_run(tiny_dataset: Path, tmp_path: Path, trained: Path) -> None:
    out = tmp_path / "run"
    assert train(tiny_dataset, out, "head_epochs=2", "epochs=0") == 0
    (out / "model.json").unlink()
    assert main(["train", str(tiny_dataset), "--out", str(out), "--quiet", "--resume"]) == 0
    assert Record.read(out).training["config"]["head_epochs"] == 2


def test_other_settings_or_data_cannot_resume(
    trained: Path, tiny_dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(tiny_dataset, trained, "head_lr=0.02", "threads=2", resume=True) == 1
    assert "head_lr was 0.01 and is 0.02; resume with the same" in capsys.readouterr().err
    from made import write_dataset

    assert train(write_dataset(tmp_path / "other", photos=10), trained, resume=True) == 1
    assert "begun on other data" in capsys.readouterr().err


def test_a_full_disk_keeps_the_last_checkpoint(
    tiny_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import errno
    import os

    real = os.fsync
    calls = iter(range(10_000))

    def full(descriptor: int) -> None:
        if next(calls) > 40:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    assert train(tiny_dataset, tmp_path / "run") == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert "cannot write" in error
    assert "No space left on device" in error
    monkeypatch.undo()
    assert not list((tmp_path / "run").glob(".*.tmp"))
    assert train(tiny_dataset, tmp_path / "run", resume=True) == 0
