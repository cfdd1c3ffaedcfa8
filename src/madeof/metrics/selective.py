"""What is gained by leaving the least sure answers out: the coverage-risk curve and the area under it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Risk:
    """The error rate (risk) of the answers with the best scores, as their share of all answers (coverage) grows.

    K is how many different top scores there are. Of equal scores, all are in or none is.
    """

    coverage: NDArray[np.float64] = field(repr=False)
    """(K,) in (0, 1], growing; the last is 1."""
    risk: NDArray[np.float64] = field(repr=False)
    """(K,) in [0, 1]; the last is 1 - accuracy."""
    area: float | None
    """AURC: the mean risk over all coverages 1/N, 2/N, ... 1. Less is better; None where there are no regions."""
    best: float | None
    """The same, if every wrong answer had a lower score than every right one: no order of these answers has less."""

    def at(self, coverage: float) -> float | None:
        """The risk of that share of the answers, or of the next larger one that the scores can tell apart."""
        if not self.coverage.size:
            return None
        place = int(np.searchsorted(self.coverage, coverage - 1e-9))
        return float(self.risk[min(place, len(self.risk) - 1)])


def coverage_risk(top: NDArray[np.float64], correct: NDArray[np.bool_]) -> Risk:
    """The curve of some answers.

    Within equal scores the order is open; the area takes the mean over all orders (as if errors were spread evenly).

    Args:
        top: (N,) top scores.
        correct: (N,).
    """
    count = len(top)
    if not count:
        return Risk(np.zeros(0), np.zeros(0), None, None)
    _, place, size = np.unique(-top, return_inverse=True, return_counts=True)
    wrong = np.bincount(place, weights=~correct)
    ends = np.cumsum(size)
    counts = np.arange(1, count + 1)
    spread = np.cumsum(np.repeat(wrong / size, size)) / counts
    ordered = np.maximum(counts - np.count_nonzero(correct), 0) / counts
    return Risk(ends / count, np.cumsum(wrong) / ends, float(spread.mean()), float(ordered.mean()))
