"""COCO results beside the file whose ids they have."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from format_cases import regions_of, save_photo, write_json

from madeof import load
from madeof.cli.main import main
from madeof.datasets import read_annotations
from madeof.errors import DatasetError
from madeof.regions.rle import compress, encode_rle

SIZE = 48, 64
BOXES = ((5, 10, 25, 30), (40, 35, 60, 45))
"""400 and 200 pixels."""
Areas = Callable[..., list[int]]


def runs(box: tuple[int, int, int, int]) -> dict[str, Any]:
    x0, y0, x1, y1 = box
    counts = compress(encode_rle(np.ones((y1 - y0, x1 - x0), dtype=bool), (x0, y0), SIZE))
    return {"size": list(SIZE), "counts": counts.decode()}


MASKS = [{"segmentation": runs(box), "area": 1, "predicted_iou": 0.9, "point_coords": [[1.0, 2.0]]} for box in BOXES]
SA1B = {"image": {"image_id": 7, "width": 64, "height": 48, "file_name": "a.png"}, "annotations": MASKS}


@pytest.fixture
def predicted(tmp_path: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]) -> Areas:
    """The areas that `madeof predict` answers."""
    save_photo(tmp_path, "a.png", SIZE)

    def run(*command: str, status: int = 0) -> list[int]:
        assert main(["predict", "--model", str(tiny_model), "--json", *command]) == status
        lines = capsys.readouterr().out.splitlines()
        return [region["area"] for line in lines for region in json.loads(line).get("regions", [])]

    return run


def test_coco_results(predicted: Areas, tmp_path: Path) -> None:
    results = [{"image_id": 7, "category_id": 3, "segmentation": runs(BOXES[0]), "score": 0.5}]
    results.append({"image_id": 7, "category_id": 4, "bbox": [40, 35, 20, 10], "score": 0.5})
    path = write_json(tmp_path / "results.json", results)
    # No file tells which photo 7 is; a photo of that name is.
    assert "the photo '7' is not in " in read_annotations(path).problems[0].reason
    save_photo(tmp_path, "000000000007.png", SIZE)
    assert predicted("--annotations", str(path)) == [400, 200]
    content: dict[str, Any] = {"images": [{"id": 7, "file_name": "a.png"}], "annotations": []}
    content["categories"] = [{"id": 3, "name": "Wood"}, {"id": 4, "name": "Brick"}]
    write_json(tmp_path / "set.json", content)
    write_json(tmp_path / "other.json", {**content, "images": [{"id": 8, "file_name": "b.png"}]})
    assert regions_of(read_annotations(path), SIZE) == {"a.png": [("Wood", 400), ("Brick", 200)]}
    write_json(tmp_path / "twin.json", content)
    with pytest.raises(DatasetError, match=r"several COCO files have its ids: set\.json, twin\.json; keep one"):
        read_annotations(path)


def test_the_results_that_we_write_are_read(tmp_path: Path, tiny_model: Path) -> None:
    save_photo(tmp_path, "a.png", SIZE)
    content: dict[str, Any] = {"images": [{"id": 7, "file_name": "a.png"}]}
    content["categories"] = [{"id": at, "name": name} for at, name in enumerate(load(tiny_model).materials)]
    content["annotations"] = [
        {"id": at, "image_id": 7, "category_id": 1, "segmentation": runs(box)} for at, box in enumerate(BOXES)
    ]
    command = ["predict", "--model", str(tiny_model), "--annotations", str(write_json(tmp_path / "set.json", content))]
    assert main([*command, "--to", "coco_results", "--out", str(tmp_path / "results.json")]) == 0
    found = regions_of(read_annotations(tmp_path / "results.json"), SIZE)
    assert [area for _, area in found["a.png"]] == [400, 200]
