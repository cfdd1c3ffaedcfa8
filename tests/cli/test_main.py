"""The command line as a whole: help, statuses, commands other than predict."""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made import photo_and_label_map, write_model
from PIL import Image

from madeof import __version__
from madeof.cli import arguments, demo
from madeof.cli import main as cli
from madeof.cli.main import main
from madeof.datasets import open_dataset
from madeof.errors import ModelError, WriteError
from madeof.inference.predictor import load
from madeof.model.calibration import Calibration
from madeof.model.record import Record, copy_model

COMMANDS = ["predict", "train", "evaluate", "import-weights", "export", "demo"]
HEAVY = {"numpy", "torch", "PIL", "onnxruntime", "matplotlib", "cc3d", "simplejpeg", "timm"}


@pytest.fixture(autouse=True)
def _quiet_logger_again() -> Any:
    """`main` sets up logging to this test's standard error; the next test has another."""
    logger = logging.getLogger("madeof")
    before = logger.handlers[:], logger.level
    yield
    logger.handlers[:], level = before
    logger.setLevel(level)


def run_process(*command: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "madeof", *command],
        capture_output=True,
        text=True,
        check=False,
        **options,
    )


def status_of(*command: str) -> int:
    """The exit status, whether it comes back or argparse exits."""
    try:
        return main(command)
    except SystemExit as end:
        return int(str(end.code))


