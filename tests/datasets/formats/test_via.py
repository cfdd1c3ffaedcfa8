"""VGG Image Annotator's JSON files."""

from __future__ import annotations

import json
import math
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from format_cases import broken, mask_of, reasons, regions_of, save_photo, survives
from format_cases import write_json as save
from hypothesis import given, settings

from madeof.datasets.formats import via
from madeof.errors import DatasetError


def region(shape: Any, material: Any = "Wood", attribute: str = "material") -> dict[str, Any]:
    return {"shape_attributes": shape, "region_attributes": {attribute: material}}


def rect(x: float = 0, y: float = 0, width: float = 2, height: float = 2) -> dict[str, Any]:
    return {"name": "rect", "x": x, "y": y, "width": width, "height": height}


def photo(*regions: Any, name: Any = "a.png", **more: Any) -> dict[str, Any]:
    return {"filename": name, "size": 1234, "regions": list(regions), "file_attributes": {}, **more}


def project(photos: dict[str, Any], options: Any = None, folder: str = "") -> dict[str, Any]:
    attribute = {"type": "dropdown", "description": "", "options": options or {}, "default_options": {}}
    return {
        "_via_settings": {"ui": {}, "core": {"default_filepath": folder}, "project": {"name": "p"}},
        "_via_img_metadata": photos,
        "_via_attributes": {"region": {"material": attribute}, "file": {}},
        "_via_data_format_version": "2.0.10",
        "_via_image_id_list": list(photos),
    }


SHAPES = (
    {"name": "polygon", "all_points_x": [1, 5, 5, 1], "all_points_y": [1, 1, 4, 4]},
    rect(6, 5, 3, 3),
    {"name": "circle", "cx": 8, "cy": 6, "r": 4},
    {"name": "ellipse", "cx": 8, "cy": 6, "rx": 4, "ry": 2, "theta": math.pi / 2},
    {"name": "ellipse", "cx": 8, "cy": 6, "rx": 4, "ry": 2},
)
NO_REGIONS = (
    {"name": "point", "cx": 1, "cy": 1},
    {"name": "polyline", "all_points_x": [1, 5], "all_points_y": [1, 1]},
)
EVERYTHING = project({"a.png1234": photo(*map(region, SHAPES), *map(region, NO_REGIONS))})
PROJECT_3 = {
    "project": {"pid": "1", "data_format_version": "3.1.1", "vid_list": ["1", "2"]},
    "config": {},
    "attribute": {
        "1": {"aname": "note", "anchor_id": "FILE1_Z0_XY1", "type": 1, "options": {}},
        "2": {"aname": "material", "anchor_id": "FILE1_Z0_XY1", "type": 4, "options": {"0": "Wood", "1": "Glass"}},
    },
    "file": {"1": {"fid": "1", "fname": "a.png", "type": 2, "loc": 1, "src": ""}, "2": {"fname": "b.png", "src": ""}},
    "view": {"1": {"fid_list": ["1"]}, "2": {"fid_list": ["2"]}},
    "metadata": {
        "1_a": {"vid": "1", "flg": 0, "z": [], "xy": [2, 0, 0, 2, 2], "av": {"1": "x", "2": "0"}},
        "1_b": {"vid": "1", "z": [], "xy": [7, 1, 1, 5, 1, 5, 4, 1, 4], "av": {"2": "1"}},
        "1_c": {"vid": "1", "z": [], "xy": [3, 8, 6, 4], "av": {"2": "1"}},
        "1_d": {"vid": "1", "z": [], "xy": [4, 8, 6, 4, 2], "av": {"2": "1"}},
        "1_e": {"vid": "1", "z": [], "xy": [8, 1, 3, 3, 1, 5, 3, 3, 5], "av": {"2": "1"}},
        "1_f": {"vid": "1", "z": [], "xy": [1, 3, 3], "av": {"2": "1"}},
        "2_a": {"vid": "2", "z": [], "xy": [], "av": {"1": "a fine photo"}},
        "2_b": {"vid": "2", "z": [1.5, 2], "xy": [2, 0, 0, 2, 2], "av": {"2": "1"}},
    },
}


