"""Segments without a class: Segment Anything's files, and COCO results beside the file whose ids they have."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from format_cases import save_photo, write_json

from madeof.cli.main import main
from madeof.datasets import read_annotations
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


def test_files_of_sa_1b_and_lists_of_masks(predicted: Areas, tmp_path: Path) -> None:
    for name, content in (("sa.json", SA1B), ("a.json", MASKS)):
        path = write_json(tmp_path / name, content)
        assert predicted("--annotations", str(path)) == [400, 200]
    # A list names no photo: it is of the one that is asked for, whatever its name.
    path = write_json(tmp_path / "masks.json", MASKS)
    assert predicted(str(tmp_path / "a.png"), "--annotations", str(path)) == [400, 200]
    (tmp_path / "masks.json").rename(tmp_path / "b.json")
    assert "the photo 'b.jpg' is not in " in read_annotations(tmp_path / "b.json").problems[0].reason
    # But an object that names its photo is of no other.
    path = write_json(tmp_path / "b.json", {**SA1B, "image": {"file_name": "b.png"}})
    assert predicted(str(tmp_path / "a.png"), "--annotations", str(path), status=1) == []


def test_a_folder_of_files(predicted: Areas, tmp_path: Path) -> None:
    save_photo(tmp_path, "sub/b.png", SIZE)
    write_json(tmp_path / "sa_1.json", SA1B)
    write_json(tmp_path / "sub" / "sa_2.json", {**SA1B, "image": {"file_name": "b.png"}})
    assert predicted("--annotations", str(tmp_path)) == [400, 200, 400, 200]


def test_broken_masks_are_told(tmp_path: Path) -> None:
    save_photo(tmp_path, "a.png", SIZE)
    path = write_json(tmp_path / "a.json", [*MASKS, {"area": 3}, 5, {"segmentation": "x"}])
    found = read_annotations(path)
    assert [len(photo.annotations) for photo in found.photos] == [2]
    assert [problem.reason.partition("; ")[0] for problem in found.problems] == [
        "a.json: mask 2: it is {'area': 3}",
        "a.json: mask 3: it is 5",
        "a.json: mask 4: its segmentation is 'x'",
    ]
