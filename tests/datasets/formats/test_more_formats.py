"""Formats with a small reader each: what they say of two regions, of what is none, and of what is broken."""

from __future__ import annotations

import base64
import io
import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from format_cases import reasons, regions_of, save_photo, write_json
from PIL import Image

from madeof.datasets import open_dataset, read_annotations
from madeof.datasets.formats import recognise
from madeof.errors import DatasetError

SIZE = 48, 64
SQUARE = [[5, 10], [25, 10], [25, 30], [5, 30]]
"""400 pixels by its corners; 441 where they are pixels that belong to it."""
FLAT = [[40, 35], [60, 35], [60, 45], [40, 45]]
"""200 pixels; 231."""


def check(path: Path, name: str, photo: str, *regions: tuple[str, int]) -> Any:
    """The format is found out, the one photo has these regions, and nothing is wrong. Gives the annotations."""
    assert recognise(path) == name
    annotations = read_annotations(path)
    assert not annotations.problems
    assert regions_of(annotations, SIZE) == {photo: list(regions)}
    assert sorted(open_dataset(path).regions.area.tolist()) == sorted(area for _, area in regions)
    return annotations


def test_createml(tmp_path: Path) -> None:
    save_photo(tmp_path, "a.png", SIZE)
    box = {"x": 15, "y": 20, "width": 20, "height": 20}
    entry: dict[str, Any] = {"image": "a.png", "annotations": [{"label": "Wood", "coordinates": box}]}
    path = write_json(tmp_path / "_annotations.createml.json", [entry])
    check(path, "createml", "a.png", ("Wood", 400))
    check(tmp_path, "createml", "a.png", ("Wood", 400))
    write_json(path, [{"imagefilename": "a.png", "annotation": entry["annotations"]}])
    check(path, "createml", "a.png", ("Wood", 400))
    broken = [{"label": "Wood"}, {"label": "Wood", "coordinates": {**box, "x": "left"}}, 3]
    write_json(path, [{**entry, "annotations": broken}, 5])
    assert [reason.partition("json: ")[2].partition("; ")[0] for reason in reasons(read_annotations(path))] == [
        "a.png: annotation 1: it is {'label': 'Wood'}",
        "a.png: annotation 2: x is 'left'",
        "a.png: annotation 3: it is 3",
        "photo 2: it is 5",
    ]


def test_isat(tmp_path: Path) -> None:
    save_photo(tmp_path, "a.png", SIZE)
    hole = [[10, 15], [20, 15], [20, 25], [10, 25]]
    objects = [
        {"category": "Wood", "group": 1, "segmentation": SQUARE, "layer": 1.0, "iscrowd": False},
        {"category": "__background__", "group": 2, "segmentation": hole, "layer": 2.0},
        {"category": "Wood", "group": 1, "segmentation": FLAT, "layer": 1.0},
        {"category": "Brick", "group": 3, "segmentation": [[50, 30], [64, 30], [64, 48], [50, 48]], "layer": 3.0},
    ]
    info = {"description": "ISAT", "folder": "/data/photos", "name": "a.png", "width": 64, "height": 48}
    path = write_json(tmp_path / "a.json", {"info": info, "objects": objects})
    found = check(path, "isat", "a.png", ("Wood", 400 - 100 + 200 - 100), ("Brick", 14 * 18))
    assert found.left_out == {"regions labelled __background__": 1}
    check(tmp_path, "isat", "a.png", ("Wood", 400), ("Brick", 252))
    write_json(path, {"info": info, "objects": [{"category": "Wood", "segmentation": [[1, 2]]}, 7]})
    assert [reason.partition(": ")[2] for reason in reasons(read_annotations(path))] == [
        "object 1: it has 1 points; expected 3 or more",
        "object 2: it is 7; expected an object",
    ]


