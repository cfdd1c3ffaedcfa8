"""The regions of label maps, read in either way."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from formats_label_map import answered
from small_pictures import regions, squares

from madeof.datasets import open_dataset
from madeof.datasets.annotated import read_annotations
from madeof.datasets.formats import label_map


@pytest.fixture(autouse=True, scope="module")
def quick_disk() -> Iterator[None]:
    """Nothing waits for the disk: many small files are written here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        yield


def test_both_ways_of_reading_find_the_same(tmp_path: Path) -> None:
    values = squares((1, 0, 0, 4, 4), (2, 4, 0, 8, 4), (2, 9, 9, 16, 12))
    label_map.write([answered(tmp_path / "in", "a", values)], tmp_path / "out")
    (tmp_path / "out/photos.csv").write_text("name,split,source\na,test,home\n")
    layout, annotations = open_dataset(tmp_path / "out"), open_dataset(tmp_path / "out", format="label_map")
    assert {region[1:] for region in regions(layout)} == {region[1:] for region in regions(annotations)}
    assert layout.photos.split == annotations.photos.split == ("test",)
    assert annotations.photos.source == ("home",)
    assert layout.materials == annotations.materials
    assert read_annotations(tmp_path / "out").materials == layout.materials
