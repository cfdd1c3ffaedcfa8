"""Rows of CSV files, however they were saved; what is broken is told with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from madeof._util.csv_rows import read_rows
from madeof.errors import DatasetError


def saved(folder: Path, data: bytes) -> Path:
    path = folder / "table.csv"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("ends", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_columns_in_any_order_with_any_ends(tmp_path: Path, ends: bytes, mark: bytes) -> None:
    lines = [b" Label ,other,IMAGE", b" Wood ,x,a.jpg", b"", b'"two, three",y,b.jpg']
    path = saved(tmp_path, mark + ends.join(lines))
    rows = list(read_rows(path, ["image", "material"], ["mask"], also={"label": "material"}))
    assert [row.values for row in rows] == [
        {"material": "Wood", "image": "a.jpg"},
        {"material": "two, three", "image": "b.jpg"},
    ]
    assert [row.line for row in rows] == [2, 4]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty; expected the columns image,material"),
        (b"image,material,image\n", "the column image is there twice"),
        (b"image\n", "the column material is missing from its first line, 'image'"),
        (b"image;material\n", "separate the columns by commas"),
        (b"image,material\na.jpg\n", "line 2: 1 values for 2 columns"),
        (b'image,material\na.jpg,"Wood\n', "not a valid CSV row"),
        (b"image,material\na.jpg,Gla\xdf\n", "line 2: material is not UTF-8"),
    ],
)
def test_what_is_broken_is_told_with_its_line(tmp_path: Path, data: bytes, message: str) -> None:
    with pytest.raises(DatasetError) as raised:
        list(read_rows(saved(tmp_path, data), ["image", "material"], file_names=["image"]))
    assert message in str(raised.value)


def test_names_of_files_may_hold_any_bytes(tmp_path: Path) -> None:
    path = saved(tmp_path, b"image\na\xff.jpg\n")
    assert [row.values["image"] for row in read_rows(path, ["image"], file_names=["image"])] == ["a\udcff.jpg"]


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="cannot be read: No such file"):
        list(read_rows(tmp_path / "none.csv", ["image"]))
