"""model.json and the checks of the files beside it: every fault is one ModelError that names the file."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from madeof._util import files
from madeof.errors import ModelError
from madeof.model.calibration import Calibration
from madeof.model.preprocess import Preprocessing
from madeof.model.record import CLASSIFIER, ENCODER, RECORD, WEIGHTS, Record
from madeof.model.runtime import Sessions

Change = Callable[[dict[str, Any]], Any]


def put(*keys: str, value: Any) -> Change:
    def change(values: dict[str, Any]) -> None:
        for key in keys[:-1]:
            values = values[key]
        values[keys[-1]] = value

    return change


def drop(name: str) -> Change:
    return lambda values: values.pop(name)


@pytest.fixture
def model(tiny_model: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return shutil.copytree(tiny_model, tmp_path / "spoilt")


def open_model(folder: Path) -> None:
    Sessions(folder, Record.read(folder))


def refusal(folder: Path) -> str:
    with pytest.raises(ModelError) as caught:
        open_model(folder)
    message = str(caught.value)
    assert "\n" not in message
    assert str(folder) in message
    return message


def rewrite(folder: Path) -> None:
    """Make the record's sizes and hashes those of the files that lie there."""
    Record.read(folder).write(folder)


WRONG: list[tuple[str, Change, str]] = [
    ("no format", drop("format"), "format is null; this madeof reads format 1"),
    ("format of the future", put("format", value=2), "format is 2"),
    ("format true", put("format", value=True), "format is true"),
    ("format 1.0", put("format", value=1.0), "format is 1.0"),
    ("no name", drop("name"), "missing fields: name"),
    ("no materials", drop("materials"), "missing fields: materials"),
    ("no preprocessing", drop("preprocessing"), "missing fields: preprocessing"),
    ("no architecture", drop("architecture"), "missing fields: architecture"),
    ("unknown", put("colour\n", value=1), "unknown fields: colour\\n"),
    ("name a number", put("name", value=3), "name is 3; expected a text"),
    ("name half a character", put("name", value="\ud800"), "expected a text"),
    ("version null", put("version", value=None), "version is null; expected a text"),
    ("materials a text", put("materials", value="Wood"), 'materials is "Wood"; expected a list of names'),
    ("materials empty", put("materials", value=[]), "materials is an empty list"),
    ("material blank", put("materials", value=["Wood", " "]), 'materials holds " "'),
    ("material null", put("materials", value=["Wood", None]), "materials holds null"),
    ("material half a character", put("materials", value=["Wood", "\udfff"]), "materials holds"),
    ("material twice", put("materials", value=["Wood", "Sky", "wood "]), "materials has 'wood ' twice"),
    ("too few materials", put("materials", value=["Wood", "Sky"]), "its record has 2 outputs"),
    ("temperature 0", put("temperature", value=0), "the temperature is 0; expected 0.001 to 1000"),
    ("temperature negative", put("temperature", value=-1), "the temperature is -1"),
    ("temperature tiny", put("temperature", value=5e-324), "the temperature is"),
    ("temperature text", put("temperature", value="1"), 'temperature is "1"; expected a number'),
    ("temperature true", put("temperature", value=True), "temperature is true"),
    ("temperature beyond floats", put("temperature", value=10**400), "expected a number"),
    ("temperature NaN", put("temperature", value=float("nan")), "NaN is not a number of JSON"),
    ("temperature infinite", put("temperature", value=float("inf")), "Infinity is not a number of JSON"),
    ("uncertain_below a text", put("uncertain_below", value="0.5"), 'uncertain_below is "0.5"; expected a number'),
    ("uncertain_below true", put("uncertain_below", value=True), "uncertain_below is true; expected a number or null"),
    ("uncertain_below over 1", put("uncertain_below", value=60), "uncertain_below is 60; expected a score from 0 to 1"),
    ("uncertain_below negative", put("uncertain_below", value=-0.1), "uncertain_below is -0.1; expected a score"),
    ("uncertain_below beyond floats", put("uncertain_below", value=10**400), "expected a number or null"),
    ("background text", put("background", value="0"), "background is"),
    ("background true", put("background", value=True), "background is true"),
    ("background negative", put("background", value=-1), "background is -1"),
    ("background too large", put("background", value=5), "background is 5"),
    ("background beside all", put("background", value=0), "its record has 5 outputs"),
    ("training a list", put("training", value=[]), "training is []; expected an object"),
    ("metrics null", put("metrics", value=None), "metrics is null; expected an object"),
    ("preprocessing null", put("preprocessing", value=None), "preprocessing is null"),
    ("preprocessing unknown", put("preprocessing", "sides", value=3), "unexpected keyword argument 'sides'"),
    ("mean a number", put("preprocessing", "mean", value=3), "mean is 3; expected a list of three numbers"),
    ("mean of two", put("preprocessing", "mean", value=[1, 2]), "mean is [1, 2]; expected three"),
    ("mean nested", put("preprocessing", "mean", value=[[1], 2, 3]), "mean is [[1], 2, 3]"),
    ("mean huge", put("preprocessing", "mean", value=[10**400, 2, 3]), "preprocessing: mean is"),
    ("mean far", put("preprocessing", "mean", value=[1e300, 2, 3]), "preprocessing: mean is [1e+300, 2, 3]"),
    ("std 0", put("preprocessing", "std", value=[1, 0, 1]), "std is [1, 0, 1]; expected three numbers above 0"),
    ("std text", put("preprocessing", "std", value=["1", 1, 1]), "std is"),
    ("resize unknown", put("preprocessing", "resize", value="crop"), "resize is 'crop'"),
    ("resize a list", put("preprocessing", "resize", value=[]), "resize is []; expected a text"),
    ("side a float", put("preprocessing", "side", value=96.0), "side is 96.0; expected a whole number"),
    ("side true", put("preprocessing", "side", value=True), "side is true"),
    ("side 0", put("preprocessing", "side", value=0), "side is 0; expected 32 to 8192"),
    ("side huge", put("preprocessing", "side", value=10**12), "side is 1e+12; expected 32 to 8192"),
    ("side a list", put("preprocessing", "side", value=[96]), "side is [96]"),
    ("multiple 0", put("preprocessing", "multiple", value=0), "multiple is 0"),
    ("max_pixels negative", put("preprocessing", "max_pixels", value=-5), "max_pixels is -5"),
    ("files a list", put("files", value=[]), "files is []"),
    ("files empty", put("files", value={}), "does not list encoder.onnx; export the model again"),
    ("file null", put("files", ENCODER, value=None), "files: the entry of encoder.onnx is null"),
    ("file without hash", put("files", ENCODER, value={"bytes": 3}), "expected its bytes and sha256"),
    ("bytes a text", put("files", ENCODER, "bytes", value="3"), "expected its bytes and sha256"),
    ("bytes negative", put("files", ENCODER, "bytes", value=-3), "expected its bytes and sha256"),
    ("bytes wrong", put("files", ENCODER, "bytes", value=3), "bytes; expected"),
    ("hash wrong", put("files", ENCODER, "sha256", value="0" * 64), "SHA-256 differs"),
]


