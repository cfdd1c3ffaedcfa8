"""CreateML's object detection JSON: a list of photos with boxes, of which x and y are the middle, in pixels.

Each entry has `image` (or `imagefilename`) and `annotations` (or `annotation`), each with `label` and `coordinates`
{x, y, width, height}, as Apple's Create ML documents it and Roboflow exports it (`_annotations.createml.json`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from madeof._util.text import brief, show
from madeof.datasets.annotations import Annotations
from madeof.datasets.formats.gathering import Gathering, Piece, merged, some_files
from madeof.datasets.formats.parsing import head, read_json, top_keys
from madeof.datasets.formats.values import label, number
from madeof.datasets.listing import list_files
from madeof.errors import DatasetError
from madeof.regions.shapes import Box

_PHOTO, _REGIONS = ("image", "imagefilename"), ("annotations", "annotation")


def matches(path: Path) -> bool:
    """Whether it is a JSON list of photos with boxes, or a folder with one."""
    return any(_is_file(file) for file in some_files(path, ".json"))


def _is_file(path: Path) -> bool:
    keys = top_keys(path)
    photo = any(keys.get(f"[]{one}") == '"' for one in _PHOTO)
    return photo and any(keys.get(f"[]{one}") == "[" for one in _REGIONS) and '"result"' not in head(path)


def read(path: Path, images: Path | None = None) -> Annotations:
    """Read the file, or those in a folder, each with its photos beside it; see `formats.Reader`."""
    if path.is_dir():
        files = [path / file.path for file in list_files(path, [".json"])[0]]
        return merged(path, [_read(file, images) for file in files if _is_file(file)])
    return _read(path, images)


def _read(path: Path, images: Path | None) -> Annotations:
    content = read_json(path)
    if not isinstance(content, list):
        raise DatasetError(f"{show(path)} is {brief(content)}; expected a list of photos, as CreateML has it")
    gathering = Gathering(path)
    for position, photo in enumerate(content, start=1):
        known = photo if isinstance(photo, dict) else {}
        name, regions = (next((known[one] for one in some if one in known), None) for some in (_PHOTO, _REGIONS))
        if not isinstance(name, str) or not name.strip() or not isinstance(regions, list):
            gathering.broken(f"photo {position}", f"it is {brief(photo)}; expected an image and annotations")
            continue
        pieces = []
        for at, one in enumerate(regions, start=1):
            try:
                pieces.append(Piece(*_region(one), f"annotation {at}"))
            except DatasetError as error:
                gathering.broken(f"{name}: annotation {at}", error)
        gathering.photo([name], pieces)
    return gathering.annotations(images)


def _region(one: Any) -> tuple[str, Box]:
    sides = one.get("coordinates") if isinstance(one, dict) else None
    if not isinstance(sides, dict):
        raise DatasetError(f"it is {brief(one)}; expected a label and coordinates")
    x, y, width, height = (number(sides.get(side), side) for side in ("x", "y", "width", "height"))
    return label(one.get("label")), Box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)
