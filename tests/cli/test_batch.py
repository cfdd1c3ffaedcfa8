"""`madeof batch`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from batch_run import batch

from madeof.batch import Options
from madeof.cli.main import main
from madeof.errors import InputError


def test_the_command(batch_photos: Path, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [
        "batch", str(batch_photos / "images"), "--out", str(tmp_path / "out"), "--model", str(tiny_model),
        "--workers", "0", "--label-maps", str(batch_photos / "labels"), "--to", "jsonl", "--photos-per-shard", "4",
    ]  # fmt: skip
    assert main(arguments) == 0
    told = capsys.readouterr()
    assert not told.out
    assert "madeof: 10 of 10 photos (100.0%), 27 regions, 1 error, " in told.err
    assert f"madeof: wrote {tmp_path / 'out'}: 10 photos, 27 regions, 1 error, 3 shards, in " in told.err
    assert main([*arguments, "--quiet", "--top", "3"]) == 1
    assert "settings.top is 5 there and 3 now" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"per_shard": 0}, "per_shard is 0; expected 1 or more"),
        ({"workers": -1}, "workers is -1; expected 0 or more"),
        ({"options": Options(to="csv")}, "to is 'csv'; expected one of parquet, jsonl"),  # type: ignore[arg-type]
    ],
)
def test_settings_that_cannot_be(batch_photos: Path, tiny_model: Path, tmp_path: Path, how: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        batch(batch_photos, tmp_path / "out", tiny_model, **how)
    assert not (tmp_path / "out").exists()
