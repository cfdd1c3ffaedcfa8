"""Photos and label maps are found together by their names."""

from __future__ import annotations

import os
from pathlib import Path

from datasets_problems import left, message, photo, save, square

from madeof.datasets import open_dataset


def test_missing_partners_are_all_listed(root: Path) -> None:
    save(root / "images" / "c.jpg", photo())
    save(root / "labels" / "d.png", square())
    text = message(root)
    assert "2 problems: images/c.jpg: no label map labels/c.png; labels/d.png: no photo images/d.jpg." in text
    assert text.startswith(str(root))
    assert text.endswith("Mend them, or leave them out with skip_bad=True (--skip-bad)")
    assert left(root) == (("a", "b"), ["images/c.jpg", "labels/d.png"])


def test_first_ten_and_the_count(root: Path) -> None:
    for number in range(25):
        save(root / "images" / f"lonely{number:02}.jpg", photo())
    text = message(root)
    assert text.count("no label map") == 10
    assert ": 25 problems: " in text
    assert "; and 15 more. " in text
    assert len(open_dataset(root, skip_bad=True).skipped) == 25


def test_one_stem_in_two_suffixes(root: Path) -> None:
    save(root / "images" / "a.png", photo())
    assert "1 problem: images/a.jpg, images/a.png share a name: keep one." in message(root)
    assert left(root) == (("b",), ["images/a.jpg"])


def test_case_clash(root: Path) -> None:
    save(root / "images" / "B.jpg", photo())
    save(root / "labels" / "B.png", square())
    text = message(root)
    assert "images/B.jpg, images/b.jpg differ only in case or Unicode spelling: rename one" in text
    assert left(root)[0] == ("a",)


def test_partner_in_another_case(root: Path) -> None:
    (root / "labels" / "b.png").rename(root / "labels" / "B.png")
    text = message(root)
    assert "images/b.jpg: no label map labels/b.png (B.png differs in case or Unicode spelling: rename it)" in text


def test_broken_link_folder_and_pipe_in_place_of_a_file(root: Path) -> None:
    (root / "images" / "gone.jpg").symlink_to(root / "nowhere.jpg")
    (root / "images" / "folder.jpg").mkdir()
    os.mkfifo(root / "images" / "pipe.png")
    text = message(root)
    assert "images/gone.jpg: cannot be read: No such file or directory" in text
    assert "images/pipe.png: is not a file" in text
    assert ": 2 problems: " in text
    assert left(root)[0] == ("a", "b")
