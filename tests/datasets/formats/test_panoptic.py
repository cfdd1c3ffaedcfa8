"""Panoptic COCO: the colour of a pixel is the id of its segment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from format_cases import reasons, save_photo, write_json
from small_formats import SIZE, found, picture, save

from madeof.datasets import open_dataset, read_annotations
from madeof.errors import DatasetError

BOTH = [("Brick", 200), ("Wood", 400)]


def panoptic(**more: Any) -> dict[str, Any]:
    segments = [{"id": 70000, "category_id": 1}, {"id": 300, "category_id": 2, "iscrowd": 0}]
    return {
        "images": [{"id": 1, "file_name": "a.png", "width": 64, "height": 48}],
        "categories": [{"id": 1, "name": "Wood"}, {"id": 2, "name": "Brick"}],
        "annotations": [{"image_id": 1, "file_name": "a.png", "segments_info": segments, **more}],
    }


def test_panoptic_coco(tmp_path: Path) -> None:
    save_photo(tmp_path / "images", "a.png", SIZE)
    ids = picture((70000 % 256, 70000 // 256 % 256, 70000 // 65536), (300 % 256, 300 // 256, 0))
    path = write_json(tmp_path / "panoptic_val2017.json", panoptic())
    problem = "annotations[0]: its a.png is not in panoptic_val2017/, panoptic/, masks/ nor beside "
    assert problem in reasons(read_annotations(path))[0]
    save(tmp_path / "panoptic_val2017" / "a.png", ids)
    assert found(path) == {"a.png": BOTH}
    assert sorted(open_dataset(path).regions.area.tolist()) == [200, 400]
    write_json(path, panoptic(segments_info=[{"id": 5, "category_id": 1}, {"id": "x"}]))
    assert "a segment is {'id': 'x'}; expected an object with an id" in reasons(read_annotations(path))[0]
    write_json(path, panoptic(segments_info=[{"id": 5, "category_id": 1}]))
    with pytest.raises(DatasetError, match=r"no pixel of a\.png has its id 5"):
        open_dataset(path)
