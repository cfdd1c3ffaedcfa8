"""COCO results: a JSON list of objects with image_id, segmentation or bbox, and mostly category_id and score.

They name photos and categories by the ids of a COCO file, which is to lie beside them: the one whose images have all of
these ids. Without one, an id is the photo's name without its suffix (`139`, or `000000000139` as COCO's photos are
called), and the segments have no material.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from madeof._util.text import brief, join_some, show
from madeof.datasets.annotations import Annotations
from madeof.datasets.formats.coco import File, is_file
from madeof.datasets.formats.parsing import read_json, top_keys
from madeof.datasets.formats.streaming import stream
from madeof.errors import DatasetError
from madeof.images.photo import PHOTO_SUFFIXES


def matches(path: Path) -> bool:
    """Whether it is a JSON list of objects with an image_id and a shape."""
    keys = top_keys(path)
    return "[]image_id" in keys and not {"[]segmentation", "[]bbox"}.isdisjoint(keys)


def read(path: Path, images: Path | None = None) -> Annotations:
    """Read a file of results; see `formats.Reader`.

    Raises:
        DatasetError: it cannot be read, or several COCO files beside it have its ids.
    """
    results = read_json(path)
    if not isinstance(results, list):
        raise DatasetError(f"{show(path)} is {brief(results)}; expected a list of results")
    ids = {one["image_id"] for one in results if isinstance(one, dict) and isinstance(one.get("image_id"), int | str)}
    like = _like(path, ids)
    file = File(path, beside=like or path)
    for top, position, value in stream(like) if like else ():
        if top in ("images", "categories", "licenses") and position >= 0:
            file.take(top, position, value)
    for position, one in enumerate(sorted(ids, key=str) if like is None else ()):
        file.take("images", position, {"id": one, "file_name": _names(one)})
    for position, value in enumerate(results):
        file.take("annotations", position, value)
    return file.annotations(images)


def _like(path: Path, ids: set[int | str]) -> Path | None:
    """The COCO file beside the results, or in annotations/ there, whose images have all ids."""
    folders = [path.parent, path.parent / "annotations", path.absolute().parent.parent / "annotations"]
    found = []
    for file in dict.fromkeys(one for folder in folders for one in sorted(folder.glob("*.json")) if one != path):
        if is_file(file):
            known = {value.get("id") for top, _, value in stream(file) if top == "images" and isinstance(value, dict)}
            found += [file] if ids <= known else []
    if len(found) > 1:
        names = join_some(show(file.name) for file in found)
        raise DatasetError(f"{show(path)}: the images of several COCO files have its ids: {names}; keep one beside it")
    return found[0] if found else None


def _names(one: int | str) -> Any:
    """The names that a photo of that id may have; a text may be the photo's path itself."""
    stems = [str(one)] if isinstance(one, str) else [str(one), f"{one:012}"]
    return tuple(stem + suffix for stem in stems for suffix in ("", *PHOTO_SUFFIXES))
