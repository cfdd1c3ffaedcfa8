"""OpenVINO as an engine for the encoder: in float, in bfloat16, or with 8-bit dense convolutions.

The 8-bit graph is made here, when the model is loaded, from the float graph and from the ranges that
`madeof export --ranges` measured: OpenVINO takes a convolution whose input and weights pass through FakeQuantize nodes
as an 8-bit one. So the model folder holds no second graph, and neither nncf nor onnx is needed.
"""

from __future__ import annotations

import functools
import io
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from madeof.errors import InputError
from madeof.model.onnx_engine import Engine
from madeof.model.telemetry import import_openvino

if TYPE_CHECKING:
    from madeof.model.ranges import Ranges

_LEVELS = 256  # of an activation: unsigned 8 bits with a zero point
_WEIGHT_LEVELS = 255  # signed and symmetric: -127 to 127
_TINY = 1e-8  # a channel of weights that are all 0 still needs a range
_KERNELS = 500  # that are kept for shapes seen before; OpenVINO's own 5000 let memory grow with photos of any shape


class OpenVinoGraph:
    """A graph run by OpenVINO on the CPU.

    Args:
        data: the graph in ONNX's form; it is read from memory.
        threads: how many; 0 lets OpenVINO take one for each core.
        engine: one of OpenVINO's.
        ranges: of the inputs of the convolutions that `openvino-int8` is to run in 8 bits.

    Raises:
        MissingExtraError: OpenVINO is not installed.
        InputError: the CPU has no bfloat16, and `openvino-bf16` was asked for.
    """

    def __init__(self, data: bytes, threads: int, engine: Engine, ranges: Ranges | None = None) -> None:
        core = _core()
        if engine == "openvino-bf16" and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            raise InputError("engine is 'openvino-bf16', but this CPU has no bfloat16: use openvino-int8 or openvino")
        model = core.read_model(io.BytesIO(data))
        self.inputs = tuple(node.get_any_name() for node in model.inputs)
        self.outputs = tuple(node.get_any_name() for node in model.outputs)
        if ranges is not None:
            _quantise(model, ranges)
        options: dict[str, Any] = {
            "INFERENCE_PRECISION_HINT": "bf16" if engine == "openvino-bf16" else "f32",
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": 1,
            "CPU_RUNTIME_CACHE_CAPACITY": _KERNELS,
            **({"INFERENCE_NUM_THREADS": threads} if threads else {}),
        }
        self._compiled = core.compile_model(model, "CPU", options)
        self._request = self._compiled.create_infer_request()
        self._one_at_a_time = threading.Lock()  # a request refuses a second thread while it runs

    @property
    def threads(self) -> int:
        """How many threads it runs with."""
        return int(self._compiled.get_property("INFERENCE_NUM_THREADS"))

    @property
    def precision(self) -> str:
        """Precision outside the 8-bit layers: "f32" or "bf16"."""
        return str(self._compiled.get_property("INFERENCE_PRECISION_HINT").to_string())

    def run(self, inputs: Mapping[str, NDArray[np.float32]]) -> list[Any]:
        """See `madeof.model.onnx_engine.Graph`."""
        # The inputs may be shared, for they are not kept; the outputs are copied, for the next run writes over them.
        with self._one_at_a_time:
            results = self._request.infer(dict(inputs), share_inputs=True, share_outputs=False)
        return [np.asarray(value) for value in results.to_tuple()]


@functools.cache
def _core() -> Any:
    """OpenVINO's core: one, for as long as the process lives.

    On a CPU with AMX each core gives its thread a new stack for signals, and with the core that stack goes while the
    thread may still point to it: the next signal, be it Ctrl-C, would end the process.
    """
    return import_openvino().Core()


def _quantise(model: Any, ranges: Ranges) -> None:
    """Turn the convolutions whose inputs have a range into 8-bit ones, in place.

    Activations have one range for a tensor, with zero exact; weights have one for each channel of the output.

    Raises:
        ValueError: no convolution of the graph has a range.
    """
    from openvino import opset13 as ops

    def fake_quantize(values: Any, low: Any, high: Any, levels: int) -> Any:
        bounds = ops.constant(np.float32(low)), ops.constant(np.float32(high))
        return ops.fake_quantize(values, *bounds, *bounds, levels).output(0)

    done = 0
    for node in model.get_ordered_ops():
        if node.get_type_name() != "Convolution":
            continue
        source = node.input_value(0)
        bounds = next((ranges[name] for name in source.get_names() if name in ranges), None)
        weights = _constant(node.input_value(1))
        if bounds is None or weights is None:
            continue
        node.input(0).replace_source_output(fake_quantize(source, *with_zero(*bounds), _LEVELS))
        most = np.maximum(np.abs(weights).max(axis=(1, 2, 3), keepdims=True), _TINY)  # (C, 1, 1, 1)
        node.input(1).replace_source_output(fake_quantize(ops.constant(weights), -most, most, _WEIGHT_LEVELS))
        done += 1
    if not done:
        raise ValueError("its ranges are not of this graph")
    model.validate_nodes_and_infer_types()


def _constant(output: Any) -> NDArray[np.float32] | None:
    """The weights (C, C', h, w), which may be kept in 16 bits with a conversion, or in 8 with a scale, behind them."""
    node = output.get_node()
    kind = node.get_type_name()
    if kind == "Multiply":
        parts = [_constant(node.input_value(side)) for side in (0, 1)]
        return None if parts[0] is None or parts[1] is None else parts[0] * parts[1]
    if kind == "Convert":
        return _constant(node.input_value(0))
    return np.asarray(node.data, dtype=np.float32) if kind == "Constant" else None


def with_zero(low: float, high: float, levels: int = _LEVELS) -> tuple[float, float]:
    """The smallest range that holds `low` <= 0 <= `high` and has 0 on one of its inner levels: padding stays exact."""
    most = levels - 1
    zero = min(max(round(-low / (high - low) * most), 1), most - 1)  # which level it is
    step = max(-low / zero, high / (most - zero))
    return -zero * step, (most - zero) * step
