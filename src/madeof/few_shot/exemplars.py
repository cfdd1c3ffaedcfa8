"""memory.npz: the exemplars of a model, from the regions on which it was calibrated.

`madeof learn` needs to know how the old materials look to the net: where their embeddings lie, and which of them a new
material would be taken for. Regions of photos that the net did not learn from say that best, and no photo is kept.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from madeof._util import files
from madeof._util.npz import array_bytes, read_arrays
from madeof._util.text import show
from madeof.errors import DatasetError, InputError, ModelError
from madeof.model.record import MEMORY, Record

if TYPE_CHECKING:
    from madeof.datasets import RegionDataset
    from madeof.inference.predictor import Predictor

MOST = 3000
"""Most exemplars that are kept: 2.5 MB with the bundled model's 768 numbers each."""
_LEVELS = 127
_MOST_SCALE = 1e6  # of an embedding's step
_ARRAYS = {
    "steps": ("|i1", 2), "scale": ("<f4", 1), "logits": ("<f2", 2), "truth": ("<i4", 1), "photo": ("<i4", 1),
    "share": ("<f4", 1), "judging": ("|u1", 1), "names": ("|u1", 1),
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Memory:
    """M exemplars."""

    embedding: NDArray[np.float32]
    """(M, D) embeddings of the net."""
    logits: NDArray[np.float32]
    """(M, outputs) logits of the net."""
    truth: NDArray[np.int64]
    """(M,) true materials, indices into `names`."""
    names: tuple[str, ...]
    """Material names; some may be unknown to the net."""
    photo: NDArray[np.int64]
    """(M,) photo number of each region."""
    share: NDArray[np.float32]
    """(M,) area fraction of the photo, in (0, 1]."""
    judging: NDArray[np.bool_]
    """(M,) True for exemplars from the calibration sources."""

    def to_bytes(self) -> bytes:
        """Encode as memory.npz: 8-bit embeddings with one scale per dimension."""
        scale = np.maximum(np.abs(self.embedding).max(axis=0, initial=0), 1e-12) / _LEVELS
        text = json.dumps(self.names, ensure_ascii=False).encode("utf-8")
        return array_bytes(
            {
                "steps": np.rint(self.embedding / scale).astype(np.int8),
                "scale": scale.astype("<f4"),
                "logits": self.logits.astype("<f2"),
                "truth": self.truth.astype("<i4"),
                "photo": self.photo.astype("<i4"),
                "share": self.share.astype("<f4"),
                "judging": self.judging.astype(np.uint8),
                "names": np.frombuffer(text, dtype=np.uint8),
            }
        )


def read_memory(folder: Path, record: Record) -> Memory:
    """Read and check the memory of a model folder.

    Raises:
        ModelError: it has none, or it is damaged or of another model.
    """
    path = folder / MEMORY
    if MEMORY not in record.files:
        raise ModelError(
            f"{show(folder)} has no {MEMORY}, without which it cannot learn: export it again with --memory DATASET"
        )
    parts = read_arrays(record.checked_bytes(folder, MEMORY), path, _ARRAYS)
    count, width = parts["steps"].shape
    wanted = {"scale": (width,), "logits": (count, record.outputs)}
    for name, array in parts.items():
        if name not in ("steps", "names") and array.shape != wanted.get(name, (count,)):
            raise ModelError(
                f"{show(path)}: the array {name} has the shape {array.shape}; expected {wanted.get(name, (count,))}: "
                "export the model again"
            )
    names = _names(parts["names"].tobytes(), path)
    truth, share = parts["truth"].astype(np.int64), parts["share"]
    if not count or truth.min() < 0 or truth.max() >= len(names) or share.min() <= 0 or share.max() > 1:
        raise ModelError(f"{show(path)}: no regions, or ones with impossible values: export the model again")
    if np.abs(parts["scale"]).max(initial=0) > _MOST_SCALE:
        raise ModelError(f"{show(path)}: its embeddings are beyond {_MOST_SCALE:g}: export the model again")
    return Memory(
        parts["steps"].astype(np.float32) * parts["scale"],
        parts["logits"].astype(np.float32),
        truth,
        names,
        parts["photo"].astype(np.int64),
        share,
        parts["judging"] != 0,
    )


def _names(data: bytes, path: Path) -> tuple[str, ...]:
    try:
        values: Any = json.loads(data.decode("utf-8"))
    except (RecursionError, ValueError) as error:
        raise ModelError(f"{show(path)}: the names are not JSON: export the model again") from error
    if not isinstance(values, list) or not all(isinstance(name, str) and name.strip() for name in values):
        raise ModelError(f"{show(path)}: the names are not a list of texts: export the model again")
    return tuple(values)


def write_exemplars(
    folder: Path, dataset: RegionDataset, calibration_sources: Sequence[str] = (), *, threads: int = 2
) -> Record:
    """Write the memory of a model folder: its embeddings and logits of the regions of the val split.

    Args:
        folder: a model folder; its record is rewritten.
        dataset: the data set whose val split calibrated the model; all of it is used if it has no val split.
        calibration_sources: sources whose photos calibrate the scores; all photos if none is given or has a region.
        threads: CPU threads.

    Raises:
        ModelError: the model gives no embeddings.
        DatasetError: there are no regions.
    """
    from madeof.inference.predictor import Predictor

    predictor = Predictor(folder, threads=threads)
    val = dataset.split("val")
    memory = _ask(predictor, val if len(val.regions) else dataset, calibration_sources)
    files.write_bytes(folder / MEMORY, memory.to_bytes())
    return predictor.record.write(folder)


def _ask(predictor: Predictor, dataset: RegionDataset, calibration_sources: Sequence[str]) -> Memory:
    rows: dict[str, list[NDArray[Any]]] = {name: [] for name in ("embedding", "logits", "truth", "photo", "share")}
    order = np.random.default_rng(0).permutation(len(dataset))
    for photo in order.tolist():
        if sum(map(len, rows["truth"])) >= MOST:
            break
        sample = dataset.read(photo)
        try:
            encoded = predictor.encode(sample.image)
            logits, embedding = predictor.describe(list(sample.masks), encoded=encoded)
        except InputError as error:
            raise DatasetError(f"{show(sample.name)}: {error}") from error
        rows["embedding"].append(embedding)
        rows["logits"].append(logits)
        rows["truth"].append(sample.materials)
        rows["photo"].append(np.full(len(logits), photo))
        rows["share"].append(sample.masks.mean(axis=(1, 2)))
    if not rows["truth"]:
        raise DatasetError("the data set has no regions for a memory; expected a val split, or regions at all")
    joined = {name: np.concatenate(parts)[:MOST] for name, parts in rows.items()}
    used, truth = np.unique(joined["truth"], return_inverse=True)
    judging = np.isin(np.array(dataset.photos.source, dtype=np.str_)[joined["photo"]], list(calibration_sources))
    return Memory(
        joined["embedding"],
        joined["logits"],
        truth.astype(np.int64),
        tuple(dataset.materials[i] for i in used.tolist()),
        joined["photo"],
        joined["share"].astype(np.float32),
        judging if judging.any() else ~judging,
    )
