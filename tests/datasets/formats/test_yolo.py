"""YOLO's text files."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from format_cases import SIZE, answered, mask_of, reasons, regions_of, round_trip, save_photo, survives
from formats_yolo import save
from hypothesis import given, settings
from hypothesis import strategies as st

from madeof.datasets.formats import yolo
from madeof.datasets.formats.finding import MissingPhoto
from madeof.datasets.writing import Answered, AnsweredRegion
from madeof.errors import DatasetError, WriteError

HEIGHT, WIDTH = SIZE


def parts(*points: tuple[float, float]) -> str:
    return " ".join(f"{x / WIDTH:.6f} {y / HEIGHT:.6f}" for x, y in points)


SQUARE = parts((1, 1), (5, 1), (5, 4), (1, 4))


BOX = parts((7.5, 6.5), (3, 3))


def dataset(folder: Path, text: str = f"0 {SQUARE}\n1 {BOX}\n", names: str = "names: [Wood, Glass]\n") -> Path:
    save_photo(folder / "images", "a.png")
    save(folder / "labels" / "a.txt", text)
    save(folder / "data.yaml", names)
    return folder


def test_outlines_and_boxes(tmp_path: Path) -> None:
    folder = dataset(tmp_path)
    for path in (folder, folder / "data.yaml", folder / "labels"):
        assert yolo.matches(path)
        found = yolo.read(path)
        assert not found.problems
        assert found.materials == ("Wood", "Glass")
        assert regions_of(found) == {"images/a.png": [("Wood", 12), ("Glass", 9)]}
        box = mask_of(found.photos[0].annotations[1].shape)
        assert np.argwhere(box).min(axis=0).tolist() == [5, 6]
        assert [one.place for one in found.photos[0].annotations] == ["line 1", "line 2"]


def test_where_texts_and_photos_are(tmp_path: Path) -> None:
    line = f"0 {SQUARE}\r\n"
    for photo, text in (
        ("images/train/küche/a b.png", "labels/train/küche/a b.txt"),
        ("valid/images/c.png", "valid/labels/c.txt"),
        ("images/test/d.png", "labels/test/d.txt"),
        ("images/none.png", "labels/none.txt"),
    ):
        save_photo(tmp_path, photo)
        save(tmp_path / text, line if "none" not in photo else "")
    save_photo(tmp_path, "runs/batch.png")
    save(tmp_path / "data.yaml", "\ufeffnames:\r\n  0: Wood\r\n")
    save(tmp_path / "README.txt", "1 2 3 go")
    assert yolo.matches(tmp_path)
    found = yolo.read(tmp_path)
    assert not found.problems
    assert {photo.file: photo.details.split for photo in found.photos if photo.annotations} == {
        "images/train/küche/a b.png": "train",
        "valid/images/c.png": "val",
        "images/test/d.png": "test",
    }
    assert {photo.file for photo in found.photos if not photo.annotations} == {"images/none.png"}


def test_texts_beside_photos(tmp_path: Path) -> None:
    save_photo(tmp_path, "a.png")
    save(tmp_path / "a.txt", f"0 {BOX}\n")
    save(tmp_path / "classes.txt", "Wood\r\nGlass\r\n")
    save(tmp_path / "train.txt", "data/a.png\n")
    assert yolo.matches(tmp_path)
    assert regions_of(yolo.read(tmp_path)) == {"a.png": [("Wood", 9)]}


def test_photos_elsewhere(tmp_path: Path) -> None:
    save(tmp_path / "set" / "labels" / "küche" / "a.txt", f"0 {SQUARE}\n")
    save(tmp_path / "set" / "data.yaml", "names: [Wood]")
    save_photo(tmp_path / "photos", "küche/a.png")
    for path in (tmp_path / "set", tmp_path / "set" / "labels"):
        found = yolo.read(path, tmp_path / "photos")
        assert regions_of(found) == {"küche/a.png": [("Wood", 12)]}
    missing = yolo.read(tmp_path / "set")
    assert reasons(missing)[0].startswith("labels/küche/a.txt: no photo a of its own in ")
    assert isinstance(missing.problems[0], MissingPhoto)


def test_key_points_are_left_out(tmp_path: Path) -> None:
    folder = dataset(tmp_path, f"0 {BOX} 0.1 0.2 2 0.3 0.4 1\n", "kpt_shape: [2, 3]\nnames: [Wood]\n")
    found = yolo.read(folder)
    assert regions_of(found) == {"images/a.png": [("Wood", 9)]}
    assert found.left_out == {"key points": 1}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("0 0.1 0.1 0.2", "it has 3 numbers behind the class; expected 4 of a box, or the x and y of 3 or more points"),
        ("0", "it has 0 numbers behind the class"),
        ("0 0.1 0.1 0.2 0.2 0.3", "it has 5 numbers behind the class"),
        ("0 0.1 0.1 0.2 0.2 0.3 x", "a coordinate is 'x'; expected a number"),
        ("0 0.1 0.1 0.2 0.2 0.3 nan", "a coordinate is 'nan'; expected a number"),
        ("0 10 10 20 10 20 20", "it has coordinates from 10 to 20; expected parts, from 0 to 1"),
        ("0 0.5 0.5 0 0.1", "its box has the size 0 x 0.1; expected more than 0"),
        ("7 0.5 0.5 0.1 0.1", "the class '7' has no name; expected one of 2"),
        ("wood 0.5 0.5 0.1 0.1", "the class is 'wood'; expected a number"),
        ("-1 0.5 0.5 0.1 0.1", "the class is '-1'; expected a whole number from 0"),
    ],
)
def test_broken_lines_are_problems_that_say_where(tmp_path: Path, line: str, expected: str) -> None:
    found = yolo.read(dataset(tmp_path, f"0 {SQUARE}\n\n{line}\n1 {BOX}\n"))
    assert [reason.startswith("labels/a.txt: line 3: ") for reason in reasons(found)] == [True]
    assert expected in reasons(found)[0]
    assert regions_of(found) == {"images/a.png": [("Wood", 12), ("Glass", 9)]}


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    folder = dataset(tmp_path)
    save_photo(folder / "images", "b.png")
    (folder / "labels" / "b.txt").write_bytes(b"0 \xff\xfe 0.1")
    found = yolo.read(folder)
    assert regions_of(found)["images/a.png"] == [("Wood", 12), ("Glass", 9)]
    assert "b.txt: not UTF-8 at byte 2" in reasons(found)[0]
    (folder / "data.yaml").unlink()
    assert not yolo.matches(folder)
    with pytest.raises(DatasetError, match=r"no names of classes; expected data\.yaml or classes\.txt"):
        yolo.read(folder)


def test_two_photos_for_one_text(tmp_path: Path) -> None:
    folder = dataset(tmp_path)
    save_photo(folder / "images", "a.jpg")
    assert "images/a.jpg, " in reasons(yolo.read(folder))[0]
    assert "share a name: keep one" in reasons(yolo.read(folder))[0]


def is_exact(region: AnsweredRegion) -> bool:
    """One outline is written as it is, in parts of the photo's size."""
    return region.polygons is None or len(region.polygons.parts) != 1 or bool(region.polygons.holes)


