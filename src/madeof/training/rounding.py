"""Weights of an 8-bit graph rounded so that the outputs keep, not the weights.

Rounding each weight to its nearest step leaves errors that add up over a pointwise convolution's hundreds of inputs. So
its columns are rounded one after another, and what each leaves is made good by those still to come, as the inputs'
second moments say (GPTQ; Frantar et al. 2023, arXiv 2210.17323). What is left on average goes into the biases (Nagel et
al. 2019, arXiv 1906.04721).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, numpy_helper

from madeof.model.telemetry import import_onnxruntime

_POSITIONS = 400  # of each map of each photo
_DAMPING = 0.01  # of the mean second moment
_MOST = 64  # steps of a weight, in 7 of 8 bits; 2 * 64 * 255 stays under what 16 bits hold


@dataclass
class _Seen:
    """What the inputs of one convolution were, summed over positions."""

    moments: NDArray[np.float64] | None = None
    total: NDArray[np.float64] | None = None
    count: int = 0


@dataclass(frozen=True)
class _Layer:
    """A convolution of the 8-bit graph."""

    source: str
    """Its input in the float graph."""
    weight: str
    """Its weight in the float graph; the 8-bit graph has WEIGHT_quantized and WEIGHT_scale."""
    bias: str | None
    pointwise: bool
    seen: _Seen = field(default_factory=_Seen)


def round_well(quantized: ModelProto, graph: bytes, images: Iterable[NDArray[np.float32]]) -> None:
    """Round the weights of `quantized` anew, in place.

    Args:
        quantized: what ONNX Runtime's tools made of `graph`; its scales stay.
        graph: the float graph, whose weights have the same names.
        images: preprocessed photos, each (1, 3, h, w) float32.
    """
    layers = _layers(quantized)
    plain = onnx.load_from_string(graph)
    _look(plain, layers, images)
    weights = {tensor.name: tensor for tensor in plain.graph.initializer}
    stored = {tensor.name: tensor for tensor in quantized.graph.initializer}
    for layer in layers:
        if not layer.seen.count:
            continue
        weight = numpy_helper.to_array(weights[layer.weight]).astype(np.float64)
        scale = numpy_helper.to_array(stored[f"{layer.weight}_scale"]).astype(np.float64)
        steps = numpy_helper.to_array(stored[f"{layer.weight}_quantized"]).astype(np.float64)
        if layer.pointwise:
            assert layer.seen.moments is not None
            moments = layer.seen.moments / layer.seen.count
            steps = rounded(weight[:, :, 0, 0], scale, moments)[:, :, None, None]
            _store(stored[f"{layer.weight}_quantized"], steps.astype(np.int8))
        if layer.bias is not None:
            assert layer.seen.total is not None
            error = (steps * scale[:, None, None, None] - weight).sum(axis=(2, 3))  # (O, C of a group)
            mean = layer.seen.total / layer.seen.count
            shift = error @ mean if error.shape[1] == len(mean) else error[:, 0] * mean
            unit = numpy_helper.to_array(stored[f"{layer.bias}_quantized_scale"]).astype(np.float64)
            bias = numpy_helper.to_array(stored[f"{layer.bias}_quantized"]).astype(np.float64)
            _store(stored[f"{layer.bias}_quantized"], np.rint(bias - shift / unit).astype(np.int32))


def rounded(
    weight: NDArray[np.float64], scale: NDArray[np.float64], moments: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Steps of `scale` (O,) for the weights (O, C) of a layer whose inputs have the second moments (C, C)."""
    count = len(moments)
    damped = moments + np.eye(count) * (_DAMPING * float(np.trace(moments)) / count + 1e-12)
    factor = np.linalg.cholesky(np.linalg.inv(damped)).T  # upper: row j says what column j's error asks of the later
    left, steps = weight.copy(), np.zeros_like(weight)
    for column in range(count):
        steps[:, column] = np.clip(np.rint(left[:, column] / scale), -_MOST, _MOST)
        error = (left[:, column] - steps[:, column] * scale) / factor[column, column]
        left[:, column + 1 :] -= np.outer(error, factor[column, column + 1 :])
    return steps


def _layers(quantized: ModelProto) -> list[_Layer]:
    made = {node.output[0]: node for node in quantized.graph.node}
    layers = []
    for node in quantized.graph.node:
        if node.op_type != "Conv" or any(made.get(name) is None for name in node.input):
            continue
        source, weight, *bias = (made[name].input[0] for name in node.input)
        layers.append(
            _Layer(
                made[source].input[0] if source in made else source,
                weight.removesuffix("_quantized"),
                bias[0].removesuffix("_quantized") if bias else None,
                _is_pointwise(node),
            )
        )
    return layers


def _is_pointwise(node: NodeProto) -> bool:
    given = {a.name: a for a in node.attribute}
    group = given["group"].i if "group" in given else 1
    return group == 1 and list(given["kernel_shape"].ints) == [1, 1]


def _look(plain: ModelProto, layers: list[_Layer], images: Iterable[NDArray[np.float32]]) -> None:
    """Sum up what the convolutions of the float graph are given."""
    ort = import_onnxruntime()

    shown = ModelProto()
    shown.CopyFrom(plain)
    known = {node.output[0] for node in plain.graph.node}
    layers = [layer for layer in layers if layer.source in known]  # not the photo itself
    names = list(dict.fromkeys(layer.source for layer in layers))
    present = {output.name for output in plain.graph.output}
    shown.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names if name not in present)
    options = ort.SessionOptions()
    options.log_severity_level = 3
    session = ort.InferenceSession(shown.SerializeToString(), options, providers=["CPUExecutionProvider"])
    random = np.random.default_rng(0)
    for image in images:
        maps = dict(zip(names, session.run(names, {"image": image}), strict=True))
        for layer in layers:
            cells = maps[layer.source][0].reshape(maps[layer.source].shape[1], -1).astype(np.float64)  # (C, h w)
            cells = cells[:, random.permutation(cells.shape[1])[:_POSITIONS]]
            seen = layer.seen
            seen.total = cells.sum(axis=1) + (0 if seen.total is None else seen.total)
            seen.count += cells.shape[1]
            if layer.pointwise:
                seen.moments = cells @ cells.T + (0 if seen.moments is None else seen.moments)


def _store(tensor: TensorProto, values: NDArray[np.int8] | NDArray[np.int32]) -> None:
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
