"""Mask files beside photos."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from small_pictures import SIZE, photo, regions

from madeof.datasets import open_dataset
from madeof.datasets.formats import masks
from madeof.datasets.writing import Answered, AnsweredRegion
from madeof.errors import WriteError


@pytest.fixture(autouse=True, scope="module")
def quick_disk() -> Iterator[None]:
    """Nothing waits for the disk: many small files are written here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        yield


def test_photos_of_one_stem_are_told_apart(tmp_path: Path) -> None:
    cut = np.ones((2, 2), dtype=np.bool_)
    some = [
        Answered(name, tmp_path, SIZE, (AnsweredRegion("r", cut, (0, 0), material),))
        for name, material in (("a.jpg", "Wood"), ("a.png", "Brick"))
    ]
    photo(tmp_path / "a.jpg")
    photo(tmp_path / "a.png")
    masks.write(some, tmp_path / "out")
    dataset = open_dataset(tmp_path / "out")
    assert {region[:2] for region in regions(dataset)} == {("a.jpg", "Wood"), ("a-2.png", "Brick")}


def test_a_photo_that_is_not_there_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match=r"cannot copy the photo .*a\.jpg: No such file"):
        masks.write([Answered("a.jpg", tmp_path, SIZE, ())], tmp_path / "out")
