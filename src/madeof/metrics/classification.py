"""How good predictions are: figures from arrays, without files and without a model.

A region whose material the model cannot name counts as wrong in every figure, unless the figure's name or
docstring says otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from madeof.materials.lists import key
from madeof.metrics.bootstrap import DRAWS, Interval, resampled
from madeof.metrics.boundary import QUALITY_BINS, QualityBin, quality_bins, quality_ranges
from madeof.metrics.calibration_error import (
    SCORE_BINS,
    CalibrationError,
    ScoreBin,
    by_score,
    calibration_error,
    score_bins,
)
from madeof.metrics.selective import Risk, coverage_risk

SIZE_BOUNDS: tuple[int, ...] = (
    1000, 2000, 4000, 8000, 16000, 32000, 64000, 128000, 256000, 500000, 1000000,
)  # fmt: skip
"""Areas in pixels: a region belongs to the first bound that it is under, as in the original's EvaluateAccuracy.py."""

TOP_K = (1, 2, 3, 5)
_UNKNOWN = "(not in the model's list)"
_LEAST = float(np.finfo(np.float64).eps)  # what a score of 0 is raised to before its logarithm, as scikit-learn does


@dataclass(frozen=True)
class MaterialFigures:
    """One material against all others. None where there is nothing to divide by."""

    name: str
    regions: int
    """Regions that truly are this material (the support)."""
    predicted: int
    """Regions that were called this material."""
    correct: int

    @property
    def precision(self) -> float | None:
        """Precision: fraction of correct answers among those of this material; None without any."""
        return _ratio(self.correct, self.predicted)

    @property
    def recall(self) -> float | None:
        """Recall: fraction of this material's regions that got this answer; None without any."""
        return _ratio(self.correct, self.regions)

    @property
    def f1(self) -> float | None:
        """The harmonic mean of precision and recall: 2 correct / (regions + predicted)."""
        return _ratio(2 * self.correct, self.regions + self.predicted)


@dataclass(frozen=True)
class SizeFigures:
    """The regions of one range of areas."""

    under: int | None
    """The first bound that these regions' areas are under, in pixels; None for those of the last bound and more."""
    regions: int
    accuracy: float | None
    accuracy_interval: Interval | None
    mean_class_accuracy: float | None
    calibration_error: CalibrationError

    @property
    def label(self) -> str:
        """Label for a table."""
        return f"{SIZE_BOUNDS[-1]} and more" if self.under is None else f"under {self.under}"


@dataclass(frozen=True, eq=False)
class Confusion:
    """How often each true material (row) was called each of the model's materials (column)."""

    truth: tuple[str, ...]
    """The rows: the model's C materials in its order, then the U that it cannot name."""
    predicted: tuple[str, ...]
    """The columns: the model's C materials."""
    counts: NDArray[np.int64]
    """(C + U, C) numbers of regions."""

    def pairs(self, limit: int = 20) -> list[tuple[str, str, int]]:
        """The most frequent mistakes as (true material, predicted material, regions), the most frequent first."""
        wrong = self.counts.copy()
        np.fill_diagonal(wrong, 0)
        order = np.argsort(-wrong, axis=None, kind="stable")[:limit]
        rows, columns = np.unravel_index(order, wrong.shape)
        return [
            (self.truth[row], self.predicted[column], int(wrong[row, column]))
            for row, column in zip(rows, columns, strict=True)
            if wrong[row, column]
        ]


@dataclass(frozen=True, eq=False)
class Metrics:
    """Result of `measure`. Fractions are in [0, 1]; None without regions."""

    regions: int
    photos: int
    """Photos that have a region here."""
    accuracy: float | None
    """The mean over regions: the fraction that is right (micro)."""
    accuracy_interval: Interval | None
    mean_class_accuracy: float | None
    """The mean over the materials that occur of each one's recall (macro)."""
    mean_class_accuracy_interval: Interval | None
    nameable: int
    """Regions whose material the model can name."""
    accuracy_nameable: float | None
    mean_class_accuracy_nameable: float | None
    macro_f1: float | None
    """The mean over the materials that occur of each one's F1."""
    top_k: dict[int, float | None]
    """For each k, the fraction whose true material is among the k best scores."""
    calibration_error: CalibrationError
    log_loss: float | None
    """Mean of -ln(score of the true material) over the nameable regions."""
    by_material: tuple[MaterialFigures, ...]
    """Those that occur or were predicted, in the order of `confusion.truth`."""
    by_size: tuple[SizeFigures, ...]
    """All twelve, the empty ones too, the smallest first."""
    by_score: tuple[ScoreBin, ...]
    by_quality: tuple[QualityBin, ...]
    """All seven, the empty ones too, the lowest first; none where the masks' quality is not known."""
    risk: Risk
    confusion: Confusion = field(repr=False)
    unpredictable: dict[str, int]
    """Each material that the model cannot name, with its regions, the most frequent first."""


