"""Annotation files as data sets: found out or insisted on, scanned once, read lazily, and told what is wrong."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from datasets_annotated import SIZE, annotations, save_photo
from made import MATERIALS, photo_and_label_map
from PIL import Image

from madeof.cli.main import main
from madeof.datasets import RegionDataset, open_dataset, read_annotations
from madeof.datasets.annotated import AnnotatedPhotos
from madeof.datasets.annotations import AnnotatedPhoto, Annotation
from madeof.datasets.formats import coco
from madeof.datasets.photos import Details
from madeof.datasets.writing import Answered, AnsweredRegion
from madeof.errors import DatasetError
from madeof.regions.shapes import Box


def write_coco(folder: Path, number: int = 4) -> Path:
    """Photos of three stripes each in folder/images and folder/coco.json, beside our own layout's labels."""
    (folder / "images").mkdir(parents=True)
    (folder / "labels").mkdir()
    answered = []
    for seed in range(number):
        photo, labels = photo_and_label_map(seed)
        Image.fromarray(photo).save(folder / "images" / f"p{seed}.png")
        Image.fromarray(labels).save(folder / "labels" / f"p{seed}.png")
        regions = []
        for value in np.unique(labels[labels > 0])[
            np.argsort([np.argmax(labels == v) for v in np.unique(labels[labels > 0])])
        ]:
            ys, xs = np.nonzero(labels == value)
            cut = labels[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1] == value
            regions.append(AnsweredRegion("", cut, (int(xs.min()), int(ys.min())), MATERIALS[value - 1]))
        answered.append(Answered(f"p{seed}.png", folder / "images", (labels.shape[0], labels.shape[1]), tuple(regions)))
    coco.write(answered, folder / "coco.json")
    return folder / "coco.json"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_coco(tmp_path / "set")


def message(*args: Any, **more: Any) -> str:
    with pytest.raises(DatasetError) as caught:
        open_dataset(*args, **more)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def change(file: Path, edit: Any) -> Path:
    value = json.loads(file.read_text())
    edit(value)
    file.write_text(json.dumps(value))
    return file


def same_regions(one: RegionDataset, other: RegionDataset) -> bool:
    if len(one) != len(other) or len(one.regions) != len(other.regions):
        return False
    for photo in range(len(one)):
        mine, theirs = one.read(photo), other.read(photo)
        names = [one.materials[i] for i in mine.materials], [other.materials[i] for i in theirs.materials]
        if names[0] != names[1] or (mine.masks != theirs.masks).any() or (mine.image != theirs.image).any():
            return False
    return True


def test_a_file_is_the_data_set_that_it_was_written_from(file: Path) -> None:
    own = open_dataset(images=file.parent / "images", labels=file.parent / "labels", materials=MATERIALS)
    dataset = open_dataset(file)
    assert repr(dataset) == f"RegionDataset(4 photos, 12 regions, {len(dataset.materials)} materials)"
    assert [sample.name for sample in dataset] == list(dataset.photos.name)
    assert dataset[-1].name == dataset[3].name == dataset.photos.name[3]
    np.testing.assert_array_equal(dataset[1].masks, dataset.read(1).masks)
    for photo in (4, -5):
        with pytest.raises(IndexError):
            dataset[photo]
    assert set(dataset.materials) <= set(MATERIALS)
    assert same_regions(dataset, own)
    assert dataset.photos.name == ("p0.png", "p1.png", "p2.png", "p3.png")
    named = open_dataset(file, format="COCO", materials=MATERIALS, images=file.parent / "images")
    assert named.materials == MATERIALS
    assert same_regions(named, own)
    sample = dataset.read_region(4)
    assert sample.name == "p1.png"
    assert sample.masks.sum() == dataset.regions.area[4]


def test_min_area_and_what_is_left_out(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "madeof")

    def edit(value: dict[str, Any]) -> None:
        value["annotations"] += [{"id": 90, "image_id": 1, "category_id": 1, "bbox": [0, 0, 2, 3]}]
        value["annotations"] += [
            {"id": 91 + i, "image_id": 1, "category_id": 1, "keypoints": [1, 1, 1]} for i in range(7)
        ]

    dataset = open_dataset(change(file, edit), min_area=7)
    assert len(dataset.regions) == 12
    assert dataset.too_small == 1
    assert caplog.messages == ["coco.json: left out 7 keypoints, which are no regions"]


