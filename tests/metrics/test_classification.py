""""""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metrics_classification import Case, make
from numpy.typing import NDArray
from sklearn import metrics as sk

from madeof.metrics.calibration_error import CalibrationError
from madeof.metrics.classification import SIZE_BOUNDS, TOP_K, measure

EVERY_SIZE = (*SIZE_BOUNDS, None)


# Random data, data where materials are missing from the truth, one material only, one region only, two materials
# of which one is never predicted: the figures must be scikit-learn's.
EDGE = Case(
    np.array([0, 0, 1]), np.array([[0.9, 0.1], [0.6, 0.4], [0.7, 0.3]]), np.ones(3, int), np.arange(3), ["x"] * 3
)


CASES = [
    *(make(seed) for seed in range(3)),
    make(3, regions=2000, materials=45),
    make(4, regions=40, materials=12, occurring=3),
    make(5, regions=30, materials=1),
    make(6, regions=1, materials=4),
    EDGE,
]


@pytest.mark.parametrize("case", CASES)
def test_accuracies_are_those_of_scikit_learn(case: Case) -> None:
    found = case.measure()
    occurring = np.unique(case.truth)
    assert found.accuracy == pytest.approx(sk.accuracy_score(case.truth, case.predicted))
    # balanced_accuracy_score warns of predicted materials that do not occur; its value is the same.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        balanced = sk.balanced_accuracy_score(case.truth, case.predicted)
    assert found.mean_class_accuracy == pytest.approx(balanced)
    expected = sk.f1_score(case.truth, case.predicted, labels=occurring, average="macro", zero_division=0)
    assert found.macro_f1 == pytest.approx(expected)
    assert found.accuracy_nameable == found.accuracy
    assert found.mean_class_accuracy_nameable == found.mean_class_accuracy
    assert (found.nameable, found.unpredictable) == (found.regions, {})


@pytest.mark.parametrize("case", CASES)
def test_figures_by_material_are_those_of_scikit_learn(case: Case) -> None:
    found = case.measure()
    labels = list(range(len(case.materials)))
    precision, recall, f1, support = sk.precision_recall_fscore_support(
        case.truth, case.predicted, labels=labels, zero_division=np.nan
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of there being one material only
        matrix = sk.confusion_matrix(case.truth, case.predicted, labels=labels)
    np.testing.assert_array_equal(found.confusion.counts, matrix)
    assert found.confusion.truth == found.confusion.predicted == tuple(case.materials)
    assert [row.name for row in found.by_material] == [
        name for i, name in enumerate(case.materials) if support[i] or matrix[:, i].any()
    ]
    for row in found.by_material:
        i = case.materials.index(row.name)
        assert (row.regions, row.predicted, row.correct) == (support[i], matrix[:, i].sum(), matrix[i, i])
        for ours, theirs in ((row.precision, precision[i]), (row.recall, recall[i]), (row.f1, f1[i])):
            assert ours is None if np.isnan(theirs) else ours == pytest.approx(theirs)


@pytest.mark.parametrize("case", [case for case in CASES if len(case.materials) > 2])
def test_top_k_is_that_of_scikit_learn(case: Case) -> None:
    found = case.measure()
    assert tuple(found.top_k) == TOP_K
    for k in TOP_K:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a k of all materials, where the answer is 1
            expected = sk.top_k_accuracy_score(case.truth, case.scores, k=k, labels=range(len(case.materials)))
        assert found.top_k[k] == pytest.approx(expected)
    assert found.top_k[1] == found.accuracy


@pytest.mark.parametrize("case", [case for case in CASES if len(case.materials) > 1])
def test_log_loss_is_that_of_scikit_learn(case: Case) -> None:
    expected = sk.log_loss(case.truth, case.scores, labels=range(len(case.materials)))
    assert case.measure().log_loss == pytest.approx(expected)


def test_log_loss_of_a_score_of_zero_is_finite_and_that_of_scikit_learn() -> None:
    scores = np.array([[1.0, 0.0], [1.0, 0.0]])
    found = measure([0, 1], scores, [1, 1], [0, 1], materials=["a", "b"]).log_loss
    assert found == pytest.approx(sk.log_loss([0, 1], scores))


def test_a_top_k_of_more_than_all_materials_is_the_share_of_nameable_regions() -> None:
    found = measure([1, -1, 0, 1], np.full((4, 2), 0.5), [1] * 4, range(4), materials=["a", "b"])
    assert found.top_k == {1: 0.25, 2: 0.75, 3: 0.75, 5: 0.75}


def test_of_equal_scores_the_first_material_wins_everywhere() -> None:
    scores = np.array([[0.2, 0.4, 0.4]] * 3)
    found = measure([0, 1, 2], scores, [1] * 3, range(3), materials=["a", "b", "c"])
    assert found.confusion.counts.tolist() == [[0, 1, 0], [0, 1, 0], [0, 1, 0]]
    assert found.top_k == {1: pytest.approx(1 / 3), 2: pytest.approx(2 / 3), 3: 1.0, 5: 1.0}


def test_what_the_model_cannot_name_is_wrong_and_counted_by_name() -> None:
    scores = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7], [0.7, 0.3]])
    names = ["a", "b", "Sand", "Snow", " SAND"]
    found = measure([0, 0, -1, -1, -1], scores, [1] * 5, range(5), materials=["a", "b"], names=names)
    assert found.unpredictable == {"Sand": 2, "Snow": 1}  # spelt twice, one material
    assert found.confusion.truth == ("a", "b", "Sand", "Snow")
    assert found.confusion.counts.tolist() == [[1, 1], [0, 0], [2, 0], [0, 1]]
    assert found.confusion.pairs() == [("Sand", "a", 2), ("a", "b", 1), ("Snow", "b", 1)]
    assert found.confusion.pairs(1) == [("Sand", "a", 2)]
    assert (found.regions, found.nameable) == (5, 2)
    assert (found.accuracy, found.accuracy_nameable) == (1 / 5, 1 / 2)
    assert found.mean_class_accuracy == pytest.approx((0.5 + 0 + 0) / 3)
    assert found.mean_class_accuracy_nameable == 0.5
    assert found.macro_f1 == pytest.approx((2 * 1 / (2 + 3) + 0 + 0) / 3)
    by_name = {row.name: row for row in found.by_material}
    assert (by_name["Sand"].recall, by_name["Sand"].precision, by_name["Sand"].f1) == (0.0, None, 0.0)
    assert (by_name["b"].regions, by_name["b"].recall, by_name["b"].precision) == (0, None, 0.0)
    assert found.log_loss == pytest.approx(-(np.log(0.9) + np.log(0.2)) / 2)


