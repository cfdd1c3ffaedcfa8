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
    folder, files = find_photos(["a.jpg", "x\\b.jpg", "z/c.jpg"], where)
    assert folder == tmp_path / "set" / "images"
    assert files == ["a.jpg", "x/b.jpg", "y/c.JPG"]  # the last by its base name
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
