"""A batch: what it writes, how it goes on, and what stops it."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from batch_run import LINES, batch, contents, manifest
from batch_sources import write_csv, write_photos

from madeof._util import files
from madeof.batch import Kernel, Options, Task, run_batch
from madeof.cli.main import main
from madeof.errors import BatchError, ModelError


def test_shards_hold_what_predict_prints(
    batch_photos: Path, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = batch(batch_photos, tmp_path / "out", tiny_model)
    assert (done.photos, done.regions, done.errors, len(done.shards)) == (10, 27, 1, 3)
    photos = [str(path) for path in sorted((batch_photos / "images").iterdir())]
    assert (
        main(
            [
                "predict",
                *photos,
                "--label-map",
                str(batch_photos / "labels"),
                "--model",
                str(tiny_model),
                "--threads",
                "1",
                "--json",
            ]
        )
        == 1
    )
    predicted = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [json.loads(line) for line in b"".join(contents(tmp_path / "out").values()).splitlines()] == predicted
    assert "error" in predicted[3]
    found = manifest(tmp_path / "out")
    assert found["done"] is True
    assert {what: found[what] for what in ("photos", "regions", "errors", "rows")} == {
        "photos": 10, "regions": 27, "errors": 1, "rows": 10,
    }  # fmt: skip
    assert [(shard["name"], shard["photos"]) for shard in found["shards"]] == [
        ("part-000000.jsonl", 4), ("part-000001.jsonl", 4), ("part-000002.jsonl", 2),
    ]  # fmt: skip
    assert found["shards"][0]["sha256"] == files.sha256(tmp_path / "out" / "part-000000.jsonl")
    assert found["model"]["name"] == "tiny"
    assert not (tmp_path / "out" / "_progress").exists()


def test_parquet_is_the_default_and_reads_as_one_table(batch_photos: Path, tiny_model: Path, tmp_path: Path) -> None:
    done = batch(batch_photos, tmp_path / "out", tiny_model, options=None)
    table = pq.read_table(tmp_path / "out")
    assert table.num_rows == 28 == sum(shard.rows for shard in done.shards)
    rows = table.to_pylist()
    assert sum(row["error"] is not None for row in rows) == 1
    assert {row["image"] for row in rows} == {str(path) for path in (batch_photos / "images").iterdir()}
    assert all(len(row["top"]) == 4 for row in rows if row["error"] is None)


def test_the_number_of_workers_changes_no_byte(batch_photos: Path, tiny_model: Path, tmp_path: Path) -> None:
    for workers in (0, 2):
        batch(batch_photos, tmp_path / f"out{workers}", tiny_model, workers=workers, options=None)
    assert contents(tmp_path / "out0") == contents(tmp_path / "out2")


def test_done_again_does_nothing_and_damage_is_made_good(
    batch_photos: Path,
    tiny_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    out = tmp_path / "out"
    batch(batch_photos, out, tiny_model)
    before = contents(out)
    (out / "part-000001.jsonl").write_bytes(before["part-000001.jsonl"][:-1] + b" ")
    (out / "part-000002.jsonl").unlink()
    done = batch(batch_photos, out, tiny_model)
    assert done.kept == 4
    assert contents(out) == before
    assert "2 shards damaged or gone (part-000001.jsonl, part-000002.jsonl); done again" in caplog.text
    monkeypatch.setattr(Kernel, "answered", None)
    assert batch(batch_photos, out, tiny_model).kept == 10


def test_names_of_any_bytes_are_written(batch_photos: Path, tiny_model: Path, tmp_path: Path) -> None:
    names = [b"stray \xff.png", b"two\nlines.png", b"-dash.png", "naïve €.png".encode()]
    (tmp_path / "photos").mkdir()
    for name in names:
        shutil.copy(batch_photos / "images" / "p0.png", os.path.join(os.fsencode(tmp_path / "photos"), name))  # noqa: PTH118
    for to in ("jsonl", "parquet"):
        out = tmp_path / to
        run_batch(tmp_path / "photos", out, model=tiny_model, options=Options(to=to), workers=0)  # type: ignore[arg-type]
    found = {Path(row["image"]).name for row in pq.read_table(tmp_path / "parquet").to_pylist()}
    assert found == {"stray \\udcff.png", "two\nlines.png", "-dash.png", "naïve €.png"}
    lines = contents(tmp_path / "jsonl")["part-000000.jsonl"].splitlines()
    assert {Path(json.loads(line)["image"]).name for line in lines} == found


def test_too_many_errors_stop_it_and_it_goes_on(batch_photos: Path, tiny_model: Path, tmp_path: Path) -> None:
    with pytest.raises(BatchError, match=r"stopped at 1 error, more than the 0 allowed; what is finished is kept"):
        batch(batch_photos, tmp_path / "out", tiny_model, max_errors=0, per_shard=2)
    assert list(contents(tmp_path / "out")) == ["part-000000.jsonl"]
    assert not manifest(tmp_path / "out")["done"]
    assert not list(tmp_path.rglob("*.tmp"))
    assert batch(batch_photos, tmp_path / "out", tiny_model, max_errors=1, per_shard=2).kept == 2
    (tmp_path / "out" / "part-000004.jsonl").unlink()
    with pytest.raises(BatchError, match="stopped at 1 error"):  # of earlier runs
        batch(batch_photos, tmp_path / "out", tiny_model, max_errors=0, per_shard=2)


def test_a_fault_that_nobody_foresaw_is_a_row(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch, batch_photos: Path
) -> None:
    kernel = Kernel(tiny_model, LINES)
    kernel.load()
    task = Task("a.png", str(batch_photos / "images" / "p0.png"))

    def answer(error: Exception) -> str:
        def failing(*args: Any, **kwargs: Any) -> None:
            raise error

        monkeypatch.setattr("madeof.inference.predictor.read_photo", failing)
        (row,) = kernel.answer(task)
        assert row["image"] == "a.png"
        return str(row["error"])

    assert answer(KeyError("x")).startswith("failed in a way that nobody foresaw (KeyError: 'x'); please report it")
    assert answer(MemoryError()) == "not enough memory for it; give a smaller photo, or fewer workers"
    assert answer(ModelError("bad\nweights")) == "bad weights"


def test_columns_of_other_names_reach_the_answers(tiny_model: Path, tmp_path: Path) -> None:
    write_photos(tmp_path, "a.png")
    table = write_csv(tmp_path / "t.csv", "image,bbox", 'a.png,"10,20,30,40"')
    options = Options(to="jsonl")
    run_batch(table, tmp_path / "out", model=tiny_model, columns="box_xywh=bbox", options=options, workers=0)
    (line,) = (tmp_path / "out/part-000000.jsonl").read_text().splitlines()
    assert [region["area"] for region in json.loads(line)["regions"]] == [30 * 40]
    with pytest.raises(BatchError, match=r"columns is box_xywh=bbox there and box=bbox now"):
        run_batch(table, tmp_path / "out", model=tiny_model, columns="box=bbox", options=options, workers=0)
