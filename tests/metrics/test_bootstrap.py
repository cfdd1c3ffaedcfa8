"""Intervals by resampling photos, with a plain loop as a second opinion."""

from __future__ import annotations

import numpy as np
import pytest
from metrics_classification import Case, make
from numpy.typing import NDArray
from scipy.stats import binomtest

from madeof.metrics.bootstrap import DRAWS, Interval, of_share, wilson
from madeof.metrics.classification import measure


def plain_bootstrap(case: Case, draws: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Accuracy and mean class accuracy of each draw, photo by photo and region by region."""
    rng = np.random.default_rng(seed)
    ids = np.unique(case.photos)
    of_photo = [np.flatnonzero(case.photos == photo) for photo in ids]
    micro, macro = [], []
    for _ in range(draws):
        regions = np.concatenate([of_photo[photo] for photo in rng.integers(len(ids), size=len(ids))])
        right = case.truth[regions] == case.predicted[regions]
        recalls = [right[case.truth[regions] == m].mean() for m in np.unique(case.truth[regions])]
        micro.append(right.mean())
        macro.append(np.mean(recalls))
    return np.array(micro), np.array(macro)


@pytest.mark.parametrize("seed", [0, 9])
def test_intervals_are_those_of_a_plain_loop(seed: int) -> None:
    case = make(11, regions=150, materials=7, occurring=5)
    case.truth[0] = 5  # one region only: in many draws this material does not occur
    found = case.measure(draws=DRAWS, seed=seed)
    micro, macro = plain_bootstrap(case, DRAWS, seed)
    for ours, theirs in ((found.accuracy_interval, micro), (found.mean_class_accuracy_interval, macro)):
        assert ours is not None
        assert (ours.low, ours.high) == pytest.approx(tuple(np.percentile(theirs, [2.5, 97.5])))


def test_intervals_do_not_depend_on_the_size_of_the_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    case = make(12)
    whole = case.measure(draws=50)
    monkeypatch.setattr("madeof.metrics.bootstrap._INDICES_AT_ONCE", 500)
    pieces = case.measure(draws=50)
    assert whole.accuracy_interval is not None
    assert pieces.accuracy_interval == whole.accuracy_interval
    assert [row.accuracy_interval for row in pieces.by_size] == [row.accuracy_interval for row in whole.by_size]


def test_the_interval_of_a_size_is_that_of_its_regions_alone() -> None:
    case = make(13, regions=600, materials=3)
    case.areas[:] = 500
    for photo in np.unique(case.photos):  # every photo has a large region, so that both resample the same photos
        case.areas[np.flatnonzero(case.photos == photo)[0]] = 3000
    large = case.areas == 3000
    alone = Case(case.truth[large], case.scores[large], case.areas[large], case.photos[large], ["x"] * large.sum())
    found = {row.under: row.accuracy_interval for row in case.measure(draws=300).by_size}
    assert found[4000] is not None
    assert found[4000] == alone.measure(draws=300).accuracy_interval
    assert found[2000] is None


def test_regions_of_one_photo_that_are_alike_widen_the_interval() -> None:
    right = np.repeat(np.arange(40) % 2, 25)  # photos all right or all wrong
    scores = np.column_stack([right, 1 - right]).astype(float)
    zeros = np.zeros(1000, dtype=int)
    by_photo = measure(zeros, scores, zeros, np.repeat(np.arange(40), 25), materials=["a", "b"])
    by_region = measure(zeros, scores, zeros, np.arange(1000), materials=["a", "b"])

    def width(interval: Interval | None) -> float:
        assert interval is not None
        return interval.high - interval.low

    assert width(by_photo.accuracy_interval) > 4 * width(by_region.accuracy_interval)


def test_one_photo_alone_has_no_intervals() -> None:
    found = measure([0, 1], [[0.9, 0.1]] * 2, [1, 3000], [5, 5], materials=["a", "b"])
    assert (found.photos, found.accuracy) == (1, 0.5)
    assert found.accuracy_interval is found.mean_class_accuracy_interval is None
    assert {row.accuracy_interval for row in found.by_size} == {None}


def test_a_size_that_only_one_photo_has_has_no_interval() -> None:
    found = measure([0, 1, 0], [[0.9, 0.1]] * 3, [1, 3000, 3000], [5, 5, 6], materials=["a", "b"]).by_size
    there = [(row.label, row.accuracy, row.accuracy_interval) for row in found if row.regions]
    assert there == [("under 1000", 1.0, None), ("under 4000", 0.5, Interval(0.0, 1.0))]


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
