"""Whether prediction sets keep their coverage: measured on one half of the photos, looked at on the other."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from madeof.evaluation.result import Evaluation
from madeof.metrics.conformal import COVERAGE, fit_sets, measure_sets


class Halves(NamedTuple):
    """What sets bring on one half of the photos when they are measured on the other, in one band: means and spreads.

    None where no half had such a region. The spreads are standard deviations over the halvings.
    """

    label: str
    covered: float | None
    covered_spread: float | None
    mean_size: float | None
    mean_size_spread: float | None


def sets_by_halves(
    evaluation: Evaluation, coverage: float = COVERAGE, *, halvings: int = 100, seed: int = 0
) -> list[Halves]:
    """Whether sets keep their word: measured on a random half of the photos and looked at on the other, many times.

    Photos are divided, not regions: regions of one photo look alike, and are not exchangeable with those of another one
    as the theory would have it. The spread is what this costs, and what halves of few photos do.

    Args:
        evaluation: of a model on photos that it did not learn from.
        coverage: of the sets.
        halvings: how often.
        seed: of the halvings.

    Returns:
        over all sizes, then in each band of the sets of all photos; nothing where these are too few for sets.
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
    return [Halves(name, *_spread(covered[:, i]), *_spread(size[:, i])) for i, name in enumerate(labels)]


def _spread(values: NDArray[np.float64]) -> tuple[float | None, float | None]:
    kept = values[~np.isnan(values)]
    return (float(kept.mean()), float(kept.std())) if len(kept) else (None, None)
