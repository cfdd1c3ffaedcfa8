"""Where the photos of a batch come from: what each kind of source gives, and what it says of what it cannot give."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from made import photo_and_label_map, write_dataset
from PIL import Image

from madeof.batch.asked import regions_of
from madeof.batch.sources.opening import open_source
from madeof.batch.tasks import Options, Task
from madeof.errors import DatasetError, MadeofError
from madeof.images.photo import read_photo
from madeof.inference.photo_result import Answer

RLE = {"size": [64, 80], "counts": [64 * 10, 64 * 5, 64 * 65]}


def png(array: np.ndarray[Any, Any]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(array).save(file, "PNG")
    return file.getvalue()


def write_photos(folder: Path, *names: str) -> Path:
    for number, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(photo_and_label_map(number)[0]))
    return folder


def tasks(source: str | Path, **where: Any) -> list[Task]:
    found, _ = open_source(str(source), **where)
    given = [task for _, task in found.tasks(lambda number: True)]
    assert found.total in (None, len(given))
    assert [number for number, _ in found.tasks(lambda number: number % 2 == 1)] == list(range(1, len(given), 2))
    return given


def areas(task: Task) -> dict[str, float | str]:
    """The area of each region, or its error."""
    assert not task.error
    found, _ = regions_of(task, read_photo(task.photo), Options())
    return {
        one.name if not isinstance(one, Answer) else one.region: getattr(one, "area", None) or one.error
        for one in found
    }  # type: ignore[union-attr]


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


def write_csv(path: Path, *rows: str) -> Path:
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


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
    assert regions_of(first, read_photo(first.photo), Options())[1][0] == "Wood"


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


def add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


def write_tar(path: Path, samples: dict[str, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        for name, data in samples.items():
            add(tar, name, data)
    return path


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


def write_coco(path: Path, *names: str) -> Path:
    images = [{"id": i, "file_name": name, "height": 64, "width": 80} for i, name in enumerate(names)]
    annotations = [
        {
            "id": i,
            "image_id": i,
            "category_id": 1,
            "segmentation": [[0, 0, 10, 0, 10, 10, 0, 10]],
            "bbox": [0, 0, 10, 10],
        }
        for i in range(len(names))
    ]
    path.write_text(
        json.dumps({"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "Wood"}]})
    )
    return path


def test_an_annotation_file(tmp_path: Path) -> None:
    write_photos(tmp_path / "images", "a.png", "b.png")
    coco = write_coco(tmp_path / "coco.json", "a.png", "b.png", "missing.png")
    first, _, last = tasks(coco)
    assert areas(first) == {"annotation 0": 100}
    assert regions_of(first, read_photo(first.photo), Options())[1] == ["Wood"]
    assert "the photo 'missing.png' is not in" in last.error
    (tmp_path / "images" / "a.png").write_bytes(png(np.zeros((9, 9, 3), dtype=np.uint8)))
    with pytest.raises(MadeofError, match=r"a\.png: .*80 x 64.*9 x 9"):
        areas(first)


def test_a_folder_with_annotations_is_told_and_read_with_its_format(tmp_path: Path) -> None:
    data = write_dataset(tmp_path / "set", photos=3, val=0)
    _, hint = open_source(str(data))
    assert hint.endswith("is read as a folder of photos; for the regions of label_map in it give --format label_map")
    assert [len(areas(task)) for task in tasks(data, format="label_map")] == [3, 3, 3]


def test_sources_at_urls(tmp_path: Path) -> None:
    photo, labels = (png(each) for each in photo_and_label_map(0))
    system = fsspec.filesystem("memory")
    for name, data in (("p/b.png", photo), ("p/a/c.png", photo), ("p/.h/x.png", photo), ("l/b.png", labels)):
        system.pipe_file(f"/src/{name}", data)
    assert [task.image for task in tasks("memory://src/p")] == ["memory://src/p/a/c.png", "memory://src/p/b.png"]
    assert len(tasks("memory://src/p/*.png")) == 1
    mapped = tasks("memory://src/p", label_maps="memory://src/l")
    assert len(mapped[1].asked) == 1
    system.pipe_file("/src/coco.json", write_coco(tmp_path / "c.json", "b.png").read_bytes())
    assert [task.photo for task in tasks("memory://src/coco.json", images="memory://src/p")] == ["memory://src/p/b.png"]
    system.pipe_file("/src/t.tar", write_tar(tmp_path / "t.tar", {"0.png": photo}).read_bytes())
    assert tasks("memory://src/t.tar")[0].photo == photo
    with fsspec.open("memory://src/t.csv", "wt") as file:
        file.write('image,box\np/b.png,"0,0,3,3"\n')
    assert [task.photo for task in tasks("memory://src/t.csv")] == ["memory://src/p/b.png"]
    with pytest.raises(DatasetError, match=r"nosuch://x/y\.csv cannot be opened: Protocol not known: nosuch"):
        tasks("nosuch://x/y.csv")


@pytest.mark.parametrize(
    ("name", "content", "where", "message"),
    [
        ("nothing", None, {}, "does not exist; expected a folder, a glob, a table, an annotation file or a tar file"),
        ("t.csv", "file\na.png\n", {}, "the column image is missing"),
        ("t.csv", "image\n", {}, "has no row; expected at least one photo"),
        ("x.json", "{}", {}, "is of no format that we know"),
        ("t.csv", "image\na.png\n", {"label_maps": "."}, "is no folder of photos, and label maps are for one"),
        ("a.png", "", {"images": "."}, "holds its photos itself; leave --images . out"),
    ],
)
def test_what_is_no_source(tmp_path: Path, name: str, content: str | None, where: dict[str, str], message: str) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(DatasetError, match=message):
        tasks(tmp_path / name, **where)


def test_the_stamp_changes_with_the_source(tmp_path: Path) -> None:
    folder = write_photos(tmp_path / "photos", "a.png", "b.png")
    table = write_csv(tmp_path / "t.csv", "image,box", 'a.png,"0,0,1,1"')
    before = [open_source(str(place))[0].stamp for place in (folder, table)]
    assert before == [open_source(str(place))[0].stamp for place in (folder, table)]
    write_photos(folder, "c.png")
    write_csv(table, "image,box", 'a.png,"0,0,1,2"')
    assert all(one != open_source(str(place))[0].stamp for one, place in zip(before, (folder, table), strict=True))
