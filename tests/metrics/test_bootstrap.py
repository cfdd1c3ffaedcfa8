"""Intervals where the bootstrap has nothing to say: every draw is alike."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from madeof.metrics.bootstrap import of_share, wilson
from madeof.metrics.classification import measure


@pytest.mark.parametrize("count", [2, 4, 30, 1000])
def test_wilson_is_scipys(count: int) -> None:
    for right in (True, False):
        theirs = binomtest(count if right else 0, count).proportion_ci(method="wilson")
        found = wilson(count, right)
        assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), abs=1e-6)


def test_where_all_answers_are_right_the_interval_is_that_of_the_photos() -> None:
    """Eight regions of four photos, all right: 51% to 100%, and not 100% to 100%."""
    scores = np.tile([[0.9, 0.1], [0.2, 0.8]], (4, 1))
    truth, photos = np.tile([0, 1], 4), np.repeat(np.arange(4), 2)
    found = measure(truth, scores, np.full(8, 50), photos, materials=("a", "b"))
    assert found.accuracy_interval == found.mean_class_accuracy_interval == wilson(4, True)
    assert wilson(4, True).low == pytest.approx(0.51, abs=0.001)
    assert found.by_size[0].accuracy_interval == wilson(4, True)
    wrong = measure(1 - truth, scores, np.full(8, 50), photos, materials=("a", "b"))
    assert wrong.accuracy_interval == wilson(4, False)
    some = measure(np.r_[truth[:7], 0], scores, np.full(8, 50), photos, materials=("a", "b"))
    assert some.accuracy_interval is not None
    assert some.accuracy_interval.low < 7 / 8 <= some.accuracy_interval.high


def test_a_share_of_some_regions() -> None:
    true, photos = np.array([True, True, False, True]), np.array([0, 1, 1, 2])
    assert of_share(true, photos, among=true) == wilson(3, True)