def test_cityscapes(tmp_path: Path) -> None:
    save_photo(tmp_path, "leftImg8bit/val/bonn/bonn_000001_000019_leftImg8bit.png", SIZE)
    objects = [
        {"label": "road", "polygon": SQUARE},
        {"label": "ego vehicle", "polygon": FLAT},
        {"label": "car", "polygon": [[5, 10], [25, 10], [25, 14], [5, 14]]},  # lies over the road
        {"label": "pole", "polygon": SQUARE, "deleted": 1},
    ]
    content = {"imgHeight": 48, "imgWidth": 64, "objects": objects}
    folder = tmp_path / "gtFine" / "val" / "bonn"
    path = write_json(folder / "bonn_000001_000019_gtFine_polygons.json", content)
    photo = "val/bonn/bonn_000001_000019_leftImg8bit.png"
    for place in (tmp_path, tmp_path / "gtFine"):
        found = check(place, "cityscapes", photo, ("road", 21 * 21 - 21 * 5), ("car", 21 * 5))
        assert found.left_out == {"regions labelled ego vehicle": 1}
        assert found.photos[0].details.split == "val"
    assert len(read_annotations(path, images=(tmp_path / "leftImg8bit" / "val" / "bonn")).photos) == 1


def bitmap(packed: bool = True) -> dict[str, Any]:
    file = io.BytesIO()
    Image.new("1", (20, 10), 1).save(file, "PNG")
    data = zlib.compress(file.getvalue()) if packed else file.getvalue()
    return {"data": base64.b64encode(data).decode(), "origin": [40, 35]}


def test_supervisely(tmp_path: Path) -> None:
    save_photo(tmp_path, "set/img/a.png", SIZE)
    hole = [[10, 15], [19, 15], [19, 24], [10, 24]]
    polygon = {"classTitle": "Wood", "geometryType": "polygon", "points": {"exterior": SQUARE, "interior": [hole]}}
    tag = {"name": "material", "value": "Tile"}
    box = {"exterior": [[24, 29], [5, 10]], "interior": []}
    objects = [
        polygon,
        {
            "classTitle": "thing",
            "geometryType": "rectangle",
            "points": box,
            "tags": [tag],
        },
        {"classTitle": "Brick", "geometryType": "bitmap", "bitmap": bitmap()},
        {"classTitle": "Wood", "geometryType": "point", "points": {"exterior": [[1, 1]]}},
    ]
    content = {"description": "", "tags": [], "size": {"height": 48, "width": 64}, "objects": objects}
    path = write_json(tmp_path / "set" / "ann" / "a.png.json", content)
    write_json(tmp_path / "meta.json", {"classes": [{"title": "Wood"}], "tags": []})
    expected = ("Wood", 441 - 100), ("Tile", 400), ("Brick", 200)
    found = check(tmp_path, "supervisely", "set/img/a.png", *expected)
    assert found.left_out == {"points": 1, "JSON files that are not of Supervisely": 1}
    assert [len(photo.annotations) for photo in read_annotations(path, images=tmp_path / "set" / "img").photos] == [3]
    assert [len(photo.annotations) for photo in read_annotations(path).photos] == [3]
    broken = [
        {**objects[2], "bitmap": {"data": "AAAA", "origin": [1, 1]}},
        {**objects[2], "bitmap": {"data": bitmap()["data"]}},
        {**objects[0], "geometryType": "cuboid"},
        {**objects[2], "bitmap": bitmap(packed=False)},
    ]
    write_json(path, {**content, "objects": broken})
    assert [reason.partition("json: ")[2].partition(";")[0][:38] for reason in reasons(read_annotations(tmp_path))] == [
        "object 1: its bitmap cannot be unpacke",
        "object 2: its bitmap is {'data': 'eJzr",
        "object 3: its geometryType is 'cuboid'",
    ]


def labelbox(*objects: dict[str, Any], when: str = "2024-01-02") -> dict[str, Any]:
    annotations = {"objects": list(objects), "classifications": []}
    older = {"label_details": {"updated_at": "2024-01-01"}, "annotations": {"objects": []}}
    labels = [{"label_details": {"updated_at": when}, "annotations": annotations}, older]
    row = {"id": "c1", "external_id": "a.png", "global_key": "k-1", "row_data": "https://store.example/x.png?sig=1"}
    size = {"height": 48, "width": 64}
    return {"data_row": row, "media_attributes": size, "projects": {"p": {"name": "n", "labels": labels}}}


