"""Groups, and the answer that backs off to them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from materials_groups import SEVEN

from madeof.materials import lists as materials
from madeof.materials.groups import GROUPS, Group, best_group, best_groups, group_of, groups_among
from madeof.materials.lists import OPENSURFACES_PLUS, key
from madeof.metrics.thresholds import fit_group_below


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


def test_a_model_without_groups() -> None:
    assert best_group(("Metal", "Food"), np.array([0.5, 0.5])) is None
    assert fit_group_below(("Metal", "Food"), np.full((50, 2), 0.5), ["Metal"] * 50, 0.9) == 0.9
