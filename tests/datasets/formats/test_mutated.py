"""Annotation files in which a region is broken in any way: only regions or our errors, and nothing silently dropped."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import random
import re
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from format_cases import ODD, save_photo
from PIL import Image

from madeof.datasets import read_annotations
from madeof.errors import DatasetError, InputError
from madeof.regions.rle import compress, encode_rle

SIZE = 48, 64
REGIONS = 4
"""In each file, of one photo, a.jpg; one of them is broken."""

Make = Callable[[list[Any]], str]


def png() -> str:
    file = io.BytesIO()
    Image.new("1", (4, 3), 1).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def square(at: int) -> list[list[float]]:
    return [[at, 5], [at + 9.5, 5], [at + 9.5, 15], [at, 15]]


def flat(at: int) -> list[float]:
    return [side for point in square(at) for side in point]


def runs() -> dict[str, Any]:
    return {"size": [*SIZE], "counts": compress(encode_rle(np.ones((3, 4), bool), (5, 6), SIZE)).decode()}


VIA = "filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,region_attributes"
ANSWER = {"name": "material", "radio_answer": {"name": "Tile"}}
PHOTO = {"id": 1, "file_name": "a.jpg", "width": 64, "height": 48}
WOOD = [{"id": 1, "name": "Wood"}]
SHAPES_LS = [
    {"points": [[1, 2], [9, 2], [9, 9]], "polygonlabels": ["Wood"]},
    {"x": 5, "y": 6, "width": 10, "height": 12, "rotation": 10, "rectanglelabels": ["Wood"]},
    {"x": 50, "y": 50, "radiusX": 10, "radiusY": 5, "ellipselabels": ["Wood"]},
    {"points": [[20, 20], [40, 20], [40, 40]], "polygonlabels": ["Wood"]},
]
JSON: dict[str, tuple[str, list[Any], Callable[[list[Any]], Any]]] = {
    "coco": (
        "f.json",
        [
            {"id": 1, "image_id": 1, "category_id": 1, "segmentation": [flat(3)], "iscrowd": 0},
            {"id": 2, "image_id": 1, "category_id": 1, "segmentation": runs(), "attributes": {"material": "Brick"}},
            {"id": 3, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "segmentation": []},
            {"id": 4, "image_id": 1, "category_id": 1, "segmentation": [flat(30), [1, 2]]},
        ],
        lambda some: {"images": [PHOTO], "categories": WOOD, "annotations": some},
    ),
    "coco_results": (
        "results.json",
        [{"image_id": 1, "category_id": 1, "segmentation": runs(), "score": 0.5}] * REGIONS,
        lambda some: some,
    ),
    "label_studio": (
        "f.json",
        [
            {"id": f"r{at}", "type": "x", "original_width": 64, "original_height": 48, "value": value}
            for at, value in enumerate(SHAPES_LS)
        ],
        lambda some: [{"id": 1, "data": {"image": "a.jpg"}, "annotations": [{"result": some}]}],
    ),
    "via": (
        "f.json",
        [
            {
                "shape_attributes": {"name": "polygon", "all_points_x": [1, 9, 9], "all_points_y": [2, 2, 9]},
                "region_attributes": {"material": "Wood"},
            },
            {"shape_attributes": {"name": "rect", "x": 1, "y": 2, "width": 3, "height": 4}, "region_attributes": {}},
            {"shape_attributes": {"name": "circle", "cx": 9, "cy": 9, "r": 4}, "region_attributes": {"material": "A"}},
            {
                "shape_attributes": {"name": "ellipse", "cx": 9, "cy": 9, "rx": 4, "ry": 2, "theta": 0.1},
                "region_attributes": {"material": {"Wood": True}},
            },
        ],
        lambda some: {"a.jpg1": {"filename": "a.jpg", "size": 1, "regions": some, "file_attributes": {}}},
    ),
    "labelme": (
        "a.json",
        [
            {"label": "Wood", "points": square(3), "shape_type": "polygon", "group_id": None, "flags": {}},
            {"label": "Wood", "points": square(9)[::2], "shape_type": "rectangle", "attributes": {"material": "Tile"}},
            {"label": "Wood", "points": [[9, 9], [12, 9]], "shape_type": "circle"},
            {"label": "Wood", "points": [[5, 6], [8, 8]], "shape_type": "mask", "mask": png()},
        ],
        lambda some: {"version": "5", "imagePath": "a.jpg", "shapes": some},
    ),
    "isat": (
        "a.json",
        [{"category": "Wood", "group": 0, "layer": at, "segmentation": square(14 * at)} for at in range(REGIONS)],
        lambda some: {"info": {"description": "ISAT", "name": "a.jpg"}, "objects": some},
    ),
    "supervisely": (
        "a.jpg.json",
        [
            {"classTitle": "Wood", "points": {"exterior": square(3), "interior": [square(5)]}},
            {"classTitle": "Wood", "geometryType": "rectangle", "points": {"exterior": square(9)[::2]}},
            {
                "classTitle": "Wood",
                "geometryType": "bitmap",
                "bitmap": {"data": base64.b64encode(zlib.compress(base64.b64decode(png()))).decode(), "origin": [3, 4]},
            },
            {"classTitle": "Wood", "tags": [{"name": "material", "value": "Tile"}], "points": {"exterior": square(40)}},
        ],
        lambda some: {"size": {"height": 48, "width": 64}, "tags": [], "objects": some},
    ),
    "cityscapes": (
        "a_polygons.json",
        [{"label": "wood", "polygon": square(14 * at)} for at in range(REGIONS)],
        lambda some: {"imgHeight": 48, "imgWidth": 64, "objects": some},
    ),
    "labelbox": (
        "f.ndjson",
        [
            {"name": "Wood", "bounding_box": {"top": 1, "left": 2, "height": 3, "width": 4}},
            {"name": "Wood", "polygon": [{"x": x, "y": y} for x, y in square(9)]},
            {"name": "x", "polygon": [{"x": 1, "y": y} for y in (1, 5, 9)], "classifications": [ANSWER]},
            {"name": "Wood", "mask": {"url": "https://x"}},
        ],
        lambda some: {
            "data_row": {"external_id": "a.jpg"},
            "projects": {"p": {"labels": [{"annotations": {"objects": some}}]}},
        },
    ),
    "createml": (
        "f.json",
        [{"label": "Wood", "coordinates": {"x": 9, "y": 9, "width": 4, "height": at}} for at in range(1, 5)],
        lambda some: [{"image": "a.jpg", "annotations": some}],
    ),
    "geojson": (
        "a.geojson",
        [
            {
                "type": "Feature",
                "geometry": {"type": "Polygon", "coordinates": [square(14 * at), square(14 * at + 3)]},
                "properties": {"classification": {"name": "Wood"}},
            }
            for at in range(REGIONS)
        ],
        lambda some: {"type": "FeatureCollection", "features": some},
    ),
    "sam": (
        "a.json",
        [{"segmentation": runs(), "area": 12, "bbox": [5, 6, 4, 3]}] * REGIONS,
        lambda some: {"image": {"file_name": "a.jpg"}, "annotations": some},
    ),
}  # fmt: skip
TEXT: dict[str, tuple[str, str, Make]] = {
    "cvat": (
        "annotations.xml",
        '<polygon label="Wood" occluded="0" points="3,5;9,5;9,9"><attribute name="material">Tile</attribute></polygon>',
        lambda some: f'<annotations><image id="0" name="a.jpg">{"".join(some)}</image></annotations>',
    ),
    "voc": (
        "a.xml",
        "<object><name>Wood</name><bndbox><xmin>2</xmin><ymin>3</ymin><xmax>5</xmax><ymax>9</ymax></bndbox></object>",
        lambda some: f"<annotation><filename>a.jpg</filename>{''.join(some)}</annotation>",
    ),
    "labelme_xml": (
        "a.xml",
        "<object><name>Wood</name><deleted>0</deleted><polygon><pt><x>1</x><y>2</y></pt><pt><x>9</x><y>2</y></pt>"
        "<pt><x>9</x><y>9</y></pt></polygon></object>",
        lambda some: f"<annotation><filename>a.jpg</filename>{''.join(some)}</annotation>",
    ),
    "yolo": ("a.txt", "0 0.5 0.5 0.25 0.3", lambda some: "\n".join(some)),
    "via_csv": (
        "f.csv",
        'a.jpg,1,"{}",4,0,"{""name"":""rect"",""x"":1,""y"":2,""width"":3,""height"":4}","{""material"":""Wood""}"',
        lambda some: "\n".join([VIA, *some]),
    ),
    "open_images": (
        "f.csv",
        "mask.png,a,/m/1,0",
        lambda some: "\n".join(["MaskPath,ImageID,LabelName,BoxID", *some]),
    ),
}
TOKENS = ("", "x", "-1", "nan", "1e999", "0", "999999", "../..", "é", "1.5", "m")


def broken(chance: random.Random, value: Any) -> Any:
    """The value with one value in it exchanged or gone."""
    value = json.loads(json.dumps(value))
    node, parent, mark = value, None, None
    while isinstance(node, dict | list) and node and (parent is None or chance.random() < 0.75):
        parent, mark = node, chance.choice(list(node) if isinstance(node, dict) else range(len(node)))
        node = node[mark]
    if parent is None or chance.random() < 0.1:
        return chance.choice(ODD)
    if chance.random() < 0.5:
        parent[mark] = chance.choice(ODD)
    else:
        del parent[mark]
    return value


def check(path: Path, text: str) -> None:
    """What is in the file is a region, a problem, or counted as left out; a region is cut or is our error."""
    path.write_text(text, encoding="utf-8")
    try:
        found = read_annotations(path if path.suffix != ".txt" else path.parent)
    except DatasetError:
        return
    named = len(found.problems) + sum(found.left_out.values())
    regions = [(one, photo.size) for photo in found.photos for one in photo.annotations]
    whole_photo = named and not any(len(photo.annotations) for photo in found.photos)
    assert len(regions) + named >= REGIONS or whole_photo, text
    for one, size in regions:
        with contextlib.suppress(InputError, DatasetError):
            one.cut(size or SIZE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("mutated")
    for name in (*JSON, *TEXT):
        save_photo(root / name, "a.jpg", SIZE)
    (root / "yolo" / "classes.txt").write_text("Wood\n")
    (root / "open_images" / "class-descriptions.csv").write_text("/m/1,Wood\n")
    Image.new("1", (64, 48), 1).save(root / "open_images" / "mask.png")
    (root / "coco_results" / "set.json").write_text(json.dumps({"images": [PHOTO], "categories": WOOD}))
    return root


COUNTS = [pytest.param(15, id="a few"), pytest.param(300, id="many", marks=pytest.mark.slow)]


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("name", JSON)
def test_json(name: str, count: int, folder: Path) -> None:
    file, regions, make = JSON[name]
    found = read_annotations_of(folder / name / file, json.dumps(make(regions)))
    assert found == REGIONS  # as it is before it is broken
    chance = random.Random(count)
    for _ in range(count):
        at = chance.randrange(REGIONS)
        some = [broken(chance, one) if at == number else one for number, one in enumerate(regions)]
        check(folder / name / file, json.dumps(make(some)))


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("name", TEXT)
def test_text(name: str, count: int, folder: Path) -> None:
    file, region, make = TEXT[name]
    assert read_annotations_of(folder / name / file, make([region] * REGIONS)) == REGIONS
    chance = random.Random(count)
    for _ in range(count):
        token = chance.choice(list(re.finditer(r"[\w.]+", region)))
        other = region[: token.start()] + chance.choice(TOKENS) + region[token.end() :]
        some = [region] * REGIONS
        some[chance.randrange(REGIONS)] = other
        check(folder / name / file, make(some))


def read_annotations_of(path: Path, text: str) -> int:
    """The regions, and those that a reader names, of a whole file."""
    path.write_text(text, encoding="utf-8")
    found = read_annotations(path if path.suffix != ".txt" else path.parent)
    regions = sum(len(photo.annotations) for photo in found.photos)
    return regions + len(found.problems)
