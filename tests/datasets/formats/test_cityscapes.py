"""Cityscapes: polygons, each over those before it."""

from __future__ import annotations

from pathlib import Path

from format_cases import save_photo, write_json
from small_formats import FLAT, SIZE, SQUARE, check

from madeof.datasets import read_annotations


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
