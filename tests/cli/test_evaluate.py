"""`madeof evaluate`."""

from __future__ import annotations

import dataclasses
import json
import logging
import shutil
from pathlib import Path
from typing import Any

import pytest

from madeof.cli.main import main
from madeof.datasets import open_dataset
from madeof.model.record import Record, copy_model


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
        "madeof: evaluating all splits: 12 photos, 36 regions",
    ]
    assert main([*command, "--source", "made"]) == 0
    assert "of 4 photos" in capsys.readouterr().out
    assert main([*command, "--source", "made", "--source", "moon"]) == 1
    assert capsys.readouterr().err.splitlines()[-1] == (
        "madeof: no photo has the source 'moon'; the sources are made (4)"
    )
    assert main([*command, "--split", "test"]) == 1
    assert "the split 'test' has no photo with a region; the splits are train (8), val (4)" in capsys.readouterr().err


def test_where_no_split_is_given_all_photos_are_judged(
    tiny_model: Path, tiny_dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Unless the model learned from this data set: then its own val split is."""
    data = shutil.copytree(tiny_dataset, tmp_path / "data")
    (data / "photos.csv").unlink()
    assert open_dataset(data).splits_are_drawn
    assert not open_dataset(tiny_dataset).splits_are_drawn
    command = ["evaluate", str(data), "--threads", "1", "--json", "--model"]
    assert main([*command, str(tiny_model)]) == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert (found["photos"], found["judged"]["split"], found["judged"]["passed_over"]) == (12, "all", 0)
    assert "no photo's split is given: all photos are judged; if the model learned from some of them, give --spl" in err
    record = dataclasses.replace(Record.read(tiny_model), training={"data": {"digest": open_dataset(data).digest}})
    copy_model(tiny_model, record, tmp_path / "own")
    assert main([*command, str(tmp_path / "own")]) == 0
    out, err = capsys.readouterr()
    judged = json.loads(out)["judged"]
    assert judged["split"] == "val"
    assert judged["passed_over"] == list(open_dataset(data).photos.split).count("train") > 0
    assert "no photo's split" not in err


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
    message = "is there already; give another name, or take it away: nothing is overwritten"
    assert err == f"madeof: {tmp_path}/file {message}\n"
    assert main(["evaluate", str(tmp_path / "none"), "--model", str(tiny_model)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert str(tmp_path / "none") in err