def test_labelbox(tmp_path: Path) -> None:
    save_photo(tmp_path, "a.png", SIZE)
    answer = {"name": "material", "radio_answer": {"name": "Brick", "value": "brick"}}
    objects: list[dict[str, Any]] = [
        {"name": "Wood", "bounding_box": {"top": 10, "left": 5, "height": 20, "width": 20}},
        {"name": "thing", "polygon": [{"x": x, "y": y} for x, y in FLAT], "classifications": [answer]},
        {"name": "Wood", "point": {"x": 1, "y": 1}},
    ]
    path = tmp_path / "export.ndjson"
    path.write_text(json.dumps(labelbox(*objects)) + "\n\n")
    found = check(path, "labelbox", "a.png", ("Wood", 400), ("Brick", 200))
    assert found.left_out == {"older labels of a photo": 1, "points": 1}
    mask = {"name": "Wood", "mask": {"url": "https://api.labelbox.example/masks/1"}}
    path.write_text("\n".join([json.dumps(labelbox(mask)), "{", json.dumps({"data_row": {}, "projects": {}})]))
    told = reasons(read_annotations(path))
    assert "line 1 object 1: its mask is behind a link of Labelbox; download it" in told[0]
    assert "line 2: Expecting property name" in told[1]
    assert "line 3: its data_row is {}; expected external_id or global_key or row_data" in told[2]


def feature(kind: str, coordinates: Any, name: str = "Wood") -> dict[str, Any]:
    properties = {"objectType": "annotation", "classification": {"name": name, "color": [1, 2, 3]}}
    return {"type": "Feature", "geometry": {"type": kind, "coordinates": coordinates}, "properties": properties}


@pytest.mark.parametrize("name", ["a.geojson", "a.png.geojson", "a.json"])
def test_geojson_of_qupath(name: str, tmp_path: Path) -> None:
    save_photo(tmp_path, "a.png", SIZE)
    hole = [[10, 15], [20, 15], [20, 25], [10, 25], [10, 15]]
    far = [[[30, 1], [34, 1], [34, 3], [30, 3], [30, 1]]]
    features = [
        feature("Polygon", [[*SQUARE, SQUARE[0]], hole]),
        feature("MultiPolygon", [[[*FLAT, FLAT[0]]], far], "Brick"),
        feature("Point", [1, 1]),
    ]
    for content in (features, {"type": "FeatureCollection", "features": features}):
        path = write_json(tmp_path / name, content)
        found = check(path, "geojson", "a.png", ("Wood", 300), ("Brick", 208))
        assert found.left_out == {"points": 1}
    check(tmp_path, "geojson", "a.png", ("Wood", 300), ("Brick", 208))
    write_json(path, [feature("Polygon", []), feature("Circle", [1])])
    assert [reason.partition(": ")[2] for reason in reasons(read_annotations(path))] == [
        "feature 1: its coordinates are [[]]; expected lists of outlines",
        "feature 2: its geometry is {'coordinates': [1], 'type': 'Circle'}; expected a Polygon or MultiPolygon",
    ]


def test_the_old_xml_of_labelme(tmp_path: Path) -> None:
    save_photo(tmp_path, "Images/house/a.png", SIZE)
    points = "".join(f"<pt><x>{x}</x><y>{y}</y></pt>" for x, y in SQUARE)
    objects = f"<object><name>\nWood\n</name><deleted>0</deleted><polygon>{points}</polygon></object>"
    objects += f"<object><name>Tile</name><deleted>1</deleted><polygon>{points}</polygon></object>"
    marked = "<attributes>old, material=Brick</attributes><segm><mask>a_mask_2.png</mask></segm>"
    objects += f"<object><name>thing</name><deleted>0</deleted>{marked}</object>"
    (tmp_path / "Annotations" / "house").mkdir(parents=True)
    (tmp_path / "Masks" / "house").mkdir(parents=True)
    mask = Image.new("L", (64, 48))
    mask.paste(255, (40, 35, 60, 45))
    mask.save(tmp_path / "Masks" / "house" / "a_mask_2.png")
    text = f"<annotation><filename>a.png</filename><folder>house</folder>{objects}</annotation>"
    (tmp_path / "Annotations" / "house" / "a.xml").write_text(text)
    found = check(tmp_path, "labelme_xml", "house/a.png", ("Wood", 400), ("Brick", 200))
    assert found.left_out == {"deleted objects": 1}
    (tmp_path / "Masks" / "house" / "a_mask_2.png").unlink()
    assert "object 3: its mask a_mask_2.png is not in Masks/" in reasons(read_annotations(tmp_path))[0]