@pytest.mark.parametrize(("change", "message"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_wrong_field(model: Path, change: Change, message: str) -> None:
    values = json.loads((model / RECORD).read_text())
    change(values)
    (model / RECORD).write_text(json.dumps(values))
    assert message in refusal(model)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is not the JSON of a model record"),
        (b"\xff\xfe{}", "is not the JSON of a model record"),
        (b"[]", "expected a JSON object"),
        (b"null", "expected a JSON object"),
        (b'{"format": 1', "is not the JSON of a model record"),
        (b'{"format": 1, "format": 1}', "the field 'format' is there twice"),
        (b"[" * 200_000, "is nested too deeply"),
        (b'{"format": ' + b"9" * 5000 + b"}", "is not the JSON of a model record"),
        (b'{"format": "' + b"x" * 100_000 + b'"}', "xxx...; this madeof reads format 1"),
        (b" " * (17 << 20), "bytes; expected 16777216 at most"),
        (
            b"version https://git-lfs.github.com/spec/v1\n",
            "is a Git-LFS pointer, not the file itself: run  git lfs pull",
        ),
    ],
)
def test_wrong_json(model: Path, data: bytes, message: str) -> None:
    (model / RECORD).write_bytes(data)
    found = refusal(model)
    assert message in found
    assert len(found) < 600


def test_round_trip(tmp_path: Path) -> None:
    record = Record(
        "stones",
        "2.1",
        ("Wood", "Glas/ür"),
        Preprocessing(resize="limit", mean=(1.5, 2, 3)),
        {"net": "MaskAtStem"},
        calibration=Calibration(1.25, 0.625),
        background=0,
        training={"data": ["a", {"licence": "MIT"}]},
        metrics={"accuracy": 0.5},
    )
    written = record.write(tmp_path)
    assert Record.read(tmp_path) == written == record
    assert written.files == {}
    assert written.outputs == 3


@pytest.mark.parametrize("change", [drop("uncertain_below"), put("uncertain_below", value=None)])
def test_a_record_without_a_threshold(model: Path, change: Change) -> None:
    values = json.loads((model / RECORD).read_text())
    change(values)
    (model / RECORD).write_text(json.dumps(values))
    assert Record.read(model).calibration.uncertain_below is None


