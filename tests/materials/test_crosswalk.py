"""The crosswalk between lists of materials, and evaluation through it."""

from __future__ import annotations

import csv
import itertools
from pathlib import Path

import pytest
from materials_crosswalk import TABLE, compared

from madeof.materials.crosswalk import Crosswalk
from madeof.materials.crosswalk_rows import HUB, LISTS, NONE
from madeof.materials.lists import DMS, FMD, MINC, OPENSURFACES, OPENSURFACES_PLUS, key


def rows() -> list[dict[str, str]]:
    with TABLE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_row_of_the_table_speaks_of_materials_that_its_lists_have() -> None:
    for row in rows():
        assert row["from_name"] in LISTS[row["from_list"]], row
        assert row["to_list"] in LISTS, row
        assert (row["to_name"] == "") == (row["relation"] == NONE), row
        if row["to_name"]:
            assert row["to_name"] in LISTS[row["to_list"]], row
        else:
            assert row["note"], f"{row}: a material without counterpart says why"


@pytest.mark.parametrize("name", [name for name in LISTS if name != HUB])
def test_every_material_of_a_list_is_somewhere_in_the_table(name: str) -> None:
    told = {(row["from_list"], row["from_name"]) for row in rows()} | {(r["to_list"], r["to_name"]) for r in rows()}
    assert [material for material in LISTS[name] if (name, material) not in told] == []


@pytest.mark.parametrize("name", ["minc", "fmd", "dms"])
def test_every_material_of_open_surfaces_is_in_the_table_for_the_lists_of_materials(name: str) -> None:
    told = {row["from_name"] for row in rows() if (row["from_list"], row["to_list"]) == (HUB, name)}
    assert [material for material in OPENSURFACES_PLUS if material not in told] == []


@pytest.mark.parametrize(("mine", "theirs"), list(itertools.permutations(LISTS, 2)))
def test_between_any_two_lists_each_material_is_compared_once_or_said_to_be_left_out(mine: str, theirs: str) -> None:
    found = Crosswalk.between(LISTS[mine], LISTS[theirs])
    if found is None:  # all of FMD's materials are MINC's
        assert {key(name) for name in LISTS[theirs]} <= {key(name) for name in LISTS[mine]}
        return
    ours = [name for one in found.compared for name in one.model] + list(found.model_only)
    others = [name for one in found.compared for name in one.data] + list(found.data_only)
    assert sorted(ours) == sorted(LISTS[mine])
    assert sorted(others) == sorted(LISTS[theirs])
    assert found.where == f"{mine} -> {theirs}"
    # Nothing hangs together by accident: one side of what is compared is always a single material, or both are alike.
    assert all(len(one.model) == 1 or len(one.data) == 1 for one in found.compared)


@pytest.mark.parametrize(("mine", "theirs"), list(itertools.combinations(LISTS, 2)))
def test_it_holds_backwards(mine: str, theirs: str) -> None:
    there, back = Crosswalk.between(LISTS[mine], LISTS[theirs]), Crosswalk.between(LISTS[theirs], LISTS[mine])
    if there is None or back is None:
        return
    turned = {"narrower": "broader", "broader": "narrower", "same": "same"}
    assert {(pair.data, pair.model, turned[pair.relation]) for pair in there.pairs} == {pair[:3] for pair in back.pairs}


@pytest.mark.parametrize("name", [name for name in LISTS if name != HUB])
def test_the_docs_name_what_is_not_compared(name: str) -> None:
    found = Crosswalk.between(LISTS[HUB], LISTS[name])
    assert found is not None
    row = f"| {name} | {len(found.compared)} | {'; '.join(found.model_only)} | {'; '.join(found.data_only) or '-'} |"
    assert row in (Path(__file__).parents[2] / "docs/research/crosswalks.md").read_text(encoding="utf-8")


def test_two_lists_that_meet_through_the_hub() -> None:
    found = compared(Crosswalk.between(MINC, DMS))
    assert found["Stone"] == (("Stone",), ("Concrete", "Sand", "Stone, natural"), "broader")
    assert found["Stone, polished"][2] == "same"
    # MINC calls painted wood Painted and FMD calls it Wood: that joins neither.
    assert Crosswalk.between(FMD, MINC) is not None
    assert compared(Crosswalk.between(FMD, MINC))["Wood"] == (("Wood",), ("Wood",), "broader")


def test_rows_of_their_own_come_before_the_hub() -> None:
    found = compared(Crosswalk.between(DMS, LISTS["coco-stuff"]))
    assert found["ceiling-tile"] == (("Ceiling tile",), ("ceiling-tile",), "same")


@pytest.mark.parametrize(
    "data",
    [
        OPENSURFACES_PLUS[3:9],
        ("wood", "GLASS"),
        ("Wood", "Unobtainium"),
        ("Wood", "Brick", "Marble", "Fabric", "Oak"),  # mostly OpenSurfaces
        ("Unobtainium",),
    ],
)
def test_names_of_one_list_or_of_none_are_compared_as_they_are(data: tuple[str, ...]) -> None:
    assert Crosswalk.between(OPENSURFACES[:40], data) is None


def test_what_the_model_of_a_list_lacks_is_named() -> None:
    found = Crosswalk.between(OPENSURFACES[1:], FMD)
    assert found is not None
    assert "Leather" not in found.data_only
    found = Crosswalk.between([name for name in OPENSURFACES if name != "Leather"], FMD)
    assert found is not None
    assert found.data_only == {"Leather": "the model has no word for it"}
