"""How far scores are from the share of right answers."""

from __future__ import annotations

import numpy as np
import pytest
from metrics_classification import make

from madeof.metrics.calibration_error import CalibrationError, calibration_error
from madeof.metrics.classification import measure


def test_calibration_error_and_mean_score() -> None:
    # Bin [2/15, 3/15) does not exist for two materials; 0.5 and 0.52 share [7/15, 8/15), 1.0 is in the last one.
    scores = np.array([[0.5, 0.5], [0.52, 0.48], [0.0, 1.0], [0.99, 0.01]])
    found = measure([0, 1, 1, 1], scores, [1] * 4, range(4), materials=["a", "b"])
    assert found.calibration_error.mean_score == pytest.approx((0.5 + 0.52 + 1.0 + 0.99) / 4)
    assert found.calibration_error.ece == pytest.approx((2 * abs(0.5 - 0.51) + 2 * abs(0.5 - 0.995)) / 4)
    there = [(round(row.low * 15), row.regions, row.accuracy) for row in found.by_score if row.regions]
    assert there == [(7, 2, 0.5), (14, 2, 0.5)]
    assert len(found.by_score) == 15


def test_calibration_error_by_size() -> None:
    scores = np.array([[0.9, 0.1], [0.9, 0.1], [0.6, 0.4]])
    found = measure([0, 1, 1], scores, [10, 20, 5000], range(3), materials=["a", "b"])
    by_size = {row.label: row.calibration_error for row in found.by_size}
    assert by_size["under 1000"].mean_score == pytest.approx(0.9)
    assert by_size["under 1000"].ece == pytest.approx(0.4)
    assert by_size["under 8000"].ece == pytest.approx(0.6)
    assert by_size["under 2000"] == CalibrationError(None, None, None)


@pytest.mark.parametrize(("score", "regions"), [(0.5, 25), (0.5, 400), (0.9, 100)])
def test_by_chance_honest_scores_have_an_error_of_a_binomial_deviation(score: float, regions: int) -> None:
    found = calibration_error(np.full(regions, score), np.ones(regions, dtype=bool))
    assert found.ece == pytest.approx(1 - score)
    # The mean deviation of a normal distribution is sqrt(2 / pi) of its standard deviation.
    wanted = np.sqrt(2 / np.pi * score * (1 - score) / regions)
    assert found.by_chance == pytest.approx(wanted, rel=0.15)
    assert calibration_error(np.full(regions, score), np.ones(regions, dtype=bool)) == found  # the same draws always


def test_scores_of_1_that_are_right_have_no_error_by_chance_either() -> None:
    assert calibration_error(np.ones(5), np.ones(5, dtype=bool)) == CalibrationError(1.0, 0.0, 0.0)


def test_a_bin_has_the_interval_of_its_regions() -> None:
    case = make(8, regions=400)
    found = case.measure(draws=1000)
    there = [row for row in found.by_score if row.accuracy_interval]
    assert there
    for row in there:
        assert row.accuracy_interval is not None
        assert row.accuracy is not None
        assert row.accuracy_interval.low <= row.accuracy <= row.accuracy_interval.high
    top = case.scores.max(axis=1)
    one = next(row for row in there if row.regions > 20)
    part = (top >= one.low) & (top < one.high)
    alone = measure(
        np.array(case.truth)[part], case.scores[part], [1] * part.sum(), np.array(case.photos)[part],
        materials=case.materials, draws=4000,
    )  # fmt: skip
    assert alone.accuracy == one.accuracy
    assert alone.accuracy_interval is not None
    assert one.accuracy_interval is not None
    assert alone.accuracy_interval.low == pytest.approx(one.accuracy_interval.low, abs=0.05)
    assert alone.accuracy_interval.high == pytest.approx(one.accuracy_interval.high, abs=0.05)


def test_a_score_on_an_edge_is_in_the_bin_above() -> None:
    scores = np.array([[i / 15, 0.0] for i in range(16)])
    found = measure([0] * 16, scores, [1] * 16, range(16), materials=["a", "b"])
    assert [row.regions for row in found.by_score] == [1] * 14 + [2]
