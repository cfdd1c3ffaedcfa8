"""Sets hold the true material as often as they say, grow with the coverage, and are never empty."""

from __future__ import annotations

import copy
import dataclasses
import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from metrics_conformal import made

from madeof.errors import ModelError
from madeof.inference.prediction import Prediction
from madeof.metrics.conformal import SHARES, Band, Sets, fit_sets, measure_sets
from madeof.model.calibration import Calibration

COVERAGES = [round(0.5 + i / 100, 2) for i in range(50)]


def test_coverage_is_exact_over_exchangeable_regions_within_each_band() -> None:
    """The mean over calibrations of the share covered lies between c and c + 1 / (n + 1)."""
    scores, truth, shares = made(3 * 40_000)
    random = np.random.default_rng(1)
    covered: list[list[float]] = []
    for _ in range(300):
        some = random.choice(len(truth), 300, replace=False)
        sets = fit_sets(scores[some], truth[some], shares[some])
        assert sets is not None
        other = random.choice(len(truth), 3000)
        rows = measure_sets(sets, scores[other], truth[other], shares[other], 0.8)
        covered.append([row.covered or 0.0 for row in rows])
    assert [row.label for row in rows] == ["all", "under 2%", "2% to 10%", "10% and more"]
    means, spread = np.mean(covered, axis=0), np.std(covered, axis=0) / np.sqrt(len(covered))
    assert (means > 0.8 - 3 * spread).all()
    assert (means < 0.8 + 1 / 70 + 3 * spread).all()


def test_regions_of_unknown_materials_are_never_covered_and_end_what_can_be_promised() -> None:
    scores, truth, shares = made(900, unknown=0.1)
    sets = fit_sets(scores, truth, shares)
    assert sets is not None
    assert sets.least(0.05, 0.8) is not None
    assert sets.least(0.05, 0.95) is None
    inside = sets.members(scores, shares, 0.95)
    assert inside.all()
    every = measure_sets(sets, scores, truth, shares, 0.95)[0]
    assert (every.complete, every.mean_size) == (1.0, 6.0)
    assert every.covered == pytest.approx((truth >= 0).mean())
    eighty = measure_sets(sets, scores, truth, shares, 0.8)[0]
    assert eighty.covered == pytest.approx(0.8, abs=0.02)


def test_the_quantile_is_that_of_one_region_more() -> None:
    """99 scores 0.01 ... 0.99: at least 90 of 100 exchangeable scores are 0.10 or more; 99 of them 0.01 or more."""
    scores = np.zeros((99, 2))
    scores[:, 0] = np.arange(1, 100) / 100
    sets = fit_sets(scores, np.zeros(99, np.int64), np.full(99, 0.5))
    assert sets is not None
    assert [band.regions for band in sets.bands] == [99]
    assert sets.label(0) == "every size"
    assert [sets.least(0.01, c) for c in (0.5, 0.9, 0.905, 0.99)] == pytest.approx([0.5, 0.1, 0.09, 0.01])
    fewer = fit_sets(scores[:98], np.zeros(98, np.int64), np.full(98, 0.5))
    assert fewer is not None
    assert fewer.least(0.5, 0.99) is None  # 98 regions cannot promise it
    assert fit_sets(scores[:29], np.zeros(29, np.int64), np.full(29, 0.5)) is None


def test_the_lowest_score_is_rounded_down_so_that_the_region_that_gave_it_is_in_its_own_set() -> None:
    """In JSON it has six digits."""
    scores = np.zeros((99, 2))
    scores[:, 0] = np.arange(1, 100) / 100 + 0.0000007
    sets = fit_sets(scores, np.zeros(99, np.int64), np.full(99, 0.5))
    assert sets is not None
    for place, low in enumerate(sets.bands[0].least):
        assert low == pytest.approx((50 - place) / 100, abs=1e-9)  # and not one millionth more
    assert Sets.from_json(json.loads(json.dumps(sets.to_json()))) == sets
    for coverage in COVERAGES:
        low = sets.least(0.5, coverage)
        assert sum(row[0] >= low for row in scores) == math.ceil(round(100 * coverage, 6))


