"""OpenVINO answers as ONNX Runtime does, and says what it cannot do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from model_openvino_engine import photo

import madeof
from madeof.cli.main import main
from madeof.errors import InputError, MissingExtraError, ModelError
from madeof.model import openvino_engine
from madeof.model.onnx_engine import ENGINES, OnnxRuntimeGraph
from madeof.model.openvino_engine import OpenVinoGraph, with_zero
from madeof.model.record import ENCODER, Record
from madeof.model.runtime import Sessions
from madeof.training.export import read_net, write_model


def capabilities() -> list[str]:
    return list(openvino_engine._core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"))


HERE = [engine for engine in ENGINES if engine != "openvino-bf16" or "BF16" in capabilities()]


# Of a probability. The tiny model's weights are random and its last layer steep, so that its answers are anything.
TOLERANCE = {"onnxruntime": 0.0, "openvino": 1e-3, "openvino-bf16": 0.1, "openvino-int8": 0.2}


def masks(count: int, height: int, width: int) -> np.ndarray[Any, Any]:
    random = np.random.default_rng(count)
    result = random.random((count, height, width)) < 0.3
    result[:, 0, 0] = True
    return result


@pytest.mark.parametrize("engine", HERE)
@pytest.mark.parametrize(("height", "width", "regions"), [(64, 96, 1), (1, 1, 2), (37, 201, 3), (300, 41, 70)])
def test_engines_agree(model: Path, engine: str, height: int, width: int, regions: int) -> None:
    answers = []
    for each in ("onnxruntime", engine):
        predictor = madeof.load(model, threads=1, engine=each)
        predictor.set_image(photo(height, width))
        answers.append(predictor.scores(masks(regions, height, width)))
    assert answers[1].shape == (regions, 4)
    assert np.abs(answers[0] - answers[1]).max() <= TOLERANCE[engine]
    if regions == 70 and engine in ("openvino-bf16", "openvino-int8"):
        assert np.abs(answers[0] - answers[1]).max() > 1e-6  # it is not float that ran


@pytest.mark.parametrize("engine", HERE)
def test_a_photo_leaves_the_features_of_the_last_one_alone(model: Path, engine: str) -> None:
    sessions = Sessions(model, Record.read(model), threads=1, engine=engine)
    first = sessions.encode(np.ones((1, 3, 64, 96), np.float32))
    kept = [array.copy() for array in first]
    sessions.encode(np.full((1, 3, 64, 96), -1, np.float32))
    assert all(np.array_equal(a, b) for a, b in zip(first, kept, strict=True))


def test_a_model_of_the_original_form(tmp_path: Path) -> None:
    from made import write_model as write_tiny

    folder = write_tiny(tmp_path / "stem", architecture={"net": "MaskAtStem", "backbone": "test_resnet"})
    answers = []
    for engine in ("onnxruntime", "openvino"):
        predictor = madeof.load(folder, threads=1, engine=engine)
        predictor.set_image(photo(50, 70))
        answers.append(predictor.scores(masks(2, 50, 70)))
    assert np.abs(answers[0] - answers[1]).max() <= 1e-3
    net, record = read_net(folder)
    with pytest.raises(ModelError, match="no convolution for openvino-int8 to run in 8 bits: export without ranges"):
        write_model(net, record, tmp_path / "out", ranges_from=[np.zeros((1, 3, 64, 96), np.float32)])


@pytest.mark.parametrize("threads", [1, 2])
def test_threads(model: Path, threads: int) -> None:
    assert OpenVinoGraph((model / ENCODER).read_bytes(), threads, "openvino").threads == threads


def test_precision(model: Path) -> None:
    graph = OpenVinoGraph((model / ENCODER).read_bytes(), 1, "openvino")
    assert graph.precision == "f32"  # OpenVINO's own choice on a CPU that has bfloat16 is that


def test_command_line(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from PIL import Image

    path = tmp_path / "p.png"
    Image.fromarray(photo(64, 96)).save(path)
    scores = []
    for engine in ("onnxruntime", "openvino", "openvino-int8"):
        assert main(["predict", str(path), "--model", str(model), "--json", "--engine", engine]) == 0
        out, err = capsys.readouterr()
        assert err == ""
        scores.append(json.loads(out)["regions"][0]["score"])
    assert abs(scores[0] - scores[1]) <= 1e-3
    with pytest.raises(SystemExit) as caught:
        main(["predict", str(path), "--engine", "tensorrt"])
    assert caught.value.code == 2
    assert "'openvino-int8'" in capsys.readouterr().err.splitlines()[-1]


def test_missing_package(
    model: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    monkeypatch.setattr(openvino_engine, "_core", openvino_engine._core.__wrapped__)  # as in a fresh process
    with pytest.raises(MissingExtraError, match=r"OpenVINO needs .* run  pip install 'madeof\[openvino\]'$"):
        madeof.load(model, engine="openvino")
    assert madeof.load(model).record.name == "tiny"
    assert main(["demo", "--model", str(model), "--engine", "openvino", "--overlay", str(tmp_path / "o.png")]) == 1
    assert capsys.readouterr().err.endswith("run  pip install 'madeof[openvino]'\n")


SIGNAL = """
import gc, os, signal, sys
import madeof
for _ in range(2):
    predictors = [madeof.load(sys.argv[1], threads=1, engine="openvino") for _ in range(2)]
    while predictors:  # the first that came is the first to go
        del predictors[0]
        gc.collect()
