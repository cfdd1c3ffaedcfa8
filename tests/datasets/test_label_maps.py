"""Label maps that cannot be used are told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from datasets_problems import left, message, save, square

from madeof.datasets import open_dataset


def test_unknown_values_of_all_maps(root: Path) -> None:
    values = square(2)
    values[0, 0], values[5, 6:8] = 77, 9
    save(root / "labels" / "a.png", values)
    save(root / "labels" / "b.png", square(255))
    text = message(root)
    assert "labels/a.png: the values 9 (2 px), 77 (1 px) not in materials.csv: add the material" in text
    assert "labels/b.png: the value 255 (12 px) not in materials.csv" in text
    assert "labels/b.png" not in message(root, ignore=[255])
    assert open_dataset(root, ignore=[255, 9, 77]).photos.name == ("a",)
    # A component under the smallest area is as unknown as any.
    assert "77 (1 px)" in message(root, min_area=5)


def test_many_unknown_values_are_counted(root: Path) -> None:
    save(root / "labels" / "a.png", np.arange(48, dtype=np.uint8).reshape(6, 8))
    assert "the values 3 (1 px), 4 (1 px), 5 (1 px), 6 (1 px), 7 (1 px) and 40 more not in" in message(root)


def test_wrong_size(root: Path) -> None:
    save(root / "labels" / "b.png", square(size=(7, 9)))
    text = message(root)
    assert "labels/b.png is 9 x 7 but its photo b.jpg is 8 x 6 (width x height); expected the same size" in text
    assert left(root) == (("a",), ["images/b.jpg"])


@pytest.mark.parametrize(
    ("side", "data"),
    [
        ("images/b.jpg", b""),
        ("images/b.jpg", b"<html>not a photo"),
        ("labels/b.png", b""),
        ("labels/b.png", b"\x89PNG\r\n\x1a\n" + b"\0" * 40),
        ("labels/b.png", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"),
    ],
)
def test_unreadable_file(root: Path, side: str, data: bytes) -> None:
    (root / side).write_bytes(data)
    assert Path(side).name in message(root)
    assert left(root) == (("a",), ["images/b.jpg"])


def test_jpeg_as_label_map(root: Path) -> None:
    (root / "labels" / "b.png").unlink()
    save(root / "labels" / "b.jpg", square())
    assert "JPEG" in message(root)
