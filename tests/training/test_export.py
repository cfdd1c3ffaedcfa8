"""Models that are exported."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from madeof.cli.main import main
from madeof.model.record import RANGES, Record


def test_export_with_ranges(tiny_model: Path, tiny_dataset: Path, tmp_path: Path) -> None:
    assert (
        main(["export", str(tiny_model), "--out", str(tmp_path / "out"), "--bits", "16", "--ranges", str(tiny_dataset)])
        == 0
    )
    record = Record.read(tmp_path / "out")
    assert set(record.files) == {"encoder.onnx", "classifier.onnx", RANGES}
    ranges = json.loads((tmp_path / "out" / RANGES).read_text())
    assert len(ranges) > 3
    assert all(low <= 0 < high for low, high in ranges.values())


def test_export_with_ranges_of_nothing(tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(tiny_model), "--out", str(tmp_path / "out"), "--ranges", str(tmp_path / "none")]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "out").exists()
