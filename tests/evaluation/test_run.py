""""""

from __future__ import annotations

import json
import logging
from typing import Any

import numpy as np
import pytest
from evaluation_run import LEFT, MATERIALS, RIGHT, FakeDataset, FakePredictor

from madeof.errors import DatasetError, ModelError, PhotoError
from madeof.evaluation.run import Failure, evaluate
from madeof.inference.prediction import Prediction


def test_every_region_of_every_photo_is_asked_for() -> None:
    dataset = FakeDataset({"a": [(0, 0, LEFT), (2, 1, RIGHT)], "sub/b": [(1, 1, (3, 4, 4, 6))]})
    predictor = FakePredictor()
    steps: list[tuple[int, int]] = []
    found = evaluate(predictor, dataset, progress=lambda done, all_: steps.append((done, all_)))
    assert (found.model, found.digest, found.materials) == ("fake 3", dataset.digest, MATERIALS)
    assert found.photos == ("a", "sub/b")
    assert found.photo.tolist() == [0, 0, 1]
    assert found.region.tolist() == [0, 1, 10]
    assert found.area.tolist() == [800, 1050, 2]
    assert found.box.tolist() == [list(LEFT), list(RIGHT), [3, 4, 4, 6]]
    assert found.truth == ("Brick", "Glass", "Fabric / cloth")
    assert found.predicted == ["Brick", "Fabric / cloth", "Fabric / cloth"]
    assert found.scores.dtype == np.float32
    np.testing.assert_allclose(found.scores[1], [0.1, 0.7, 0.1])
    assert found.failures == ()
    assert steps == [(1, 2), (2, 2)]
    assert (dataset.reads, predictor.seen) == ([0, 1], 2)
    assert found.metrics.accuracy == pytest.approx(2 / 3)
    assert found.metrics is found.metrics


def test_materials_are_matched_by_name_not_by_number() -> None:
    dataset = FakeDataset(
        {"a": [(0, 2, LEFT), (1, 0, RIGHT)], "b": [(2, 0, LEFT)]}, materials=("GLASS", "brick", "Sand")
    )
    summary = evaluate(FakePredictor(), dataset).summary()
    assert summary["accuracy"] == pytest.approx(2 / 3)
    assert summary["accuracy_nameable"] == 1.0
    assert summary["unpredictable"] == {"Sand": 1}
    assert {name: row["regions"] for name, row in summary["by_material"].items()} == {"Brick": 1, "Glass": 1, "Sand": 1}


def test_a_photo_that_cannot_be_read_is_told_and_the_others_are_evaluated(caplog: pytest.LogCaptureFixture) -> None:
    dataset = FakeDataset(
        {
            "torn": PhotoError("torn.jpg is truncated:\nsave it again"),
            "a": [(0, 0, LEFT)],
            "lost": DatasetError("lost.png is gone"),
            "locked": PermissionError(13, "Permission denied"),
            "refused": [(1, 1, LEFT)],
            "b": [(2, 2, RIGHT)],
        }
    )
    with caplog.at_level(logging.WARNING, logger="madeof"):
        found = evaluate(FakePredictor(refuses=4), dataset)
    assert found.failures == (
        Failure("torn", "torn.jpg is truncated: save it again"),
        Failure("lost", "lost.png is gone"),
        Failure("locked", "[Errno 13] Permission denied"),
        Failure("refused", "mask 0 is empty"),
    )
    assert (found.photos, found.photo.tolist(), found.region.tolist()) == (("a", "b"), [0, 1], [10, 50])
    assert caplog.messages[0] == "torn is left out: torn.jpg is truncated: save it again"
    assert len(caplog.messages) == 4
    summary = found.summary()
    assert summary["failures"][1] == {"photo": "lost", "reason": "lost.png is gone"}
    assert (summary["photos"], summary["regions"], summary["accuracy"]) == (2, 2, 1.0)


def test_our_own_mistakes_are_not_taken_for_bad_photos() -> None:
    with pytest.raises(ZeroDivisionError):
        evaluate(FakePredictor(), FakeDataset({"a": ZeroDivisionError()}))


@pytest.mark.parametrize("score", [np.nan, np.inf, 1.5])
def test_scores_that_are_no_probabilities_stop_the_evaluation_and_name_the_photo(score: float) -> None:
    with pytest.raises(ModelError) as caught:
        evaluate(FakePredictor(bad_score=score), FakeDataset({"a\nb": [(0, 0, LEFT)]}))
    assert str(caught.value) == (
        "the model fake gives scores that are NaN or outside [0, 1] for a\\nb; expected probabilities: its weights "
        "are damaged, use another model"
    )


def test_scores_of_another_shape_are_our_mistake() -> None:
    predictor = FakePredictor()
    predictor.predict = lambda masks: [  # type: ignore[method-assign]
        Prediction(MATERIALS, np.ones(2, dtype=np.float32), 1.0, (0, 0, 1, 1))
    ]
    with pytest.raises(AssertionError, match=r"scores of shape \(1, 2\) for \(1, 3\)"):
        evaluate(predictor, FakeDataset({"a": [(0, 0, LEFT)]}))


def test_a_photo_without_regions_is_read_but_not_shown_to_the_model() -> None:
    predictor = FakePredictor()
    found = evaluate(predictor, FakeDataset({"bare": [], "a": [(0, 0, LEFT)]}))
    assert (found.photos, found.photo.tolist(), predictor.seen) == (("bare", "a"), [1], 1)


@pytest.mark.parametrize("photos", [{}, {"torn": PhotoError("torn.jpg is empty")}, {"bare": []}])
def test_nothing_to_evaluate_gives_nulls_and_no_error(photos: dict[str, Any]) -> None:
    found = evaluate(FakePredictor(), FakeDataset(photos))
    assert (found.scores.shape, found.box.shape, found.predicted) == ((0, 3), (0, 4), [])
    summary = json.loads(json.dumps(found.summary(), allow_nan=False))
    assert (summary["regions"], summary["accuracy"], summary["by_material"]) == (0, None, {})
    assert summary["accuracy_interval"] is None
    assert [row["accuracy"] for row in summary["by_size"]] == [None] * 12
