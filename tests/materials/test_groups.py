"""Groups, and the answer that backs off to them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from madeof.evaluation.calibration import calibrate, of_sources, sets_by_halves
from madeof.evaluation.run import Evaluation
from madeof.inference.prediction import Prediction
from madeof.materials import lists as materials
from madeof.materials.groups import GROUPS, Group, best_group, best_groups, group_of, groups_among
from madeof.materials.lists import OPENSURFACES_PLUS, key
from madeof.metrics.thresholds import Answered, fit_group_below, measure_answers
from madeof.model.preprocess import Preprocessing
from madeof.model.record import Record

SEVEN = ("Stone", "Concrete", "Glass", "Mirror", "Metal", "Wood", "Skin")


def predicted(scores: Any, below: float | None = 0.5, group_below: float | None = 0.8) -> Prediction:
    return Prediction(SEVEN, np.array(scores, np.float32), 9.0, (0, 0, 3, 3), below, group_below)


def test_the_tree_is_a_tree_of_known_materials() -> None:
    named = [key(name) for members in GROUPS.values() for name in members]
    assert len(named) == len(set(named))  # one parent each
    known = {key(name) for names in materials.LISTS.values() for name in names}
    assert set(named) <= known
    assert not {key(group) for group in GROUPS} & known
    alone = [name for name in OPENSURFACES_PLUS if group_of(name) is None]
    assert alone == ["Chalkboard / blackboard", "Fire", "Foliage", "Food", "Metal", "Sky", "Wax"]


def test_groups_are_found_by_name_in_any_list() -> None:
    assert group_of("granite /MARBLE") == "Stone-like"
    assert group_of("Stone, polished") == group_of("Polished stone") == "Stone-like"
    assert group_of("Plutonium") is None
    assert groups_among(SEVEN) == {"Stone-like": (0, 1), "Glass-like": (2, 3)}  # one of two or more only
    assert groups_among(("Stone", "Brick", "stone-like")) == {}  # taken for a material of that name


@given(st.integers(0, 2**32))
def test_a_groups_score_is_the_sum_of_its_materials(seed: int) -> None:
    scores = np.random.default_rng(seed).dirichlet(np.full(7, 0.3), 5).astype(np.float32)
    names, place, found = best_groups(SEVEN, scores)
    sums = np.stack([scores[:, :2].sum(1), scores[:, 2:4].sum(1)], axis=1)
    assert names == ["Stone-like", "Glass-like"]
    assert found == pytest.approx(sums.max(axis=1), abs=1e-6)
    assert (place == sums.argmax(axis=1)).all()
    assert best_group(SEVEN, scores[0]) == Group(names[place[0]], found[0])
    assert (found <= 1).all()


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


def test_a_model_without_groups() -> None:
    assert best_group(("Metal", "Food"), np.array([0.5, 0.5])) is None
    assert fit_group_below(("Metal", "Food"), np.full((50, 2), 0.5), ["Metal"] * 50, 0.9) == 0.9


def test_the_groups_threshold_is_fitted_among_uncertain_regions() -> None:
    """Of the uncertain regions with a group score of 0.7 nine in ten are right, of those with 0.6 half."""
    sure, good, poor = [0.9, 0, 0, 0, 0.1, 0, 0], [0.4, 0.3, 0, 0, 0.3, 0, 0], [0.3, 0.3, 0, 0, 0.4, 0, 0]
    scores = np.array([sure] * 50 + [good] * 20 + [poor] * 20)
    truth = ["Metal"] * 50 + ["Brick"] * 18 + ["Wood"] * 2 + ["Concrete"] * 10 + ["Metal"] * 10
    below = fit_group_below(SEVEN, scores, truth, 0.5)
    assert below == pytest.approx(0.65)
    assert fit_group_below(SEVEN, scores[:59], truth[:59], 0.5) == 0.9  # nine are too few to say: the score itself
    found = measure_answers(SEVEN, scores, truth, 0.5, below)
    assert found.material == Answered(50, 50 / 90, 0.0)
    assert found.group == Answered(20, 20 / 90, 0.9)
    assert (found.abstained, found.accuracy) == (20, 18 / 70)
    none = measure_answers(SEVEN, scores[:0], [], 0.5, below)
    assert (none.material, none.abstained, none.accuracy) == (Answered(0, None, None), 0, None)


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


def test_calibrate_fits_thresholds_and_sets() -> None:
    record = Record("made", "1", SEVEN, Preprocessing(), {})
    found = evaluation()
    fitted = calibrate(record, found)
    assert fitted.uncertain_below is not None
    kept = (found.scores.max(axis=1) >= fitted.uncertain_below) & (np.array(found.truth) != "Sand")
    assert 0.9 <= found.correct[kept].mean() < 0.93
    assert fitted.group_below is not None
    assert fitted.sets is not None
    assert sum(band.regions for band in fitted.sets.bands) == 400
    stricter = calibrate(record, found, 0.97)
    assert stricter.uncertain_below is not None
    assert stricter.uncertain_below > fitted.uncertain_below
    few = calibrate(record, evaluation(20))
    assert (few.uncertain_below, few.group_below, few.sets) == (None, None, None)


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
