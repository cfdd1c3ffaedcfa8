"""Splits, given and drawn."""

from __future__ import annotations

from pathlib import Path

import pytest
from datasets_opening import TWO, folder, squares
from made import write_dataset

from madeof.datasets import open_dataset
from madeof.datasets.conversion import convert
from madeof.datasets.splits import assign
from madeof.errors import DatasetError


def test_splits_of_photos_csv(tmp_path: Path) -> None:
    rows = "name,split,licence,source,group\na.jpg,VAL,MIT,mine,\nb,train,,mine,\nnot there,test,,,\n"
    dataset = open_dataset(folder(tmp_path, TWO, photos=rows))
    assert dataset.photos.split == ("val", "train")
    assert dataset.split("all") is dataset
    assert len(dataset.split("test")) == 0
    assert dataset.count_by_source() == {"mine": 2}
    assert dataset.count_by_licence() == {"MIT": 1, "": 1}
    train = dataset.split("train")
    assert train.photos.name == ("b",)
    assert train.regions.photo.tolist() == [0]
    assert train.read(0).name == "b"
    assert train.read_region(0).regions.tolist() == [0]
    assert train.digest != dataset.digest
    with pytest.raises(DatasetError, match="the split 'valid' is not one of train, val, test, all"):
        dataset.split("valid")


def test_drawn_splits_are_stable(tmp_path: Path) -> None:
    one = squares((1, 0, 0, 2, 2), size=(4, 4))
    names = [f"p{number}" for number in range(60)]
    root = folder(tmp_path, dict.fromkeys(names, one))
    before = open_dataset(root, val_fraction=0.3)
    of = dict(zip(before.photos.name, before.photos.split, strict=True))
    assert 8 <= list(of.values()).count("val") <= 30
    folder(root, dict.fromkeys(["0first", "zlast"], one))
    after = open_dataset(root, val_fraction=0.3)
    assert {name: split for name, split in zip(after.photos.name, after.photos.split, strict=True) if name in of} == of
    assert open_dataset(root, val_fraction=0.3, seed=1).photos.split != after.photos.split
    assert set(open_dataset(root, val_fraction=0).photos.split) == {"train"}


def test_groups_stay_together(tmp_path: Path) -> None:
    one = squares((1, 0, 0, 2, 2), size=(4, 4))
    names = [f"p{number}" for number in range(40)]
    rows = ["name,group,split"] + [f"{name},house{number // 4}," for number, name in enumerate(names)]
    rows[1] += "test"  # p0: the other three of house0 follow
    photos = open_dataset(folder(tmp_path, dict.fromkeys(names, one), photos="\n".join(rows)), val_fraction=0.4).photos
    splits: dict[str, set[str]] = {}
    for group, split in zip(photos.group, photos.split, strict=True):
        splits.setdefault(group, set()).add(split)
    assert all(len(found) == 1 for found in splits.values())
    assert splits["house0"] == {"test"}
    assert {"train", "val"} <= set(photos.split)


def drawn(*names: str, seed: int = 0) -> tuple[str, ...]:
    nothing = [""] * len(names)
    return assign(names, nothing, nothing, val_fraction=0.5, seed=seed, where="here")


def test_a_drawn_split_goes_by_the_name_of_the_photo() -> None:
    for seed in range(20):
        names = ("a", "a.jpg", "a.PNG", "images/a.jpg", "x/y/a", "x\\a.png")
        assert len({drawn(name, seed=seed) for name in names}) == 1
        # Photos of one name are told apart by their folders.
        several = drawn("kitchen/1.jpg", "bath/1.jpg", "hall/1.jpg", "2.jpg", seed=seed)
        assert several == drawn("images/kitchen/1", "images/bath/1", "images/hall/1", "images/2", seed=seed)
    both = {drawn("kitchen/1.jpg", "bath/1.jpg", seed=seed) for seed in range(20)}
    assert {("train", "val"), ("val", "train")} <= both


@pytest.mark.parametrize("to", ["coco", "label_studio", "labelme", "cvat", "yolo", "label_map", "masks"])
def test_no_photo_changes_its_split_when_its_data_set_is_converted(to: str, tmp_path: Path) -> None:
    root = write_dataset(tmp_path / "set", photos=16)
    (root / "photos.csv").unlink()
    out = tmp_path / {"coco": "a.json", "label_studio": "a.json", "cvat": "a.xml"}.get(to, "out")
    convert(root, out, to, copy_photos=to not in ("label_map", "masks"))
    stems = [{Path(name).stem for name in open_dataset(place).split("val").photos.name} for place in (root, out)]
    assert stems[0]
    assert stems[0] == stems[1]
