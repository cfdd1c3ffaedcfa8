"""ISAT: outlines in layers."""

from __future__ import annotations

from pathlib import Path

from format_cases import reasons, save_photo, write_json
from small_formats import FLAT, SIZE, SQUARE, check

from madeof.datasets import read_annotations


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