def test_opening_again_looks_only_at_what_changed(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scanned: list[int] = []
    scan = AnnotatedPhotos.scan

    def noted(self: AnnotatedPhotos, number: int) -> Any:
        scanned.append(number)
        return scan(self, number)

    monkeypatch.setattr(AnnotatedPhotos, "scan", noted)
    first = open_dataset(file, cache=tmp_path / "cache", workers=1)
    assert scanned == [0, 1, 2, 3]
    scanned.clear()
    again = open_dataset(file, cache=tmp_path / "cache", workers=1)
    assert scanned == []
    assert again.digest == first.digest
    assert same_regions(first, again)
    change(file, lambda value: value["annotations"][4].update(bbox=[0, 0, 1, 1], segmentation=[]))
    moved = open_dataset(file, cache=tmp_path / "cache", workers=1)
    assert scanned == [1]
    assert moved.regions.area[4] == 1
    os.utime(file.parent / "images" / "p3.png", (time.time() + 9, time.time() + 9))
    open_dataset(file, cache=tmp_path / "cache", workers=1)
    assert scanned == [1, 3]


def test_a_file_that_is_no_longer_what_it_was(file: Path) -> None:
    dataset = open_dataset(file)
    layout = dataset._layout
    assert isinstance(layout, AnnotatedPhotos)
    photo = layout._photos[1]
    annotation = photo.annotations[0]
    for now in ([], [annotation._replace(shape=Box(0, 0, 1, 1))]):
        photo.annotations = now
        with pytest.raises(DatasetError, match=r"^coco\.json changed since the data set was opened; open it again$"):
            dataset.read(1)


def test_problems_name_file_photo_and_place(file: Path) -> None:
    def edit(value: dict[str, Any]) -> None:
        value["annotations"][0]["segmentation"]["counts"] = "0"
        value["annotations"][4]["category_id"] = 99
        value["annotations"][8]["segmentation"] = [[900, 900, 950, 900, 950, 950]]
        value["images"].append({"id": 77, "file_name": "gone.png"})
        value["annotations"].append({"id": 78, "image_id": 77, "category_id": 1, "bbox": [1, 1, 4, 4]})

    change(file, edit)
    told = message(file)
    assert told.startswith(f"{file}: 4 problems: ")
    for part in (
        "coco.json: p0.png: annotation 1: its runs make 0 pixels; expected the photo's 80 x 64 = 5120",
        "coco.json: annotation 5: its category_id 99 is none of its categories",
        "coco.json: p2.png: annotation 9: the polygon lies outside the photo of 80 x 64",
        f"coco.json: the photo 'gone.png' is not in {file.parent} nor in images/, photos/, JPEGImages/, data/ there",
        "Mend them, or leave them out with skip_bad=True (--skip-bad)",
    ):
        assert part in told
    dataset = open_dataset(file, skip_bad=True)
    assert len(dataset.regions) == 9
    assert Counter(problem.file for problem in dataset.skipped) == Counter(
        ["coco.json", "gone.png", "p0.png", "p2.png"]
    )


def test_materials_that_are_not_in_the_list(file: Path) -> None:
    told = message(file, materials=["Sky"])
    assert "coco.json: p0.png: annotation " in told
    assert " is not in the materials given" in told
    dataset = open_dataset(file, materials=["sky"], skip_bad=True)
    assert dataset.materials == ("sky",)
    assert 0 < len(dataset.regions) < 12
    assert len(dataset.regions) + len(dataset.skipped) == 12


def test_the_stated_size_has_to_be_the_photos(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    save_photo(tmp_path / "a.jpg", exif=exif)
    for size, part in (
        ((12, 16), "it fits only the photo before its EXIF turn"),
        ((5, 5), "expected the same size"),
    ):
        layout = AnnotatedPhotos(annotations(tmp_path, AnnotatedPhoto("a.jpg", [], size)))
        with pytest.raises(DatasetError) as caught:
            layout.scan(0)
        assert f"the photo in file.json is {size[1]} x {size[0]} but its photo a.jpg is 12 x 16 " in str(caught.value)
        assert part in str(caught.value)
    assert AnnotatedPhotos(annotations(tmp_path, AnnotatedPhoto("a.jpg", [], (16, 12)))).scan(0).height == 16


def test_a_photo_that_is_there_twice(tmp_path: Path) -> None:
    save_photo(tmp_path / "a.png")
    one = AnnotatedPhoto("a.png", [Annotation("Wood", Box(0, 0, 2, 2), "1")], SIZE, Details("val"))
    two = AnnotatedPhoto("a.png", [Annotation("Brick", Box(4, 4, 9, 9), "2")], SIZE, Details("val"))
    layout = AnnotatedPhotos(annotations(tmp_path, one, two))
    assert len(layout) == 1
    assert layout.scan(0).regions.area.tolist() == [4, 25]
    assert not layout.problems
    other = AnnotatedPhoto("a.png", two.annotations, SIZE, Details("train"))
    layout = AnnotatedPhotos(annotations(tmp_path, one, other, AnnotatedPhoto("b.png", [])))
    assert [problem.reason for problem in layout.problems] == [
        "file.json: the photo a.png is there twice, with different sizes or details; keep one",
        "file.json: the photo b.png: cannot be read: No such file or directory",
    ]


def test_what_is_no_data_set(tmp_path: Path, file: Path) -> None:
    (tmp_path / "odd.json").write_text('{"nothing": 1}')
    told = message(tmp_path / "odd.json")
    assert "odd.json is of no layout or format that we know; expected a folder with images/, labels/" in told
    assert "an annotation file or folder of one of the formats coco, label_studio, " in told
    with pytest.raises(DatasetError, match=r"odd\.json is of no format that we know: we tried coco, .*insist on one"):
        read_annotations(tmp_path / "odd.json")
    with pytest.raises(DatasetError, match=r"nothing does not exist; expected an annotation file"):
        read_annotations(tmp_path / "nothing")
    assert "there is no format 'coconut'; the formats are coco, " in message(file, format="coconut")
    assert "coco.json is no file of LabelMe" in read_error(file, "labelme")
    assert "folders of images or labels are both given" in message(file, labels=file.parent / "labels")
    assert "has no label values to ignore" in message(file, ignore=[255])
    assert "is not a folder; expected the folder of the photos of coco.json" in message(file, images=tmp_path / "none")
    folders = {"images": file.parent / "images", "labels": file.parent / "labels"}
    assert "the format 'coco' is of an annotation file, but none is given" in message(format="coco", **folders)


def read_error(path: Path, format: str) -> str:
    """What is told of a file that is insisted to be of another format."""
    try:
        found = read_annotations(path, format=format)
    except DatasetError as error:
        return str(error)
    assert found.problems
    return found.problems[0].reason


def test_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_photo(tmp_path / "set" / "a.png")
    save_photo(tmp_path / "set" / "a_wood.png", (5, 5))
    (tmp_path / "set" / "sub").mkdir()
    for folder, path in (("set", "."), ("set/sub", "..")):
        monkeypatch.chdir(tmp_path / folder)
        assert "set: a.png: " in message(path, format="masks")


def test_a_table_of_masks_stays_a_table(tmp_path: Path) -> None:
    save_photo(tmp_path / "a.png")
    save_photo(tmp_path / "m.png", SIZE)
    (tmp_path / "table.csv").write_bytes(b'\xef\xbb\xbf"image", mask,Material\r\na.png,m.png,Wood\r\n')
    assert open_dataset(tmp_path / "table.csv").materials == ("Wood",)
    (tmp_path / "other.csv").write_text("image,material\na.png,Wood\n")
    assert "the column mask is missing" in message(tmp_path / "other.csv")


@pytest.mark.parametrize("more", [[], ["--format", "coco"]])
def test_evaluate_takes_a_file(
    more: list[str], file: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change(file, lambda value: value["annotations"].append({"id": 99, "image_id": 1, "category_id": 1, "caption": "x"}))
    (file.parent / "images").rename(file.parent / "elsewhere")
    images = ["--images", str(file.parent / "elsewhere")]
    assert main(["evaluate", str(file), *images, *more, "--model", str(tiny_model), "--split", "all", "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["regions"] == 12
    assert "madeof: coco.json: left out 1 captions, which are no regions\n" in err
    assert f"madeof: {file}: 4 photos, 12 regions\n" in err


def test_the_command_line_of_a_data_set(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, part in (
        ([str(file), "--labels", "x"], "evaluate takes either DATASET or --images DIR with --labels DIR"),
        (["--images", "x", "--labels", "y", "--format", "coco"], "evaluate takes either DATASET or"),
        (["--format", "coco"], "evaluate takes either DATASET or"),
        ([str(file), "--format", "coconut"], "invalid choice: 'coconut'"),
    ):
        with pytest.raises(SystemExit, match="2"):
            main(["evaluate", *arguments])
        assert part in capsys.readouterr().err
