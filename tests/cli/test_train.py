"""The command `train`, before it trains."""

from __future__ import annotations

from pathlib import Path

import pytest

from madeof.cli.main import main


def test_a_folder_that_holds_something_else_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "images").mkdir()
    assert main(["train", str(tmp_path), "--out", str(tmp_path)]) == 1
    assert "is a folder with files in it (images) and no training" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["images"]
