"""Answers of one list of materials, compared with the labels of another."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from materials_crosswalk import compared, evaluation, through_fmd

from madeof.evaluation.label_mapping import compare
from madeof.evaluation.result import Failure
from madeof.materials.crosswalk import Crosswalk
from madeof.materials.lists import FMD, OPENSURFACES


def test_open_surfaces_on_fmd() -> None:
    found = Crosswalk.between(OPENSURFACES, [name.lower() for name in FMD])
    assert found is not None
    assert found.where == "opensurfaces-plus -> fmd"
    assert compared(found)["stone"] == (("Granite", "Granite / marble", "Marble", "Stone"), ("stone",), "narrower")
    assert compared(found)["plastic"] == (("Plastic - clear", "Plastic - opaque"), ("plastic",), "narrower")
    assert found.model_only["Tile"] == "ceramic or stone"
    assert found.data_only == {}


def test_a_coarser_model_is_compared_at_its_own_level() -> None:
    found = compared(Crosswalk.between(FMD, OPENSURFACES))
    assert found["Plastic"] == (("Plastic",), ("Plastic - clear", "Plastic - opaque"), "broader")


def test_scores_that_map_to_one_are_added_and_the_rest_is_left_out_and_named() -> None:
    found = through_fmd(
        ("stone", "water", "wood", "stone", "water"),
        [[0.4, 0.3, 0.3, 0.0], [0.9, 0.1, 0, 0], [0.6, 0.2, 0.2, 0], [0.1, 0.2, 0.1, 0.6], [1, 0, 0, 0]],
        [0, 1, 2, 2, 0],
    )
    assert found.materials == ("stone", "wood", "Ceramic")
    np.testing.assert_allclose(found.scores, [[0.6, 0.4, 0], [0.4, 0.6, 0], [0.3, 0.1, 0.6]], atol=1e-6)
    assert found.truth == ("stone", "wood", "stone")
    assert found.region.tolist() == [0, 2, 3]
    assert (found.photos, found.photo.tolist()) == (("p0", "p2"), [0, 1, 1])
    assert found.failures == (Failure("bad", "cannot be read"),)
    assert found.metrics.accuracy == pytest.approx(2 / 3)
    told = found.comparison
    assert told is not None
    assert (told.regions_left_out, told.left_out[0][:2], told.answers_without_word) == (2, ("water", 2), 1)
    assert told.without_word[0] == ("Ceramic", 1, "not in FMD")
    assert told.accuracy_among_compared == 1.0
    assert found.metrics.unpredictable == {}


def test_an_evaluation_of_nothing_that_can_be_compared() -> None:
    found = through_fmd(("water",), [[1, 0, 0, 0]])
    assert found.metrics.regions == 0
    assert found.comparison is not None
    assert found.comparison.accuracy_among_compared is None
    assert "accuracy             -" in found.text()


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([*FMD, "Odd"]), st.lists(st.integers(0, 50), min_size=45, max_size=45)), max_size=8
    )
)
def test_scores_stay_probabilities_and_regions_are_kept_or_counted(regions: list[tuple[str, list[int]]]) -> None:
    scores = [np.array(row) / max(1, sum(row)) for _, row in regions]
    given_ = evaluation(OPENSURFACES, tuple(name for name, _ in regions), [row.tolist() for row in scores])
    crosswalk = Crosswalk.between(OPENSURFACES, [*FMD, "Odd"])
    assert crosswalk is not None
    found = compare(given_, crosswalk)
    assert found.comparison is not None
    assert len(found.truth) + found.comparison.regions_left_out == len(regions)
    assert found.comparison.regions_left_out == sum(name == "Odd" for name, _ in regions)
    assert ((found.scores >= 0) & (found.scores <= 1)).all()
    np.testing.assert_allclose(
        found.scores.sum(axis=1),
        [row.sum() for row, (name, _) in zip(scores, regions, strict=True) if name != "Odd"],
        atol=1e-5,
    )
