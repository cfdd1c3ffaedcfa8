"""Evaluate a model on a data set: every region of every photo, photo by photo."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from madeof._util.text import show
from madeof.errors import DatasetError, InputError, ModelError
from madeof.evaluation.result import Evaluation, Failure
from madeof.metrics.boundary import edge_agreement
from madeof.metrics.conformal import COVERAGE, Sets

__all__ = ["Evaluation", "Failure", "evaluate"]

_logger = logging.getLogger("madeof")


class _Record(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def uncertain_below(self) -> float | None: ...
    @property
    def sets(self) -> Sets | None: ...


class _Predictor(Protocol):
    """What we use of `madeof.Predictor`."""

    @property
    def materials(self) -> tuple[str, ...]: ...
    @property
    def record(self) -> _Record: ...
    def set_image(self, image: Any, /) -> object: ...
    def scores(self, masks: NDArray[np.bool_], /) -> NDArray[np.float32]: ...


class _Sample(Protocol):
    @property
    def image(self) -> NDArray[np.uint8]: ...
    @property
    def masks(self) -> NDArray[np.bool_]: ...
    @property
    def materials(self) -> NDArray[np.int64]: ...
    @property
    def regions(self) -> NDArray[np.int64]: ...


class _Photos(Protocol):
    @property
    def name(self) -> Sequence[str]: ...
    @property
    def source(self) -> Sequence[str]: ...


class _Dataset(Protocol):
    """What we use of `madeof.datasets.RegionDataset`."""

    @property
    def materials(self) -> tuple[str, ...]: ...
    @property
    def photos(self) -> _Photos: ...
    @property
    def digest(self) -> str: ...
    def __len__(self) -> int: ...
    def read(self, photo: int, /) -> _Sample: ...


def evaluate(
    predictor: _Predictor,
    dataset: _Dataset,
    *,
    coverage: float = COVERAGE,
    progress: Callable[[int, int], object] | None = None,
) -> Evaluation:
    """Ask the model for every region of every photo.

    Holds one photo at a time. A photo that cannot be read, or that the model refuses, is in the result's
    `failures` and in the log; whether that is an error is for the caller to say.

    Args:
        predictor: a `madeof.Predictor`; it is left with the last photo set.
        dataset: a `madeof.datasets.RegionDataset`, or one of its splits.
        coverage: of the sets that are looked at, where the model has sets.
        progress: called after each photo with the numbers of photos done and of all.

    Raises:
        ModelError: the model's scores are not probabilities.
    """
    photos: list[str] = []
    sources: list[str] = []
    failures: list[Failure] = []
    truth: list[str] = []
    parts: list[tuple[NDArray[Any], ...]] = []
    for number in range(len(dataset)):
        name = _utf8(str(dataset.photos.name[number]))
        try:
            sample = dataset.read(number)
            scores = _ask(predictor, sample, name)
        except (DatasetError, InputError, OSError) as error:
            failures.append(Failure(name, _utf8(" ".join(str(error).split()))))
            _logger.warning("%s is left out: %s", show(name), show(failures[-1].reason))
        else:
            part = (
                np.full(len(scores), len(photos)),
                np.asarray(sample.regions),
                np.array([np.count_nonzero(mask) for mask in sample.masks], dtype=np.int64),
                np.array([_box(mask) for mask in sample.masks], dtype=np.int64).reshape(-1, 4),
                edge_agreement(sample.image, sample.masks),
                np.full(len(scores), sample.image.shape[0] * sample.image.shape[1], dtype=np.int64),
                scores,
            )
            parts.append(part)
            photos.append(name)
            sources.append(_utf8(dataset.photos.source[number]))
            truth += [_utf8(dataset.materials[index]) for index in sample.materials]
        if progress is not None:
            progress(number + 1, len(dataset))
    empty = np.zeros(0, dtype=np.int64)
    none = (
        empty,
        empty,
        empty,
        empty.reshape(0, 4),
        empty.astype(np.float32),
        empty,
        np.zeros((0, len(predictor.materials)), dtype=np.float32),
    )
    columns = zip(none, *parts, strict=True)
    photo, region, area, box, quality, pixels, table = (np.concatenate(column) for column in columns)
    return Evaluation(
        model=_utf8(f"{predictor.record.name} {predictor.record.version}"),
        materials=tuple(_utf8(name) for name in predictor.materials),
        digest=dataset.digest,
        photos=tuple(photos),
        photo=photo,
        region=region,
        area=area,
        box=box,
        truth=tuple(truth),
        scores=table,
        failures=tuple(failures),
        sources=tuple(sources),
        uncertain_below=predictor.record.uncertain_below,
        quality=quality,
        share=area / np.maximum(pixels, 1),
        sets=predictor.record.sets,
        coverage=coverage,
    )


def _ask(predictor: _Predictor, sample: _Sample, name: str) -> NDArray[np.float32]:
    """The scores of a photo's regions, (N, C); a photo without regions is not shown to the model."""
    shape = (len(sample.masks), len(predictor.materials))
    if not shape[0]:
        return np.zeros(shape, dtype=np.float32)
    predictor.set_image(sample.image)
    scores = np.asarray(predictor.scores(sample.masks), dtype=np.float32)
    assert scores.shape == shape, f"the predictor gave scores of shape {scores.shape} for {shape}"
    # measure would refuse these as well, but only at the end, and could not name the photo.
    if not bool(((scores >= -1e-6) & (scores <= 1 + 1e-6)).all()):
        raise ModelError(
            f"the model {show(predictor.record.name)} gives scores that are NaN or outside [0, 1] for {show(name)}; "
            "expected probabilities: its weights are damaged, use another model"
        )
    return scores


def _box(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        return 0, 0, 0, 0
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _utf8(text: str) -> str:
    r"""`text` without what UTF-8 cannot hold: a file name's stray byte 0xFF becomes the characters \udcff."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
