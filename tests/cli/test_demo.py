"""`madeof demo`."""

from __future__ import annotations

import dataclasses
import logging
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from madeof.cli.main import main
from madeof.model.calibration import Calibration
from madeof.model.record import Record


@pytest.fixture(autouse=True)
def _quiet_logger_again() -> Any:
    """`main` sets up logging to this test's standard error; the next test has another."""
    logger = logging.getLogger("madeof")
    before = logger.handlers[:], logger.level
    yield
    logger.handlers[:], level = before
    logger.setLevel(level)


def test_demo(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["demo", "--model", str(tiny_model), "--threads", "1"]) == 0
    out, err = capsys.readouterr()
    head, *rows = out.splitlines()
    assert head.split() == ["region", "answer", "score", "what", "it", "is"]
    assert [row.split()[0] for row in rows] == ["table", "coffee", "spoon"]
    assert [row.replace("(wrong)", "").split()[-1] for row in rows] == ["Wood", "Food", "Metal"]
    for row in rows:
        answer, truth = row.split()[1], row.replace("(wrong)", "").split()[-1]
        assert ("(wrong)" in row) == (answer != truth)
    assert err == "madeof: wrote demo-overlay.png\n"
    with Image.open("demo-overlay.png") as picture:
        assert picture.format == "PNG"
    assert [path.name for path in tmp_path.iterdir()] == ["demo-overlay.png"]


def test_demo_says_where_it_is_unsure(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = shutil.copytree(tiny_model, tmp_path / "model")
    for threshold, times in ((0.0, 0), (1.0, 3)):
        dataclasses.replace(Record.read(folder), calibration=Calibration(1.0, threshold)).write(folder)
        assert main(["demo", "--model", str(folder), "--threads", "1"]) == 0
        assert capsys.readouterr().out.count("%   unsure   ") == times


def test_demo_that_cannot_write(tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--model", str(tiny_model), "--overlay", str(tmp_path / "no" / "a.png")]) == 1
    out, err = capsys.readouterr()
    assert "spoon" in out
    assert err == f"madeof: cannot write {tmp_path}/no/a.png: No such file or directory; nothing was changed\n"
