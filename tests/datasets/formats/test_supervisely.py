"""Supervisely: outlines of pixels, rectangles and packed bitmaps."""

from __future__ import annotations

import base64
import io
import zlib
from pathlib import Path
from typing import Any

from format_cases import reasons, save_photo, write_json
from PIL import Image
from small_formats import SIZE, SQUARE, check

from madeof.datasets import read_annotations


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
