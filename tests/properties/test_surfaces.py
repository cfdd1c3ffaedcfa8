"""The surfaces of a map."""

from __future__ import annotations

import numpy as np
import pytest

from madeof.inference.segmentation import MaterialMap
from madeof.properties.surfaces import distinct, surfaces_of

MATERIALS = ("Wood", "Metal")


def made() -> MaterialMap:
    segments = np.array([[0, 0, 1, 2], [0, 0, 1, -1]], dtype=np.int32)
    scores = np.array([[0.9, 0.1], [0.3, 0.7], [0.6, 0.4]], dtype=np.float32)
    return MaterialMap(MATERIALS, segments, scores, (2, 4))


def test_superpixels_are_joined_by_their_answer() -> None:
    wood, metal = surfaces_of(made())
    assert (wood.name, wood.area, metal.name, metal.area) == ("Wood", 5, "Metal", 2)
    assert wood.scores == pytest.approx((4 * np.array([0.9, 0.1]) + np.array([0.6, 0.4])) / 5)
    assert metal.scores == pytest.approx([0.3, 0.7])


def test_given_segments_stay_apart() -> None:
    found = surfaces_of(made(), ["wall", "sink", "shelf"])
    assert [(each.name, each.area) for each in found] == [("wall", 4), ("sink", 2), ("shelf", 1)]


def test_areas_stand_in_for_pixels() -> None:
    found = surfaces_of(made(), ["wall", "sink", "shelf"], {"wall": 1, "sink": 9, "shelf": 3})
    assert [(each.name, each.area) for each in found] == [("sink", 9), ("shelf", 3), ("wall", 1)]


def test_a_segment_that_is_hidden_counts_only_with_an_area() -> None:
    scores = np.array([[0.9, 0.1], [0.3, 0.7]], dtype=np.float32)
    hidden = MaterialMap(MATERIALS, np.zeros((2, 2), dtype=np.int32), scores, (2, 2))
    assert [each.name for each in surfaces_of(hidden, ["a", "b"])] == ["a"]
    assert [each.name for each in surfaces_of(hidden, ["a", "b"], {"a": 1, "b": 2})] == ["b", "a"]


def test_names_that_come_again() -> None:
    assert distinct(["a", "b", "a", "a"]) == ["a", "b", "a (2)", "a (3)"]
