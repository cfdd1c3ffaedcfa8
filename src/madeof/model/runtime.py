"""The two ONNX graphs of a model folder, run on the CPU by the engine that was asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from madeof._util.text import show
from madeof.errors import InputError, MadeofError, ModelError
from madeof.model.onnx_engine import DEFAULT, Engine, Graph, OnnxRuntimeGraph, check_engine
from madeof.model.ranges import read_ranges
from madeof.model.record import CLASSIFIER, ENCODER, Record

# How ONNX's protobuf begins an entry that says where external data lies (StringStringEntryProto, key "location").
# However it is disguised, ONNX Runtime itself refuses it in a graph that it is given as bytes, in other words.
_EXTERNAL_DATA = b"\x0a\x08location"
_MOST_THREADS = 1024

Features = tuple[NDArray[np.float32], ...]


class Sessions:
    """`encode` and `classify` of a model folder.

    OpenVINO takes the encoder only. The classifier is ONNX Runtime's with every engine: its shapes change with the
    number of regions, to which ONNX Runtime adapts in half the time, and the spread inside a region (a difference of
    near numbers) needs float.

    Args:
        folder: the model folder.
        record: its record.
        threads: of the engine; 0 lets it take one for each core.
        engine: one of `madeof.model.onnx_engine.ENGINES`.

    Raises:
        ModelError: a graph is missing, damaged, or not what the record says.
        InputError: a number of threads or an engine that cannot be.
        MissingExtraError: the engine is not installed.
    """

    def __init__(self, folder: Path, record: Record, *, threads: int = 0, engine: str = DEFAULT) -> None:
        if not 0 <= threads <= _MOST_THREADS:
            raise InputError(f"threads is {threads}; expected 0 (one for each core) to {_MOST_THREADS}")
        self.folder = folder
        self.engine = check_engine(engine)
        self._outputs = record.outputs
        self._encoder = _encoder(folder, record, threads, self.engine)
        self._classifier = _open(folder / CLASSIFIER, _data(folder, record, CLASSIFIER), threads)
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
        return self.describe(features, masks)[0]

    def describe(
        self, features: Features, masks: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """Features and (N, 1, h, w) float32 coverage -> logits (N, outputs) and the embedding (N, D) behind them.

        The embedding is None where the model gives none: it was exported before there was one.
        """
        inputs = {f"features{i}": f for i, f in enumerate(features)}
        path = self.folder / CLASSIFIER
        logits, *others = _run(self._classifier, {**inputs, "masks": masks}, path)
        expected = (len(masks), self._outputs)
        if not isinstance(logits, np.ndarray) or logits.shape != expected:
            found = logits.shape if isinstance(logits, np.ndarray) else type(logits).__name__
            raise ModelError(f"{show(path)} gives scores of shape {found}; expected {expected}: export the model again")
        _check_finite(logits, "scores", path)
        if not others:
            return logits, None
        _check_finite(others[0], "embeddings", path)
        if others[0].shape != (len(masks), self._width):
            raise ModelError(
                f"{show(path)} gives embeddings of shape {others[0].shape}; expected {(len(masks), self._width)}: "
                "export the model again"
            )
        return logits, others[0]

    def check_embedding(self, width: int | None = None) -> int:
        """How many numbers an embedding has: `width` where that is given.

        Raises:
            ModelError: the model gives no embedding, or one of another width.
        """
        if self._width is None:
            raise ModelError(
                f"{show(self.folder)} gives no embeddings, without which it cannot learn: export it again with this "
                "version of madeof"
            )
        if width not in (None, self._width):
            raise ModelError(
                f"{show(self.folder)}: what it has learned is for embeddings of {width} numbers, the classifier gives "
                f"{self._width}: the two are not of one model, copy it again"
            )
        return self._width

    def _check(self, record: Record) -> None:
        given, made, taken = self._encoder.inputs, self._encoder.outputs, self._classifier.inputs
        if given != ("image",) or taken != (*made, "masks"):
            shown = f"{list(given)} -> {list(made)} and {list(taken)}"
            raise ModelError(
                f"{show(self.folder)}: expected an encoder from 'image' to features and a classifier from those and "
                f"'masks'; got {show(shown)[:300]}"
            )
        shapes = list(self._classifier.output_shapes)
        fits = len(shapes[0]) == 2 and self._classifier.outputs[1:] in ((), ("embedding",))
        fits = fits and all(len(shape) == 2 and type(shape[1]) is int for shape in shapes[1:])
        if not fits or (isinstance(shapes[0][1], int) and shapes[0][1] != record.outputs):
            raise ModelError(
                f"{show(self.folder)}: the classifier gives {show(str(shapes))[:300]}, its record has {record.outputs} "
                "outputs: the two are not of one model, export it again"
            )
        self._width: int | None = shapes[1][1] if len(shapes) > 1 else None


def _encoder(folder: Path, record: Record, threads: int, engine: Engine) -> Graph:
    data, path = _data(folder, record, ENCODER), folder / ENCODER
    if engine == DEFAULT:
        return _open(path, data, threads)
    from madeof.model.openvino_engine import OpenVinoGraph

    _open(path, data, threads, optimise=False)  # refuses what is damaged or lies elsewhere; then dropped
    ranges = read_ranges(folder, record) if engine == "openvino-int8" else None
    try:
        return OpenVinoGraph(data, threads, engine, ranges)
    except MadeofError:
        raise
    except Exception as error:  # OpenVINO raises RuntimeError, and what its bindings make of other C++ exceptions
        raise ModelError(
            f"{show(path)} is not a graph that OpenVINO can run ({_first_line(error)}): "
            "use the engine onnxruntime or export the model again"
        ) from error


def _data(folder: Path, record: Record, name: str) -> bytes:
    data = record.checked_bytes(folder, name)
    if _EXTERNAL_DATA in data:
        raise ModelError(
            f"{show(folder / name)} keeps its weights in another file; expected all in one: export it again"
        )
    return data


def _open(path: Path, data: bytes, threads: int, *, optimise: bool = True) -> OnnxRuntimeGraph:
    try:
        return OnnxRuntimeGraph(data, threads, optimise=optimise)
    except Exception as error:  # ONNX Runtime raises classes of its own that share no base below Exception
        raise ModelError(
            f"{show(path)} is not a graph that ONNX Runtime can run ({_first_line(error)}): export the model again"
        ) from error


def _run(graph: Graph, inputs: dict[str, NDArray[np.float32]], path: Path) -> list[Any]:
    try:
        return graph.run(inputs)
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
