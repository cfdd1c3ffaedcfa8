"""Whether a score of 80% is right in 80% of the cases: bins of the top score, and the calibration error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from madeof.metrics.bootstrap import Interval

SCORE_BINS = 15
_SIMULATIONS = 200


@dataclass(frozen=True)
class ScoreBin:
    """The regions whose top score lies in [low, high); the last bin holds 1 as well."""

    low: float
    high: float
    regions: int
    mean_score: float | None
    accuracy: float | None
    accuracy_interval: Interval | None = None


@dataclass(frozen=True)
class CalibrationError:
    """How far scores are from how often they are right. None where there are no regions."""

    mean_score: float | None
    """The mean of the top scores: what the model believes its accuracy to be."""
    ece: float | None
    """Expected calibration error over 15 equal bins of the top score."""
    by_chance: float | None
    """Expected error of perfectly calibrated scores with as many regions: the smallest that can be measured."""


def score_bins(top: NDArray[np.float64]) -> NDArray[np.int64]:
    """Each region's bin, (N,), by its top score in [0, 1]."""
    edges = np.linspace(0.0, 1.0, SCORE_BINS + 1)
    return np.searchsorted(edges[1:-1], top, side="right").astype(np.int64)


def by_score(
    top: NDArray[np.float64], correct: NDArray[np.bool_], intervals: Sequence[Interval | None]
) -> tuple[ScoreBin, ...]:
    """All 15 bins, the empty ones too, the lowest first.

    Args:
        top: (N,) top scores.
        correct: (N,).
        intervals: of the accuracy of each bin.
    """
    edges = np.linspace(0.0, 1.0, SCORE_BINS + 1).tolist()
    place = score_bins(top)
    bins = []
    for number, interval in enumerate(intervals):
        part = place == number
        score, right = (float(v[part].mean()) if part.any() else None for v in (top, correct.astype(np.float64)))
        bins.append(ScoreBin(edges[number], edges[number + 1], int(part.sum()), score, right, interval))
    return tuple(bins)


def calibration_error(top: NDArray[np.float64], correct: NDArray[np.bool_], *, seed: int = 0) -> CalibrationError:
    """Expected calibration error, and the part of it that is chance.

    The error is the sum over bins of (regions in it / regions) |accuracy - mean score| (Guo et al. 2017, equation 3).
    It is never 0 with few regions, because the accuracy in a bin of few regions varies. How much that is comes from
    drawing right and wrong by the scores themselves, 200 times; the mean is `by_chance`.

    Args:
        top: (N,) top scores in [0, 1].
        correct: (N,).
        seed: of the draws.
    """
    if not len(top):
        return CalibrationError(None, None, None)
    place = score_bins(top)
    rng = np.random.default_rng(seed)
    by_chance = float(np.mean([_error(place, top, rng.random(len(top)) < top) for _ in range(_SIMULATIONS)]))
    return CalibrationError(float(top.mean()), _error(place, top, correct), by_chance)


def _error(place: NDArray[np.int64], top: NDArray[np.float64], correct: NDArray[np.bool_]) -> float:
    # (regions in it / regions) |accuracy - mean score| is |sum of (right - score)| / regions
    gaps = np.bincount(place, weights=correct - top, minlength=SCORE_BINS)
    return float(np.abs(gaps).sum() / len(top))
