"""From which score on an answer is one: fitted on labelled regions that the model did not learn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from madeof.materials.groups import best_groups, group_of
from madeof.materials.lists import positions

PRECISION = 0.9
"""What share of the certain answers is to be right."""
_FEWEST = 30  # answers on which a threshold can be fitted
_FEWEST_CERTAIN = 10  # that the share among the certain ones is more than luck


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
    found = _smallest(scores, correct, precision)
    return 1.0 if found is None else found


def fit_group_below(
    materials: tuple[str, ...],
    scores: NDArray[np.floating[Any]],
    truth: Sequence[str],
    uncertain_below: float,
    precision: float = PRECISION,
) -> float:
    """The same of a group's score, among the regions whose material is uncertain.

    Args:
        materials: the model's C materials.
        scores: (N, C) calibrated probabilities.
        truth: (N,) the names of the true materials; of those that the model does not know some have a group too.
        uncertain_below: the threshold of the material.
        precision: the share wanted.

    Returns:
        the threshold; `precision` itself where no ten uncertain regions or more reach it: a group's score is a
        probability, and of the groups with that score such a share is right.
    """
    unsure = np.flatnonzero(scores.max(axis=1, initial=0) < uncertain_below).tolist()
    names, place, score = best_groups(materials, scores[unsure])
    right = [bool(names) and group_of(truth[i]) == names[place[row]] for row, i in enumerate(unsure)]
    found = _smallest(score, np.array(right, dtype=np.bool_), precision)
    return precision if found is None else found


@dataclass(frozen=True)
class Answered:
    """The regions that got one kind of answer. None where there is nothing to divide by."""

    regions: int
    share: float | None
    """Of all regions."""
    precision: float | None
    """The share of these answers that is right."""


@dataclass(frozen=True)
class Answers:
    """What was answered: materials, groups, and nothing."""

    material: Answered
    group: Answered
    abstained: int
    """Regions without an answer."""
    accuracy: float | None
    """The share of all answers, materials and groups, that is right (selective accuracy)."""


def measure_answers(
    materials: tuple[str, ...],
    scores: NDArray[np.floating[Any]],
    truth: Sequence[str],
    uncertain_below: float,
    group_below: float | None,
) -> Answers:
    """What thresholds bring on labelled regions; args are those of `fit_group_below`, None for no groups."""
    count = len(truth)
    certain = scores.max(axis=1, initial=0) >= uncertain_below
    wanted = np.array(positions(truth, materials), dtype=np.int64)
    right = wanted == scores.argmax(axis=1) if count else np.zeros(0, dtype=np.bool_)
    names, place, score = best_groups(materials, scores)
    grouped = ~certain & (score >= group_below) if names and group_below is not None else np.zeros(count, np.bool_)
    group_right = np.array(
        [group_of(truth[i]) == names[place[i]] for i in np.flatnonzero(grouped).tolist()], dtype=np.bool_
    )
    hits = int(right[certain].sum()) + int(group_right.sum())
    given = int(certain.sum()) + len(group_right)
    return Answers(
        Answered(int(certain.sum()), *_shares(right[certain], count)),
        Answered(len(group_right), *_shares(group_right, count)),
        count - given,
        hits / given if given else None,
    )


def _shares(right: NDArray[np.bool_], count: int) -> tuple[float | None, float | None]:
    return len(right) / count if count else None, float(right.mean()) if len(right) else None


def _smallest(scores: NDArray[np.floating[Any]], correct: NDArray[np.bool_], precision: float) -> float | None:
    """The smallest of the scores at which enough answers are right; None where no ten answers or more are."""
    values, place = np.unique(scores.astype(np.float64), return_inverse=True)
    answers = np.bincount(place)[::-1].cumsum()[::-1]  # at each score or above
    right = np.bincount(place, weights=correct)[::-1].cumsum()[::-1]
    reached = np.flatnonzero((right >= precision * answers - 1e-9) & (answers >= _FEWEST_CERTAIN))
    if not len(reached):
        return None
    lowest = int(reached[0])
    return float(values[lowest - 1 : lowest + 1].mean()) if lowest else 0.0