@pytest.mark.parametrize(
    ("counts", "bands"),
    [
        ((30, 30, 30), [(0.02, 30), (0.1, 30), (None, 30)]),
        ((5, 40, 40), [(0.1, 45), (None, 40)]),
        ((40, 5, 40), [(0.02, 40), (None, 45)]),
        ((40, 40, 5), [(0.02, 40), (None, 45)]),
        ((0, 0, 50), [(None, 50)]),
        ((10, 10, 10), [(None, 30)]),
    ],
)
def test_bands_of_few_regions_go_with_the_next(counts: tuple[int, ...], bands: list[tuple[float | None, int]]) -> None:
    shares = np.repeat([SHARES[0] / 2, SHARES[0], SHARES[1]], counts)
    scores, truth, _ = made(len(shares))
    sets = fit_sets(scores, truth, shares)
    assert sets is not None
    assert [(band.under, band.regions) for band in sets.bands] == bands


@given(st.integers(0, 2**32), st.floats(0.5, 0.99), st.floats(0.5, 0.99), st.floats(1e-6, 1))
def test_sets_grow_with_the_coverage_and_hold_the_likeliest(seed: int, one: float, other: float, share: float) -> None:
    scores, truth, shares = made(60, seed % 7, unknown=0.05)
    sets = fit_sets(scores, truth, shares)
    random = np.random.default_rng(seed)
    row = random.dirichlet(np.full(6, 0.3)).astype(np.float32)
    prediction = Prediction(tuple("abcdef"), row, 9.0, (0, 0, 3, 3), Calibration(prediction_sets=sets), share)
    smaller, larger = prediction.set(min(one, other)), prediction.set(max(one, other))
    assert larger[: len(smaller)] == smaller
    assert smaller[0] == prediction.material
    assert list(larger) == [name for name, _ in prediction.top(6)][: len(larger)]
    if not prediction.reaches(max(one, other)):
        assert len(larger) == 6


def test_sets_come_back_from_json() -> None:
    sets = fit_sets(*made(300, unknown=0.02))
    assert sets is not None
    assert Sets.from_json(json.loads(json.dumps(sets.to_json()))) == sets
    assert len(json.dumps(sets.to_json())) < 2500


GOOD = [
    {"under": 0.02, "regions": 40, "least": [0.4] * 49 + [None]},
    {"under": None, "regions": 40, "least": [0.2] * 50},
]


def changed(*path: Any, value: Any) -> Any:
    sets = copy.deepcopy(GOOD)
    place: Any = sets
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return sets


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([], "expected a list of bands"),
        ({}, "expected a list of bands"),
        ("x", "expected a list of bands"),
        ([None], "expected bands with under, regions and least"),
        (GOOD[:1], "the last, and no other, has the bound null"),
        ([GOOD[1], GOOD[1]], "the last, and no other, has the bound null"),
        ([GOOD[0], GOOD[0], GOOD[1]], "end at growing shares"),
        (changed(0, "under", value=0), "end at growing shares"),
        (changed(0, "under", value=1.5), "end at growing shares"),
        (changed(0, "under", value=True), "ends at something else"),
        (changed(0, "under", value=10**400), "ends at something else"),
        (changed(0, "more", value=1), "expected bands with under, regions and least"),
        (changed(0, "regions", value=0), "has 0 regions"),
        (changed(0, "regions", value=4.5), "no whole number"),
        (changed(0, "regions", value=True), "no whole number"),
        (changed(0, "least", value=[0.4] * 49), "has 49 scores; expected 50"),
        (changed(0, "least", value=None), "not a list of numbers"),
        (changed(0, "least", 3, value=0.5), "never grow"),
        (changed(0, "least", 3, value=None), "never grow"),
        (changed(0, "least", 49, value=-0.1), "from 0 to 1"),
        (changed(0, "least", 0, value=1.1), "from 0 to 1"),
        (changed(0, "least", 0, value="0.4"), "not a list of numbers"),
        (changed(0, "least", 0, value=10**400), "not a list of numbers"),
    ],
)
def test_wrong_sets_are_refused(values: Any, message: str) -> None:
    assert Sets.from_json(GOOD).bands[1] == Band(None, 40, (0.2,) * 50)
    with pytest.raises(ModelError, match=message) as caught:
        Sets.from_json(values)
    assert str(caught.value).startswith("sets: ")


def test_no_regions() -> None:
    sets = Sets.from_json(GOOD)
    nothing = np.zeros((0, 3)), np.zeros(0, np.int64), np.zeros(0)
    assert all(dataclasses.astuple(row)[1:] == (0, None, None, None) for row in measure_sets(sets, *nothing))
