"""The crosswalk between lists of materials, and evaluation through it."""

from __future__ import annotations

import csv
import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from madeof.errors import DatasetError
from madeof.evaluation.label_mapping import compare
from madeof.evaluation.report import write_report
from madeof.evaluation.result import Evaluation, Failure
from madeof.materials.crosswalk import Crosswalk
from madeof.materials.crosswalk_rows import HUB, LISTS, NONE
from madeof.materials.lists import DMS, FMD, MINC, OPENSURFACES, OPENSURFACES_PLUS, VALUES, key

TABLE = Path(__file__).parents[2] / "src/madeof/materials/crosswalk.csv"


def rows() -> list[dict[str, str]]:
    with TABLE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def compared(found: Crosswalk | None) -> dict[str, tuple[tuple[str, ...], tuple[str, ...], str]]:
    assert found is not None
    return {one.name: (one.model, one.data, one.relation) for one in found.compared}


# The table


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
    assert row in (Path(__file__).parents[2] / "docs/materials.md").read_text(encoding="utf-8")


# What it says


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


def test_spellings_of_a_slash_are_one() -> None:
    assert Crosswalk.between(OPENSURFACES, ["Carpet/rug", "fabric /cloth"]) is None


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


def test_the_list_is_found_among_many_other_names() -> None:
    things = [f"thing {number}" for number in range(110)]
    found = Crosswalk.between(OPENSURFACES, [*things, *LISTS["coco-stuff"]])
    assert found is not None
    assert found.where.endswith("coco-stuff")
    assert found.data_only["thing 7"] == "the model has no word for it"


def test_what_the_model_of_a_list_lacks_is_named() -> None:
    found = Crosswalk.between(OPENSURFACES[1:], FMD)
    assert found is not None
    assert "Leather" not in found.data_only
    found = Crosswalk.between([name for name in OPENSURFACES if name != "Leather"], FMD)
    assert found is not None
    assert found.data_only == {"Leather": "the model has no word for it"}


# A user's own


def own(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "own.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_users_table(tmp_path: Path) -> None:
    text = (
        "\ufefffrom_name,to_name,relation,note\r\nGranite,Rock,narrower,hard\r\nStone,Rock,,\r\n"
        "Eiche,Wood,narrower,\r\nGlass,,no counterpart,too few\r\n"
    )
    data = ("Rock", "Eiche", "glass", "Metal", "Sand")
    found = Crosswalk.between(("Granite", "Stone", "Wood", "Glass", "metal"), data, own(tmp_path, text))
    assert found is not None
    assert compared(found) == {
        "Rock": (("Granite", "Stone"), ("Rock",), "narrower"),
        "Eiche": (("Wood",), ("Eiche",), "broader"),
        "Metal": (("metal",), ("Metal",), "same"),
    }
    assert found.model_only == {"Glass": "too few"}
    assert found.data_only == {"glass": "too few", "Sand": "the model has no word for it"}
    assert found.where == "own.csv"


def test_our_own_table_can_be_a_users(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    ours, theirs = Crosswalk.between(OPENSURFACES, FMD), Crosswalk.between(OPENSURFACES, FMD, TABLE)
    assert ours is not None
    assert theirs is not None
    assert compared(ours)["Stone"] == compared(theirs)["Stone"]
    assert caplog.text == ""


def test_names_that_nobody_has_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Crosswalk.between(["Stone"], ["Rock"], own(tmp_path, "from_name,to_name\nStone,Rock\nGranit,Rock\n"))
    assert "own.csv: neither the model nor the data set has Granit (line 3)" in caplog.text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty; expected the columns from_name,to_name"),
        ("from_name\nStone\n", "the column to_name is missing"),
        (
            "from_name,to_name,relation\nStone,Rock,kind of\n",
            "line 2: the relation 'kind of' is not one of same, narrower",
        ),
        ("from_name,to_name,relation\nStone,,narrower\n", "line 2: expected from_name and to_name, or from_name alone"),
        ("from_name,to_name,relation\nStone,Rock,no counterpart\n", "line 2: expected from_name and to_name, or"),
        ("from_name,to_name\n,Rock\n", "line 2: expected from_name and to_name"),
        ("from_name,to_name\nStone,Rock\nstone,rock\n", "line 3: says what line 2 says of the same materials"),
        ("from_name,to_name\nStone,Rock\nStone,\n", "'stone' -> 'rock' is there, and that one has no counterpart"),
        (
            "from_name,to_name\nOak,Eiche\n",
            "says nothing of these materials; the model's are Stone, the data set's Rock",
        ),
        ("from_name,to_name\nStone,Rock,x\n", "line 2: 3 values for 2 columns"),
    ],
)
def test_a_broken_table_is_one_clear_error(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DatasetError) as caught:
        Crosswalk.between(["Stone"], ["Rock"], own(tmp_path, text))
    assert message in str(caught.value)
    assert "own.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_table_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"no\.csv cannot be read: No such file"):
        Crosswalk.between(["Stone"], ["Rock"], tmp_path / "no.csv")


