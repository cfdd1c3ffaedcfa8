"""A batch: what it writes, how it goes on, and what stops it."""

from __future__ import annotations

import errno
import io
import json
import os
import shutil
import threading
from pathlib import Path
from typing import IO, Any

import fsspec
import pyarrow.parquet as pq
import pytest
from made import write_dataset

from madeof._util import files
from madeof.batch import Batch, Kernel, Options, Task, run_batch
from madeof.batch.pool import Pool, cores
from madeof.batch.progress import Progress
from madeof.batch.store import Local, Summed
from madeof.batch.tasks import Answered
from madeof.cli.main import main
from madeof.errors import BatchError, InputError, ModelError, WriteError

LINES = Options(to="jsonl")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten photos with label maps; the fourth is cut off."""
    folder = write_dataset(tmp_path_factory.mktemp("batch") / "set", photos=10, val=0)
    photo = folder / "images" / "p3.png"
    photo.write_bytes(photo.read_bytes()[:500])
    return folder


def batch(data: Path, out: Path, model: Path, **how: Any) -> Batch:
    how = {"options": LINES, "per_shard": 4, "workers": 0, "label_maps": str(data / "labels"), **how}
    return run_batch(data / "images", out, model=model, **how)


def contents(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(out.glob("part-*"))}


def manifest(out: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads((out / "_manifest.json").read_bytes())
    return value


def test_shards_hold_what_predict_prints(
    data: Path, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = batch(data, tmp_path / "out", tiny_model)
    assert (done.photos, done.regions, done.errors, len(done.shards)) == (10, 27, 1, 3)
    photos = [str(path) for path in sorted((data / "images").iterdir())]
    assert (
        main(
            [
                "predict",
                *photos,
                "--label-map",
                str(data / "labels"),
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


def test_parquet_is_the_default_and_reads_as_one_table(data: Path, tiny_model: Path, tmp_path: Path) -> None:
    done = batch(data, tmp_path / "out", tiny_model, options=None)
    table = pq.read_table(tmp_path / "out")
    assert table.num_rows == 28 == sum(shard.rows for shard in done.shards)
    rows = table.to_pylist()
    assert sum(row["error"] is not None for row in rows) == 1
    assert {row["image"] for row in rows} == {str(path) for path in (data / "images").iterdir()}
    assert all(len(row["top"]) == 4 for row in rows if row["error"] is None)


def test_the_number_of_workers_changes_no_byte(data: Path, tiny_model: Path, tmp_path: Path) -> None:
    for workers in (0, 2):
        batch(data, tmp_path / f"out{workers}", tiny_model, workers=workers, options=None)
    assert contents(tmp_path / "out0") == contents(tmp_path / "out2")


def test_done_again_does_nothing_and_damage_is_made_good(
    data: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    out = tmp_path / "out"
    batch(data, out, tiny_model)
    before = contents(out)
    (out / "part-000001.jsonl").write_bytes(before["part-000001.jsonl"][:-1] + b" ")
    (out / "part-000002.jsonl").unlink()
    done = batch(data, out, tiny_model)
    assert done.kept == 4
    assert contents(out) == before
    assert "2 shards damaged or gone (part-000001.jsonl, part-000002.jsonl); done again" in caplog.text
    monkeypatch.setattr(Kernel, "answered", None)
    assert batch(data, out, tiny_model).kept == 10


@pytest.mark.parametrize(
    ("how", "message"),
    [
        (
            {"per_shard": 5},
            r"holds another batch: settings\.photos_per_shard is 4 there and 5 now; give another folder",
        ),
        ({"options": Options(to="jsonl", top=2)}, r"settings\.top is 5 there and 2 now"),
        ({"options": Options()}, r"settings\.to is jsonl there and parquet now"),
        ({"label_maps": None}, r"source\.label_maps is .*labels there and None now"),
    ],
)
def test_another_batch_is_refused(
    data: Path, tiny_model: Path, tmp_path: Path, how: dict[str, Any], message: str
) -> None:
    batch(data, tmp_path / "out", tiny_model)
    before = contents(tmp_path / "out")
    with pytest.raises(BatchError, match=message):
        batch(data, tmp_path / "out", tiny_model, **how)
    assert contents(tmp_path / "out") == before
    (tmp_path / "out" / "mine.txt").write_text("mine")
    batch(data, tmp_path / "out", tiny_model, overwrite=True, **how)
    assert manifest(tmp_path / "out")["done"]
    assert (tmp_path / "out" / "mine.txt").exists()


def test_names_of_any_bytes_are_written(data: Path, tiny_model: Path, tmp_path: Path) -> None:
    names = [b"stray \xff.png", b"two\nlines.png", b"-dash.png", "naïve €.png".encode()]
    (tmp_path / "photos").mkdir()
    for name in names:
        shutil.copy(data / "images" / "p0.png", os.path.join(os.fsencode(tmp_path / "photos"), name))  # noqa: PTH118
    for to in ("jsonl", "parquet"):
        out = tmp_path / to
        run_batch(tmp_path / "photos", out, model=tiny_model, options=Options(to=to), workers=0)  # type: ignore[arg-type]
    found = {Path(row["image"]).name for row in pq.read_table(tmp_path / "parquet").to_pylist()}
    assert found == {"stray \\udcff.png", "two\nlines.png", "-dash.png", "naïve €.png"}
    lines = contents(tmp_path / "jsonl")["part-000000.jsonl"].splitlines()
    assert {Path(json.loads(line)["image"]).name for line in lines} == found


def test_a_changed_source_or_model_is_said(data: Path, tiny_model: Path, tmp_path: Path) -> None:
    mine, model = tmp_path / "set", tmp_path / "model"
    shutil.copytree(data, mine)
    shutil.copytree(tiny_model, model)
    batch(mine, tmp_path / "out", model)
    shutil.copy(mine / "images" / "p0.png", mine / "images" / "q.png")
    with pytest.raises(BatchError, match=r"the source has changed since: source\.photos is 10 there and 11 now"):
        batch(mine, tmp_path / "out", model)
    (mine / "images" / "q.png").unlink()
    text = (model / "model.json").read_text()
    (model / "model.json").write_text(text.replace('"version": "3"', '"version": "4"'))
    with pytest.raises(BatchError, match=r"model\.version is 3 there and 4 now, model\.sha256\.model\.json is another"):
        batch(mine, tmp_path / "out", model)


def test_a_folder_with_other_things_is_left_alone(data: Path, tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("everything")
    for overwrite in (False, True):
        with pytest.raises(
            WriteError, match=r"is a folder with files in it \(thesis\.tex\) and no manifest of a batch"
        ):
            batch(data, tmp_path, tiny_model, overwrite=overwrite)
    (tmp_path / "_manifest.json").write_text("{}")
    with pytest.raises(BatchError, match=r"_manifest\.json is no manifest of this madeof; give another folder"):
        batch(data, tmp_path, tiny_model)


def test_too_many_errors_stop_it_and_it_goes_on(data: Path, tiny_model: Path, tmp_path: Path) -> None:
    with pytest.raises(BatchError, match=r"stopped at 1 error, more than the 0 allowed; what is finished is kept"):
        batch(data, tmp_path / "out", tiny_model, max_errors=0, per_shard=2)
    assert list(contents(tmp_path / "out")) == ["part-000000.jsonl"]
    assert not manifest(tmp_path / "out")["done"]
    assert not list(tmp_path.rglob("*.tmp"))
    assert batch(data, tmp_path / "out", tiny_model, max_errors=1, per_shard=2).kept == 2
    (tmp_path / "out" / "part-000004.jsonl").unlink()
    with pytest.raises(BatchError, match="stopped at 1 error"):  # of earlier runs
        batch(data, tmp_path / "out", tiny_model, max_errors=0, per_shard=2)


def test_two_at_once_are_refused(data: Path, tiny_model: Path, tmp_path: Path) -> None:
    with (
        Local(tmp_path / "out").lock(),
        pytest.raises(BatchError, match=r"out is being written by another batch; wait"),
    ):
        batch(data, tmp_path / "out", tiny_model)
    batch(data, tmp_path / "out", tiny_model)


@pytest.mark.parametrize("to", ["jsonl", "parquet"])
def test_a_full_disk_leaves_nothing_half_written(
    data: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, to: Any
) -> None:
    written = {"calls": 0}
    write = Summed.write

    def full(self: Summed, data: Any) -> int:
        written["calls"] += 1
        if written["calls"] > 12:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(self, data)

    monkeypatch.setattr(Summed, "write", full)
    with pytest.raises(
        WriteError, match=r"cannot write .*part-00000\d.*: No space left on device; nothing was changed"
    ):
        batch(data, tmp_path / "out", tiny_model, options=Options(to=to), per_shard=1)
    assert not list(tmp_path.rglob("*.tmp"))
    monkeypatch.undo()
    batch(data, tmp_path / "out", tiny_model, options=Options(to=to), per_shard=1)
    batch(data, tmp_path / "whole", tiny_model, options=Options(to=to), per_shard=1)
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


class Deadly(Kernel):
    """Some photos kill its process, one only the first time."""

    def answered(self, task: Task) -> Answered:
        if "deadly" in task.image:
            os._exit(7)
        once = Path(task.image)
        if once.suffix == ".once" and not once.exists():
            once.touch()
            os._exit(8)
        return super().answered(task)


def test_a_photo_that_kills_its_worker_costs_itself_alone(data: Path, tiny_model: Path, tmp_path: Path) -> None:
    photo = str(data / "images" / "p0.png")
    names = ["a", "b", "deadly", "c", str(tmp_path / "x.once"), "d", "e", "f"]
    with Pool(Deadly(tiny_model, LINES), 2) as pool:
        found = list(pool.map(enumerate(Task(name, photo) for name in names)))
    assert [number for number, _ in found] == list(range(8))
    errors = {names[number]: answered.rows[0].get("error") for number, answered in found if answered.errors}
    assert errors == {"deadly": "its worker process died of it 3 times (status 7)"}
    assert all(answered.rows[0]["image"] == names[number] for number, answered in found)


def test_a_worker_that_cannot_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text("{}")
    with (
        Pool(Kernel(tmp_path), 1) as pool,
        pytest.raises(BatchError, match=r"a worker could not load the model: .*model\.json"),
    ):
        list(pool.map(iter([(0, Task("a", b""))])))


def test_a_fault_that_nobody_foresaw_is_a_row(tiny_model: Path, monkeypatch: pytest.MonkeyPatch, data: Path) -> None:
    kernel = Kernel(tiny_model, LINES)
    kernel.load()
    task = Task("a.png", str(data / "images" / "p0.png"))

    def answer(error: Exception) -> str:
        def failing(*args: Any, **kwargs: Any) -> None:
            raise error

        monkeypatch.setattr("madeof.batch.annotator.read_photo", failing)
        (row,) = kernel.answer(task)
        assert row["image"] == "a.png"
        return str(row["error"])

    assert answer(KeyError("x")).startswith("failed in a way that nobody foresaw (KeyError: 'x'); please report it")
    assert answer(MemoryError()) == "not enough memory for it; give a smaller photo, or fewer workers"
    assert answer(ModelError("bad\nweights")) == "bad weights"


def test_remote_in_and_out(data: Path, tiny_model: Path, tmp_path: Path) -> None:
    system = fsspec.filesystem("memory")
    for path in data.glob("*/*.png"):
        system.pipe_file(f"/bucket/{path.parent.name}/{path.name}", path.read_bytes())
    how: dict[str, Any] = {"model": tiny_model, "options": LINES, "workers": 0, "per_shard": 4}
    done = run_batch("memory://bucket/images", "memory://bucket/out", label_maps="memory://bucket/labels", **how)
    assert (done.photos, done.errors, done.regions) == (10, 1, 27)
    batch(data, tmp_path / "out", tiny_model)
    first, local = (
        [json.loads(line)["regions"] for line in text.splitlines() if b"regions" in line]
        for text in (system.cat_file("/bucket/out/part-000000.jsonl"), contents(tmp_path / "out")["part-000000.jsonl"])
    )
    assert first == local
    system.rm_file("/bucket/out/part-000001.jsonl")
    assert (
        run_batch("memory://bucket/images", "memory://bucket/out", label_maps="memory://bucket/labels", **how).kept == 6
    )
    assert not system.exists("/bucket/out/_progress")


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


def test_the_command(data: Path, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [
        "batch", str(data / "images"), "--out", str(tmp_path / "out"), "--model", str(tiny_model), "--workers", "0",
        "--label-maps", str(data / "labels"), "--to", "jsonl", "--photos-per-shard", "4",
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
def test_settings_that_cannot_be(data: Path, tiny_model: Path, tmp_path: Path, how: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        batch(data, tmp_path / "out", tiny_model, **how)
    assert not (tmp_path / "out").exists()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("stream", [Terminal(), io.StringIO()], ids=["terminal", "log"])
def test_progress(stream: IO[str], monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("madeof.batch.progress.time.monotonic", lambda: now[0])
    progress = Progress(5000, kept=1000, regions=5000, errors=1, stream=stream)  # type: ignore[arg-type]
    for _ in range(1000):
        now[0] += 0.125
        progress.add(5, 0)
    progress.end()
    lines = stream.getvalue().replace("\r", "\n").splitlines()  # type: ignore[attr-defined]
    assert len([line for line in lines if line]) == (251 if stream.isatty() else 5)
    assert "madeof: 1,240 of 5,000 photos (24.8%), 6,200 regions, 1 error, 8 photos/s, 7 min 50 s left" in "\n".join(
        lines
    )
    assert lines[-1].startswith("madeof: 2,000 of 5,000 photos (40.0%), 10,000 regions, 1 error, 8 photos/s")


def test_cores_and_no_thread_left(data: Path, tiny_model: Path, tmp_path: Path) -> None:
    assert 1 <= cores() <= (os.cpu_count() or 1)
    before = threading.active_count()
    batch(data, tmp_path / "out", tiny_model, workers=1)
    assert threading.active_count() <= before + 1  # the listener may be about to end
