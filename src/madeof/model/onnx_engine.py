"""Engines: what runs a graph of a model folder. ONNX Runtime is the default; OpenVINO is an extra, for the encoder.

Each engine gives a `Graph`, and `sessions` puts the same questions to all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args

from madeof.errors import InputError
from madeof.model.telemetry import import_onnxruntime

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Engine = Literal["onnxruntime", "openvino", "openvino-bf16", "openvino-int8"]
ENGINES: tuple[Engine, ...] = get_args(Engine)
DEFAULT: Engine = "onnxruntime"

_SILENT = 4  # ONNX Runtime's level "fatal": what it would log stands in the errors that we raise


class Graph(Protocol):
    """A graph that runs. Its methods raise whatever the engine raises."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    @property
    def threads(self) -> int:
        """How many threads it was given; 0 may stand for one for each core."""
        ...

    def run(self, inputs: Mapping[str, NDArray[np.float32]]) -> list[Any]:
        """The outputs, in the order of `outputs`; arrays that nothing else writes to."""
        ...


def check_engine(engine: str) -> Engine:
    """The engine of this name.

    Raises:
        InputError: there is none.
    """
    for known in ENGINES:
        if engine == known:
            return known
    raise InputError(f"engine is {str(engine)[:80]!r}; expected one of {', '.join(ENGINES)}")


class OnnxRuntimeGraph:
    """A graph run by ONNX Runtime on the CPU.

    Args:
        data: the graph in ONNX's form.
        threads: how many; 0 is one for each core.
        optimise: without, it is sooner there and slower: enough to have the graph checked.
    """

    def __init__(self, data: bytes, threads: int, *, optimise: bool = True) -> None:
        ort = import_onnxruntime()

        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = _SILENT
        options.enable_mem_pattern = False  # photos have several shapes; the plan for one does not fit the next
        level = ort.GraphOptimizationLevel
        options.graph_optimization_level = level.ORT_ENABLE_ALL if optimise else level.ORT_DISABLE_ALL
        # With its fallback it would print to standard output that it goes from the CPU to the CPU.
        self._session = ort.InferenceSession(data, options, providers=["CPUExecutionProvider"], enable_fallback=0)
        self.inputs = tuple(node.name for node in self._session.get_inputs())
        self.outputs = tuple(node.name for node in self._session.get_outputs())
        self.input_shapes: tuple[list[Any], ...] = tuple(node.shape for node in self._session.get_inputs())
        self.input_types: tuple[str, ...] = tuple(node.type for node in self._session.get_inputs())
        self.output_shapes: tuple[list[Any], ...] = tuple(node.shape for node in self._session.get_outputs())

    @property
    def threads(self) -> int:
        """See `Graph`."""
        return int(self._session.get_session_options().intra_op_num_threads)

    def run(self, inputs: Mapping[str, NDArray[np.float32]]) -> list[Any]:
        """See `Graph`."""
        return list(self._session.run(None, dict(inputs)))
