"""COCO JSON: instances as FiftyOne and others import them, and results as pycocotools' `loadRes` takes them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from madeof._util.files import atomic
from madeof._util.text import brief, show
from madeof._version import __version__
from madeof.datasets.formats.finding import relative_path
from madeof.datasets.formats.streaming import stream
from madeof.datasets.writing import Answered, AnsweredRegion, first_names
from madeof.errors import DatasetError
from madeof.materials.lists import key
from madeof.regions.region import mask_box
from madeof.regions.rle import compress, encode_rle

INSTANCES = "labels.json"
"""The name of the file in a folder: FiftyOne's."""


def write(photos: Iterable[Answered], out: Path, materials: Sequence[str] = ()) -> list[Path]:
    """Write COCO instances.

    Outlines stay as they are where the region has them and no holes; any other region is written as compressed run
    lengths, which hold its pixels exactly. Scores stand beside. Ids count from 1.

    Args:
        photos: taken one by one.
        out: the file, or a folder, in which it is then `labels.json`.
        materials: the first categories; others follow in the order of their first regions.

    Raises:
        WriteError: it cannot be written.
    """
    out = file_in(out, INSTANCES)
    categories = _numbered(materials)
    names = list(first_names(materials).values())
    images = []
    written = 0
    with atomic(out) as file:
        info = {"description": "Regions and their materials", "contributor": f"madeof {__version__}"}
        file.write(b'{"info": ' + _json(info) + b',\n"annotations": [')
        for number, photo in enumerate(photos, start=1):
            height, width = photo.size
            images.append({"id": number, "file_name": photo.file, "width": width, "height": height})
            for region in photo.regions:
                category = categories.setdefault(key(region.material), len(categories) + 1)
                if category > len(names):
                    names.append(region.material)
                written += 1
                row: dict[str, Any] = {"id": written, "image_id": number, "category_id": category, "iscrowd": 0}
                row |= _shape(region, photo.size, outlines=True)
                if region.score is not None:
                    row["score"] = region.score
                file.write((b",\n" if written > 1 else b"\n") + _json(row))
        file.write(b'],\n"images": [' + b",\n".join(_json(image) for image in images) + b'],\n"categories": [')
        rows = [{"id": number, "name": name, "supercategory": "material"} for number, name in enumerate(names, start=1)]
        file.write(b",\n".join(_json(row) for row in rows) + b"]}\n")
    return [out]


def write_results(
    photos: Iterable[Answered], out: Path, materials: Sequence[str] = (), *, like: Path | None = None
) -> list[Path]:
    """Write COCO results: image_id, category_id, segmentation (compressed run lengths) and score of each region.

    Args:
        photos: taken one by one.
        out: the file.
        materials: as for `write`; only without `like`.
        like: the COCO file whose ids they get: its images by their path, its categories by their name. None: the ids
            that `write` gives to the same photos.

    Raises:
        DatasetError: `like` cannot be read, or has no such image or category.
        WriteError: it cannot be written.
    """
    images, categories = _ids_in(like) if like is not None else ({}, _numbered(materials))
    written = 0
    with atomic(out) as file:
        file.write(b"[")
        for number, photo in enumerate(photos, start=1):
            image = number if like is None else _known(images, photo.file, photo.file, like, "image")
            for region in photo.regions:
                mark = key(region.material)
                if like is None:
                    categories.setdefault(mark, len(categories) + 1)
                category = _known(categories, mark, region.material, like or out, "category")
                row: dict[str, Any] = {"image_id": image, "category_id": category}
                # Without a box: where there is one, loadRes takes its area for the region's.
                row["segmentation"] = _shape(region, photo.size, outlines=False)["segmentation"]
                row["score"] = 1.0 if region.score is None else region.score
                written += 1
                file.write((b",\n" if written > 1 else b"\n") + _json(row))
        file.write(b"]\n")
    return [out]


def file_in(out: Path, name: str) -> Path:
    """`out` itself where it is named as a file is, else `name` in this folder."""
    return out / name if out.is_dir() or out.suffix.lower() != Path(name).suffix else out


def _numbered(materials: Sequence[str]) -> dict[str, Any]:
    """The ids of categories that are known before there is a region."""
    return {mark: number for number, mark in enumerate(first_names(materials), start=1)}


def _shape(region: AnsweredRegion, size: tuple[int, int], *, outlines: bool) -> dict[str, Any]:
    """The values bbox, area and segmentation of a region."""
    x0, y0, x1, y1 = mask_box(region.cut)
    box = [x0 + region.corner[0], y0 + region.corner[1], x1 - x0, y1 - y0]
    segmentation: Any
    if outlines and region.polygons is not None and not len(region.polygons.holes):
        segmentation = [np.asarray(part, dtype=np.float64).ravel().tolist() for part in region.polygons.parts]
    else:
        counts = compress(encode_rle(region.cut, region.corner, size)).decode("ascii")
        segmentation = {"size": list(size), "counts": counts}
    return {"bbox": box, "area": int(np.count_nonzero(region.cut)), "segmentation": segmentation}


def _ids_in(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The ids of a COCO file's images by their path and of its categories by their name."""
    images: dict[str, Any] = {}
    categories: dict[str, Any] = {}
    for top, position, value in stream(path):
        if top in ("images", "categories") and position >= 0:
            name = value.get("file_name" if top == "images" else "name") if isinstance(value, dict) else None
            if not isinstance(name, str) or "id" not in value:
                raise DatasetError(f"{show(path)}: {top}[{position}] is {brief(value)}; expected an id and a name")
            if top == "images":
                images[name] = value["id"]
                images.setdefault(relative_path(name), value["id"])  # as `read` calls it
            else:
                categories[key(name)] = value["id"]
    return images, categories


def _known(ids: Mapping[str, Any], mark: str, name: str, path: Path, what: str) -> Any:
    if mark not in ids:
        raise DatasetError(f"{show(path)} has no {what} {show(name)!r}, which the results need an id of")
    return ids[mark]


def _json(value: object) -> bytes:
    # ASCII: other bytes in names of files are escaped, and are read back as they were.
    return json.dumps(value, allow_nan=False).encode("ascii")
