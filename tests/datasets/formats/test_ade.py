"""Label maps with a list of names: ADE20K's, COCO-Stuff's and plain ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_pictures import opened, photo, regions, save, squares

from madeof.datasets import open_dataset
from madeof.datasets.formats import ade, recognise
from madeof.datasets.formats.ade import read_values
from madeof.errors import DatasetError

ADE = "Idx\tRatio\tTrain\tVal\tName\n1\t0.1576\t11664\t1172\twall\n2 \t0.1072\t6046\t612\tbuilding, edifice \n"
COCO = "".join(
    f"{number}: {name}\n"
    for number, name in enumerate(
        [
            "unlabeled",
            "person",
            *(f"class {i}" for i in range(2, 92)),
            "banner",
            *(f"c {i}" for i in range(93, 182)),
            "wood",
        ]
    )
)


def folder(root: Path, names: str, *, maps: str = "annotations", file: str = "labels.txt", empty: int = 0) -> Path:
    photo(root / "images/training/a.jpg")
    photo(root / "images/val2017/b.jpg")
    save(root / maps / "training/a.png", squares((1, 0, 0, 4, 4), (2, 8, 2, 12, 6), empty=empty))
    save(root / maps / "val2017/b.png", squares((2, 0, 0, 4, 4), empty=empty))
    (root / file).write_text(names)
    return root


def test_ade20k(tmp_path: Path) -> None:
    dataset = opened(folder(tmp_path, ADE, file="objectInfo150.txt"), "ade")
    assert dataset.materials == ("wall", "building, edifice")
    assert regions(dataset) == {
        ("training/a.jpg", "wall", 16, (0, 0, 4, 4)),
        ("training/a.jpg", "building, edifice", 16, (8, 2, 12, 6)),
        ("val2017/b.jpg", "building, edifice", 16, (0, 0, 4, 4)),
    }
    assert dataset.photos.split == ("train", "val")


def test_coco_stuff_counts_from_its_first_class(tmp_path: Path) -> None:
    root = folder(tmp_path / "data", COCO, empty=255)
    save(root / "annotations/val2017/b.png", squares((0, 0, 0, 4, 4), (181, 8, 0, 12, 4), empty=255))
    (root / "labels.txt").rename(tmp_path / "labels.txt")  # it lies above the data in the repository
    dataset = opened(root, "ade")
    assert len(dataset.materials) == 182
    assert regions(dataset) == {
        ("training/a.jpg", "class 2", 16, (0, 0, 4, 4)),
        ("training/a.jpg", "class 3", 16, (8, 2, 12, 6)),
        ("val2017/b.jpg", "person", 16, (0, 0, 4, 4)),
        ("val2017/b.jpg", "wood", 16, (8, 0, 12, 4)),
    }


@pytest.mark.parametrize(
    ("names", "known", "unlabelled"),
    [
        ("1: wall\n2: floor", {1: "wall", 2: "floor"}, {0, 255}),
        ("\ufeff0: wall\r\n1: floor\r\n", {0: "wall", 1: "floor"}, {255}),
        ("# mine\n0: background\n1\twall\n\n2, floor, wood\n", {1: "wall", 2: "floor, wood"}, {0, 255}),
        ("7 Holz\n255: Wände", {7: "Holz", 255: "Wände"}, {0}),
        ("0: none\n1: a\n9: Unlabeled\n", {1: "a"}, {0, 9, 255}),
    ],
)
def test_lists_of_names(tmp_path: Path, names: str, known: dict[int, str], unlabelled: set[int]) -> None:
    path = tmp_path / "labels.txt"
    path.write_bytes(names.encode())
    found = read_values(path)
    assert (found.names, found.unlabelled) == (known, unlabelled)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("1: wall\nfloor\n", "line 2: 'floor' is no id and name, such as 1: wall"),
        ("1: wall\n2:\n", "line 2: '2:' is no id and name"),
        ("1: wall\n1: floor\n", "line 2: the id 1 is on line 1 already; keep one"),
        ("70000: wall\n", "line 1: the id 70000 is larger than a label map's largest, 65535"),
        ("0: background\n", "no names in it; expected lines such as 1: wall"),
        ("", "no names in it"),
        ("Idx Ratio Train Val Name\n1: wall\n", "line 2: '1: wall' is no id and name"),
    ],
)
def test_broken_lists_of_names(tmp_path: Path, names: str, message: str) -> None:
    root = folder(tmp_path, names)
    with pytest.raises(DatasetError, match=message) as caught:
        ade.read(root)
    assert "labels.txt" in str(caught.value)


def test_values_without_a_name_are_told(tmp_path: Path) -> None:
    root = folder(tmp_path, "1: wall\n")
    with pytest.raises(DatasetError, match=r"annotations/training/a\.png: the value 2 \(16 px\) not in labels\.txt"):
        open_dataset(root)


def test_missing_partners_and_folders(tmp_path: Path) -> None:
    root = folder(tmp_path, "1: wall\n2: floor\n", maps="stuffthingmaps")
    (root / "images/training/a.jpg").unlink()
    photo(root / "images/training/c.jpg")
    with pytest.raises(DatasetError) as caught:
        open_dataset(root)
    assert "images/training/c.jpg: no label map stuffthingmaps/training/c.png" in str(caught.value)
    assert "stuffthingmaps/training/a.png: no photo images/training/a.jpg" in str(caught.value)
    (root / "images").rename(tmp_path / "elsewhere")
    with pytest.raises(DatasetError, match=r"images is not a folder; expected the photos of"):
        ade.read(root)
    assert len(open_dataset(root, images=tmp_path / "elsewhere", skip_bad=True)) == 1
    with pytest.raises(DatasetError, match="no folder of label maps; expected annotations/, stuffthingmaps/"):
        ade.read(tmp_path / "elsewhere")
    (root / "labels.txt").unlink()
    with pytest.raises(DatasetError, match=r"no list of names; expected objectInfo150\.txt"):
        ade.read(root)
    assert recognise(root) != "ade"


def test_sixteen_bits(tmp_path: Path) -> None:
    root = folder(tmp_path, "1: wall\n2: floor\n40000: sky\n")
    save(root / "annotations/training/a.png", squares((1, 0, 0, 4, 4)).astype("uint16") * 40000)
    assert ("training/a.jpg", "sky", 16, (0, 0, 4, 4)) in regions(open_dataset(root))
