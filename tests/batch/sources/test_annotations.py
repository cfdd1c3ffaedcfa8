"""Annotation files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from batch_sources import areas, png, tasks, write_coco, write_photos
from made import write_dataset

from madeof.batch.requests import requests_of
from madeof.batch.sources.opening import open_source
from madeof.errors import MadeofError
from madeof.images.photo import read_photo


def test_an_annotation_file(tmp_path: Path) -> None:
    write_photos(tmp_path / "images", "a.png", "b.png")
    coco = write_coco(tmp_path / "coco.json", "a.png", "b.png", "missing.png")
    first, _, last = tasks(coco)
    assert areas(first) == {"annotation 0": 100}
    assert [one.truth for one in requests_of(first, read_photo(first.photo))] == ["Wood"]
    assert "the photo 'missing.png' is not in" in last.error
    (tmp_path / "images" / "a.png").write_bytes(png(np.zeros((9, 9, 3), dtype=np.uint8)))
    with pytest.raises(MadeofError, match=r"a\.png: .*80 x 64.*9 x 9"):
        areas(first)


def test_a_folder_with_annotations_is_told_and_read_with_its_format(tmp_path: Path) -> None:
    data = write_dataset(tmp_path / "set", photos=3, val=0)
    _, hint = open_source(str(data))
    assert hint.endswith("is read as a folder of photos; for the regions of label_map in it give --format label_map")
    assert [len(areas(task)) for task in tasks(data, format="label_map")] == [3, 3, 3]