seen = []
signal.signal(signal.SIGUSR1, lambda *_: seen.append(1))
os.kill(os.getpid(), signal.SIGUSR1)
assert seen
"""


def test_signals_after_models_have_gone(model: Path) -> None:
    """With a core of OpenVINO's for each model the process ends here, on CPUs with AMX."""
    environment = {**os.environ, "PYTHONPATH": str(Path(madeof.__file__).parent.parent)}
    done = subprocess.run([sys.executable, "-c", SIGNAL, str(model)], env=environment, check=False)
    assert done.returncode == 0


def test_no_bfloat16(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    core = SimpleNamespace(get_property=lambda *_: ["FP32", "INT8"])
    monkeypatch.setattr(openvino_engine, "_core", lambda: core)
    with pytest.raises(InputError, match="this CPU has no bfloat16: use openvino-int8 or openvino$"):
        madeof.load(model, engine="openvino-bf16")


@pytest.mark.parametrize("engine", HERE)
def test_damaged_graphs(copy: Path, engine: str, capfd: pytest.CaptureFixture[str]) -> None:
    path = copy / ENCODER
    good = path.read_bytes()
    for spoilt, message in (
        (good[: len(good) // 2], "is not a graph that ONNX Runtime can run"),
        (b"", "is not a graph that ONNX Runtime can run"),
        (good + b"\x0a\x08location", "keeps its weights in another file"),
        (with_nan(good), "gives features that are not finite numbers: its weights are damaged"),
        (renamed(good), "expected an encoder from 'image' to features"),
    ):
        path.write_bytes(spoilt)
        Record.read(copy).write(copy)
        with pytest.raises(ModelError, match=message) as caught:
            madeof.load(copy, threads=1, engine=engine).set_image(photo(64, 96))
        assert str(caught.value).startswith(str(copy))
        assert "\n" not in str(caught.value)
    path.write_bytes(good)
    with pytest.raises(ModelError, match="SHA-256 differs|bytes, its record says"):
        madeof.load(copy, engine=engine)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("engine", HERE)
def test_wrong_inputs_name_file_and_shapes(model: Path, engine: str) -> None:
    sessions = Sessions(model, Record.read(model), threads=1, engine=engine)
    with pytest.raises(ModelError, match=r"encoder\.onnx failed on inputs of shapes \[\(1, 4, 64, 96\)\] \(") as caught:
        sessions.encode(np.zeros((1, 4, 64, 96), np.float32))
    assert "\n" not in str(caught.value)


def test_what_only_openvino_refuses(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("Check 'x' failed at src/y.cpp:1:\nmore of it")

    monkeypatch.setattr(openvino_engine.OpenVinoGraph, "__init__", fail)
    with pytest.raises(
        ModelError, match=r"is not a graph that OpenVINO can run \(Check 'x' .*: use the engine onnxruntime or export"
    ) as caught:
        madeof.load(model, engine="openvino")
    assert "\n" not in str(caught.value)


@given(st.floats(-1e6, 0), st.floats(1e-6, 1e6))
def test_with_zero(low: float, high: float) -> None:
    new_low, new_high = with_zero(low, high)
    step = (new_high - new_low) / 255
    assert new_low < 0 < new_high
    assert abs(new_low / step - round(new_low / step)) < 1e-6  # zero is a level
    assert new_low <= low * (1 - 1e-9)
    assert new_high >= high * (1 - 1e-9)
    assert new_high - new_low <= (high - low) * 1.51


def test_one_thread_and_no_optimising_give_the_same(model: Path) -> None:
    data = (model / ENCODER).read_bytes()
    image = {"image": np.random.default_rng(0).random((1, 3, 64, 96), dtype=np.float32)}
    runs = [OnnxRuntimeGraph(data, 1, optimise=optimise).run(image) for optimise in (True, False)]
    assert all(np.allclose(a, b, rtol=1e-3, atol=1e-4) for a, b in zip(*runs, strict=True))


def with_nan(graph: bytes) -> bytes:
    model = onnx.load_from_string(graph)
    for tensor in model.graph.initializer:
        values = onnx.numpy_helper.to_array(tensor).copy()
        if values.dtype.kind == "f" and values.ndim == 4:
            values[:] = np.nan
            tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
    return bytes(model.SerializeToString())


def renamed(graph: bytes) -> bytes:
    model = onnx.load_from_string(graph)
    for node in model.graph.node:
        for i, name in enumerate(node.input):
            if name == "image":
                node.input[i] = "picture"
    model.graph.input[0].name = "picture"
    return bytes(model.SerializeToString())
