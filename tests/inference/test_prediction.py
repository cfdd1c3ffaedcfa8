"""A prediction: its answer, its sets."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest
from metrics_conformal import made

from madeof.errors import InputError, ModelError
from madeof.inference.prediction import Prediction
from madeof.inference.predictor import Predictor, load
from madeof.metrics.conformal import fit_sets
from madeof.model.calibration import Calibration
from madeof.model.record import Record


@pytest.mark.parametrize(
    ("best", "below", "answer"), [(0.6, 0.5, "Stone"), (0.45, 0.5, None), (0.5, 0.5, "Stone"), (0.45, None, "Stone")]
)
def test_the_answer_is_the_material_or_none(best: float, below: float | None, answer: str | None) -> None:
    scores = np.array([best, 1 - best - 0.2, 0.2], np.float32)
    found = Prediction(("Stone", "Glass", "Wood"), scores, 9.0, (0, 0, 3, 3), Calibration(1.0, below))
    assert (found.answer, found.material) == (answer, "Stone")
    assert (found.uncalibrated, "uncalibrated" in repr(found)) == (below is None, below is None)


def test_an_answer_under_the_threshold_of_its_model_is_uncertain(
    tiny_model: Path, tmp_path: Path, photo: np.ndarray, masks: np.ndarray, predictor: Predictor
) -> None:
    predictor.set_image(photo)
    plain = predictor.predict(masks)
    assert not any(p.uncertain for p in plain)
    scores = sorted(p.score for p in plain)
    folder = shutil.copytree(tiny_model, tmp_path / "model")
    dataclasses.replace(Record.read(folder), calibration=Calibration(1.0, scores[3])).write(folder)
    unsure = load(folder, threads=1)
    unsure.set_image(photo)
    found = unsure.predict(masks)
    assert [p.uncertain for p in found] == [p.score < scores[3] for p in found]
    assert 1 <= sum(p.uncertain for p in found) <= 4
    assert [p.material for p in found] == [p.material for p in plain]


@pytest.mark.parametrize("coverage", [0.49, 0.991, 1.0, 0.0, -1.0, float("nan"), 90])
def test_a_coverage_that_there_are_no_sets_of(coverage: float) -> None:
    sets = fit_sets(*made(60))
    calibration = Calibration(prediction_sets=sets)
    prediction = Prediction(("a", "b"), np.array([0.7, 0.3], np.float32), 9.0, (0, 0, 3, 3), calibration, 0.1)
    with pytest.raises(InputError, match=r"got the coverage .*; expected 0\.5 to 0\.99, such as 0\.9"):
        prediction.set(coverage)


def test_a_model_without_sets_says_how_to_get_them() -> None:
    prediction = Prediction(("a", "b"), np.array([0.7, 0.3], np.float32), 9.0, (0, 0, 3, 3))
    with pytest.raises(ModelError, match="the model has no sets with a coverage: add them with  madeof calibrate"):
        prediction.set()
    assert prediction.answer == "a"  # without a threshold it never is unsure