def test_all_shapes(tmp_path: Path) -> None:
    save_photo(tmp_path, "a.png")
    path = save(tmp_path / "a.json", EVERYTHING)
    assert via.matches(path)
    found = via.read(path)
    assert not found.problems
    assert found.left_out == {"points": 1, "lines": 1}
    polygon, box, circle, turned, ellipse = (mask_of(one.shape) for one in found.photos[0].annotations)
    assert polygon.sum() == 12
    assert (np.argwhere(box).min(axis=0).tolist(), box.sum()) == ([5, 6], 9)
    assert circle.sum() == pytest.approx(np.pi * 16, abs=4)
    assert (np.argwhere(turned).min(axis=0).tolist(), np.argwhere(turned).max(axis=0).tolist()) == ([2, 6], [9, 9])
    assert (np.argwhere(ellipse).min(axis=0).tolist(), np.argwhere(ellipse).max(axis=0).tolist()) == ([4, 4], [7, 11])


def test_exported_annotations_and_the_first_version(tmp_path: Path) -> None:
    for file in ("a.png", "küche/a b.png"):
        save_photo(tmp_path / "photos", file)
    exported = {"x1": photo(region(rect())), "x2": photo(region(rect()), name="küche\\a b.png")}
    text = json.dumps(exported, ensure_ascii=False, indent=1).replace("\n", "\r\n")
    path = tmp_path / "via.json"
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert via.matches(path)
    assert regions_of(via.read(path)) == {"a.png": [("Wood", 4)], "küche/a b.png": [("Wood", 4)]}
    first = {
        "a.png1": {"fileref": "", "size": 1, "filename": "a.png", "regions": {"0": region(rect()), "1": region(rect())}}
    }
    path = save(tmp_path / "via1.json", first)
    assert via.matches(path)
    assert regions_of(via.read(path)) == {"a.png": [("Wood", 4), ("Wood", 4)]}


def test_a_default_path(tmp_path: Path) -> None:
    save_photo(tmp_path, "kept here/a.png")
    save_photo(tmp_path, "b.png")
    content = project({"1": photo(region(rect())), "2": photo(region(rect()), name="b.png")}, folder="kept here/")
    found = via.read(save(tmp_path / "via.json", content))
    assert set(regions_of(found)) == {"kept here/a.png", "b.png"}


@pytest.mark.parametrize(
    ("value", "options", "expected"),
    [
        ("2", {"1": "Wood", "2": "Glass pane"}, "Glass pane"),  # as VIA imports COCO
        ("wood", {"wood": ""}, "wood"),
        ("Other", {"1": "Wood"}, "Other"),
        ({"1": True, "2": False}, {"1": "Wood", "2": "Glass"}, "Wood"),  # a checkbox
        (7, None, "7"),
    ],
)
def test_the_text_of_an_option_is_the_material(tmp_path: Path, value: Any, options: Any, expected: str) -> None:
    save_photo(tmp_path, "a.png")
    content = project({"1": photo(region(rect(), value))}, options)
    assert via.read(save(tmp_path / "via.json", content)).materials == (expected,)


