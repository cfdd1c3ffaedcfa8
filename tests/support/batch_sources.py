"""What several tests of batch/sources share."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
from made import photo_and_label_map
from PIL import Image

from madeof.batch.requests import fetched, requests_of
from madeof.batch.sources.opening import open_source
from madeof.batch.tasks import Task
from madeof.images.photo import read_photo
from madeof.regions.request import RegionFailure, resolve_all

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
    photo = read_photo(task.photo)
    found = resolve_all(fetched(requests_of(task, photo)), photo)
    return {one.name: one.error if isinstance(one, RegionFailure) else one.area for one in found}


def write_csv(path: Path, *rows: str) -> Path:
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


def write_tar(path: Path, samples: dict[str, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        for name, data in samples.items():
            add(tar, name, data)
    return path


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