@settings(max_examples=25, deadline=None)
@given(answered())
def test_round_trip(photos: list[Answered]) -> None:
    if any(photo.regions for photo in photos):  # else there is nothing to tell the format by
        round_trip(yolo, [photo for photo in photos if photo.regions], "", is_exact)


def test_what_is_written(tmp_path: Path) -> None:
    mask = np.array([[True, True], [False, True]])
    region = AnsweredRegion("r", mask, (2, 4), '5" tile', 0.5)
    again = AnsweredRegion("s", mask, (0, 0), '5"  TILE', 0.5)
    photos = [Answered("images/b/a.png", tmp_path, (8, 8), (region, again))]
    text, listing = yolo.write(photos, tmp_path / "out")
    assert text == tmp_path / "out" / "labels" / "b" / "a.txt"
    assert text.read_text().splitlines()[0] == "0 0.25 0.5 0.5 0.5 0.5 0.75 0.375 0.75 0.375 0.625 0.25 0.625"
    assert listing.read_text() == 'train: images\nval: images\nnames:\n  0: "5\\" tile"\n'
    with pytest.raises(WriteError, match=r"a\.png and a\.jpg would share .*a\.txt; rename one of them"):
        yolo.write([Answered(f"a{one}", tmp_path, SIZE, ()) for one in (".png", ".jpg")], tmp_path / "other")


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=60), st.sampled_from(["labels/a.txt", "data.yaml"]))
def test_any_text_is_an_error_of_ours(data: bytes, file: str) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = dataset(Path(place) / "set")
        whole = (folder / file).read_bytes()
        (folder / file).write_bytes(whole[: len(data)] + data + whole[len(data) :])
        survives(yolo, folder, name=Path(file).name)
