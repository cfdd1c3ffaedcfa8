"""Where the photos of an annotation file are."""

from __future__ import annotations

from pathlib import Path

import pytest
from formats_registry import error
from hypothesis import given, settings
from hypothesis import strategies as st

from madeof.datasets.formats.finding import MissingPhoto, find_photos, relative_path


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    return path


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("a.jpg", "a.jpg"),
        ("living\\room 1.jpg", "living/room 1.jpg"),
        ("./küche//b.jpg", "küche/b.jpg"),
        ("C:\\Users\\me\\a.jpg", "a.jpg"),
        ("C:a.jpg", "a.jpg"),
        ("/data/a.jpg", "a.jpg"),
        ("\\\\server\\share\\a.jpg", "a.jpg"),
        ("https://example.org/x/a.jpg", "a.jpg"),
        ("../../etc/a.jpg", "a.jpg"),
        ("x/../a.jpg", "a.jpg"),
        ("..", ""),
        ("x/..", ""),
        ("C:..", ""),
        ("/C:.", ""),
        ("/", ""),
        ("", ""),
        (".", ""),
    ],
)
def test_a_path_stays_in_its_folder(name: str, path: str) -> None:
    assert relative_path(name) == path


@settings(deadline=None)
@given(st.text(st.sampled_from("ab/\\.: "), max_size=12))
def test_no_path_leads_out(name: str) -> None:
    path = relative_path(name)
    assert not path.startswith("/")
    assert not {".", ".."} & set(path.split("/"))


def test_photos_are_found(tmp_path: Path) -> None:
    where = touch(tmp_path / "set" / "file.json")
    for photo in ("set/images/a.jpg", "set/images/x/b.jpg", "set/images/y/c.JPG", "photos/a.jpg"):
        touch(tmp_path / photo)
    folder, files = find_photos(["a.jpg", "x\\b.jpg", "c.jpg"], where)
    assert folder == tmp_path / "set" / "images"
    assert files == ["a.jpg", "x/b.jpg", "y/c.JPG"]  # the last by its base name
    # Where the folders are as the file says, another folder is another photo's.
    assert str(find_photos(["x/b.jpg", "z/c.jpg"], where)[1][1]).count("'y/c.JPG' there is in another folder") == 1
    assert find_photos(["z/c.jpg"], where)[1] == ["y/c.JPG"]
    assert isinstance(find_photos(["z/c.jpg"], where, strict=True)[1][0], MissingPhoto)
    # The folder that is given is the one that is looked in.
    folder, files = find_photos(["a.jpg", "x/b.jpg"], where, tmp_path / "photos")
    assert folder == tmp_path / "photos"
    assert files[0] == "a.jpg"
    assert files[1] == MissingPhoto(
        "x/b.jpg",
        f"file.json: the photo 'x/b.jpg' is not in {tmp_path / 'photos'}; give its folder (images=, --images)",
    )
    # Of a folder of files it is the folder itself, and beside it.
    assert find_photos(["a.jpg"], tmp_path / "set") == (tmp_path / "set" / "images", ["a.jpg"])
    other = touch(tmp_path / "annotations" / "other.json")
    assert find_photos(["a.jpg"], other) == (tmp_path / "photos", ["a.jpg"])
    assert find_photos([], where) == (tmp_path / "set", [])
    assert error(find_photos, [], where, tmp_path / "nothing").startswith(f"{tmp_path / 'nothing'} is not a folder; ")


@pytest.mark.parametrize(
    ("names", "there", "found"),
    [
        # The longest common ending tells photos of one name apart, also by the name of the folder that is given.
        (["/d/kitchen/a.jpg", "/d/bath/a.jpg"], ["kitchen/a.jpg", "bath/a.jpg"], ["kitchen/a.jpg", "bath/a.jpg"]),
        (["C:\\d\\kitchen\\a.jpg", "D:/bath/a.jpg"], ["kitchen/a.jpg", "bath/a.jpg"], ["kitchen/a.jpg", "bath/a.jpg"]),
        (["/d/photos/a.jpg", "/d/bath/a.jpg"], ["a.jpg"], ["a.jpg", ": 'a.jpg' there fits '/d/photos/a.jpg' better"]),
        (["../x/a.jpg", "../y/a.jpg"], ["y/a.jpg"], [": 'y/a.jpg' there fits '../y/a.jpg' better", "y/a.jpg"]),
        # What cannot be told apart is refused, each with the other's name.
        (["/d/x/a.jpg", "/d/y/a.jpg"], ["a.jpg"], ["'a.jpg' there fits '/d/y/a.jpg' as", "'a.jpg' there fits '/d/x/a"]),
        (["/d/a.jpg"], ["x/a.jpg", "y/a.jpg"], [": it may be any of x/a.jpg, y/a.jpg there"]),
        # An exact path is better than an ending.
        (["a.jpg", "/d/x/a.jpg"], ["a.jpg"], ["a.jpg", ": 'a.jpg' there fits 'a.jpg' better"]),
        # One photo that is named twice is one photo.
        (["/d/x/a.jpg", "/d/x/a.jpg"], ["a.jpg"], ["a.jpg", "a.jpg"]),
        # Another split is never taken.
        (["/d/val/1.jpg", "val2017/2.jpg"], ["train/1.jpg", "train2017/2.jpg"], ["another folder", "another folder"]),
        # Links: without query, fragment and escapes, or with the photo in the query.
        (["https://h.example/x/a%20b.jpg?alt=media&t=1#x"], ["a b.jpg"], ["a b.jpg"]),
        (["https://h.example/get?id=3&file=kitchen/a.jpg"], ["x/a.jpg", "kitchen/a.jpg"], ["kitchen/a.jpg"]),
        (["gs://s/kitchen/a.jpg", "gs://s/bath/a.jpg"], ["bath/a.jpg"], ["fits 'gs://s/bath/a.jpg'", "bath/a.jpg"]),
    ],
)  # fmt: skip
def test_no_photo_is_taken_for_another(names: list[str], there: list[str], found: list[str], tmp_path: Path) -> None:
    for photo in there:
        touch(tmp_path / "photos" / photo)
    for where, images in ((tmp_path / "f.json", None), (tmp_path / "x" / "f.json", tmp_path / "photos")):
        for one, expected in zip(find_photos(names, where, images)[1], found, strict=True):
            assert one.reason.count(expected) if isinstance(one, MissingPhoto) else f"/{one}".endswith(f"/{expected}")


def test_a_base_name_has_to_be_the_only_one(tmp_path: Path) -> None:
    where = touch(tmp_path / "file.json")
    touch(tmp_path / "images" / "x" / "a.jpg")
    assert find_photos(["old/a.jpg"], where) == (tmp_path / "images", ["x/a.jpg"])
    assert all(isinstance(one, MissingPhoto) for one in find_photos(["old/a.jpg", "older/a.jpg"], where)[1])
    touch(tmp_path / "other" / "b.jpg")  # in another folder beside the file, which nobody named
    touch(tmp_path / "c.jpg")
    assert isinstance(find_photos(["old/b.jpg"], where)[1][0], MissingPhoto)
    assert find_photos(["old/b.jpg", "old/c.jpg"], tmp_path) == (tmp_path, ["other/b.jpg", "c.jpg"])
    assert find_photos(["old/c.jpg"], where) == (tmp_path, ["c.jpg"])
    touch(tmp_path / "images" / "y" / "a.jpg")
    assert isinstance(find_photos(["old/a.jpg"], where)[1][0], MissingPhoto)
    for name in ("", "a\0b.jpg", "..", "x" * 5000):
        assert isinstance(find_photos([name], where)[1][0], MissingPhoto)