def test_unpredictable_regions_without_names_are_one_material() -> None:
    found = measure([-1, -1], [[0.5, 0.5]] * 2, [1, 1], [0, 1], materials=["a", "b"])
    assert found.unpredictable == {"(not in the model's list)": 2}
    assert (found.accuracy, found.accuracy_nameable, found.log_loss) == (0.0, None, None)


def test_a_mixed_case_agrees_with_scikit_learn_when_the_unnameable_are_more_classes() -> None:
    case = make(7, unknown=0.2)
    truth = np.where(case.truth < 0, 7 + np.arange(300) % 3, case.truth)
    found = case.measure()
    assert found.accuracy == pytest.approx(sk.accuracy_score(truth, case.predicted))
    assert found.mean_class_accuracy == pytest.approx(sk.balanced_accuracy_score(truth, case.predicted))
    assert found.macro_f1 == pytest.approx(sk.f1_score(truth, case.predicted, average="macro"))
    nameable = case.truth >= 0
    assert found.accuracy_nameable == pytest.approx(sk.accuracy_score(truth[nameable], case.predicted[nameable]))
    balanced = sk.balanced_accuracy_score(truth[nameable], case.predicted[nameable])
    assert found.mean_class_accuracy_nameable == pytest.approx(balanced)


def test_a_region_is_in_the_first_size_that_it_is_under() -> None:
    areas = [1, 999, 1000, 1999, 2000, 500000, 999999, 1000000, 5000000]
    found = measure([0] * 9, [[1.0]] * 9, areas, range(9), materials=["a"])
    assert [row.under for row in found.by_size] == list(EVERY_SIZE)
    counts = {row.label: row.regions for row in found.by_size if row.regions}
    expected = {"under 1000": 2, "under 2000": 2, "under 4000": 1, "under 1000000": 2, "1000000 and more": 2}
    assert counts == expected
    empty = found.by_size[3]
    assert (empty.accuracy, empty.mean_class_accuracy, empty.accuracy_interval) == (None, None, None)


def original(case: Case) -> tuple[float, float, list[tuple[float, float, int]]]:
    """The figures as the original's script finds them, region by region, with its last bin kept apart."""
    right = np.zeros((len(case.materials), len(EVERY_SIZE)))
    all_ = np.zeros_like(right)
    for truth, predicted, area in zip(case.truth, case.predicted, case.areas, strict=True):
        size = -1
        for number, bound in enumerate(SIZE_BOUNDS):
            if area < bound:
                size = number
                break
        all_[truth, size] += 1
        right[truth, size] += truth == predicted

    def figures(right: NDArray[np.float64], all_: NDArray[np.float64]) -> tuple[float, float]:
        there = all_ > 0
        return float(right.sum() / all_.sum()), float((right[there] / all_[there]).mean())

    sizes = [(*figures(right[:, i], all_[:, i]), int(all_[:, i].sum())) for i in range(len(EVERY_SIZE))]
    return (*figures(right.sum(axis=1), all_.sum(axis=1)), sizes)


