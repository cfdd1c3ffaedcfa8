"""Coverage and risk, against a count by hand and over all orders of equal scores."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from madeof.metrics.bootstrap import of_share, resampled
from madeof.metrics.selective import coverage_risk, fit_uncertain_below


def area_of(order: list[bool]) -> float:
    """The area of answers in this order, True for right."""
    return float(np.mean([order[:k].count(False) / k for k in range(1, len(order) + 1)]))


def test_the_curve_counts_the_errors_among_the_surest() -> None:
    found = coverage_risk(np.array([0.2, 0.9, 0.5, 0.7]), np.array([False, True, True, False]))
    np.testing.assert_allclose(found.coverage, [0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(found.risk, [0, 1 / 2, 1 / 3, 1 / 2])
    assert found.area == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 2) / 4)
    assert found.best == pytest.approx((0 + 0 + 1 / 3 + 2 / 4) / 4)
    assert [found.at(share) for share in (0.1, 0.25, 0.3, 1.0)] == pytest.approx([0, 0, 1 / 2, 1 / 2])


@given(st.lists(st.tuples(st.sampled_from([0.1, 0.5, 0.9]), st.booleans()), min_size=1, max_size=6))
@settings(deadline=None, max_examples=60)
def test_equal_scores_take_the_mean_of_all_orders(answers: list[tuple[float, bool]]) -> None:
    top, correct = (np.array(column) for column in zip(*answers, strict=True))
    orders = [
        [right for _, right in order]
        for order in itertools.permutations(answers)
        if all(one[0] >= other[0] for one, other in itertools.pairwise(order))
    ]
    found = coverage_risk(top, correct)
    assert found.area == pytest.approx(np.mean([area_of(order) for order in orders]))
    assert found.best == pytest.approx(min(area_of(list(order)) for order in itertools.permutations(correct.tolist())))
    assert found.risk[-1] == pytest.approx(1 - correct.mean())
    assert found.coverage[-1] == 1


def test_nothing_has_no_risk() -> None:
    found = coverage_risk(np.zeros(0), np.zeros(0, dtype=bool))
    assert (found.area, found.best, found.at(0.5), len(found.risk)) == (None, None, None, 0)


def test_all_right_is_no_risk_and_all_wrong_is_all() -> None:
    top = np.linspace(0.1, 0.9, 7)
    for right, area in ((True, 0.0), (False, 1.0)):
        found = coverage_risk(top, np.full(7, right))
        assert (found.area, found.best) == (area, area)


def test_the_interval_of_a_share_is_that_of_the_accuracy() -> None:
    random = np.random.default_rng(0)
    true, photos = random.random(80) < 0.7, random.integers(0, 20, 80)
    zeros = np.zeros(80, dtype=np.int64)
    assert of_share(true, photos) == resampled(zeros, 1, [], true, photos)[0]
    among = random.random(80) < 0.5
    some = of_share(true, photos, among=among)
    assert some is not None
    assert some.low <= true[among].mean() <= some.high
    assert some != of_share(true, photos)
    assert of_share(true, zeros) is None
    assert of_share(true[:0], photos[:0]) is None


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
