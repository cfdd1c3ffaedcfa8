"""The lists of materials."""

from __future__ import annotations

from madeof.materials.crosswalk import Crosswalk
from madeof.materials.crosswalk_rows import LISTS
from madeof.materials.lists import DMS, OPENSURFACES, VALUES


def test_spellings_of_a_slash_are_one() -> None:
    assert Crosswalk.between(OPENSURFACES, ["Carpet/rug", "fabric /cloth"]) is None


def test_the_list_is_found_among_many_other_names() -> None:
    things = [f"thing {number}" for number in range(110)]
    found = Crosswalk.between(OPENSURFACES, [*things, *LISTS["coco-stuff"]])
    assert found is not None
    assert found.where.endswith("coco-stuff")
    assert found.data_only["thing 7"] == "the model has no word for it"


def test_the_values_of_dms_are_those_of_its_label_maps() -> None:
    by_name = dict(zip(DMS, VALUES["dms"], strict=True))
    assert (by_name["Animal skin"], by_name["Ice"], by_name["Wood, tree"], by_name["Asphalt"]) == (1, 23, 53, 56)
