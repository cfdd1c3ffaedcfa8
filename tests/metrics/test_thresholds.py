"""From which score on an answer is given."""

from __future__ import annotations

import numpy as np
import pytest
from materials_groups import SEVEN

from madeof.metrics.thresholds import Answered, fit_group_below, fit_uncertain_below, measure_answers


def test_the_groups_threshold_is_fitted_among_uncertain_regions() -> None:
    """Of the uncertain regions with a group score of 0.7 nine in ten are right, of those with 0.6 half."""
    sure, good, poor = [0.9, 0, 0, 0, 0.1, 0, 0], [0.4, 0.3, 0, 0, 0.3, 0, 0], [0.3, 0.3, 0, 0, 0.4, 0, 0]
    scores = np.array([sure] * 50 + [good] * 20 + [poor] * 20)
    truth = ["Metal"] * 50 + ["Brick"] * 18 + ["Wood"] * 2 + ["Concrete"] * 10 + ["Metal"] * 10
    below = fit_group_below(SEVEN, scores, truth, 0.5)
    assert below == pytest.approx(0.65)
    assert fit_group_below(SEVEN, scores[:59], truth[:59], 0.5) == 0.9  # nine are too few to say: the score itself
    found = measure_answers(SEVEN, scores, truth, 0.5, below)
    assert found.material == Answered(50, 50 / 90, 0.0)
    assert found.group == Answered(20, 20 / 90, 0.9)
    assert (found.abstained, found.accuracy) == (20, 18 / 70)
    none = measure_answers(SEVEN, scores[:0], [], 0.5, below)
    assert (none.material, none.abstained, none.accuracy) == (Answered(0, None, None), 0, None)


def naive_threshold(scores: np.ndarray, correct: np.ndarray) -> float | None:
    """The smallest score of which the answers at or above it are right in 90%."""
    for score in np.unique(scores):
        if (kept := scores >= score).sum() >= 10 and correct[kept].mean() >= 0.9:
            return float(score)
    return None


@pytest.mark.parametrize("seed", range(8))
def test_certain_answers_are_right_in_90_percent(seed: int) -> None:
    random = np.random.default_rng(seed)
    scores = random.random(200).round(2 if seed % 2 else 6).astype(np.float32)  # with and without ties
    correct = random.random(200) < 0.3 + 0.7 * scores
    threshold = fit_uncertain_below(scores, correct)
    wanted = naive_threshold(scores, correct)
    assert threshold is not None
    assert wanted is not None
    assert (scores >= threshold).tolist() == (scores >= wanted).tolist()
    assert not np.isin(threshold, scores)  # halfway to the next answer, so that a last bit does not matter


def test_a_threshold_where_all_none_or_few_answers_are_right() -> None:
    scores = np.linspace(0.3, 1.0, 40)
    assert fit_uncertain_below(scores, np.ones(40, bool)) == 0.0
    assert fit_uncertain_below(scores, np.zeros(40, bool)) == 1.0
    assert fit_uncertain_below(scores, scores > 0.9) == 1.0  # six right answers are too few to say
    assert fit_uncertain_below(scores[:29], np.ones(29, bool)) is None
    assert fit_uncertain_below(np.zeros(0), np.zeros(0, bool)) is None
    ties = np.repeat([0.5, 0.8], 20)
    assert fit_uncertain_below(ties, ties > 0.6) == pytest.approx(0.65)
    assert fit_uncertain_below(ties, np.arange(40) % 10 > 0) == 0.0  # exactly 90%
