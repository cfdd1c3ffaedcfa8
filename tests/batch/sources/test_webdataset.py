"""WebDataset shards."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from batch_sources import RLE, areas, png, tasks, write_tar
from made import photo_and_label_map

from madeof.errors import DatasetError


@pytest.mark.parametrize(("name", "mode"), [("s.tar", "w"), ("s.tar.gz", "w:gz")])
def test_webdataset_samples(tmp_path: Path, name: str, mode: str) -> None:
    photo, labels = (png(each) for each in photo_and_label_map(0))
    mask = png(np.full((64, 80), 255, dtype=np.uint8))
    regions = {"regions": [{"box": [0, 0, 2, 3], "name": "corner", "material": "Wood"}, {"rle": RLE}, {"box": "x"}, 3]}
    tar = write_tar(
        tmp_path / name,
        {
            "d/0.png": photo,
            "d/0.mask.png": mask,
            "d/0.chair.mask.png": mask,
            "d/1.png": photo,
            "d/1.labels.png": labels,
            "d/1.txt": b"a caption",
            "d/2.json": json.dumps(regions).encode(),
            "d/2.png": photo,
            "d/3.png": photo,
            "d/3.jpg": photo,
            "d/4.json": b"{}",
            "d/5.png": photo,
            "d/5.json": b"{",
        },
        mode,
    )
    found = tasks(tar)
    assert [task.image for task in found] == [
        f"{tar}/d/{rest}" for rest in ("0.png", "1.png", "2.png", "3", "4", "5.png")
    ]
    assert areas(found[0]) == {"mask": 64 * 80, "chair": 64 * 80}
    assert len(areas(found[1])) == 3
    shapes = areas(found[2])
    assert (shapes["corner"], shapes["region 1"]) == (6, 64 * 5)
    assert "region 2 of its json: the box is" in str(shapes["region 2"])
    assert "is no object" in str(shapes["region 3"])
    assert "it has .png and .jpg; expected one photo" in found[3].error
    assert "it has no photo; expected one photo" in found[4].error
    assert "its json cannot be read" in str(areas(found[5])["json"])


def test_webdataset_shards_by_braces_and_a_truncated_one(tmp_path: Path) -> None:
    photo = png(photo_and_label_map(0)[0])
    for shard in range(3):
        write_tar(tmp_path / f"s-{shard:03}.tar", {f"{shard}{i}.png": photo for i in range(2)})
    assert len(tasks(f"{tmp_path}/s-{{000..002}}.tar")) == 6
    assert len(tasks(f"{tmp_path}/s-*.tar")) == 6
    whole = (tmp_path / "s-001.tar").read_bytes()
    (tmp_path / "s-001.tar").write_bytes(whole[: len(photo) // 2 + 512])
    with pytest.raises(DatasetError, match=r"s-001\.tar is not a tar file that can be read to its end.*get it again"):
        tasks(f"{tmp_path}/s-*.tar")


BOX = [10, 20, 30, 60]


@pytest.mark.parametrize(
    ("value", "columns"),
    [
        ({"box": BOX}, None),
        ([{"box": BOX, "label": "cup"}], None),
        ({"xmin": 10, "ymin": 20, "xmax": 30, "ymax": 60, "caption": "x"}, None),
        ({"bbox": BOX}, "box=bbox"),
        ({"objects": [{"bbox": [10, 20, 20, 40]}]}, "regions=objects,box_xywh=bbox"),
        ({"regions": [{"box": BOX}], "face_bboxes": [[1, 2, 3, 4]]}, None),
    ],
)
def test_a_json_of_regions_is_read(tmp_path: Path, value: object, columns: str | None) -> None:
    tar = write_tar(tmp_path / "s.tar", {"1.png": png(photo_and_label_map(0)[0]), "1.json": json.dumps(value).encode()})
    (task,) = tasks(tar, columns=columns)
    assert areas(task) == {"region 0": 20 * 40}


@pytest.mark.parametrize(
    "value",
    [
        {"bbox": BOX},
        {"objects": [{"bbox": BOX}]},
        [{"bbox": BOX}],
        {"annotations": [{"polygon": [[0, 0], [9, 0], [9, 9]]}]},
        {"meta": {"faces": {"boxes": [BOX]}}},
        {"label": [{"cup": BOX}]},
        [{"caption": "x"}],
    ],
)
def test_a_json_that_may_have_regions_is_an_error_of_its_sample(tmp_path: Path, value: object) -> None:
    tar = write_tar(tmp_path / "s.tar", {"1.png": png(photo_and_label_map(0)[0]), "1.json": json.dumps(value).encode()})
    (error,) = areas(tasks(tar)[0]).values()
    assert "expected" in str(error)


@pytest.mark.parametrize("extension", ["segmentation.png", "mask.jpg", "npy", "bboxes.txt", "xml", "polygons"])
def test_a_member_that_may_be_regions_is_an_error_of_its_sample(tmp_path: Path, extension: str) -> None:
    photo = png(photo_and_label_map(0)[0])
    (task,) = tasks(write_tar(tmp_path / "s.tar", {"1.png": photo, f"1.{extension}": photo}))
    (error,) = areas(task).values()
    assert f"its .{extension} is of no kind that is read; expected .mask.png" in str(error)


def test_members_and_keys_that_are_not_used_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="madeof")
    photo = png(photo_and_label_map(0)[0])
    samples = {"1.png": photo, "1.cls": b"3", "1.json": b'{"label": 3}', "2.cr2": b"x"}
    first, second = tasks(write_tar(tmp_path / "s.tar", samples))
    assert areas(first) == {"photo": 64 * 80}
    assert "not used of its samples: .cls, label of the json" in caplog.text
    assert "it has no photo but .cr2; expected one photo" in second.error
