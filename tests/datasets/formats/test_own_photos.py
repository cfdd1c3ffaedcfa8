"""No region lands on another photo than its own, whatever the format."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from format_cases import regions_of, save_photo
from PIL import Image

from madeof.cli.main import main
from madeof.datasets import open_dataset, read_annotations
from madeof.datasets.formats.finding import MissingPhoto
from madeof.errors import DatasetError

SQUARE = [[1, 1], [5, 1], [5, 5], [1, 5]]


def labelme(photo: str, label: str = "Wood") -> str:
    shape = {"label": label, "points": SQUARE, "shape_type": "polygon"}
    return json.dumps({"version": "5.5.0", "shapes": [shape], "imagePath": photo})


def voc(photo: str) -> str:
    box = "<bndbox><xmin>2</xmin><ymin>2</ymin><xmax>5</xmax><ymax>5</ymax></bndbox>"
    return f"<annotation><filename>{photo}</filename><object><name>Wood</name>{box}</object></annotation>"


def put(root: Path, photos: list[str], files: dict[str, str]) -> Path:
    for photo in photos:
        save_photo(root, photo)
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.mark.parametrize(("ending", "make"), [("json", labelme), ("xml", voc)])
def test_the_photo_of_a_file_lies_beside_it(ending: str, make: Any, tmp_path: Path) -> None:
    # house1/1.jpg is not there: its region is not that of house2/1.jpg, whether that has a file or not.
    put(tmp_path, ["house2/1.png"], {f"house1/1.{ending}": make("1.png"), f"house2/2.{ending}": make("2.png")})
    found = read_annotations(tmp_path)
    assert not found.photos
    assert [type(one) for one in found.problems] == [MissingPhoto, MissingPhoto]
    put(tmp_path, [], {f"house2/1.{ending}": make("1.png")})
    assert regions_of(read_annotations(tmp_path)) == {"house2/1.png": [("Wood", 16)]}
    # In a folder of photos without such folders the names have to be told apart.
    save_photo(tmp_path / "flat", "1.png")
    found = read_annotations(tmp_path, images=tmp_path / "flat")
    assert not found.photos
    assert "fits 'house2/1.png' as well" in found.problems[0].reason


@pytest.mark.parametrize(("ending", "make"), [("json", labelme), ("xml", voc)])
def test_a_copied_file_that_still_names_the_other_photo(ending: str, make: Any, tmp_path: Path) -> None:
    put(tmp_path, ["a.png", "b.png"], {f"a.{ending}": make("a.png"), f"b.{ending}": make("a.png")})
    found = read_annotations(tmp_path)
    assert regions_of(found) == {"a.png": [("Wood", 16)]}
    assert f"b.{ending}: its photo a.png is that of a.{ending}; name its own" in found.problems[0].reason


@pytest.mark.parametrize("more", [{}, {"labels/train/1.txt": "0 0.5 0.5 0.25 0.25"}])
def test_a_yolo_text_of_another_split(more: dict[str, str], tmp_path: Path) -> None:
    texts = {"labels/val/1.txt": "0 0.2 0.2 0.25 0.25", "classes.txt": "Wood", **more}
    found = read_annotations(put(tmp_path, ["images/train/1.png"], texts))
    assert sum(len(photo.annotations) for photo in found.photos) == len(more)
    assert [one.reason.partition(":")[0] for one in found.problems] == ["labels/val/1.txt"]


def test_two_uploads_of_one_name(tmp_path: Path) -> None:
    value = {"points": [[10, 10], [50, 10], [50, 50]], "polygonlabels": ["Wood"]}
    result = {"id": "r", "type": "polygonlabels", "original_width": 16, "original_height": 12, "value": value}
    tasks = [
        {"id": one, "data": {"image": f"/data/upload/1/{one}-a.png"}, "annotations": [{"result": [result]}]}
        for one in ("0000000a", "0000000b")
    ]
    put(tmp_path, ["a.png"], {"tasks.json": json.dumps(tasks)})
    with pytest.raises(DatasetError, match="'0000000a-a.png' is not in .*'a.png' there fits '0000000b-a.png' as well"):
        open_dataset(tmp_path / "tasks.json")
    save_photo(tmp_path, "0000000b-a.png")
    assert len(read_annotations(tmp_path / "tasks.json").photos) == 2


def test_a_label_map_that_may_be_of_two_photos(
    tmp_path: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos = [str(save_photo(tmp_path, f"{folder}/a.png")) for folder in ("bath", "kitchen")]
    label_map = Image.new("L", (16, 12), 3)
    (tmp_path / "labels" / "bath").mkdir(parents=True)
    label_map.save(tmp_path / "labels" / "a.png")
    command = ["predict", "--model", str(tiny_model), "--label-map", str(tmp_path / "labels"), "--json"]
    assert main([*command, *photos]) == 1
    assert capsys.readouterr().err.count("may be its file or that of") == 2
    label_map.save(tmp_path / "labels" / "bath" / "a.png")
    assert main([*command, *photos]) == 1
    assert capsys.readouterr().out.count('"label 3 #1"') == 1
    assert main([*command, photos[1]]) == 0


def test_predict_takes_no_regions_of_another_photo(
    tmp_path: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_photo(tmp_path, "kitchen/a.png")
    content = {
        "images": [{"id": 1, "file_name": "kitchen/a.png"}],
        "categories": [{"id": 1, "name": "Wood"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 4, 4]}],
    }
    (tmp_path / "f.json").write_text(json.dumps(content))
    (tmp_path / "bath").mkdir()
    Image.new("RGB", (16, 12), "red").save(tmp_path / "bath" / "a.png")
    command = ["predict", "--model", str(tiny_model), "--annotations", str(tmp_path / "f.json"), "--json"]
    assert main([*command, str(tmp_path / "bath" / "a.png")]) == 1
    assert "no photo of this path or name alone" in capsys.readouterr().err
    (tmp_path / "bath" / "a.png").write_bytes((tmp_path / "kitchen" / "a.png").read_bytes())
    assert main([*command, str(tmp_path / "bath" / "a.png")]) == 0  # a copy
