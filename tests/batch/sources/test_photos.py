"""Photos of a folder or a pattern."""

from __future__ import annotations

from pathlib import Path

import pytest
from batch_sources import areas, tasks, write_photos
from made import write_dataset

from madeof.errors import DatasetError


def test_a_folder_gives_its_photos_sorted_and_nothing_else(tmp_path: Path) -> None:
    write_photos(tmp_path / "photos", "b.png", "a/c.PNG", "a/d.png", ".hidden/e.png", "naïve name\n.png")
    (tmp_path / "photos" / "notes.txt").write_text("no photo")
    (tmp_path / "photos" / "loop").symlink_to(tmp_path / "photos")
    found = tasks(tmp_path / "photos")
    assert [Path(task.image).name for task in found] == ["c.PNG", "d.png", "b.png", "naïve name\n.png"]
    assert areas(found[0]) == {"photo": 64 * 80}


def test_a_glob_gives_what_it_matches(tmp_path: Path) -> None:
    write_photos(tmp_path, "x/1.png", "x/2.png", "y/3.png")
    assert [Path(task.image).name for task in tasks(f"{tmp_path}/*/?.png")] == ["1.png", "2.png", "3.png"]
    assert [Path(task.image).name for task in tasks(f"{tmp_path}/**/{{1,3}}.png")] == ["1.png", "3.png"]
    with pytest.raises(DatasetError, match=r"z\*\.png matches no file; check the pattern"):
        tasks(f"{tmp_path}/z*.png")
    (tmp_path / "a.txt").write_text("")
    with pytest.raises(DatasetError, match=r"matches 1 files, none of which is named like a photo"):
        tasks(f"{tmp_path}/*.txt")


def test_label_maps_stand_beside_a_folder(tmp_path: Path) -> None:
    data = write_dataset(tmp_path / "set", photos=2, val=0)
    found = tasks(data / "images", label_maps=str(data / "labels"))
    assert [name.split(" ")[0] for name in areas(found[0])] == ["label"] * 3
    (data / "labels" / "p1.png").unlink()
    assert "there is no label map" in str(areas(found[1])["label map"])
    with pytest.raises(DatasetError, match="is not a folder; expected the folder of label maps"):
        tasks(data / "images", label_maps=str(data / "nowhere"))


def test_pictures_of_kinds_that_are_not_read_are_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_photos(tmp_path, "a.png", "b.JFIF")
    for name in ("c.dng", "d.DNG", "e.CR2", "notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    assert [Path(task.image).name for task in tasks(tmp_path)] == ["a.png", "b.JFIF"]
    assert "3 pictures left out, of kinds that are not read (1 .cr2, 2 .dng): save as JPEG" in caplog.text
    caplog.clear()
    assert len(tasks(f"{tmp_path}/*")) == 2
    assert "3 pictures left out" in caplog.text
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw/f.nef").write_bytes(b"x")
    with pytest.raises(DatasetError, match=r"has no photo but 1 \.nef; expected"):
        tasks(tmp_path / "raw")
