"""Photos and regions of a table."""

from __future__ import annotations

import json
from pathlib import Path

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from batch_sources import RLE, areas, png, tasks, write_csv, write_photos
from made import photo_and_label_map

from madeof.batch.requests import requests_of
from madeof.errors import DatasetError
from madeof.images.photo import read_photo


def test_a_table_has_regions_of_every_kind(tmp_path: Path) -> None:
    write_photos(tmp_path, "a.png", "b.png")
    mask = np.zeros((64, 80), dtype=np.uint8)
    mask[:10, :10] = 255
    (tmp_path / "m.png").write_bytes(png(mask))
    (tmp_path / "l.png").write_bytes(png(photo_and_label_map(0)[1]))
    rle = json.dumps(RLE).replace('"', '""')
    table = write_csv(
        tmp_path / "t.csv",
        "photo,mask,label_map,box,polygon,rle,region,material,x0,y0,x1,y1",
        'a.png,,,"0,0,10,20",,,left,Wood,,,,',
        'a.png,,,,"0,0 10,0 10,10 0,10",,,,,,,',
        f'a.png,,,,,"{rle}",,,,,,',
        "a.png,m.png,,,,,,,,,,",
        "a.png,,l.png,,,,maps,,,,,",
        "a.png,,,,,,,,5,5,7,8",
        "b.png,,,,,,,,,,,",
        'b.png,m.png,,"0,0,5,5",,,,,,,,',
        'b.png,,,"0,0,x",,,,,,,,',
    )
    first, second = tasks(table)
    assert first.image == "a.png"
    found = areas(first)
    maps = {name for name in found if name.startswith("maps label ")}
    assert len(maps) == 3
    assert {name: found[name] for name in found if name not in maps} == {
        "left": 200,
        "line 3": 100,
        "line 4": 64 * 5,
        "m.png": 100,
        "line 7": 6,
    }
    assert areas(second) == {
        "photo": 64 * 80,
        "line 9": "line 9 has mask and box; expected one region a row",
        "line 10": "line 10: the box is '0,0,x'; expected four numbers x0,y0,x1,y1 in pixels",
    }
    assert requests_of(first, read_photo(first.photo))[0].truth == "Wood"


def test_rows_that_stand_apart_are_a_task_each_and_no_row_is_lost(tmp_path: Path) -> None:
    write_photos(tmp_path, "a.png", "b.png")
    table = write_csv(
        tmp_path / "t.csv", "image,box", 'a.png,"0,0,1,1"', 'b.png,"0,0,1,2"', 'a.png,"0,0,1,3"', ',"0,0,1,4"'
    )
    found = tasks(table)
    assert [task.image for task in found] == ["a.png", "b.png", "a.png", "line 5"]
    assert found[3].error == "line 5: no image; expected a photo's path"


def test_parquet_holds_paths_and_bytes(tmp_path: Path) -> None:
    write_photos(tmp_path, "a.png", "b.png")
    data = [(tmp_path / name).read_bytes() for name in ("a.png", "b.png")]
    boxes = [[0, 0, 10, 10], [0, 0, 5, 5], None]
    pq.write_table(
        pa.table({"image": ["a.png", "a.png", "b.png"], "box": boxes, "rle": [None, None, RLE]}), tmp_path / "p.parquet"
    )
    first, second = tasks(tmp_path / "p.parquet")
    assert areas(first) == {"row 1": 100, "row 2": 25}
    assert areas(second) == {"row 3": 64 * 5}
    pq.write_table(pa.table({"image": data, "polygon": [[[0, 0], [4, 0], [4, 4]], None]}), tmp_path / "b.parquet")
    assert [task.image for task in tasks(tmp_path / "b.parquet")] == ["row 1", "row 2"]
    both = [{"bytes": data[0], "path": "x.png"}, {"bytes": data[1], "path": "x.png"}, {"bytes": data[1], "path": None}]
    pq.write_table(pa.table({"image": both}), tmp_path / "s.parquet")
    assert [(task.image, len(task.asked)) for task in tasks(tmp_path / "s.parquet")] == [("x.png", 2), ("row 3", 1)]
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(DatasetError, match=r"bad\.parquet is not a Parquet file that can be read"):
        tasks(tmp_path / "bad.parquet")


def test_a_table_reads_no_url_that_its_user_did_not_name(tmp_path: Path) -> None:
    table = write_csv(tmp_path / "t.csv", "image", "s3://bucket/a.jpg", "http://169.254.169.254/x.jpg")
    assert [task.error for task in tasks(table)] == [
        f"line {line}: {url} is an URL outside of {tmp_path}; expected a path: to allow it, give --images {store}"
        for line, url, store in (
            (2, "s3://bucket/a.jpg", "s3://bucket"),
            (3, "http://169.254.169.254/x.jpg", "http://169.254.169.254"),
        )
    ]
    first, second = tasks(table, images="s3://bucket")
    assert (first.photo, first.error) == ("s3://bucket/a.jpg", "")
    assert "outside of s3://bucket" in second.error
    with fsspec.open("memory://tables/t.csv", "wt") as file:
        file.write("image\n/etc/passwd\n../../etc/passwd\nmemory://tables/../a.jpg\nok.jpg\n")
    errors = [task.error for task in tasks("memory://tables/t.csv")]
    assert [bool(error) for error in errors] == [True, True, True, False]
    assert "/etc/passwd is not below memory://tables; expected a path relative to it" in errors[0]
