"""`madeof evaluate`."""

from __future__ import annotations

import json
import logging
import shutil
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


def test_evaluate(tiny_model: Path, tiny_dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["evaluate", str(tiny_dataset), "--model", str(tiny_model), "--threads", "1"]
    assert main([*command, "--json", "--out", str(tmp_path / "report")]) == 0
    out, err = capsys.readouterr()
    assert out.count("\n") == 1
    found = json.loads(out)
    assert {"regions", "accuracy", "mean_class_accuracy", "by_material", "by_size"} <= set(found)
    assert found["photos"] == 4  # the val split
    assert found["regions"] == sum(row["regions"] for row in found["by_material"].values())
    assert 0 <= found["accuracy"] <= 1
    assert all({"regions", "accuracy"} <= set(row) for row in found["by_material"].values())
    assert found["model"] == "tiny 3"
    assert json.loads((tmp_path / "report" / "evaluation.json").read_text()) == found
    assert f"madeof: wrote {tmp_path / 'report' / 'evaluation.json'}\n" in err
    assert main([*command, "--split", "all"]) == 0
    out, err = capsys.readouterr()
    assert "of 12 photos" in out
    assert err.splitlines() == [
        f"madeof: {tiny_dataset}: 12 photos, 36 regions",
        "madeof: evaluating the split all: 12 photos, 36 regions",
    ]
    assert main([*command, "--source", "made"]) == 0
    assert "of 4 photos" in capsys.readouterr().out
    assert main([*command, "--source", "made", "--source", "moon"]) == 1
    assert capsys.readouterr().err.splitlines()[-1] == (
        "madeof: no photo has the source 'moon'; the sources are made (4)"
    )
    assert main([*command, "--split", "test"]) == 1
    assert "the split 'test' has no photo with a region; the splits are train (8), val (4)" in capsys.readouterr().err


def test_evaluate_goes_on_after_a_bad_photo(
    tiny_model: Path, tiny_dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = shutil.copytree(tiny_dataset, tmp_path / "data")
    photo = data / "images" / "p11.png"
    photo.write_bytes(photo.read_bytes()[:-500])
    assert main(["evaluate", str(data), "--model", str(tiny_model), "--json"]) == 1
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert found["photos"] == 3
    assert [failure["photo"] for failure in found["failures"]] == ["p11"]
    assert "madeof: not evaluated: p11: " in err


def test_evaluate_says_first_what_cannot_be(
    tiny_model: Path, tiny_dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    command = ["evaluate", str(tiny_dataset), "--model", str(tiny_model), "--out", str(tmp_path / "file")]
    assert main(command) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.endswith(f"madeof: cannot make the folder {tmp_path}/file: File exists\n")
    assert main(["evaluate", str(tmp_path / "none"), "--model", str(tiny_model)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert str(tmp_path / "none") in err