def test_via_csv(tmp_path: Path) -> None:
    save_photo(tmp_path, "a.png", SIZE)
    xs, ys = zip(*SQUARE, strict=True)
    shape = json.dumps({"name": "polygon", "all_points_x": xs, "all_points_y": ys}).replace('"', '""')
    rect = json.dumps({"name": "rect", "x": 40, "y": 35, "width": 20, "height": 10}).replace('"', '""')
    head = "filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,region_attributes"
    rows = [f'a.png,9,"{{}}",2,{at},"{one}","{{""material"":""Wood""}}"' for at, one in enumerate((shape, rect))]
    path = tmp_path / "via_export_csv.csv"
    path.write_text("\n".join([head, *rows, 'b.png,9,"{}",0,0,"{}","{}"']))
    found = check(path, "via", "a.png", ("Wood", 400), ("Wood", 200))
    assert found.left_out == {"photos without a region, which are not there": 1}


def test_lvis(tmp_path: Path) -> None:
    save_photo(tmp_path, "train2017/000000000009.jpg", SIZE)
    link = "http://images.cocodataset.example/train2017/000000000009.jpg"
    flat = [[side for point in outline for side in point] for outline in (SQUARE, FLAT)]
    content = {
        "images": [{"id": 9, "coco_url": link, "height": 48, "width": 64, "neg_category_ids": [3]}],
        "categories": [{"id": 1, "name": "wood", "synset": "wood.n.01", "synonyms": ["wood"], "frequency": "f"}],
        "annotations": [{"id": 1, "image_id": 9, "category_id": 1, "segmentation": flat, "bbox": [1, 1, 2, 2]}],
    }
    path = write_json(tmp_path / "lvis_v1_train.json", content)
    assert regions_of(read_annotations(path, images=tmp_path), SIZE) == {"train2017/000000000009.jpg": [("wood", 600)]}


def test_brush_files_of_label_studio(tmp_path: Path) -> None:
    save_photo(tmp_path, "photos/0a1b2c3d-a.png", SIZE)
    alpha = np.zeros(SIZE, dtype=np.uint8)
    alpha[10:30, 5:25], alpha[40, 40] = 255, 100  # less than half
    np.save(tmp_path / "task-7-annotation-3-by-me@home.org-tag-Wood-panel-0.npy", alpha)
    Image.fromarray(alpha).save(tmp_path / "task-7-annotation-3-by-me@home.org-tag-Brick-1.png")
    Image.fromarray(alpha).save(tmp_path / "task-7-annotation-2-by-me@home.org-tag-Tile-0.png")
    Image.fromarray(alpha).save(tmp_path / "task-8-annotation-4-by-me@home.org-tag-Tile-0.png")
    with pytest.raises(DatasetError, match="put the JSON export of the same tasks into the folder"):
        read_annotations(tmp_path)
    write_json(tmp_path / "tasks.json", [{"id": 7, "data": {"image": "/data/upload/1/0a1b2c3d-a.png"}}])
    assert recognise(tmp_path) == "label_studio_brush"
    found = read_annotations(tmp_path)
    assert regions_of(found, SIZE) == {"0a1b2c3d-a.png": [("Brick", 400), ("Wood-panel", 400)]}
    assert found.left_out == {"older annotations of a task": 1}
    assert "task 8: no JSON export of Label Studio in the folder says which photo" in reasons(found)[0]