def test_sizes_and_hashes(tiny_model: Path) -> None:
    record = Record.read(tiny_model)
    assert set(record.files) == {ENCODER, CLASSIFIER, WEIGHTS}
    for name, entry in record.files.items():
        data = (tiny_model / name).read_bytes()
        assert entry == {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        assert record.checked_bytes(tiny_model, name) == data


def test_no_record(tmp_path: Path) -> None:
    assert "is not a model folder: it has no model.json" in refusal(tmp_path)


@pytest.mark.parametrize("name", [ENCODER, CLASSIFIER])
def test_spoilt_file(model: Path, name: str) -> None:
    data = (model / name).read_bytes()
    (model / name).write_bytes(data[: len(data) // 2])
    assert f"has {len(data) // 2} bytes, its record says {len(data)}" in refusal(model)
    (model / name).write_bytes(data + data)
    assert f"has {2 * len(data)} bytes; expected {len(data)} at most" in refusal(model)
    (model / name).write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert "SHA-256 differs" in refusal(model)
    (model / name).write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n")
    assert "is a Git-LFS pointer" in refusal(model)
    (model / name).unlink()
    assert f"cannot read {model / name}: No such file" in refusal(model)
    (model / name).mkdir()
    assert "is not an ordinary file" in refusal(model)
    (model / name).rmdir()
    os.mkfifo(model / name)
    assert "is not an ordinary file" in refusal(model)


def test_swapped_files(model: Path) -> None:
    (model / ENCODER).rename(model / "x")
    (model / CLASSIFIER).rename(model / ENCODER)
    (model / "x").rename(model / CLASSIFIER)
    assert "bytes" in refusal(model)
    rewrite(model)
    assert "expected an encoder from 'image' to features and a classifier from those and 'masks'" in refusal(model)


@pytest.mark.parametrize("kind", ["pickle", "zip", "text", "empty"])
def test_not_onnx(model: Path, kind: str) -> None:
    """Nothing in a file is executed: what is no ONNX graph is refused, hashes right or not."""
    path = model / ENCODER
    if kind == "zip":  # what a .pt2 or .pt file is
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data.pkl", b"cos\nsystem\n(S'touch /tmp/pwned'\ntR.")
    else:
        path.write_bytes({"pickle": b"cos\nsystem\n(S'exit 1'\ntR.", "text": b"hello", "empty": b""}[kind])
    rewrite(model)
    message = refusal(model)
    assert f"{path} is not a graph that ONNX Runtime can run (" in message or "expected an encoder" in message


@pytest.mark.parametrize("seen", [True, False])
def test_external_data(model: Path, monkeypatch: pytest.MonkeyPatch, seen: bool) -> None:
    """Refused by us; and where it is disguised, by ONNX Runtime, from wherever we run."""
    graph = onnx.load(model / ENCODER)
    onnx.save_model(graph, model / ENCODER, save_as_external_data=True, location="weights.bin", size_threshold=64)
    rewrite(model)
    monkeypatch.chdir(model)
    if seen:
        assert "keeps its weights in another file" in refusal(model)
    else:
        monkeypatch.setattr("madeof.model.runtime._EXTERNAL_DATA", b"something that is not there")
        assert "is not a graph that ONNX Runtime can run" in refusal(model)


@pytest.mark.parametrize(("name", "what"), [(ENCODER, "features"), (CLASSIFIER, "scores")])
def test_nan_weights(model: Path, name: str, what: str) -> None:
    graph = onnx.load(model / name)
    for tensor in graph.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype == np.float32 and values.ndim > 1:
            tensor.CopyFrom(numpy_helper.from_array(np.full_like(values, np.nan), tensor.name))
    (model / name).write_bytes(graph.SerializeToString())
    rewrite(model)
    record = Record.read(model)
    sessions = Sessions(model, record)
    with pytest.raises(ModelError, match=rf"{name} gives {what} that are not finite numbers: its weights are damaged"):
        sessions.classify(sessions.encode(np.zeros((1, 3, 96, 96), np.float32)), np.ones((1, 1, 24, 24), np.float32))


def test_output_count_is_checked_when_it_answers(model: Path) -> None:
    """A graph may keep the number of its outputs open until it runs."""
    sessions = Sessions(model, Record.read(model))
    sessions._outputs = 5
    with pytest.raises(ModelError, match=r"gives scores of shape \(2, 4\); expected \(2, 5\): export the model again"):
        sessions.classify(sessions.encode(np.zeros((1, 3, 96, 96), np.float32)), np.ones((2, 1, 24, 24), np.float32))


def test_write_replaces_the_record_whole(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (model / RECORD).read_bytes()
    monkeypatch.setattr(files, "write_json", lambda *_: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        rewrite(model)
    assert (model / RECORD).read_bytes() == before