def test_the_values_of_dms_are_those_of_its_label_maps() -> None:
    by_name = dict(zip(DMS, VALUES["dms"], strict=True))
    assert (by_name["Animal skin"], by_name["Ice"], by_name["Wood, tree"], by_name["Asphalt"]) == (1, 23, 53, 56)


# Evaluation through it


def evaluation(
    materials: tuple[str, ...], truth: tuple[str, ...], scores: list[list[float]], photo: list[int] | None = None
) -> Evaluation:
    count = len(truth)
    photos = photo or list(range(count))
    return Evaluation(
        model="m 1",
        materials=materials,
        digest="d" * 64,
        photos=tuple(f"p{number}" for number in range(max(photos, default=-1) + 1)),
        photo=np.array(photos, dtype=np.int64),
        region=np.arange(count),
        area=np.full(count, 100),
        box=np.zeros((count, 4), dtype=np.int64),
        truth=truth,
        scores=np.array(scores, dtype=np.float32).reshape(count, len(materials)),
        failures=(Failure("bad", "cannot be read"),),
    )


MODEL = ("Wood", "Granite", "Stone", "Ceramic")


def through_fmd(truth: tuple[str, ...], scores: list[list[float]], photo: list[int] | None = None) -> Evaluation:
    found = Crosswalk.between(
        MODEL, ("stone", "wood", "water", *(name for name in FMD if name not in ("Stone", "Wood", "Water")))
    )
    assert found is not None
    return compare(evaluation(MODEL, truth, scores, photo), found)


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


def test_what_could_not_be_compared_is_in_text_json_and_markdown(tmp_path: Path) -> None:
    found = through_fmd(("stone", "water", "stone"), [[0.4, 0.3, 0.3, 0.0], [0.9, 0.1, 0, 0], [0.1, 0.2, 0.1, 0.6]])
    text = found.text()
    assert "compared through     opensurfaces-plus -> fmd: 2 materials" in text
    assert "compared as one      stone (Granite, Stone)" in text
    assert (
        "cannot be compared   water (1): the model has no word for them, their regions are left out; so are 7 more "
        "materials, of which there is no region"
    ) in text
    assert "no word in the data  Ceramic (1): these answers count as wrong" in text
    assert "the accuracy is 100.0%" in text
    summary = json.loads(json.dumps(found.summary()))["comparison"]
    assert summary["left_out"][0] == {"material": "water", "regions": 1, "reason": "the model has no word for it"}
    assert summary["compared"][0]["model"] == ["Granite", "Stone"]
    write_report(found, tmp_path)
    page = (tmp_path / "evaluation.md").read_text(encoding="utf-8")
    assert "| stone | Granite; Stone | stone | narrower |" in page
    assert "1 region of these materials are in no figure" in page
    assert "| water | the model has no word for it | 1 |" in page
    assert "| Ceramic | not in FMD | 1 |" in page


def test_an_evaluation_of_nothing_that_can_be_compared() -> None:
    found = through_fmd(("water",), [[1, 0, 0, 0]])
    assert found.metrics.regions == 0
    assert found.comparison is not None
    assert found.comparison.accuracy_among_compared is None
    assert "accuracy             -" in found.text()


def test_a_users_row_comes_before_an_equal_name(tmp_path: Path) -> None:
    table = own(tmp_path, "from_name,to_name\nGranite,Stone\nStone,Metal\n")
    found = Crosswalk.between(("Granite", "Stone"), ("Stone", "Metal"), table)
    assert compared(found) == {"Stone": (("Granite",), ("Stone",), "same"), "Metal": (("Stone",), ("Metal",), "same")}


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
