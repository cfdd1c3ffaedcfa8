"""Data sets with something wrong: what each gets, and the words of the message."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from datasets_problems import message, photo, save, square, table

from madeof.datasets import open_dataset
from madeof.errors import DatasetError, InputError


def test_names_in_messages_are_printable(root: Path) -> None:
    save(root / "images" / "two\nlines \udce9.jpg", photo())
    assert r"images/two\nlines \udce9.jpg: no label map labels/two\nlines \udce9.png" in message(root)


def test_truncated_photo_is_found_when_it_is_read(root: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    path = save(root / "images" / "b.jpg", noise)
    path.write_bytes(path.read_bytes()[:2000])
    save(root / "labels" / "b.png", square(size=(64, 64)))
    dataset = open_dataset(root)
    with pytest.raises(InputError, match=r"b\.jpg"):
        dataset.read(1)
    assert dataset.read(0).name == "a"


def test_files_that_change_after_opening(root: Path) -> None:
    dataset = open_dataset(root)
    for values in (square(2), np.roll(square(), 1), np.zeros((6, 8), dtype=np.uint8)):
        save(root / "labels" / "b.png", values)
        if values.max() == 1:
            values[3, 3] = 0  # one pixel less
            save(root / "labels" / "b.png", values)
        with pytest.raises(DatasetError, match=r"b\.png changed since the data set was opened; open it again"):
            dataset.read(1)
    (root / "images" / "a.jpg").unlink()
    with pytest.raises(InputError, match=r"a\.jpg"):
        dataset.read(0)


def test_nothing_left(root: Path) -> None:
    assert "no region is left of 2 photos: 0 problems, 2 regions under 100 px" in message(root, min_area=100)
    for path in (*root.glob("images/*"), *root.glob("labels/*")):
        path.unlink()
    assert "no region is left of 0 photos" in message(root)


def test_no_layout(root: Path) -> None:
    expected = "expected a folder with images/, labels/ and materials.csv, or a CSV"
    assert f"does not exist; {expected}" in message(root / "nothing")
    assert f"is of no layout or format that we know; {expected}" in message(root / "images" / "a.jpg")
    assert f"no images/ and no labels/ and no materials.csv in this folder; {expected}" in message(root / "images")
    assert "no data set: give a folder" in message()
    assert "no data set: give a folder" in message(images=root / "images")
    assert "both given; give one or the other" in message(root, images=root / "images")
    assert "is not a folder" in message(images=root / "images", labels=root / "nothing")
    assert "expected two folders" in message(images=root / "images", labels=root / "images")
    assert "has its own materials.csv" in message(root, materials="fmd")
    (root / "materials.csv").unlink()
    assert "no materials.csv in this folder" in message(root)
    assert open_dataset(root, materials="fmd").materials[0] == "Fabric"


def test_wrong_settings(root: Path) -> None:
    assert "min_area is 0; expected 1 pixel or more" in message(root, min_area=0)
    assert "val_fraction is 1.0; expected 0 or more and less than 1" in message(root, val_fraction=1.0)
    assert "val_fraction is nan" in message(root, val_fraction=float("nan"))
    assert "workers is 0" in message(root, workers=0)
    assert "ignore is [-1]" in message(root, ignore=[-1])
    assert "leave ignore out" in message(table(root, "image,mask,material\n"), ignore=[255])
    two = {"images": root / "images", "labels": root / "labels"}
    assert "is neither a CSV file nor one of the lists opensurfaces," in message(**two, materials="oak")
    assert "the material 'wood' is there twice" in message(**two, materials=["Wood", "wood"])
    assert "no materials" in message(**two, materials=[])
    assert "'' is not the name of a material" in message(**two, materials=[""])
