"""One calibration: read and written, and by the size of a region as the network saw it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from madeof.errors import ModelError
from madeof.metrics.temperature import softmax
from madeof.model.calibration import Calibration, SizeStratum, fit

STRATA = (SizeStratum(1000, 120, 2.0, 0.7), SizeStratum(4000, 100, None, 0.6), SizeStratum(None, 300, 0.5, None))
BY_SIZE = Calibration(1.5, 0.4, by_size=STRATA)


@pytest.mark.parametrize(
    ("area", "temperature", "below"), [(0, 2.0, 0.7), (999.9, 2.0, 0.7), (1000, 1.5, 0.6), (4000, 0.5, 0.4)]
)
def test_a_region_has_the_calibration_of_its_size(area: float, temperature: float, below: float) -> None:
    found = BY_SIZE.at(area)
    assert (found.temperature, found.uncertain_below) == (temperature, below)
    assert BY_SIZE.temperatures(np.array([area])).tolist() == [[temperature]]
    scores = np.array([below, below - 1e-6])
    confident = BY_SIZE.confident(scores, np.array([area, area]))
    assert confident is not None
    assert confident.tolist() == [True, False]


def test_without_strata_the_size_does_not_count() -> None:
    plain = Calibration(1.5, 0.4)
    assert plain.at(3) is plain
    assert plain.temperatures(np.array([3.0, 4.0])).tolist() == [[1.5]]
    assert Calibration().confident(np.array([0.3]), None) is None


def test_json_has_the_keys_that_madeof_01_reads() -> None:
    assert Calibration(1.5, 0.4).to_json() == {"temperature": 1.5, "uncertain_below": 0.4, "sets": None}
    assert Calibration.from_json(BY_SIZE.to_json()) == BY_SIZE
    assert Calibration.from_json({}) == Calibration()


STRATUM = {"under": None, "regions": 5, "temperature": 1.0, "uncertain_below": 0.5}


@pytest.mark.parametrize(
    ("strata", "message"),
    [
        (5, "by_size is 5; expected a list of strata, or null"),
        (
            [{"under": 5}],
            'by_size holds {"under": 5}; expected strata with under, regions, temperature, uncertain_below',
        ),
        ([{**STRATUM, "regions": 1.5}], "by_size: regions is 1.5; expected a whole number"),
        ([{**STRATUM, "temperature": "x"}], 'by_size: temperature is "x"; expected a number or null'),
        ([{**STRATUM, "temperature": 0}], "the temperature is 0; expected 0.001 to 1000"),
        ([{**STRATUM, "uncertain_below": 2}], "uncertain_below is 2; expected a score from 0 to 1"),
        ([{**STRATUM, "under": 9}], "by_size: expected growing bounds"),
        ([{**STRATUM, "under": 9}, {**STRATUM, "under": 9}, STRATUM], "by_size: expected growing bounds"),
        ([STRATUM, STRATUM], "by_size: expected growing bounds"),
    ],
)
def test_wrong_strata_are_refused(strata: Any, message: str) -> None:
    with pytest.raises(ModelError) as caught:
        Calibration.from_json({"by_size": strata})
    assert str(caught.value).startswith(message)


def drawn(count: int, temperature: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Logits whose scores are honest at a temperature, and truths drawn by them."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 2, (count, 4))
    truth = (softmax(logits, temperature).cumsum(axis=1) < random.random((count, 1))).sum(axis=1)
    return logits, truth.astype(np.int64)


def test_fit_finds_the_temperature_of_each_size() -> None:
    small, large = drawn(1500, 2.0, 0), drawn(1500, 0.7, 1)
    logits, truth = (np.concatenate(both) for both in zip(small, large, strict=True))
    areas = np.repeat([500.0, 20_000.0], 1500)
    found = fit(logits, truth, areas)
    first, second = found.by_size
    assert (first.under, second.under, first.regions, second.regions) == (1000, None, 1500, 1500)
    assert first.temperature == pytest.approx(2.0, rel=0.15)
    assert second.temperature == pytest.approx(0.7, rel=0.15)
    assert 0.7 < found.temperature < 2
    assert first.uncertain_below is not None
    assert fit(logits, truth).by_size == ()


def test_small_strata_are_merged_and_one_is_none() -> None:
    logits, truth = drawn(400, 1.0, 0)
    areas = np.repeat([500.0, 2000.0, 8000.0, 50_000.0], [150, 60, 140, 50])
    assert [(each.under, each.regions) for each in fit(logits, truth, areas).by_size] == [(1000, 150), (None, 250)]
    assert fit(logits, truth, np.full(400, 9.0)).by_size == ()
    assert fit(logits[:0], truth[:0], areas[:0]).by_size == ()


def test_few_regions_sharpen_nothing() -> None:
    logits = np.eye(3)[np.arange(60) % 3]  # all right: the likelihood grows with every sharpening
    truth = np.arange(60) % 3
    assert fit(logits[:49], truth[:49]) == Calibration()
    assert fit(logits, truth).temperature < 0.2
