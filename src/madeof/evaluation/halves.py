"""Do prediction sets keep their coverage? Fitted on one half of the photos, measured on the other."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from madeof.evaluation.result import Evaluation
from madeof.metrics.conformal import COVERAGE, fit_sets, measure_sets


class Halves(NamedTuple):
    """Coverage and size of sets fitted on one half of the photos and measured on the other, in one size stratum.

    Means and standard deviations ("spread") over the halvings; None where no half had such a region.
    """

    label: str
    covered: float | None
    covered_spread: float | None
    mean_size: float | None
    mean_size_spread: float | None


def sets_by_halves(
    evaluation: Evaluation, coverage: float = COVERAGE, *, halvings: int = 100, seed: int = 0
) -> list[Halves]:
    """Fit sets on a random half of the photos and measure them on the other half, many times.

    Photos are divided, not regions: regions of one photo look alike and are not exchangeable with those of another, as
    the theory assumes. The spread shows the effect of this, and of the small halves.

    Args:
        evaluation: a model on photos that it was not trained on.
        coverage: coverage of the sets.
        halvings: number of halvings.
        seed: random seed.

    Returns:
        one row for all sizes, then one per stratum; empty if there are too few regions for sets.
    """
    assert evaluation.share is not None
    truth = evaluation.outputs
    whole = fit_sets(evaluation.scores, truth, evaluation.share)
    if whole is None:
        return []
    place = np.array([whole.band(share) for share in evaluation.share], dtype=np.int64)
    labels = ["all", *(whole.label(i) for i in range(len(whole.bands)))]
    covered, size = (np.full((halvings, len(labels)), np.nan) for _ in range(2))
    random = np.random.default_rng(seed)
    for row in range(halvings):
        first = np.isin(evaluation.photo, random.permutation(len(evaluation.photos))[: len(evaluation.photos) // 2])
        sets = fit_sets(evaluation.scores[first], truth[first], evaluation.share[first])
        if sets is None:
            continue
        for column in range(len(labels)):
            part = ~first & ((place == column - 1) | (column == 0))
            if part.any():
                found = measure_sets(sets, evaluation.scores[part], truth[part], evaluation.share[part], coverage)[0]
                covered[row, column], size[row, column] = found.covered, found.mean_size
    return [Halves(name, *_mean_and_std(covered[:, i]), *_mean_and_std(size[:, i])) for i, name in enumerate(labels)]


def _mean_and_std(values: NDArray[np.float64]) -> tuple[float | None, float | None]:
    kept = values[~np.isnan(values)]
    return (float(kept.mean()), float(kept.std())) if len(kept) else (None, None)
