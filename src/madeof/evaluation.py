"""Evaluate a model on a data set: every region of every photo, photo by photo."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from madeof.errors import DatasetError, InputError, ModelError
from madeof.materials import positions
from madeof.metrics import Interval, Metrics, measure
from madeof.text import listed, show

_logger = logging.getLogger("madeof")


class _Record(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...


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


class Failure(NamedTuple):
    """A photo that could not be evaluated."""

    name: str
    reason: str


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a model said of each of the N regions of a data set. All text in it can be written as UTF-8."""

    model: str
    """Name and version."""
    materials: tuple[str, ...]
    """The model's C materials: the columns of `scores`."""
    digest: str
    """Of the data set."""
    photos: tuple[str, ...]
    """The names of the photos that were evaluated."""
    photo: NDArray[np.int64]
    """(N,) each region's photo, a position in `photos`."""
    region: NDArray[np.int64]
    """(N,) each region's row in the table of the data set, or of its split, that was evaluated."""
    area: NDArray[np.int64]
    """(N,) pixels."""
    box: NDArray[np.int64]
    """(N, 4) x0, y0, x1, y1 in pixels, x1 and y1 one past the region's last pixel."""
    truth: tuple[str, ...]
    """(N,) the name of each region's material in the data set."""
    scores: NDArray[np.float32] = field(repr=False)
    """(N, C) calibrated probabilities."""
    failures: tuple[Failure, ...] = ()
    """The photos that are in none of the above."""

    @cached_property
    def metrics(self) -> Metrics:
        """All figures; computed once."""
        return measure(
            np.array(positions(self.truth, self.materials), dtype=np.int64),
            self.scores,
            self.area,
            self.photo,
            materials=self.materials,
            names=self.truth,
        )

    @property
    def predicted(self) -> list[str]:
        """(N,) the material with the best score of each region."""
        return [self.materials[index] for index in self.scores.argmax(axis=1)] if len(self.scores) else []

    def summary(self) -> dict[str, Any]:
        """The figures as `madeof evaluate --json` prints them; None (null) where there is nothing to divide by."""
        found = self.metrics
        return {
            "regions": found.regions,
            "accuracy": found.accuracy,
            "mean_class_accuracy": found.mean_class_accuracy,
            "by_material": {
                row.name: {
                    "regions": row.regions,
                    "accuracy": row.recall,
                    "precision": row.precision,
                    "recall": row.recall,
                    "f1": row.f1,
                }
                for row in found.by_material
            },
            "by_size": [
                {
                    "under": row.under,
                    "label": row.label,
                    "regions": row.regions,
                    "accuracy": row.accuracy,
                    "accuracy_interval": _ends(row.accuracy_interval),
                    "mean_class_accuracy": row.mean_class_accuracy,
                }
                for row in found.by_size
            ],
            "accuracy_interval": _ends(found.accuracy_interval),
            "mean_class_accuracy_interval": _ends(found.mean_class_accuracy_interval),
            "nameable": found.nameable,
            "accuracy_nameable": found.accuracy_nameable,
            "mean_class_accuracy_nameable": found.mean_class_accuracy_nameable,
            "unpredictable": found.unpredictable,
            "macro_f1": found.macro_f1,
            "top_k": {str(k): value for k, value in found.top_k.items()},
            "mean_score": found.mean_score,
            "calibration_error": found.calibration_error,
            "log_loss": found.log_loss,
            "confused": [
                {"material": truth, "predicted": predicted, "regions": count}
                for truth, predicted, count in found.confusion.pairs()
            ],
            "model": self.model,
            "dataset": self.digest,
            "photos": len(self.photos),
            "failures": [{"photo": failure.name, "reason": failure.reason} for failure in self.failures],
        }

    def text(self) -> str:
        """The main figures as lines for a terminal."""
        found = self.metrics
        lines = [
            f"model                {show(self.model)}",
            f"evaluated            {found.regions} regions of {len(self.photos)} photos",
            f"accuracy             {percent(found.accuracy)} (95% interval {percent_range(found.accuracy_interval)})",
            f"mean class accuracy  {percent(found.mean_class_accuracy)} "
            f"(95% interval {percent_range(found.mean_class_accuracy_interval)})",
            f"in the best 5        {percent(found.top_k[5])}",
        ]
        if found.unpredictable:
            names = listed(f"{show(name)} ({regions})" for name, regions in found.unpredictable.items())
            lines += [
                f"not in its list      {names}: these regions count as wrong; without them the accuracy is "
                f"{percent(found.accuracy_nameable)}"
            ]
        return "\n".join(lines)


def evaluate(
    predictor: _Predictor, dataset: _Dataset, *, progress: Callable[[int, int], object] | None = None
) -> Evaluation:
    """Ask the model for every region of every photo.

    Holds one photo at a time. A photo that cannot be read, or that the model refuses, is in the result's
    `failures` and in the log; whether that is an error is for the caller to say.

    Args:
        predictor: a `madeof.Predictor`; it is left with the last photo set.
        dataset: a `madeof.datasets.RegionDataset`, or one of its splits.
        progress: called after each photo with the numbers of photos done and of all.

    Raises:
        ModelError: the model's scores are not probabilities.
    """
    photos: list[str] = []
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
                scores,
            )
            parts.append(part)
            photos.append(name)
            truth += [_utf8(dataset.materials[index]) for index in sample.materials]
        if progress is not None:
            progress(number + 1, len(dataset))
    empty = np.zeros(0, dtype=np.int64)
    none = (
        empty,
        empty,
        empty,
        empty.reshape(0, 4),
        np.zeros((0, len(predictor.materials)), dtype=np.float32),
    )
    photo, region, area, box, table = (np.concatenate(column) for column in zip(none, *parts, strict=True))
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


def percent(value: float | None) -> str:
    """A fraction as people read it; "-" where there is none."""
    return "-" if value is None else f"{100 * value:.1f}%"


def percent_range(interval: Interval | None) -> str:
    """An interval of fractions as people read it; "-" where there is none."""
    return "-" if interval is None else f"{100 * interval.low:.1f}-{100 * interval.high:.1f}%"


def _ends(interval: Interval | None) -> list[float] | None:
    return None if interval is None else [interval.low, interval.high]


def _utf8(text: str) -> str:
    r"""`text` without what UTF-8 cannot hold: a file name's stray byte 0xFF becomes the characters \udcff."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
