"""Data sets that are as they should be: every layout, reading, splits and counts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from datasets_opening import EXPECTED, folder, photo, regions, save, squares
from PIL import Image

from madeof.datasets import RegionDataset, open_dataset
from madeof.errors import DatasetError


def test_folder(two: RegionDataset) -> None:
    assert len(two) == 2
    assert two.materials == ("Brick", "Wood", "Glass")
    assert two.photos.name == ("a", "b")
    assert two.photos.height.tolist() == [12, 12]
    assert two.photos.width.tolist() == [16, 16]
    assert regions(two) == EXPECTED
    assert two.skipped == ()
    assert [column.dtype for column in (two.regions.photo, two.regions.material, two.regions.area)] == [
        np.int32,
        np.int16,
        np.int32,
    ]


def test_table(tmp_path: Path) -> None:
    save(tmp_path / "photos" / "a.jpg", photo())
    save(tmp_path / "b.png", photo())
    save(tmp_path / "m" / "1.png", squares((255, 0, 0, 4, 4), (255, 0, 6, 3, 9)))
    save(tmp_path / "m" / "2.png", squares((1, 8, 2, 16, 12)))
    save(tmp_path / "m" / "3.png", squares((9, 1, 1, 6, 3)))
    table = tmp_path / "table.csv"
    table.write_text(
        "mask,image,material,licence,split,note\n"
        "m/1.png,photos/a.jpg,Wood,MIT,val,x\n"
        "m/3.png,b.png,Brick,CC0,train,y\n"
        "m/2.png,./photos/a.jpg, wood ,MIT,val,z\n"
    )
    dataset = open_dataset(table)
    assert dataset.materials == ("Brick", "Wood")
    assert dataset.photos.name == ("photos/a.jpg", "b.png")
    assert dataset.photos.split == ("val", "train")
    assert dataset.count_by_licence() == {"MIT": 1, "CC0": 1}
    # A mask is one region, even in two pieces.
    assert regions(dataset) == {
        ("photos/a.jpg", "Wood", 25, (0, 0, 4, 9)),
        ("photos/a.jpg", "Wood", 80, (8, 2, 16, 12)),
        ("b.png", "Brick", 10, (1, 1, 6, 3)),
    }
    sample = dataset.read(0)
    assert sample.masks.sum(axis=(1, 2)).tolist() == dataset.regions.area[sample.regions].tolist() == [25, 80]
    assert open_dataset(table, materials=["Wood", "Sky", "Brick"]).materials == ("Wood", "Sky", "Brick")
    assert len(open_dataset(table, min_area=11)) == 1


def test_16_bit_values_are_exact(tmp_path: Path) -> None:
    folder(tmp_path, {})
    values = squares((1, 0, 0, 2, 2)).astype(np.uint16)
    values[5:8, 5:8] = 300
    values[8:10, 10:12] = 65535
    save(tmp_path / "images" / "x.png", photo())
    save(tmp_path / "labels" / "x.png", values)
    (tmp_path / "materials.csv").write_text("id,name\n65535,Sky\n1,Brick\n300,Fur\n44,Wood\n")
    dataset = open_dataset(tmp_path)
    assert dataset.materials == ("Brick", "Wood", "Fur", "Sky")
    assert {one[1:3] for one in regions(dataset)} == {("Brick", 4), ("Fur", 9), ("Sky", 4)}


def test_exif_turned_photo_and_its_map(tmp_path: Path) -> None:
    folder(tmp_path, {})
    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "images").mkdir()
    (tmp_path / "labels").mkdir()
    Image.fromarray(photo(12, 16)).save(tmp_path / "images" / "x.jpg", exif=exif)
    save(tmp_path / "labels" / "x.png", squares((2, 1, 1, 6, 3), size=(16, 12)))
    dataset = open_dataset(tmp_path)
    assert (dataset.photos.height[0], dataset.photos.width[0]) == (16, 12)
    assert dataset.read(0).image.shape == (16, 12, 3)
    save(tmp_path / "labels" / "x.png", squares((2, 1, 1, 6, 3), size=(12, 16)))
    with pytest.raises(DatasetError, match=r"x\.png.*EXIF"):
        open_dataset(tmp_path)
