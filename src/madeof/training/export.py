"""From a net to a model folder: two ONNX graphs, the weights, the ranges for 8 bits and the record."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from safetensors.torch import load_file, save
from torch import Tensor, nn

from madeof._util import files
from madeof.errors import ModelError
from madeof.model.record import CLASSIFIER, ENCODER, LEARNED, MEMORY, RANGES, WEIGHTS, Record
from madeof.model.telemetry import import_onnxruntime
from madeof.nets import Ensemble, Net, build_any
from madeof.training.graphs import fold_pads, measure_ranges
from madeof.training.quantize import quantize

_OPSET = 18
_SMALL = 256  # values; smaller tensors (biases, norms) stay in float32: they weigh nothing
_TOLERANCES = {32: 1e-4, 16: 1e-2, 8: 0.2}  # in a probability, by the bits of a weight
_logger = logging.getLogger("madeof")


class _Encoder(nn.Module):
    def __init__(self, net: Net | Ensemble) -> None:
        super().__init__()
        self.net = net

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        return self.net.encode(image)


class _Classifier(nn.Module):
    def __init__(self, net: Net | Ensemble) -> None:
        super().__init__()
        self.net = net

    def forward(self, *inputs: Tensor) -> tuple[Tensor, Tensor]:
        return self.net.describe(inputs[:-1], inputs[-1])


def write_model(
    net: Net | Ensemble,
    record: Record,
    folder: str | Path,
    *,
    weights: bool = True,
    bits: int = 32,
    ranges_from: Iterable[NDArray[np.float32]] | None = None,
    quantize_from: Iterable[NDArray[np.float32]] | None = None,
) -> Record:
    """Write `net` as a model folder.

    The graphs are traced at one size and checked against the net at another (an odd one where the preprocessing
    leaves photos as they are) and for another number of regions: the largest difference of a probability must stay
    under 1e-4 (16 bits: 1e-2; 8 bits: 0.2).

    Args:
        net: the net; it is left as it was.
        record: what the folder's model.json says besides the hashes of the files.
        folder: made when it is missing.
        weights: write weights.safetensors too, for those who train on.
        bits: of a weight in the graphs: 32, 16 or 8 (one scale for each row). All of them compute in 32.
        ranges_from: preprocessed photos, each (1, 3, h, w) float32, from which to measure the ranges that the engine
            `openvino-int8` needs.
        quantize_from: preprocessed photos on which to measure the ranges of an encoder that computes in 8 bits; its
            float form was compared with the net before. None leaves it in float.

    Raises:
        ModelError: the graphs do not give what the net gives, or its encoder has no convolution for 8 bits.
        WriteError: the folder cannot be written.
    """
    folder = files.make_folder(folder)
    was_training = net.training
    net.eval()
    try:
        encoder, classifier = _graphs(net, record.preprocessing.mask_stride)
        if record.preprocessing.resize == "fit" and record.preprocessing.multiple % 32 == 0:
            encoder = fold_pads(encoder)
        plain = encoder
        encoder, classifier = _shrink(encoder, bits), _shrink(classifier, bits)
        _compare(net, encoder, classifier, record, tolerance=_TOLERANCES[bits])
    finally:
        net.train(was_training)
    ranges = None if ranges_from is None else measure_ranges(encoder, ranges_from)
    if ranges == {}:
        raise ModelError("the encoder has no convolution for openvino-int8 to run in 8 bits: export without ranges")
    if quantize_from is not None:
        encoder = quantize(plain, quantize_from)
    files.write_bytes(folder / ENCODER, encoder)
    files.write_bytes(folder / CLASSIFIER, classifier)
    if weights:
        files.write_bytes(folder / WEIGHTS, save({k: v.contiguous() for k, v in net.state_dict().items()}))
    else:
        (folder / WEIGHTS).unlink(missing_ok=True)
    for name in (MEMORY, LEARNED):  # of another net
        (folder / name).unlink(missing_ok=True)
    if ranges:
        files.write_json(folder / RANGES, ranges)
    else:
        (folder / RANGES).unlink(missing_ok=True)
    return record.write(folder)


def read_net(folder: str | Path) -> tuple[Net | Ensemble, Record]:
    """The net of a model folder that holds weights.safetensors, in evaluation mode, and its record.

    Raises:
        ModelError: the folder is not whole or has no weights to train on.
    """
    folder = Path(folder)
    record = Record.read(folder)
    if WEIGHTS not in record.files:
        raise ModelError(f"{folder} has no {WEIGHTS}: it can predict, but not be trained on or exported again")
    record.checked_bytes(folder, WEIGHTS)
    net = build_any(record.architecture, record.outputs)
    try:
        net.load_state_dict(load_file(folder / WEIGHTS))
    except RuntimeError as error:
        raise ModelError(f"{folder / WEIGHTS} does not fit the architecture of its record: {error}") from error
    return net.eval(), record


@torch.no_grad()
def _graphs(net: Net | Ensemble, mask_stride: int) -> tuple[bytes, bytes]:
    device = next(net.parameters()).device
    image = torch.zeros(1, 3, 64, 96, device=device)
    masks = torch.ones(2, 1, 64 // mask_stride, 96 // mask_stride, device=device)
    features = net.encode(image)
    names = [f"features{i}" for i in range(len(features))]
    sides = {2: "height", 3: "width"}
    encoder = _export(_Encoder(net), (image,), ["image"], names, {"image": sides})
    axes = {name: {2: f"height{i}", 3: f"width{i}"} for i, name in enumerate(names)}
    axes["masks"] = {0: "regions", 2: "mask_height", 3: "mask_width"}
    classifier = _export(_Classifier(net), (*features, masks), [*names, "masks"], ["logits", "embedding"], axes)
    return encoder, classifier


def _export(
    module: nn.Module, inputs: tuple[Tensor, ...], names: list[str], outputs: list[str], axes: dict[str, dict[int, str]]
) -> bytes:
    """Trace with the exporter that follows the shapes of a plain call: the newer one needs two packages more."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # The deprecation of this exporter, and each Python number that a trace makes constant. Those are the paddings
        # of nets with TensorFlow's "same" rule: constant for multiples of 32, and `_compare` checks that they are.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.eval(),
            inputs,
            buffer,  # type: ignore[arg-type]
            input_names=names,
            output_names=outputs,
            dynamic_axes=axes,
            opset_version=_OPSET,
            dynamo=False,
        )
    return buffer.getvalue()


