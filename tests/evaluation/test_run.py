import json
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from madeof.errors import DatasetError, ModelError, PhotoError, RegionError
from madeof.evaluation.run import Evaluation, Failure, evaluate
from madeof.model.calibration import Calibration
from madeof.model.preprocess import Preprocessing

MATERIALS = ("Brick", "Fabric / cloth", "Glass")


def record_of(**values: Any) -> Any:
    """What an evaluation wants of a record."""
    defaults = {"name": "fake", "version": "3", "calibration": Calibration(), "preprocessing": Preprocessing()}
    return SimpleNamespace(**(defaults | values))


@dataclass
class FakePredictor:
    """Reads the scores off the photo: the red of a region's first pixel is the number of its material."""

    materials: tuple[str, ...] = MATERIALS
    record: Any = field(default_factory=record_of)
    refuses: int = -1
    """A photo whose green is this is refused."""
    bad_score: float | None = None
    image: Any = None
    seen: int = 0

    def set_image(self, image: NDArray[np.uint8]) -> None:
        if image[0, 0, 1] == self.refuses:
            raise RegionError("mask 0 is empty")
        self.image = image
        self.seen += 1

    def scores(self, masks: Sequence[NDArray[np.bool_]]) -> NDArray[np.float32]:
        scores = np.full((len(masks), len(self.materials)), 0.1, dtype=np.float32)
        for row, mask in zip(scores, masks, strict=True):
            row[self.image[mask][0, 0]] = 0.7 if self.bad_score is None else self.bad_score
        return scores


class FakeDataset:
    """Photos as lists of (material, what the predictor will say, box), read one at a time."""

    digest = "cafe" * 16

    def __init__(
        self,
        photos: dict[str, list[tuple[int, int, tuple[int, int, int, int]]] | Exception],
        materials: tuple[str, ...] = MATERIALS,
        sources: tuple[str, ...] | None = None,
    ) -> None:
        self.materials = materials
        self.photos = SimpleNamespace(name=list(photos), source=sources or ("",) * len(photos))
        self._photos = list(photos.values())
        self.reads: list[int] = []

    def __len__(self) -> int:
        return len(self._photos)

    def read(self, photo: int) -> Any:
        self.reads.append(photo)
        regions = self._photos[photo]
        if isinstance(regions, Exception):
            raise regions
        image = np.full((40, 60, 3), photo, dtype=np.uint8)
        masks = np.zeros((len(regions), 40, 60), dtype=bool)
        for mask, (_, said, (x0, y0, x1, y1)) in zip(masks, regions, strict=True):
            mask[y0:y1, x0:x1] = True
            image[mask] = (said, photo, 0)
        return SimpleNamespace(
            name=self.photos.name[photo],
            image=image,
            masks=masks,
            materials=np.array([material for material, _, _ in regions], dtype=np.int64),
            regions=np.arange(len(regions)) + 10 * photo,
        )


LEFT, RIGHT = (0, 0, 20, 40), (30, 5, 60, 40)


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
    predictor.scores = lambda masks: np.ones((1, 2), dtype=np.float32)  # type: ignore[method-assign]
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
    assert first["accuracy_interval"] == [1.0, 1.0]
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
    assert found.certain is None
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
    predictor.scores = lambda masks: np.full((len(masks), 3), 0.2, dtype=np.float32)  # type: ignore[method-assign]
    sample = dataset.read(0)
    sample.masks[:] = False
    dataset.read = lambda photo: sample  # type: ignore[method-assign]
    found = evaluate(predictor, dataset)
    assert (found.area.tolist(), found.box.tolist()) == ([0], [[0, 0, 0, 0]])


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
    text = (Path(__file__).parents[2] / "docs" / "evaluation.md").read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(block, names)
    texts = json.dumps(names["summary"]), re.findall(r"```json\n(.*?)```", text, re.DOTALL)[0]
    ours, theirs = (json.loads(text, parse_float=lambda number: round(float(number), 4)) for text in texts)
    assert list(theirs) == list(ours)
    for name, value in theirs.pop("by_material").items():
        assert ours["by_material"][name] == value
    first, last = theirs.pop("by_size")
    assert (ours["by_size"][0], ours["by_size"][-1]) == (first, last)
    for name, value in theirs.pop("by_source").items():
        assert ours["by_source"][name] == value
    for name, value in theirs.items():
        assert ours[name] == value, name
