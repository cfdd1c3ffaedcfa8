"""A prediction: its answer, its sets."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from materials_groups import SEVEN
from metrics_conformal import made

from madeof.errors import InputError, ModelError
from madeof.inference.prediction import Prediction
from madeof.inference.predictor import Predictor, load
from madeof.metrics.conformal import fit_sets
from madeof.model.record import Record


def predicted(scores: Any, below: float | None = 0.5, group_below: float | None = 0.8) -> Prediction:
    return Prediction(SEVEN, np.array(scores, np.float32), 9.0, (0, 0, 3, 3), below, group_below)


@pytest.mark.parametrize(
    ("prediction", "answer", "group"),
    [
        (predicted([0.6, 0.3, 0, 0, 0, 0, 0.1]), "Stone", None),
        (predicted([0.45, 0.4, 0.05, 0, 0, 0, 0.1]), "Stone-like", "Stone-like"),
        (predicted([0.4, 0.3, 0.1, 0, 0, 0.1, 0.1]), None, None),
        (predicted([0, 0, 0.1, 0, 0.45, 0.45, 0]), None, None),
        (predicted([0.45, 0.4, 0.05, 0, 0, 0, 0.1], None), "Stone", None),
        (predicted([0.45, 0.4, 0.05, 0, 0, 0, 0.1], 0.5, None), None, None),
    ],
)
def test_the_answer_backs_off(prediction: Prediction, answer: str | None, group: str | None) -> None:
    assert prediction.answer == answer
    assert (prediction.group and prediction.group.name) == group
    assert prediction.material in SEVEN  # whatever is answered


def test_an_answer_under_the_threshold_of_its_model_is_uncertain(
    tiny_model: Path, tmp_path: Path, photo: np.ndarray, masks: np.ndarray, predictor: Predictor
) -> None:
    predictor.set_image(photo)
    plain = predictor.predict(masks)
    assert not any(p.uncertain for p in plain)
    scores = sorted(p.score for p in plain)
    folder = shutil.copytree(tiny_model, tmp_path / "model")
    dataclasses.replace(Record.read(folder), uncertain_below=scores[3]).write(folder)
    unsure = load(folder, threads=1)
    unsure.set_image(photo)
    found = unsure.predict(masks)
    assert [p.uncertain for p in found] == [p.score < scores[3] for p in found]
    assert 1 <= sum(p.uncertain for p in found) <= 4
    assert [p.material for p in found] == [p.material for p in plain]


@pytest.mark.parametrize("coverage", [0.49, 0.991, 1.0, 0.0, -1.0, float("nan"), 90])
def test_a_coverage_that_there_are_no_sets_of(coverage: float) -> None:
    sets = fit_sets(*made(60))
    prediction = Prediction(("a", "b"), np.array([0.7, 0.3], np.float32), 9.0, (0, 0, 3, 3), share=0.1, sets=sets)
    with pytest.raises(InputError, match=r"got the coverage .*; expected 0\.5 to 0\.99, such as 0\.9"):
        prediction.set(coverage)


def test_a_model_without_sets_says_how_to_get_them() -> None:
    prediction = Prediction(("a", "b"), np.array([0.7, 0.3], np.float32), 9.0, (0, 0, 3, 3))
    with pytest.raises(ModelError, match="the model has no sets with a coverage: add them with  madeof calibrate"):
        prediction.set()
    assert prediction.answer == "a"  # without a threshold it never is unsure
    assert prediction.group is None