def measure(
    truth: ArrayLike,
    scores: ArrayLike,
    areas: ArrayLike,
    photos: ArrayLike,
    *,
    materials: Sequence[str],
    names: Sequence[str] | None = None,
    quality: ArrayLike | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> Metrics:
    """Compare scores with the truth.

    The sizes are the original's. His code adds regions of 1,000,000 pixels and more to the bin "under 1000000";
    here they have a bin of their own, so that the label is true. Intervals come from `draws` resamplings of the
    photos with replacement: regions of one photo look alike, so resampling regions would give too narrow ones.
    With fewer than two photos there are none. Equal scores: the material that comes first in the list wins.

    Args:
        truth: each region's material as its position in `materials`, (N,) int; -1 where it is not among them.
        scores: probabilities, (N, C) float in [0, 1]; a row may sum to less than 1.
        areas: (N,) int pixels.
        photos: (N,) int, the same number for regions of the same photo.
        materials: the model's C materials.
        names: each region's material by name, (N,); read only where `truth` is -1. Without it, all of those
            count as one material.
        quality: of each region's mask, (N,) float in [0, 1] or NaN (`madeof.mask_quality`).
        draws: how often the photos are resampled; 0 for no intervals.
        seed: of the resampling.

    Raises:
        ValueError: shapes do not fit together, a position is out of range, a score is NaN or outside [0, 1].
    """
    truth, scores, areas, photos = _checked(truth, scores, areas, photos, materials, names)
    count, columns = scores.shape
    unnamed, rows = _rows(truth, columns, names)
    predicted = scores.argmax(axis=1) if count else np.zeros(0, dtype=np.int64)
    correct = rows == predicted
    top = scores.max(axis=1) if count else np.zeros(0)
    height = columns + len(unnamed)
    confusion = np.bincount(rows * columns + predicted, minlength=height * columns).reshape(height, columns)
    support, hits = confusion.sum(axis=1), np.bincount(rows[correct], minlength=height)
    calls = np.append(confusion.sum(axis=0), np.zeros(len(unnamed), dtype=np.int64))
    labels = (*materials, *unnamed)
    each = [MaterialFigures(*row) for row in zip(labels, support.tolist(), calls.tolist(), hits.tolist(), strict=True)]
    bins = np.searchsorted(SIZE_BOUNDS, areas, side="right")  # an area equal to a bound is not under it
    sizes = len(SIZE_BOUNDS) + 1
    qualities = quality_bins(_quality(quality, count))
    groups = [(bins, sizes), (score_bins(top), SCORE_BINS), (qualities, QUALITY_BINS)]
    intervals = resampled(rows, height, groups, correct, photos, draws=draws, seed=seed)
    nameable = rows < columns
    rank = _ranks(rows[nameable], scores[nameable])
    return Metrics(
        regions=count,
        photos=len(np.unique(photos)),
        accuracy=_mean(correct),
        accuracy_interval=intervals[0],
        mean_class_accuracy=_recall(support, hits),
        mean_class_accuracy_interval=intervals[1],
        nameable=int(nameable.sum()),
        accuracy_nameable=_mean(correct[nameable]),
        mean_class_accuracy_nameable=_recall(support[:columns], hits[:columns]),
        macro_f1=_mean(np.array([row.f1 for row in each if row.regions], dtype=np.float64)),
        top_k={k: _ratio(int((rank < k).sum()), count) for k in TOP_K},
        calibration_error=calibration_error(top, correct),
        log_loss=_log_loss(rows[nameable], scores[nameable]),
        by_material=tuple(row for row in each if row.regions or row.predicted),
        by_size=_by_size(bins, rows, top, correct, height, intervals[2 : 2 + sizes]),
        by_score=by_score(top, correct, intervals[2 + sizes : 2 + sizes + SCORE_BINS]),
        by_quality=()
        if quality is None
        else _by_quality(qualities, rows, correct, height, intervals[2 + sizes + SCORE_BINS :]),
        risk=coverage_risk(top, correct),
        confusion=Confusion(labels, tuple(materials), confusion),
        unpredictable={
            row.name: row.regions for row in sorted(each[columns:], key=lambda row: row.regions, reverse=True)
        },
    )


def _checked(
    truth: ArrayLike,
    scores: ArrayLike,
    areas: ArrayLike,
    photos: ArrayLike,
    materials: Sequence[str],
    names: Sequence[str] | None,
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    table = np.asarray(scores, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] != len(materials) or not len(materials):
        raise ValueError(f"got scores of shape {table.shape}; expected (regions, {len(materials)} materials)")
    vectors = []
    for name, given in (("truth", truth), ("areas", areas), ("photos", photos)):
        vector = np.asarray(given)
        if vector.shape != table.shape[:1]:
            raise ValueError(
                f"got {name} of shape {vector.shape}; expected ({len(table)},), one for each row of scores"
            )
        if vector.size and vector.dtype.kind not in "iu":
            raise ValueError(f"got {name} of type {vector.dtype}; expected integers")
        vectors.append(vector.astype(np.int64))
    if names is not None and len(names) != len(table):
        raise ValueError(f"got {len(names)} names; expected {len(table)}, one for each row of scores")
    out = (vectors[0] < -1) | (vectors[0] >= len(materials))
    if out.any():
        raise ValueError(f"got truth {vectors[0][out][0]}; expected -1 to {len(materials) - 1}")
    # The tolerance is a float32 softmax's; written so that NaN fails too.
    if not bool(((table >= -1e-6) & (table <= 1 + 1e-6)).all()):
        raise ValueError("got scores that are NaN or outside [0, 1]; expected probabilities")
    return vectors[0], table, vectors[1], vectors[2]


def _quality(given: ArrayLike | None, count: int) -> NDArray[np.float64]:
    quality = np.full(count, np.nan) if given is None else np.asarray(given, dtype=np.float64)
    if quality.shape != (count,):
        raise ValueError(f"got quality of shape {quality.shape}; expected ({count},), one for each row of scores")
    if bool(((quality < 0) | (quality > 1)).any()):
        raise ValueError("got a quality outside [0, 1]; expected fractions, or NaN where nothing is known")
    return quality


def _rows(
    truth: NDArray[np.int64], columns: int, names: Sequence[str] | None
) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """The names that the model lacks, and each region's row: its position, or C and up for those names."""
    rows = truth.copy()
    found: dict[str, tuple[int, str]] = {}
    for index in np.flatnonzero(truth < 0).tolist():
        name = names[index] if names is not None else _UNKNOWN
        number, _ = found.setdefault(key(name), (len(found), name))
        rows[index] = columns + number
    return tuple(name for _, name in found.values()), rows


def _ranks(rows: NDArray[np.int64], scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """How many materials come before the true one; equal scores in the order of the list, as argmax has it."""
    own = np.take_along_axis(scores, rows[:, None], axis=1)
    before = np.arange(scores.shape[1]) < rows[:, None]
    ranks: NDArray[np.int64] = ((scores > own) | ((scores == own) & before)).sum(axis=1)
    return ranks


def _log_loss(rows: NDArray[np.int64], scores: NDArray[np.float64]) -> float | None:
    own = np.take_along_axis(scores, rows[:, None], axis=1)
    return _mean(-np.log(own.clip(_LEAST, 1.0)))


def _by_size(
    bins: NDArray[np.int64],
    rows: NDArray[np.int64],
    top: NDArray[np.float64],
    correct: NDArray[np.bool_],
    height: int,
    intervals: Sequence[Interval | None],
) -> tuple[SizeFigures, ...]:
    figures = []
    for number, (under, interval) in enumerate(zip((*SIZE_BOUNDS, None), intervals, strict=True)):
        part = bins == number
        support = np.bincount(rows[part], minlength=height)
        hits = np.bincount(rows[part & correct], minlength=height)
        accuracies = _mean(correct[part]), interval, _recall(support, hits)
        figures.append(SizeFigures(under, int(part.sum()), *accuracies, calibration_error(top[part], correct[part])))
    return tuple(figures)


def _by_quality(
    bins: NDArray[np.int64],
    rows: NDArray[np.int64],
    correct: NDArray[np.bool_],
    height: int,
    intervals: Sequence[Interval | None],
) -> tuple[QualityBin, ...]:
    figures = []
    for number, ((low, high), interval) in enumerate(zip(quality_ranges(), intervals, strict=True)):
        part = bins == number
        by_class = _recall(*(np.bincount(rows[some], minlength=height) for some in (part, part & correct)))
        figures.append(QualityBin(low, high, int(part.sum()), _mean(correct[part]), interval, by_class))
    return tuple(figures)


def _recall(support: NDArray[np.int64], hits: NDArray[np.int64]) -> float | None:
    """The mean over what occurs of the fraction that is right."""
    occurs = support > 0
    return _mean(hits[occurs] / support[occurs])


def _mean(values: NDArray[np.bool_] | NDArray[np.float64]) -> float | None:
    return float(values.mean(dtype=np.float64)) if values.size else None


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None