def test_sizes_are_those_of_the_original() -> None:
    case = make(8, regions=3000)
    found = case.measure()
    micro, macro, sizes = original(case)
    assert (found.accuracy, found.mean_class_accuracy) == (pytest.approx(micro), pytest.approx(macro))
    assert min(row.regions for row in found.by_size) > 0
    for row, (accuracy, by_class, regions) in zip(found.by_size, sizes, strict=True):
        assert row.regions == regions
        assert (row.accuracy, row.mean_class_accuracy) == (pytest.approx(accuracy), pytest.approx(by_class))


def test_no_regions_give_no_figures() -> None:
    found = measure([], np.zeros((0, 3)), [], [], materials=["a", "b", "c"], names=[])
    assert (found.regions, found.photos, found.nameable) == (0, 0, 0)
    assert found.accuracy is found.mean_class_accuracy is found.macro_f1 is found.accuracy_interval is None
    assert found.accuracy_nameable is found.mean_class_accuracy_nameable is None
    assert found.calibration_error == CalibrationError(None, None, None)
    assert found.log_loss is None
    assert found.top_k == dict.fromkeys(TOP_K)
    assert (found.by_material, found.unpredictable, found.confusion.pairs()) == ((), {}, [])
    assert [row.regions for row in found.by_size] == [0] * 12
    assert found.confusion.counts.shape == (3, 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scores": [[0.5, np.nan], [0.5, 0.5]]}, "got scores that are NaN or outside [0, 1]; expected probabilities"),
        ({"scores": [[0.5, np.inf], [0.5, 0.5]]}, "got scores that are NaN or outside [0, 1]; expected probabilities"),
        ({"scores": [[2.0, -1.0], [0.5, 0.5]]}, "got scores that are NaN or outside [0, 1]; expected probabilities"),
        ({"scores": [[1.0], [1.0]]}, "got scores of shape (2, 1); expected (regions, 2 materials)"),
        ({"scores": [1.0, 0.0]}, "got scores of shape (2,); expected (regions, 2 materials)"),
        ({"truth": [0, 2]}, "got truth 2; expected -1 to 1"),
        ({"truth": [0, -2]}, "got truth -2; expected -1 to 1"),
        ({"truth": [0.0, 1.0]}, "got truth of type float64; expected integers"),
        ({"areas": [1]}, "got areas of shape (1,); expected (2,), one for each row of scores"),
        ({"photos": [[1], [2]]}, "got photos of shape (2, 1); expected (2,), one for each row of scores"),
        ({"names": ["a"]}, "got 1 names; expected 2, one for each row of scores"),
        ({"materials": [], "scores": np.zeros((2, 0))}, "got scores of shape (2, 0); expected (regions, 0 materials)"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(change: dict[str, object], message: str) -> None:
    good = {"truth": [0, 1], "scores": [[0.5, 0.5]] * 2, "areas": [1, 2], "photos": [0, 1], "materials": ["a", "b"]}
    with pytest.raises(ValueError, match=r"^got ") as caught:
        measure(**{**good, **change})  # type: ignore[arg-type]
    assert str(caught.value) == message


def test_float32_scores_of_a_softmax_are_probabilities_and_inputs_stay_as_they_are() -> None:
    truth, scores = np.array([0, -1]), np.array([[1.0000001, 0.0], [0.25, 0.5]], dtype=np.float32)
    before = truth.copy(), scores.copy()
    assert measure(truth, scores, [1, 1], [0, 1], materials=["a", "b"]).accuracy == 0.5
    np.testing.assert_array_equal(truth, before[0])
    np.testing.assert_array_equal(scores, before[1])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 30), st.integers(1, 5), st.sampled_from([0.0, 0.4, 1.0]))
def test_whatever_the_data_the_figures_agree_with_each_other(
    seed: int, regions: int, materials: int, unknown: float
) -> None:
    case = make(seed, regions, materials, unknown)
    case.scores = np.round(case.scores, 1)  # many ties
    found = case.measure(draws=20, seed=seed)
    assert sum(row.regions for row in found.by_material) == found.regions == regions
    assert sum(row.regions for row in found.by_size) == sum(row.regions for row in found.by_score) == regions
    assert sum(row.predicted for row in found.by_material) == found.confusion.counts.sum() == regions
    assert sum(found.unpredictable.values()) == regions - found.nameable
    assert found.top_k[1] == found.accuracy
    shares = [
        found.accuracy,
        found.mean_class_accuracy,
        found.macro_f1,
        found.calibration_error.ece,
        *found.top_k.values(),
    ]
    for interval in (found.accuracy_interval, found.mean_class_accuracy_interval):
        shares += [interval.low, interval.high] if interval else []
    assert all(share is None or 0 <= share <= 1 for share in shares)
    order = [found.top_k[k] or 0.0 for k in TOP_K]
    assert order == sorted(order)
