"""Label maps as models return them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from madeof.errors import RegionError
from madeof.regions import regions_from_label_map

LABELS = np.zeros((6, 9), dtype=np.int32)
LABELS[1:4, 1:4] = 3
LABELS[2:5, 5:9] = 7
NAMES = ["label 3 #1", "label 7 #1"]


@pytest.mark.parametrize(
    "given",
    [LABELS, LABELS[None], LABELS.tolist(), LABELS.astype(np.float32), np.asfortranarray(LABELS), LABELS[::-1][::-1]],
    ids=["array", "(1, H, W)", "list", "whole floats", "Fortran", "view"],
)
def test_forms(given: Any) -> None:
    found = regions_from_label_map(given)
    assert [region.name for region in found] == NAMES
    for region in found:
        np.testing.assert_array_equal(region.mask, region.value == LABELS)


def test_a_background_of_minus_one_makes_zero_an_object() -> None:
    instances = np.where(LABELS == 3, 0, np.where(LABELS == 7, 1, -1)).astype(np.float32)
    with pytest.raises(RegionError, match=r"has the value -1.*; expected 0 .* say  background=-1"):
        regions_from_label_map(instances)
    found = regions_from_label_map(instances, background=-1)
    assert [(region.name, region.value, region.area) for region in found] == [
        ("label 0 #1", 0, 9),
        ("label 1 #1", 1, 12),
    ]
    assert [region.value for region in regions_from_label_map(instances, background=-1, ignore=(0,))] == [1]
    assert [region.value for region in regions_from_label_map(LABELS, background=7)] == [0, 3]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (LABELS + 0.5, "float values that are not whole"),
        (np.full((2, 2), np.nan), "float values that are not whole"),
        (LABELS - 2, r"has the value -2; expected 0 \(unlabelled\) and above"),
        (np.stack([LABELS, LABELS]), r"an array of shape \(2, 6, 9\); expected \(H, W\)"),
        ([[1, 2], [3]], "that NumPy cannot take"),
        (None, "has the dtype object"),
    ],
)
def test_what_is_no_label_map(given: Any, message: str) -> None:
    with pytest.raises(RegionError, match=message):
        regions_from_label_map(given)
    with pytest.raises(RegionError, match="besides the background -1"):
        regions_from_label_map(LABELS - 2, background=-1)


def test_numbers_of_blobs_do_not_depend_on_the_order_in_memory() -> None:
    labels = np.random.default_rng(0).integers(0, 3, (40, 50)).astype(np.uint8)
    c_order, fortran = (
        {region.name: region.mask.tobytes() for region in regions_from_label_map(given)}
        for given in (labels, np.asfortranarray(labels))
    )
    assert len(c_order) > 20
    assert c_order == fortran
