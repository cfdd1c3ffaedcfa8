"""Labelbox: a line of JSON for each photo."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from format_cases import reasons, save_photo
from small_formats import FLAT, SIZE, check

from madeof.datasets import read_annotations


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
