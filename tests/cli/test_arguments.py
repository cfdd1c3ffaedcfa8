"""What the commands share."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import Any

import pytest

from madeof.cli import arguments
from madeof.cli.main import main


@pytest.fixture(autouse=True)
def _quiet_logger_again() -> Any:
    """`main` sets up logging to this test's standard error; the next test has another."""
    logger = logging.getLogger("madeof")
    before = logger.handlers[:], logger.level
    yield
    logger.handlers[:], level = before
    logger.setLevel(level)


@pytest.mark.parametrize("command", [["export", "a", "--out", "b"], ["import-weights", "a", "--out", "b"]])
def test_missing_extra(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [n for n in sys.modules if n.startswith(("madeof.nets", "madeof.training"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    assert main(command) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "run  pip install 'madeof[train]'" in err
    assert not list(tmp_path.iterdir())


def test_json_in_any_encoding(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    arguments.print_json({"a": "Glas/ür"})
    assert capsys.readouterr().out == '{"a": "Glas/ür"}\n'

    class Ascii:
        encoding = "ascii"
        text = ""

        def write(self, text: str) -> None:
            self.text += text.encode("ascii").decode()

    out = Ascii()
    monkeypatch.setattr(sys, "stdout", out)
    arguments.print_json({"a": "Glas/ür"})
    assert json.loads(out.text) == {"a": "Glas/ür"}
