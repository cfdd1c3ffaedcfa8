"""CreateML: boxes in a JSON list."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from format_cases import reasons, save_photo, write_json
from small_formats import SIZE, check

from madeof.datasets import read_annotations


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