def test_help_of_every_command_loads_nothing_heavy() -> None:
    code = f"""
import contextlib, io, sys
from madeof.cli import main
for command in {[[], *[[c] for c in COMMANDS]]!r}:
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.suppress(SystemExit):
        main([*command, "--help"])
    assert "usage: madeof" in out.getvalue() and "--help" in out.getvalue(), command
print(sorted({{name.partition(".")[0] for name in sys.modules}} & {HEAVY!r}))
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("[]\n", "", 0)


@pytest.mark.parametrize("command", COMMANDS)
def test_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of(command, "--help") == 0
    out, err = capsys.readouterr()
    assert f"madeof {command}" in out
    assert err == ""


def test_module_and_version() -> None:
    done = run_process("--version")
    assert (done.stdout, done.stderr, done.returncode) == (f"madeof {__version__}\n", "", 0)


def test_no_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of() == 2
    out, err = capsys.readouterr()
    assert out == ""  # data go to standard output, and help that nobody asked for is none
    assert all(command in err for command in COMMANDS)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["paint"], "invalid choice: 'paint'"),
        (["predict"], "the following arguments are required: PHOTO"),
        (["predict", "a.jpg", "--json", "--csv"], "not allowed with argument"),
        (["predict", "a.jpg", "--box", "1,2,3"], "the box is '1,2,3'; expected four numbers x0,y0,x1,y1 in pixels"),
        (["predict", "a.jpg", "--polygon", "1,2 3,4"], "the polygon is '1,2 3,4'; expected three or more points"),
        (["predict", "a.jpg", "--top", "0"], "argument --top: got '0'; expected a whole number from 1"),
        (["predict", "a.jpg", "--top", "many"], "argument --top: got 'many'"),
        (
            ["predict", "a.jpg", "--threads", "-1"],
            "argument --threads: got '-1'; expected a whole number from 0 to 1024",
        ),
        (["predict", "a.jpg", "--min-area", "1.5"], "argument --min-area: got '1.5'"),
        (["predict", "a.jpg", "--max-megapixels", "nan"], "--max-megapixels: got 'nan'; expected a number above 0"),
        (["predict", "a.jpg", "--max-megapixels", "inf"], "--max-megapixels: got 'inf'"),
        (["predict", "a.jpg", "--max-megapixels", "x"], "--max-megapixels: got 'x'"),
        (["evaluate"], "evaluate takes either DATASET or --images DIR with --labels DIR"),
        (["evaluate", "a", "--images", "b", "--labels", "c"], "evaluate takes either DATASET or --images"),
        (["evaluate", "--images", "b"], "evaluate takes either DATASET or --images"),
        (["evaluate", "a", "--split", "some"], "invalid choice: 'some'"),
        (["export", "a"], "the following arguments are required: --out"),
    ],
)
def test_wrong_command_line(command: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of(*command) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err


@pytest.mark.parametrize(
    ("fault", "status", "said"),
    [
        (ModelError("it is\nbroken"), 1, "madeof: it is broken\n"),
        (WriteError("cannot write a"), 1, "madeof: cannot write a\n"),
        (OSError(28, "No space left on device"), 1, "madeof: cannot go on: [Errno 28] No space left on device\n"),
        (MemoryError(), 1, "madeof: not enough memory; give smaller photos or fewer regions at once\n"),
        (KeyboardInterrupt(), 130, "madeof: interrupted\n"),
        (BrokenPipeError(), 1, ""),
        (
            ModuleNotFoundError("No module named 'timm'", name="timm.models"),
            1,
            "madeof: madeof demo needs packages that are not installed: run  pip install 'madeof[train]'\n",
        ),
    ],
)
def test_faults(
    fault: BaseException, status: int, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: Any) -> int:
        raise fault

    monkeypatch.setattr(demo, "run", fail)
    monkeypatch.setattr(cli, "_drop_output", lambda: None)  # it would end pytest's own output
    assert main(["demo"]) == status
    assert capsys.readouterr() == ("", said)


def test_our_own_mistakes_are_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Any) -> int:
        raise ModuleNotFoundError("No module named 'madeof.gone'", name="madeof.gone")

    monkeypatch.setattr(demo, "run", fail)
    with pytest.raises(ModuleNotFoundError):
        main(["demo"])


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


def test_demo(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["demo", "--model", str(tiny_model), "--threads", "1"]) == 0
    out, err = capsys.readouterr()
    head, *rows = out.splitlines()
    assert head.split() == ["region", "answer", "score", "what", "it", "is"]
    assert [row.split()[0] for row in rows] == ["table", "saucer", "cup", "coffee", "spoon"]
    assert [row.replace("(wrong)", "").split()[-1] for row in rows] == ["Wood", "Ceramic", "Ceramic", "Food", "Metal"]
    for row in rows:
        answer, truth = row.split()[1], row.replace("(wrong)", "").split()[-1]
        assert ("(wrong)" in row) == (answer != truth)
    assert err == "madeof: wrote demo-overlay.png\n"
    with Image.open("demo-overlay.png") as picture:
        assert picture.format == "PNG"
    assert [path.name for path in tmp_path.iterdir()] == ["demo-overlay.png"]


def test_demo_says_where_it_is_unsure(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = shutil.copytree(tiny_model, tmp_path / "model")
    for threshold, times in ((0.0, 0), (1.0, 5)):
        dataclasses.replace(Record.read(folder), calibration=Calibration(1.0, threshold)).write(folder)
        assert main(["demo", "--model", str(folder), "--threads", "1"]) == 0
        assert capsys.readouterr().out.count("%   unsure   ") == times


def test_demo_that_cannot_write(tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--model", str(tiny_model), "--overlay", str(tmp_path / "no" / "a.png")]) == 1
    out, err = capsys.readouterr()
    assert "spoon" in out
    assert err == f"madeof: cannot write {tmp_path}/no/a.png: No such file or directory; nothing was changed\n"


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


def test_export_half(tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    half = tmp_path / "half"
    assert main(["export", str(tiny_model), "--out", str(half), "--bits", "16"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert f"madeof: wrote {half}\n" in err
    assert sorted(path.name for path in half.iterdir()) == ["classifier.onnx", "encoder.onnx", "model.json"]
    whole = sum((tiny_model / path.name).stat().st_size for path in half.iterdir())
    assert sum(path.stat().st_size for path in half.iterdir()) < 0.75 * whole
    photo, labels = photo_and_label_map(5)
    scores = []
    for folder in (tiny_model, half):
        predictor = load(folder, threads=1)
        predictor.set_image(photo)
        scores.append(predictor.scores([labels == value for value in np.unique(labels)]))
    np.testing.assert_allclose(*scores, atol=1e-2)
    assert main(["export", str(half), "--out", str(tmp_path / "again")]) == 1
    assert capsys.readouterr().err == (
        f"madeof: {half} has no weights.safetensors: it can predict, but not be trained on or exported again\n"
    )
    assert not (tmp_path / "again").exists()


def test_export_into_a_model(tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = shutil.copytree(tiny_model, tmp_path / "model")
    before = {path.name: path.read_bytes() for path in model.iterdir()}
    assert main(["export", str(tiny_model), "--out", str(model)]) == 1
    assert capsys.readouterr().err == f"madeof: {model} already holds a model; choose another folder\n"
    assert {path.name: path.read_bytes() for path in model.iterdir()} == before


def test_export_with_weights(tmp_path: Path) -> None:
    model = write_model(tmp_path / "a", calibration=Calibration(1.5), background=0)
    assert main(["export", str(model), "--out", str(tmp_path / "b"), "--with-weights"]) == 0
    assert (tmp_path / "b" / "weights.safetensors").read_bytes() == (model / "weights.safetensors").read_bytes()
    record = load(tmp_path / "b").record
    assert (record.calibration.temperature, record.background, record.name) == (1.5, 0, "tiny")


def test_import_weights_refuses_what_is_no_state_dict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / os.fsdecode(b"st\xffuff.torch")
    file.write_bytes(b"cos\nsystem\n(S'exit 1'\ntR.")
    assert main(["import-weights", str(file), "--out", str(tmp_path / "out")]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert not (tmp_path / "out").exists()


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


def test_a_full_disk_behind_standard_output(tiny_model: Path, tiny_dataset: Path) -> None:
    photo = str(tiny_dataset / "images" / "p0.png")
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "madeof", "predict", photo, "--model", str(tiny_model)],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, "madeof: cannot go on: [Errno 28] No space left on device\n")