def test_which_attribute_is_the_material(tmp_path: Path) -> None:
    save_photo(tmp_path, "a.png")

    def read(*attributes: dict[str, str]) -> tuple[str, ...]:
        regions = [{"shape_attributes": rect(), "region_attributes": one} for one in attributes]
        return via.read(save(tmp_path / "via.json", {"1": photo(*regions)})).materials

    assert read({"note": "x", "Material": "Wood", "class": "y"}) == ("Wood",)
    assert read({"note": "x", "class": "Wood"}) == ("Wood",)
    assert read({"stuff": "Wood"}) == ("Wood",)
    with pytest.raises(DatasetError, match="have the attributes a, b; expected one that is named material, label,"):
        read({"a": "x"}, {"b": "y"})


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (region({"name": "polygon", "all_points_x": [1, 2], "all_points_y": [1, 2]}), "it has 2 points; expected 3"),
        (region({"name": "polygon", "all_points_x": [1, 2, 3], "all_points_y": [1, 2]}), "are not lists of one length"),
        (
            region({"name": "polygon", "all_points_x": [1, 2, "x"], "all_points_y": [1, 2, 3]}),
            "expected pairs of numbers",
        ),
        (region(rect(x=float("nan"))), "x is nan; expected a number"),
        (region({"name": "rect"}), "x is None; expected a number"),
        (region({"name": "star"}), "its shape is 'star'; expected polygon, rect, circle or ellipse"),
        (region(rect(), {"a": True, "b": True}), "its material is a, b; expected one material"),
        (region(None), "expected shape_attributes"),
        (7, "it is 7; expected shape_attributes"),
    ],
)
def test_broken_regions_are_problems_that_say_where(tmp_path: Path, one: Any, expected: str) -> None:
    save_photo(tmp_path, "a.png")
    found = via.read(save(tmp_path / "via.json", project({"1": photo(one, region(rect()))})))
    assert len(found.problems) == 1
    assert reasons(found)[0].startswith("via.json: a.png: region 1: ")
    assert expected in reasons(found)[0]
    assert regions_of(found) == {"a.png": [("Wood", 4)]}


def test_broken_files_and_missing_photos(tmp_path: Path) -> None:
    path = tmp_path / "via.json"
    path.write_text(json.dumps(EVERYTHING)[:400])
    with pytest.raises(DatasetError, match=r"via\.json line 1 column \d+: not valid JSON"):
        via.read(path)
    with pytest.raises(DatasetError, match=r"via\.json: its _via_img_metadata is \[\]; expected an object"):
        via.read(save(path, {**EVERYTHING, "_via_img_metadata": []}))
    assert "the photo 'a.png' is not in" in reasons(via.read(save(path, EVERYTHING)))[0]
    nameless = via.read(save(path, {"x": photo(name=None)}))
    assert reasons(nameless) == ["via.json: x: it has no filename; expected the path of the photo"]


def test_version_3(tmp_path: Path) -> None:
    for file in ("a.png", "b.png"):
        save_photo(tmp_path, file)
    path = save(tmp_path / "via.json", PROJECT_3)
    assert via.matches(path)
    found = via.read(path)
    assert not found.problems
    assert found.left_out == {"points": 1, "remarks on whole files or on times in them": 2}
    materials = [material for material, _ in regions_of(found)["a.png"]]
    assert materials == ["Wood", "Glass", "Glass", "Glass", "Glass"]
    areas = [area for _, area in regions_of(found)["a.png"]]
    assert areas[:2] == [4, 12]
    assert areas[4] == 16
    assert regions_of(found)["b.png"] == []


def test_what_is_no_via_file(tmp_path: Path) -> None:
    others = {"coco": {"images": [], "annotations": []}, "empty": {}, "list": [EVERYTHING], "labelme": {"shapes": []}}
    for name, other in others.items():
        assert not via.matches(save(tmp_path / f"{name}.json", other))
    assert not via.matches(tmp_path)


@settings(max_examples=60, deadline=None)
@given(broken(EVERYTHING))
def test_any_broken_value_is_an_error_of_ours(content: Any) -> None:
    with tempfile.TemporaryDirectory() as place:
        save_photo(Path(place), "a.png")
        survives(via, save(Path(place) / "via.json", content))


@settings(max_examples=60, deadline=None)
@given(broken(PROJECT_3))
def test_any_broken_value_of_version_3_is_an_error_of_ours(content: Any) -> None:
    with tempfile.TemporaryDirectory() as place:
        save_photo(Path(place), "a.png")
        survives(via, save(Path(place) / "via.json", content))
