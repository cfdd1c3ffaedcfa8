"""An evaluation as text and JSON."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from evaluation_run import LEFT, RIGHT, FakeDataset, FakePredictor, record_of

from madeof.errors import PhotoError
from madeof.evaluation.run import Evaluation, Failure, evaluate
from madeof.inference.prediction import Prediction
from madeof.model.calibration import Calibration


def test_the_summary_has_the_promised_keys_first_and_is_plain_json() -> None:
    dataset = FakeDataset({"a": [(0, 0, LEFT), (2, 1, RIGHT)], "b": [(1, 1, LEFT)]})
    summary = evaluate(FakePredictor(), dataset).summary()
    assert list(summary)[:5] == ["regions", "accuracy", "mean_class_accuracy", "by_material", "by_size"]
    assert summary["by_material"]["Fabric / cloth"] == {
        "regions": 1,
        "accuracy": 1.0,
        "precision": 0.5,
        "recall": 1.0,
        "f1": pytest.approx(2 / 3),
    }
    assert summary["by_material"]["Glass"]["precision"] is None
    first, last = summary["by_size"][0], summary["by_size"][-1]
    assert (first["under"], first["label"], first["regions"], first["accuracy"]) == (1000, "under 1000", 2, 1.0)
    assert first["accuracy_interval"] == [pytest.approx(2 / (2 + 1.959964**2)), 1.0]  # Wilson: two photos, all right
    assert (last["under"], last["label"], last["mean_class_accuracy"]) == (None, "1000000 and more", None)
    assert summary["top_k"]["1"] == summary["accuracy"]
    low, high = summary["accuracy_interval"]
    assert 0 <= low <= summary["accuracy"] <= high <= 1
    assert summary["confused"] == [{"material": "Glass", "predicted": "Fabric / cloth", "regions": 1}]
    assert (summary["model"], summary["dataset"], summary["photos"]) == ("fake 3", dataset.digest, 2)
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary


def test_the_text_says_the_main_figures() -> None:
    dataset = FakeDataset(
        {"a": [(0, 2, LEFT), (1, 0, RIGHT)], "b": [(2, 0, LEFT)]}, materials=("GLASS", "brick", "Sa\nnd")
    )
    assert evaluate(FakePredictor(), dataset).text().splitlines() == [
        "model                fake 3",
        "evaluated            3 regions of 2 photos",
        "accuracy             66.7% (95% interval 0.0-100.0%)",
        "mean class accuracy  66.7% (95% interval 0.0-100.0%)",
        "in the best 5        66.7%",
        "not in its list      Sa\\nnd (1): these regions count as wrong; without them the accuracy is 100.0%",
    ]
    assert "accuracy             - (95% interval -)" in evaluate(FakePredictor(), FakeDataset({})).text()


THREE = {
    "a": [(0, 0, LEFT), (2, 1, RIGHT)],
    "b": [(1, 1, LEFT)],
    "c": [(1, 2, LEFT), (0, 0, RIGHT), (2, 2, (25, 0, 28, 3))],
}


def test_several_sources_are_measured_one_by_one() -> None:
    found = evaluate(FakePredictor(), FakeDataset(THREE, sources=("street", "", "home")))
    assert list(found.by_source) == ["home", "street", "not stated"]  # the one with the most regions first
    home = found.by_source["home"]
    assert (home.photos, home.photo.tolist(), home.region.tolist()) == (("c",), [0, 0, 0], [20, 21, 22])
    assert (home.truth, home.predicted) == (found.truth[3:], found.predicted[3:])
    np.testing.assert_array_equal(home.scores, found.scores[3:])
    np.testing.assert_array_equal(home.box, found.box[3:])
    assert home.by_source == {}
    rows = found.summary()["by_source"]
    assert {name: (row["photos"], row["regions"], row["accuracy"]) for name, row in rows.items()} == {
        "home": (1, 3, pytest.approx(2 / 3)),
        "street": (1, 2, 0.5),
        "not stated": (1, 1, 1.0),
    }
    assert rows["home"]["calibration_error"] == pytest.approx(0.7 - 2 / 3, abs=1e-6)
    assert sum(row["regions"] for row in rows.values()) == found.metrics.regions
    assert "source               street: accuracy 50.0% (95% interval -) on 2 regions" in found.text().splitlines()


@pytest.mark.parametrize("sources", [None, ("home",) * 3, ("",) * 3])
def test_one_source_is_no_table(sources: tuple[str, ...] | None) -> None:
    found = evaluate(FakePredictor(), FakeDataset(THREE, sources=sources))
    assert found.by_source == {}
    assert "by_source" not in found.summary()
    assert "source" not in found.text()


@pytest.mark.parametrize(
    ("threshold", "regions", "coverage", "accuracy"),
    [(0.0, 6, 1.0, 4 / 6), (0.69, 6, 1.0, 4 / 6), (0.71, 0, 0.0, None)],
)
def test_what_the_threshold_brings(threshold: float, regions: int, coverage: float, accuracy: float | None) -> None:
    record = record_of(calibration=Calibration(1.0, threshold))
    found = evaluate(FakePredictor(record=record), FakeDataset(THREE))
    assert found.summary()["certain"] == {
        "uncertain_below": threshold,
        "regions": regions,
        "coverage": coverage,
        "accuracy": accuracy if accuracy is None else pytest.approx(accuracy),
    }
    assert f"{100 * coverage:.1f}% of the answers; of these " in found.text()


def test_a_model_without_a_threshold_says_nothing_of_it() -> None:
    found = evaluate(FakePredictor(), FakeDataset(THREE))
    assert found.confident_answers is None
    assert "certain" not in found.summary()
    assert "certain" not in found.text()


def test_names_that_utf8_cannot_hold_are_made_writable() -> None:
    stray = b"caf\xe9".decode("utf-8", "surrogateescape")
    dataset = FakeDataset(
        {stray: [(0, 0, LEFT)], f"{stray} 2": PhotoError(f"{stray} is torn")}, materials=(f"Brick {stray}",)
    )
    predictor = FakePredictor(materials=(f"Brick {stray}", "b", "c"), record=record_of(name=stray))
    found = evaluate(predictor, dataset)
    assert found.photos == ("caf\\udce9",)
    assert found.failures == (Failure("caf\\udce9 2", "caf\\udce9 is torn"),)
    assert found.metrics.accuracy == 1.0
    json.dumps(found.summary(), ensure_ascii=False).encode("utf-8")


def test_an_empty_mask_has_an_empty_box() -> None:
    dataset = FakeDataset({"a": [(0, 0, LEFT)]})
    predictor = FakePredictor()
    even = Prediction(predictor.materials, np.full(len(predictor.materials), 0.2, dtype=np.float32), 1.0, (0, 0, 1, 1))
    predictor.predict = lambda masks: [even] * len(masks)  # type: ignore[method-assign]
    sample = dataset.read(0)
    sample.masks[:] = False
    dataset.read = lambda photo: sample  # type: ignore[method-assign]
    found = evaluate(predictor, dataset)
    assert (found.area.tolist(), found.box.tolist()) == ([0], [[0, 0, 0, 0]])


def test_it_shows_itself_in_notebooks() -> None:
    dataset = FakeDataset({"a": [(0, 0, LEFT), (2, 1, RIGHT)], "b": [(1, 1, LEFT)]})
    found = evaluate(FakePredictor(), dataset)
    assert repr(found) == "Evaluation('fake 3', 3 regions, accuracy 66.7%)"
    shown = found._repr_html_()
    assert html.escape(found.text()) in shown
    assert "<td>Fabric / cloth</td><td>1</td><td>100.0%</td><td>50.0%</td>" in shown


def test_an_evaluation_can_be_made_from_arrays() -> None:
    found = Evaluation(
        model="by hand 1",
        materials=("a", "b"),
        digest="",
        photos=("x",),
        photo=np.array([0]),
        region=np.array([0]),
        area=np.array([5]),
        box=np.array([[0, 0, 5, 1]]),
        truth=("b",),
        scores=np.array([[0.2, 0.8]], dtype=np.float32),
    )
    assert (found.summary()["accuracy"], found.failures) == (1.0, ())
    assert "scores" not in repr(found)


def test_the_documented_json_is_what_comes_out() -> None:
    """What the page leaves out of the object is not wrong; what it shows is there, in this order."""
    text = (Path(__file__).parents[2] / "docs" / "evaluation.md").read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(block, names)
    evaluation = Evaluation(
        model="example 1",
        materials=names["materials"],
        digest="7d41",
        photos=("kitchen", "beach"),
        photo=np.array([0, 0, 1, 1]),
        region=np.arange(4),
        area=np.array([900, 5000, 120_000, 700]),
        box=np.zeros((4, 4), dtype=int),
        truth=("Brick", "Glass", "Wood", "Sand"),
        scores=names["scores"],
        sources=("home", "street"),
        calibration=Calibration(uncertain_below=0.65),
    )
    texts = json.dumps(evaluation.summary()), re.findall(r"```json\n(.*?)```", text, re.DOTALL)[0]
    ours, theirs = (json.loads(text, parse_float=lambda number: round(float(number), 4)) for text in texts)
    assert [name for name in ours if name in theirs] == list(theirs)
    for name, value in theirs.pop("by_material").items():
        assert ours["by_material"][name] == value
    assert theirs.pop("by_size") == ours["by_size"][:1]
    assert theirs.pop("confused") == ours["confused"][:1]
    (shown,) = theirs.pop("by_source").items()
    assert shown[1].items() <= ours["by_source"][shown[0]].items()
    assert len(theirs) > 5
    for name, value in theirs.items():
        assert ours[name] == value, name
