"""The two ONNX graphs of a model folder, run by ONNX Runtime on the CPU."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from madeof.errors import ModelError
from madeof.record import CLASSIFIER, ENCODER, Record

if TYPE_CHECKING:
    import onnxruntime as ort

# How ONNX's protobuf begins an entry that says where external data lies (StringStringEntryProto, key "location").
_EXTERNAL_DATA = b"\x0a\x08location"

Features = tuple[NDArray[np.float32], ...]


class Sessions:
    """`encode` and `classify` of a model folder.

    Args:
        folder: the model folder.
        record: its record.
        threads: of ONNX Runtime; 0 lets it take one for each core.

    Raises:
        ModelError: a graph is missing, damaged, or not what the record says.
    """

    def __init__(self, folder: Path, record: Record, *, threads: int = 0) -> None:
        self.folder = folder
        self._encoder = _session(folder, record, ENCODER, threads)
        self._classifier = _session(folder, record, CLASSIFIER, threads)
        self._check(record)

    def encode(self, image: NDArray[np.float32]) -> Features:
        """(1, 3, h, w) float32 -> the features of the photo."""
        return tuple(_run(self._encoder, {"image": image}, self.folder / ENCODER))

    def classify(self, features: Features, masks: NDArray[np.float32]) -> NDArray[np.float32]:
        """Features and (N, 1, h, w) float32 coverage -> logits (N, outputs)."""
        inputs = {f"features{i}": f for i, f in enumerate(features)}
        logits: NDArray[np.float32] = _run(self._classifier, {**inputs, "masks": masks}, self.folder / CLASSIFIER)[0]
        if not np.isfinite(logits).all():
            raise ModelError(f"{self.folder / CLASSIFIER} gives scores that are not numbers: its weights are damaged")
        return logits

    def _check(self, record: Record) -> None:
        given = [node.name for node in self._encoder.get_inputs()]
        made = [node.name for node in self._encoder.get_outputs()]
        taken = [node.name for node in self._classifier.get_inputs()]
        if given != ["image"] or taken != [*made, "masks"]:
            raise ModelError(
                f"{self.folder}: expected an encoder from 'image' to features and a classifier from those and 'masks'; "
                f"got {given} -> {made} and {taken}"
            )
        outputs = self._classifier.get_outputs()[0].shape
        if len(outputs) != 2 or (isinstance(outputs[1], int) and outputs[1] != record.outputs):
            raise ModelError(f"{self.folder}: the classifier gives {outputs}, its record has {record.outputs} outputs")


def _session(folder: Path, record: Record, name: str, threads: int) -> ort.InferenceSession:
    import onnxruntime as ort

    data = record.checked_bytes(folder, name)
    if _EXTERNAL_DATA in data:
        raise ModelError(f"{folder / name} keeps its weights in another file; expected all in one: export it again")
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    options.enable_mem_pattern = False  # photos have several shapes; the plan for one does not fit the next
    try:
        return ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime raises classes of its own that share no base below Exception
        raise ModelError(f"{folder / name} is not a graph that ONNX Runtime can run: {_first_line(error)}") from error


def _run(session: ort.InferenceSession, inputs: dict[str, NDArray[np.float32]], path: Path) -> list[Any]:
    try:
        return list(session.run(None, inputs))
    except Exception as error:  # see above
        raise ModelError(
            f"{path} failed on inputs {[v.shape for v in inputs.values()]}: {_first_line(error)}"
        ) from error


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:300] if str(error) else type(error).__name__
