"""Thresholds and sets measured on an evaluation."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from madeof.errors import DatasetError
from madeof.evaluation.calibrate import calibrate, of_sources
from madeof.evaluation.halves import sets_by_halves
from madeof.evaluation.run import Evaluation
from madeof.model.calibration import Calibration
from madeof.model.preprocess import Preprocessing
from madeof.model.record import Record

SEVEN = ("Stone", "Concrete", "Glass", "Mirror", "Metal", "Wood", "Skin")


def evaluation(count: int = 400, seed: int = 0) -> Evaluation:
    """Four regions to a photo; every second photo is from the street."""
    random = np.random.default_rng(seed)
    truth = random.integers(0, 7, count)
    logits = random.normal(0, 1, (count, 7))
    logits[np.arange(count), truth] += 2.5
    scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    photos = (count + 3) // 4
    names = [("Sand" if random.random() < 0.02 else SEVEN[i]) for i in truth]
    return Evaluation(
        model="made 1", materials=SEVEN, digest="", photos=tuple(map(str, range(photos))), photo=np.arange(count) // 4,
        region=np.arange(count), area=np.full(count, 9), box=np.zeros((count, 4), np.int64), truth=tuple(names),
        scores=scores.astype(np.float32), sources=tuple(("home", "street")[i % 2] for i in range(photos)),
        share=random.choice([0.01, 0.05, 0.3], count),
    )  # fmt: skip


def test_calibrate_fits_the_threshold_and_sets() -> None:
    record = Record("made", "1", SEVEN, Preprocessing(), {})
    found = evaluation()
    fitted = calibrate(record, found)
    assert fitted.calibration.uncertain_below is not None
    kept = (found.scores.max(axis=1) >= fitted.calibration.uncertain_below) & (np.array(found.truth) != "Sand")
    assert 0.9 <= found.correct[kept].mean() < 0.93
    assert fitted.calibration.prediction_sets is not None
    assert sum(band.regions for band in fitted.calibration.prediction_sets.bands) == 400
    stricter = calibrate(record, found, 0.97)
    assert stricter.calibration.uncertain_below is not None
    assert stricter.calibration.uncertain_below > fitted.calibration.uncertain_below
    few = calibrate(record, evaluation(20))
    assert (few.calibration.uncertain_below, few.calibration.prediction_sets) == (None, None)


def test_by_size_the_scores_become_honest_in_each_size() -> None:
    """Honest are 2.5 times the logits (normal, the true one's 2.5 more); those of small regions are twice as large."""
    found = evaluation(2000)
    small = np.arange(2000) % 2 == 0
    hot = found.scores[small] ** 2
    scores = found.scores.copy()
    scores[small] = hot / hot.sum(axis=1, keepdims=True)
    found = dataclasses.replace(found, scores=scores, area_seen=np.where(small, 300.0, 9000.0))
    record = Record("made", "1", SEVEN, Preprocessing(), {}, Calibration(1.3))
    fitted = calibrate(record, found, by_size=True).calibration
    first, second = fitted.by_size
    assert first.temperature is not None
    assert second.temperature is not None
    assert first.temperature / second.temperature == pytest.approx(2, rel=0.15)
    assert second.temperature / 1.3 == pytest.approx(1 / 2.5, rel=0.1)
    assert fitted.temperature == 1.3
    kept = dataclasses.replace(record, background=7)
    assert [each.temperature for each in calibrate(kept, found, by_size=True).calibration.by_size] == [None, None]
    with pytest.raises(DatasetError, match="expected 100 or more in each of two ranges of sizes"):
        calibrate(record, found.part(np.arange(2000) < 100), by_size=True)


def test_halves_keep_the_coverage_and_divide_photos() -> None:
    rows = sets_by_halves(evaluation(1200), 0.85, halvings=40)
    assert [row.label for row in rows] == ["all", "under 2%", "2% to 10%", "10% and more"]
    for row in rows:
        assert row.covered == pytest.approx(0.85, abs=0.03)
        assert row.covered_spread is not None
        assert 0 < row.covered_spread < 0.1
    assert sets_by_halves(evaluation(20)) == []
    assert rows == sets_by_halves(evaluation(1200), 0.85, halvings=40)


def test_a_hundred_halvings_where_no_number_is_given() -> None:
    """The spread over fewer says little."""
    found = evaluation(200)
    assert sets_by_halves(found) == sets_by_halves(found, halvings=100)
    assert sets_by_halves(found) != sets_by_halves(found, halvings=99)


def test_sources() -> None:
    found = evaluation(40)
    assert len(of_sources(found, ["street"]).truth) == 20
    assert of_sources(found, []) is of_sources(found, ["sea"]) is found
