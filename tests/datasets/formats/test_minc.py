"""MINC-2500: patches, whose splits stand in text files."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_pictures import SIZE, opened, photo, regions

from madeof.datasets import open_dataset
from madeof.datasets.formats import minc, recognise
from madeof.errors import DatasetError

FILES = {"train1": ["brick/a", "polishedstone/b"], "validate1": ["sky/c"], "test1": ["brick/d"], "train2": ["sky/c"]}


def release(root: Path, files: dict[str, list[str]] = FILES, end: str = "\n") -> Path:
    for name, patches in files.items():
        (root / "labels").mkdir(parents=True, exist_ok=True)
        text = "".join(f"images/{patch}.jpg{end}" for patch in patches)
        (root / "labels" / f"{name}.txt").write_bytes(text.encode())
        for patch in patches:
            photo(root / "images" / f"{patch}.jpg")
    (root / "categories.txt").write_text("brick\npolishedstone\nsky\n")
    return root


def test_a_patch_is_a_region(tmp_path: Path) -> None:
    dataset = opened(release(tmp_path), "minc")
    assert dataset.materials == ("brick", "Polished stone", "sky")
    whole = SIZE[0] * SIZE[1], (0, 0, SIZE[1], SIZE[0])
    assert regions(dataset) == {
        ("images/brick/a.jpg", "brick", *whole),
        ("images/polishedstone/b.jpg", "Polished stone", *whole),
        ("images/sky/c.jpg", "sky", *whole),
        ("images/brick/d.jpg", "brick", *whole),
    }
    splits = dict(zip(dataset.photos.name, dataset.photos.split, strict=True))
    assert splits["images/sky/c.jpg"] == "val"
    assert splits["images/brick/d.jpg"] == "test"


def test_another_split_is_that_of_its_file(tmp_path: Path) -> None:
    path = release(tmp_path) / "labels" / "train2.txt"
    dataset = opened(path, "minc")
    assert dataset.photos.name == ("images/sky/c.jpg",)
    assert dataset.photos.split == ("train",)


def test_photos_elsewhere_and_windows_line_ends(tmp_path: Path) -> None:
    root = release(tmp_path / "minc", end="\r\n")
    (root / "images").rename(tmp_path / "images of minc")
    for images in (tmp_path / "images of minc", tmp_path):
        if images == tmp_path:
            (tmp_path / "images of minc").rename(tmp_path / "images")
        assert len(open_dataset(root, images=images)) == 4


def test_what_is_broken_is_named(tmp_path: Path) -> None:
    root = release(tmp_path)
    (root / "images/brick/a.jpg").unlink()
    (root / "labels/test1.txt").write_text("images/brick/d.jpg\nimages/sky/c.jpg\nbrick.jpg\n")
    with pytest.raises(DatasetError) as caught:
        open_dataset(root)
    message = str(caught.value)
    assert "3 problems" in message
    assert "labels/test1.txt: line 2: images/sky/c.jpg stands in labels/validate1.txt line 1 already" in message
    assert "labels/test1.txt: line 3: 'brick.jpg' is not images/CATEGORY/NAME.jpg" in message
    assert "the photo 'images/brick/a.jpg' is not in" in message
    assert len(open_dataset(root, skip_bad=True)) == 3


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    assert recognise(tmp_path) != "minc"
    with pytest.raises(DatasetError, match=r"no labels/train1\.txt; expected a folder of MINC-2500"):
        minc.read(tmp_path)
    (tmp_path / "train.txt").write_text("images/brick/a.jpg\n")
    with pytest.raises(DatasetError, match=r"expected a file of MINC-2500, such as labels/train1\.txt"):
        minc.read(tmp_path / "train.txt")
