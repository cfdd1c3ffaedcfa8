"""The two ONNX graphs of a model folder, run by ONNX Runtime on the CPU."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from madeof.errors import InputError, ModelError
from madeof.record import CLASSIFIER, ENCODER, Record
from madeof.text import show

if TYPE_CHECKING:
    import onnxruntime as ort

# How ONNX's protobuf begins an entry that says where external data lies (StringStringEntryProto, key "location").
# However it is disguised, ONNX Runtime itself refuses it in a graph that it is given as bytes, in other words.
_EXTERNAL_DATA = b"\x0a\x08location"
_MOST_THREADS = 1024
_SILENT = 4  # ONNX Runtime's level "fatal": what it would log stands in the errors that we raise

Features = tuple[NDArray[np.float32], ...]


class Sessions:
    """`encode` and `classify` of a model folder.

    Args:
        folder: the model folder.
        record: its record.
        threads: of ONNX Runtime; 0 lets it take one for each core.

    Raises:
        ModelError: a graph is missing, damaged, or not what the record says.
        InputError: a number of threads that cannot be.
    """

    def __init__(self, folder: Path, record: Record, *, threads: int = 0) -> None:
        if not 0 <= threads <= _MOST_THREADS:
            raise InputError(f"threads is {threads}; expected 0 (one for each core) to {_MOST_THREADS}")
        self.folder = folder
        self._outputs = record.outputs
        self._encoder = _session(folder, record, ENCODER, threads)
        self._classifier = _session(folder, record, CLASSIFIER, threads)
        self._check(record)

    def encode(self, image: NDArray[np.float32]) -> Features:
        """(1, 3, h, w) float32 -> the features of the photo."""
        path = self.folder / ENCODER
        features = tuple(_run(self._encoder, {"image": image}, path))
        for array in features:  # a classifier's ReLU could swallow a NaN
            _check_finite(array, "features", path)
        return features

    def classify(self, features: Features, masks: NDArray[np.float32]) -> NDArray[np.float32]:
        """Features and (N, 1, h, w) float32 coverage -> logits (N, outputs)."""
        inputs = {f"features{i}": f for i, f in enumerate(features)}
        path = self.folder / CLASSIFIER
        logits: NDArray[np.float32] = _run(self._classifier, {**inputs, "masks": masks}, path)[0]
        expected = (len(masks), self._outputs)
        if not isinstance(logits, np.ndarray) or logits.shape != expected:
            found = logits.shape if isinstance(logits, np.ndarray) else type(logits).__name__
            raise ModelError(f"{show(path)} gives scores of shape {found}; expected {expected}: export the model again")
        _check_finite(logits, "scores", path)
        return logits

    def _check(self, record: Record) -> None:
        given = [node.name for node in self._encoder.get_inputs()]
        made = [node.name for node in self._encoder.get_outputs()]
        taken = [node.name for node in self._classifier.get_inputs()]
        if given != ["image"] or taken != [*made, "masks"]:
            raise ModelError(
                f"{show(self.folder)}: expected an encoder from 'image' to features and a classifier from those and "
                f"'masks'; got {show(f'{given} -> {made} and {taken}')[:300]}"
            )
        shapes = [node.shape for node in self._classifier.get_outputs()]
        fits = len(shapes) == 1 and len(shapes[0]) == 2
        if not fits or (isinstance(shapes[0][1], int) and shapes[0][1] != record.outputs):
            raise ModelError(
                f"{show(self.folder)}: the classifier gives {show(str(shapes))[:300]}, its record has {record.outputs} "
                "outputs: the two are not of one model, export it again"
            )


def _session(folder: Path, record: Record, name: str, threads: int) -> ort.InferenceSession:
    import onnxruntime as ort

    data = record.checked_bytes(folder, name)
    if _EXTERNAL_DATA in data:
        raise ModelError(
            f"{show(folder / name)} keeps its weights in another file; expected all in one: export it again"
        )
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = _SILENT
    options.enable_mem_pattern = False  # photos have several shapes; the plan for one does not fit the next
    try:
        # With its fallback it would print to standard output that it goes from the CPU to the CPU.
        return ort.InferenceSession(data, options, providers=["CPUExecutionProvider"], enable_fallback=0)
    except Exception as error:  # ONNX Runtime raises classes of its own that share no base below Exception
        raise ModelError(
            f"{show(folder / name)} is not a graph that ONNX Runtime can run ({_first_line(error)}): "
            "export the model again"
        ) from error


def _run(session: ort.InferenceSession, inputs: dict[str, NDArray[np.float32]], path: Path) -> list[Any]:
    try:
        return list(session.run(None, inputs))
    except Exception as error:  # see above
        raise ModelError(
            f"{show(path)} failed on inputs of shapes {[v.shape for v in inputs.values()]} ({_first_line(error)}): "
            "export the model again"
        ) from error


def _check_finite(values: Any, what: str, path: Path) -> None:
    if not (isinstance(values, np.ndarray) and values.dtype.kind == "f" and np.isfinite(values).all()):
        raise ModelError(
            f"{show(path)} gives {what} that are not finite numbers: its weights are damaged, get it again"
        )


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return show(lines[0][:300])
