"""Which kind of source it is."""

from __future__ import annotations

from pathlib import Path

import fsspec
import pytest
from batch_sources import png, tasks, write_coco, write_csv, write_photos, write_tar
from made import photo_and_label_map

from madeof.batch.sources.opening import open_source
from madeof.errors import DatasetError


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
