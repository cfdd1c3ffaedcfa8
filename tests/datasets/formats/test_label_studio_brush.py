"""Label Studio's brush export: masks named by their tasks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from format_cases import reasons, regions_of, save_photo, write_json
from PIL import Image
from small_formats import SIZE

from madeof.datasets import read_annotations
from madeof.datasets.formats import recognise
from madeof.errors import DatasetError


def test_brush_files_of_label_studio(tmp_path: Path) -> None:
    save_photo(tmp_path, "photos/0a1b2c3d-a.png", SIZE)
    alpha = np.zeros(SIZE, dtype=np.uint8)
    alpha[10:30, 5:25], alpha[40, 40] = 255, 100  # less than half
    np.save(tmp_path / "task-7-annotation-3-by-me@home.org-tag-Wood-panel-0.npy", alpha)
    Image.fromarray(alpha).save(tmp_path / "task-7-annotation-3-by-me@home.org-tag-Brick-1.png")
    Image.fromarray(alpha).save(tmp_path / "task-7-annotation-2-by-me@home.org-tag-Tile-0.png")
    Image.fromarray(alpha).save(tmp_path / "task-8-annotation-4-by-me@home.org-tag-Tile-0.png")
    with pytest.raises(DatasetError, match="put the JSON export of the same tasks into the folder"):
        read_annotations(tmp_path)
    write_json(tmp_path / "tasks.json", [{"id": 7, "data": {"image": "/data/upload/1/0a1b2c3d-a.png"}}])
    assert recognise(tmp_path) == "label_studio_brush"
    found = read_annotations(tmp_path)
    assert regions_of(found, SIZE) == {"0a1b2c3d-a.png": [("Brick", 400), ("Wood-panel", 400)]}
    assert found.left_out == {"older annotations of a task": 1}
    assert "task 8: no JSON export of Label Studio in the folder says which photo" in reasons(found)[0]
