"""COCO files in folders, and zip files of any format, as tools export them with their photos."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from format_cases import regions_of, save_photo, write_json

from madeof.datasets import open_dataset, read_annotations
from madeof.datasets.formats import recognise
from madeof.errors import DatasetError

SIZE = 48, 64


def coco(*photos: str, material: str = "Wood") -> dict[str, Any]:
    return {
        "images": [{"id": at, "file_name": photo} for at, photo in enumerate(photos)],
        "categories": [{"id": 1, "name": material}],
        "annotations": [
            {"id": at, "image_id": at, "category_id": 1, "bbox": [5, 10, 20, 20]} for at in range(len(photos))
        ],
    }


def zipped(folder: Path, out: Path, top: str = "") -> Path:
    with zipfile.ZipFile(out, "w") as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, Path(top) / path.relative_to(folder))
    return out


def put(root: Path, tool: str) -> dict[str, tuple[str, str]]:
    """A folder as the tool exports it, and the material and split of each photo."""
    if tool == "roboflow":
        for split, material in (("train", "Wood"), ("valid", "Brick")):
            save_photo(root, f"{split}/{split}.png", SIZE)
            write_json(root / split / "_annotations.coco.json", coco(f"{split}.png", material=material))
        return {"train/train.png": ("Wood", "train"), "valid/valid.png": ("Brick", "val")}
    if tool == "cvat":
        for split in ("train", "test"):
            save_photo(root, f"images/{split}/{split}.png", SIZE)
            write_json(root / "annotations" / f"instances_{split}.json", coco(f"{split}/{split}.png"))
            write_json(root / "annotations" / f"person_keypoints_{split}.json", coco(f"{split}/{split}.png"))
        return {"train/train.png": ("Wood", "train"), "test/test.png": ("Wood", "test")}
    save_photo(root, "images/1-a.png", SIZE)
    write_json(root / "result.json", coco("images/1-a.png"))
    return {"images/1-a.png": ("Wood", "")}


@pytest.mark.parametrize("tool", ["roboflow", "cvat", "label_studio"])
@pytest.mark.parametrize("top", ["", "export"])
def test_coco_with_its_photos(tool: str, top: str, tmp_path: Path) -> None:
    (tmp_path / "set" / "annotations").mkdir(parents=True)
    expected = put(tmp_path / "set", tool)
    for path in (tmp_path / "set", zipped(tmp_path / "set", tmp_path / "set.zip", top)):
        found = read_annotations(path)
        assert found.where == path
        assert not found.problems
        assert {photo.file: photo.details.split for photo in found.photos} == {
            photo: split for photo, (_, split) in expected.items()
        }
        assert regions_of(found, SIZE) == {photo: [(one, 400)] for photo, (one, _) in expected.items()}
        assert recognise(path) == "coco"
        assert len(open_dataset(path).regions) == len(expected)
    if tool == "cvat":
        assert found.left_out == {"COCO files beside instances_*.json": 2}


def test_a_zip_of_another_format_and_its_index(tmp_path: Path) -> None:
    save_photo(tmp_path / "set", "images/train/a.png", SIZE)
    (tmp_path / "set" / "labels" / "train").mkdir(parents=True)
    (tmp_path / "set" / "labels" / "train" / "a.txt").write_text("0 0.5 0.5 0.25 0.25\n")
    (tmp_path / "set" / "data.yaml").write_text("names: [Wood]\n")
    path = zipped(tmp_path / "set", tmp_path / "set.zip")
    dataset = open_dataset(path, cache=tmp_path / "index.npz")
    assert dataset.regions.area.tolist() == [192]
    assert open_dataset(path, cache=tmp_path / "index.npz").digest == dataset.digest


@pytest.mark.parametrize("name", ["../a.json", "/a.json", "x/../../a.json", "C:/a.json", "..\\a.json"])
def test_a_zip_that_leads_out_of_its_folder(name: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        archive.writestr(name, json.dumps(coco("a.png")))
    with pytest.raises(DatasetError, match="a path that leads out of it; unpack it and give the folder"):
        read_annotations(tmp_path / "set.zip")
    assert [one.name for one in tmp_path.iterdir()] == ["set.zip"]
    assert recognise(tmp_path / "set.zip") is None


def test_zips_that_cannot_be_unpacked(tmp_path: Path) -> None:
    write_json(tmp_path / "set" / "a.json", coco("a.png"))
    path = zipped(tmp_path / "set", tmp_path / "set.zip")
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DatasetError, match=r"set\.zip cannot be unpacked: File is not a zip file"):
        read_annotations(path)
    entry = zipfile.ZipInfo("a.json")
    entry.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(entry, "/etc/passwd")
    with pytest.raises(DatasetError, match=r"holds a\.json, a link; unpack it"):
        read_annotations(path)
