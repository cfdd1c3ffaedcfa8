"""A store that is down."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import fsspec
import pytest
from batch_run import LINES, contents

from madeof.batch import run_batch
from madeof.cli.main import main
from madeof.errors import BatchError


def test_a_store_that_is_down_stops_it_before_good_photos_become_errors(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = fsspec.filesystem("memory")
    for number in range(30):
        system.pipe_file(f"/down/{number:02}.png", b"x")

    def broken(*args: Any, **kwargs: Any) -> None:
        raise ConnectionError("no route to host")

    monkeypatch.setattr("madeof.batch.remote.time.sleep", lambda seconds: None)
    monkeypatch.setattr(type(system), "open", broken)
    with pytest.raises(BatchError, match=r"10 photos one after another could not be reached.*no route to host"):
        run_batch("memory://down", tmp_path / "out", model=tiny_model, options=LINES, workers=0, per_shard=20)
    assert not contents(tmp_path / "out")


def test_no_answer_at_all_is_a_failure(tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(b"nothing")
    arguments = ["batch", str(tmp_path / "photos"), "--out", str(tmp_path / "out"), "--model", str(tiny_model)]
    assert main([*arguments, "--workers", "0"]) == 1
    assert "madeof: none of 1 photo has an answer: " in capsys.readouterr().err
