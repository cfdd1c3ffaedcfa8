"""LVIS: COCO whose photos are links."""

from __future__ import annotations

from pathlib import Path

from format_cases import regions_of, save_photo, write_json
from small_formats import FLAT, SIZE, SQUARE

from madeof.datasets import read_annotations


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
