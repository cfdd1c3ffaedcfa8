"""`madeof import-weights`."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import pytest

from madeof.cli.main import main


@pytest.fixture(autouse=True)
def _quiet_logger_again() -> Any:
    """`main` sets up logging to this test's standard error; the next test has another."""
    logger = logging.getLogger("madeof")
    before = logger.handlers[:], logger.level
    yield
    logger.handlers[:], level = before
    logger.setLevel(level)


def test_import_weights_refuses_what_is_no_state_dict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / os.fsdecode(b"st\xffuff.torch")
    file.write_bytes(b"cos\nsystem\n(S'exit 1'\ntR.")
    assert main(["import-weights", str(file), "--out", str(tmp_path / "out")]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert not (tmp_path / "out").exists()