def _shrink(graph: bytes, bits: int) -> bytes:
    """Store large float32 weights in fewer bits, with nodes behind each that an engine folds when it loads.

    In 8 bits each row (a convolution's output channel) has a scale of its own, its largest value over 127.
    """
    if bits == 32:
        return graph
    model = onnx.load_from_string(graph)
    nodes, scales = [], []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if tensor.data_type != TensorProto.FLOAT or values.size < _SMALL:
            continue
        name, short = tensor.name, f"{tensor.name}_{bits}"
        if bits == 16 or values.ndim < 2:
            tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), short))
            nodes.append(helper.make_node("Cast", [short], [name], to=TensorProto.FLOAT))
            continue
        scale = np.abs(values).max(axis=tuple(range(1, values.ndim)), keepdims=True).clip(min=1e-30) / 127
        tensor.CopyFrom(numpy_helper.from_array(np.rint(values / scale).astype(np.int8), short))
        scales.append(numpy_helper.from_array(scale.astype(np.float32), f"{name}_scale"))
        nodes.append(helper.make_node("Cast", [short], [f"{name}_steps"], to=TensorProto.FLOAT))
        nodes.append(helper.make_node("Mul", [f"{name}_steps", f"{name}_scale"], [name]))
    model.graph.initializer.extend(scales)
    nodes += model.graph.node
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return bytes(model.SerializeToString())


@torch.no_grad()
def _compare(net: Net | Ensemble, encoder: bytes, classifier: bytes, record: Record, *, tolerance: float) -> None:
    ort = import_onnxruntime()

    options = ort.SessionOptions()
    options.log_severity_level = 3
    random = np.random.default_rng(0)
    height, width = (96, 160) if record.preprocessing.resize == "fit" else (75, 117)
    image = random.standard_normal((1, 3, height, width), dtype=np.float32)
    masks = (random.random((3, 1, height, width)) < 0.5).astype(np.float32)
    masks[0, :, 40:] = 0
    device = next(net.parameters()).device
    wanted = net(torch.from_numpy(image).to(device), torch.from_numpy(masks).to(device)).softmax(1).cpu().numpy()
    features = ort.InferenceSession(encoder, options, providers=["CPUExecutionProvider"]).run(None, {"image": image})
    inputs = {f"features{i}": value for i, value in enumerate(features)}
    session = ort.InferenceSession(classifier, options, providers=["CPUExecutionProvider"])
    cell = record.preprocessing.mask_stride
    cells = masks.reshape(3, 1, height // cell, cell, width // cell, cell).mean(axis=(3, 5))
    logits = session.run(None, {**inputs, "masks": cells})[0]
    given = torch.from_numpy(logits).softmax(1).numpy()
    difference = float(np.abs(given - wanted).max())
    _logger.debug("exported; the largest difference of a probability is %.1e", difference)
    if not difference <= tolerance:
        raise ModelError(
            f"the exported graphs differ from the net by {difference:.2g} in a probability; allowed {tolerance:g}"
        )
