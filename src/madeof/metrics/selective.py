"""Selective prediction: what is gained by leaving the least sure answers out, and from which score on to answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

PRECISION = 0.9
"""Target precision of confident answers."""
_FEWEST = 30  # answers on which a threshold can be fitted
_FEWEST_CERTAIN = 10  # that the share among the certain ones is more than luck


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
        """Risk at this coverage, or at the next larger one that the scores distinguish."""
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


def fit_uncertain_below(
    scores: NDArray[np.floating[Any]], correct: NDArray[np.bool_], precision: float = PRECISION
) -> float | None:
    """The smallest score from which on at least `precision` of the answers are right.

    Selective classification (El-Yaniv and Wiener 2010; Geifman and El-Yaniv 2017, arXiv 1705.08500): the answers from
    this score on are the ones that are given; their share of all is the coverage. Fitted and read on the same answers
    it is a little hopeful: on new photos the share that is right is about `precision`, not at least. It lies halfway
    to the next score below, so that a last bit of the arithmetic does not change an answer. Equal scores stay together.

    Args:
        scores: (N,) calibrated top scores in [0, 1].
        correct: (N,) whether each answer is right.
        precision: the share wanted.

    Returns:
        the threshold: 0 where even all answers are right often enough; 1 where no ten answers or more are. None with
        fewer than 30 answers: they cannot say.
    """
    if len(scores) < _FEWEST:
        return None
    values, place = np.unique(scores.astype(np.float64), return_inverse=True)
    answers = np.bincount(place)[::-1].cumsum()[::-1]  # at each score or above
    right = np.bincount(place, weights=correct)[::-1].cumsum()[::-1]
    reached = np.flatnonzero((right >= precision * answers - 1e-9) & (answers >= _FEWEST_CERTAIN))
    if not len(reached):
        return 1.0
    lowest = int(reached[0])
    return float(values[lowest - 1 : lowest + 1].mean()) if lowest else 0.0
