"""What several tests of formats/coco share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from madeof.datasets import Problem
from madeof.datasets.annotations import Annotations
from madeof.datasets.formats import coco

SIZE = (12, 16)


Mask = np.ndarray


sizes = st.tuples(st.integers(1, 14), st.integers(1, 14))


def whole(cut: Mask, corner: tuple[int, int], size: tuple[int, int]) -> Mask:
    mask = np.zeros(size, dtype=bool)
    mask[corner[1] : corner[1] + cut.shape[0], corner[0] : corner[0] + cut.shape[1]] = cut
    return mask


def photos_in(folder: Path, *files: str) -> None:
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(b"not looked at")


def save(folder: Path, value: Any) -> Path:
    path = folder / "coco.json"
    path.write_text(json.dumps(value))
    return path


def base(annotations: list[Any], **more: Any) -> dict[str, Any]:
    """A COCO file of one photo, a.jpg."""
    return {
        "images": [{"id": 1, "file_name": "a.jpg", "width": SIZE[1], "height": SIZE[0]}],
        "annotations": annotations,
        "categories": [{"id": 5, "name": "Wood"}, {"id": 7, "name": " Gläser & <Tassen> "}],
    } | more


def one(**more: Any) -> dict[str, Any]:
    found = {"id": 17, "image_id": 1, "category_id": 5, "segmentation": [[1, 1, 6, 1, 6, 5]], "bbox": [1, 1, 5, 4]}
    return {key: value for key, value in (found | more).items() if value is not ...}


def read_one(folder: Path, *annotations: Any, **more: Any) -> Annotations:
    photos_in(folder, "a.jpg")
    return coco.read(save(folder, base(list(annotations), **more)))


def reasons(found: Annotations) -> list[str]:
    assert all(isinstance(problem, Problem) and "\n" not in problem.reason for problem in found.problems)
    return [problem.reason for problem in found.problems]
