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
from madeof.errors import DatasetError, InputError
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


@pytest.mark.parametrize(
    ("columns", "row"),
    [
        ("file_name,xmin,ymin,xmax,ymax,width,height,class", "a.png,10,20,30,60,80,64,cup"),
        ("image,x,y,width,height", "a.png,10,20,20,40"),
        ("image,left,top,right,bottom", "a.png,10,20,30,60"),
        ("image,xywh", 'a.png,"10,20,20,40"'),
        ("image,bbox_xyxy,label", 'a.png,"[10,20,30,60]",cup'),
        ("image,segmentation", 'a.png,"[[10,20,30,20,30,60,10,60]]"'),
    ],
)
def test_regions_are_known_by_the_names_of_other_tools(tmp_path: Path, columns: str, row: str) -> None:
    write_photos(tmp_path, "a.png")
    (task,) = tasks(write_csv(tmp_path / "t.csv", columns, row))
    assert areas(task) == {"line 2": 20 * 40}


def test_a_mask_path_is_a_mask(tmp_path: Path) -> None:
    write_photos(tmp_path, "a.png")
    mask = np.zeros((64, 80), dtype=np.uint8)
    mask[:3, :5] = 255
    (tmp_path / "m.png").write_bytes(png(mask))
    (task,) = tasks(write_csv(tmp_path / "t.csv", "image_path,mask_path", "a.png,m.png"))
    assert areas(task) == {"m.png": 15}


@pytest.mark.parametrize(
    "column",
    ["bbox", "BBox", "gt_boxes", "objects", "label", "annotation", "roi", "segmentation_mask", "points", "xmin"],
)
def test_a_column_that_may_be_a_region_is_refused_until_it_is_told(tmp_path: Path, column: str) -> None:
    write_photos(tmp_path, "a.png")
    table = write_csv(tmp_path / "t.csv", f"image,{column}", 'a.png,"10,20,30,40"')
    with pytest.raises(DatasetError, match=rf"the column {column.lower()} looks like regions .* --columns"):
        tasks(table)
    (task,) = tasks(table, columns=f"ignore={column}")
    assert areas(task) == {"photo": 64 * 80}
    (task,) = tasks(table, columns=f"box={column}")
    assert areas(task) == {"line 2": 20 * 20}
    (task,) = tasks(table, columns=f"box_xywh={column}")
    assert areas(task) == {"line 2": 30 * 40}


def test_columns_that_are_told_wrongly_are_refused(tmp_path: Path) -> None:
    write_photos(tmp_path, "a.png")
    table = write_csv(tmp_path / "t.csv", "image,bbox", 'a.png,"10,20,30,40"')
    for told, message in (
        ("region=bbox", "region is the region's name; .* box=bbox for two corners, box_xywh=bbox for COCO's"),
        ("boxes=bbox", "expected OURS=THEIRS with one of"),
        ("bbox", "expected OURS=THEIRS with one of"),
    ):
        with pytest.raises(InputError, match=message):
            tasks(table, columns=told)
    with pytest.raises(DatasetError, match=r"has no column roi, which --columns names; it has image, bbox"):
        tasks(table, columns="box=roi,ignore=bbox")
    with pytest.raises(DatasetError, match="is no table"):
        tasks(tmp_path / "a.png", columns="box=bbox")


def test_a_box_of_which_a_side_is_missing_and_one_of_fractions_are_errors(tmp_path: Path) -> None:
    write_photos(tmp_path, "a.png")
    table = write_csv(tmp_path / "t.csv", "image,xmin,ymin,xmax,ymax", "a.png,1,2,3,", "a.png,0.1,0.2,0.5,0.75")
    found = areas(tasks(table)[0])
    assert "expected four numbers" in str(found["line 2"])
    assert "fractions of the photo; expected pixels" in str(found["line 3"])


def test_a_column_that_is_not_used_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_photos(tmp_path, "a.png")
    caplog.set_level("INFO", logger="madeof")
    tasks(write_csv(tmp_path / "t.csv", "image,price", "a.png,3"))
    assert "not used: the column price" in caplog.text


def test_paths_with_backslashes_are_found_unless_a_file_has_them_in_its_name(tmp_path: Path) -> None:
    write_photos(tmp_path, "photos/1.png", "odd\\2.png")
    first, second = tasks(write_csv(tmp_path / "t.csv", "image", "photos\\1.png", "odd\\2.png"))
    assert areas(first) == areas(second) == {"photo": 64 * 80}


def test_rows_of_one_path_and_other_bytes_are_not_mixed_up(tmp_path: Path) -> None:
    write_photos(tmp_path, "a.png", "b.png")
    one, other = ({"bytes": (tmp_path / name).read_bytes(), "path": "0.png"} for name in ("a.png", "b.png"))
    boxes = [[0, 0, 10, 10], [0, 0, 5, 5], [0, 0, 2, 2]]
    pq.write_table(pa.table({"image": [one, one, other], "box": boxes}), tmp_path / "p.parquet")
    (task,) = tasks(tmp_path / "p.parquet")
    assert areas(task) == {
        "row 1": 100, "row 2": 25, "row 3": "row 3: its photo has the path of row 1 and other bytes"
    }  # fmt: skip
