"""Thresholds and sets measured on an evaluation."""

from __future__ import annotations

import numpy as np
import pytest

from madeof.evaluation.calibration import calibrate, of_sources, sets_by_halves
from madeof.evaluation.run import Evaluation
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
    assert fitted.uncertain_below is not None
    kept = (found.scores.max(axis=1) >= fitted.uncertain_below) & (np.array(found.truth) != "Sand")
    assert 0.9 <= found.correct[kept].mean() < 0.93
    assert fitted.sets is not None
    assert sum(band.regions for band in fitted.sets.bands) == 400
    stricter = calibrate(record, found, 0.97)
    assert stricter.uncertain_below is not None
    assert stricter.uncertain_below > fitted.uncertain_below
    few = calibrate(record, evaluation(20))
    assert (few.uncertain_below, few.sets) == (None, None)


def test_halves_keep_the_coverage_and_divide_photos() -> None:
    rows = sets_by_halves(evaluation(1200), 0.85, halvings=40)
    assert [row.label for row in rows] == ["all", "under 2%", "2% to 10%", "10% and more"]
    for row in rows:
        assert row.covered == pytest.approx(0.85, abs=0.03)
        assert row.covered_spread is not None
        assert 0 < row.covered_spread < 0.1
    assert sets_by_halves(evaluation(20)) == []
    assert rows == sets_by_halves(evaluation(1200), 0.85, halvings=40)


def test_sources() -> None:
    found = evaluation(40)
    assert len(of_sources(found, ["street"]).truth) == 20
    assert of_sources(found, []) is of_sources(found, ["sea"]) is found
