"""An encoder that computes in 8 bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from madeof.cli.main import main
from madeof.errors import ModelError
from madeof.model.onnx_engine import OnnxRuntimeGraph
from madeof.model.record import Record
from madeof.nets import build
from madeof.training.config import Config
from madeof.training.export import read_net, write_model
from madeof.training.quantize import quantize


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small net of the kind that is quantised, with weights."""
    config = Config.load(None, ["backbone=tf_efficientnet_lite0", "backbone_weights=none", "side=64", "strides=[4, 8]"])
    net = build(config.architecture, 3)
    out = tmp_path_factory.mktemp("models") / "float"
    write_model(net, Record("small", "1", ("Brick", "Sky", "Wood"), config.preprocessing, config.architecture), out)
    return out


def photos(count: int) -> list[NDArray[np.float32]]:
    random = np.random.default_rng(0)
    coarse = [random.standard_normal((1, 3, 8, 8)) for _ in range(count)]
    return [image.repeat(8, axis=2).repeat(8, axis=3).astype(np.float32) for image in coarse]


def test_convolutions_take_eight_bits_and_give_nearly_the_same(folder: Path) -> None:
    plain = (folder / "encoder.onnx").read_bytes()
    quantized = quantize(plain, photos(8))
    assert len(quantized) < 0.5 * len(plain)
    model = onnx.load_from_string(quantized)
    made = {node.output[0]: node.op_type for node in model.graph.node}
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    assert convolutions
    assert all(made[name] == "DequantizeLinear" for node in convolutions for name in node.input[:2])
    stored = {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}
    weights = [values for name, values in stored.items() if name.endswith("_quantized") and values.dtype == np.int8]
    assert max(int(np.abs(values.astype(int)).max()) for values in weights) <= 64, "seven bits, for any processor"

    image = {"image": photos(9)[-1]}
    wanted = OnnxRuntimeGraph(plain, 1).run(image)
    for optimise in (True, False):
        found = OnnxRuntimeGraph(quantized, 1, optimise=optimise).run(image)
        for a, b in zip(found, wanted, strict=True):
            assert a.shape == b.shape
            assert 0 < np.linalg.norm(a - b) < 0.2 * np.linalg.norm(b)


def test_without_photos_there_are_no_ranges(folder: Path) -> None:
    with pytest.raises(ModelError, match="got no photos; expected some"):
        quantize((folder / "encoder.onnx").read_bytes(), [])


def test_exported_by_the_command(folder: Path, tiny_dataset: Path, tmp_path: Path) -> None:
    command = ["export", str(folder), "--out", str(tmp_path / "eight"), "--bits", "8", "--quantize", str(tiny_dataset)]
    assert main(command) == 0
    Record.read(tmp_path / "eight")
    encoder = onnx.load(tmp_path / "eight" / "encoder.onnx")
    assert "QuantizeLinear" in {node.op_type for node in encoder.graph.node}
    net, _ = read_net(folder)
    assert net is not None


def test_ranges_of_two_kinds_are_refused(
    folder: Path, tiny_dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    both = ["--quantize", str(tiny_dataset), "--ranges", str(tiny_dataset)]
    assert main(["export", str(folder), "--out", str(tmp_path / "none"), *both]) == 1
    assert "got --ranges and --quantize; expected one" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
