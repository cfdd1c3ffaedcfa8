"""Our own folder of label maps: written with colours and a legend, and read back."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from formats_label_map import NAMES, answered
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from PIL import Image
from small_pictures import SIZE, photo, regions, save, squares

from madeof.datasets import open_dataset
from madeof.datasets.formats import label_map
from madeof.datasets.formats.label_map import colour
from madeof.datasets.writing import Answered, AnsweredRegion
from madeof.errors import DatasetError, WriteError
from madeof.regions.components import connected_components


@pytest.fixture(autouse=True, scope="module")
def quick_disk() -> Iterator[None]:
    """Nothing waits for the disk: many small files are written here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        yield


maps = arrays.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.integers(0, 4))


photos = st.dictionaries(st.sampled_from(["a", "ä b", "room/a", "room/b-2"]), maps, min_size=1, max_size=3)


@given(photos)
@settings(max_examples=25, deadline=None)
def test_blobs_are_read_back_exactly(given_: dict[str, NDArray[np.uint8]]) -> None:
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        label_map.write([answered(root / "in", name, values) for name, values in given_.items()], root / "out")
        if not any(values.any() for values in given_.values()):
            with pytest.raises(DatasetError):
                open_dataset(root / "out")
            return
        for format in (None, "label_map"):
            dataset = open_dataset(root / "out", format=format)
            found = {name.removesuffix(".jpg"): number for number, name in enumerate(dataset.photos.name)}
            assert set(found) == {name for name, values in given_.items() if values.any()}
            for name, number in found.items():
                again = np.zeros(given_[name].shape, dtype=np.uint8)
                sample = dataset.read(number)
                for mask, material in zip(sample.masks, sample.materials, strict=True):
                    again[mask] = NAMES.index(dataset.materials[material]) + 1
                np.testing.assert_array_equal(again, given_[name])
                assert len(sample.masks) == len(connected_components(given_[name]).values)


def test_the_smaller_of_two_that_overlap_is_on_top(tmp_path: Path) -> None:
    photo(tmp_path / "a.jpg")
    small, large = np.ones((2, 2), dtype=np.bool_), np.ones((8, 8), dtype=np.bool_)
    some = (AnsweredRegion("1", small, (2, 2), "Wood"), AnsweredRegion("2", large, (0, 0), "Brick"))
    label_map.write([Answered("a.jpg", tmp_path, SIZE, some)], tmp_path / "out")
    assert {region[1:3] for region in regions(open_dataset(tmp_path / "out"))} == {("Wood", 4), ("Brick", 60)}


def test_colours_and_the_legend(tmp_path: Path) -> None:
    written = label_map.write([answered(tmp_path / "in", "a", squares((2, 0, 0, 4, 4)))], tmp_path / "out")
    assert [path.relative_to(tmp_path / "out").as_posix() for path in written] == [
        "images/a.jpg",
        "labels/a.png",
        "materials.csv",
        "legend.png",
    ]
    with Image.open(tmp_path / "out/labels/a.png") as picture:
        assert picture.mode == "P"
        assert np.asarray(picture)[0, 0] == 1
        assert picture.convert("RGB").getpixel((0, 0)) == colour(1)
        assert picture.convert("RGB").getpixel((15, 11)) == (0, 0, 0)
    with Image.open(tmp_path / "out/legend.png") as picture:
        pixels = np.asarray(picture.convert("RGB"))
    assert (pixels == colour(1)).all(axis=2).sum() > 300
    assert (tmp_path / "out/materials.csv").read_text() == "id,name\n1,Carpet / rug\n"
    assert len({colour(value) for value in range(256)}) == 256


def test_more_materials_than_a_palette_has_colours(tmp_path: Path) -> None:
    photo(tmp_path / "a.jpg", (20, 40))
    cut = np.ones((1, 1), dtype=np.bool_)
    some = tuple(
        AnsweredRegion("r", cut, (number % 20 * 2, number // 20), f"material {number}") for number in range(300)
    )
    label_map.write([Answered("a.jpg", tmp_path, (20, 40), some)], tmp_path / "out")
    with Image.open(tmp_path / "out/labels/a.png") as picture:
        assert picture.mode.startswith("I;16")
    dataset = open_dataset(tmp_path / "out")
    assert len(dataset.materials) == 300
    assert len(dataset.regions) == 300


def test_names_that_are_alike_are_one_material_and_stems_are_told_apart(tmp_path: Path) -> None:
    photo(tmp_path / "a.jpg")
    photo(tmp_path / "A.png")
    cut = np.ones((2, 2), dtype=np.bool_)
    some = [
        Answered(name, tmp_path, SIZE, (AnsweredRegion("r", cut, (0, 0), material),))
        for name, material in (("a.jpg", "Wood"), ("A.png", "wood "))
    ]
    label_map.write(some, tmp_path / "out")
    dataset = open_dataset(tmp_path / "out")
    assert dataset.materials == ("Wood",)
    assert dataset.photos.name == ("A-2", "a")


def test_broken_folders(tmp_path: Path) -> None:
    values = squares((1, 0, 0, 4, 4))
    label_map.write([answered(tmp_path / "in", "a", values)], tmp_path / "out")
    save(tmp_path / "out/labels/a.png", squares((7, 0, 0, 4, 4)))
    with pytest.raises(DatasetError, match=r"labels/a\.png: the value 7 \(16 px\) not in materials\.csv: add the name"):
        open_dataset(tmp_path / "out", format="label_map")
    (tmp_path / "out/materials.csv").write_text("id,name\n1,Wood\n65536,Brick\n")
    with pytest.raises(DatasetError, match=r"materials\.csv: the value 65536 is too large; expected less than 65536"):
        label_map.read(tmp_path / "out")
    (tmp_path / "out/materials.csv").write_text("id,name\nx,Wood\n")
    with pytest.raises(DatasetError, match=r"materials\.csv line 2: the id 'x' is not a whole number"):
        label_map.read(tmp_path / "out")
    with pytest.raises(WriteError, match=r"cannot copy the photo .*gone\.jpg"):
        label_map.write([Answered("gone.jpg", tmp_path, SIZE, ())], tmp_path / "out")
