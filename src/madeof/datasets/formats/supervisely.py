"""Supervisely: a project of data sets, each with ann/NAME.jpg.json for the photo img/NAME.jpg.

As its SDK reads it: points are pixels by column and row, and the edge of a polygon belongs to it, as do both corners
of a rectangle; a bitmap is a PNG, packed by zlib, in Base64. A tag named material is the material. Points and lines are
no regions.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from pathlib import Path
from typing import Any

from madeof._util.text import brief
from madeof.datasets.annotations import Annotations
from madeof.datasets.formats.finding import split_of_folder
from madeof.datasets.formats.gathering import Gathering, Piece, beside, read_each, some_files
from madeof.datasets.formats.parsing import read_json, top_keys
from madeof.datasets.formats.pixels import PngMask, png_mask
from madeof.datasets.formats.values import label, outline, size_of, whole
from madeof.datasets.photos import Details
from madeof.errors import DatasetError
from madeof.regions.shapes import Box, Drawn, Shape

_NO_REGION = {"point": "points", "line": "lines", "polyline": "lines", "graph": "skeletons", "any": "tags"}
_LARGEST = 1 << 28  # bytes of a PNG


def matches(path: Path) -> bool:
    """Whether it is an annotation of Supervisely, or a folder with one."""
    return any(_is_file(file) for file in some_files(path, ".json"))


def _is_file(path: Path) -> bool:
    keys = top_keys(path)
    return keys.get("size") == "{" and keys.get("objects") == "["


def read(path: Path, images: Path | None = None) -> Annotations:
    """Read an annotation, or all in a folder; see `formats.Reader`."""
    beside_it = path.absolute().parent.parent / "img"  # of ann/ with a file, or of one data set
    if images is None and path.is_file() and beside_it.is_dir():
        images = beside_it
    return read_each(path, images, ".json", read_json, _take, "Supervisely")


def _take(gathering: Gathering, file: str, content: Any) -> bool:
    size, objects = (content.get(one) if isinstance(content, dict) else None for one in ("size", "objects"))
    if not isinstance(size, dict) or not isinstance(objects, list):
        return False
    pieces = []
    for at, one in enumerate(objects, start=1):
        place = f"object {at}"
        try:
            if not isinstance(one, dict):
                raise DatasetError(f"it is {brief(one)}; expected an object")
            kind = one.get("geometryType") or ("bitmap" if one.get("bitmap") else "polygon")
            if isinstance(kind, str) and kind in _NO_REGION:
                gathering.left_out[_NO_REGION[kind]] += 1
                continue
            pieces.append(Piece(label(one.get("classTitle"), one.get("tags"), "classTitle"), _shape(kind, one), place))
        except DatasetError as error:
            gathering.broken(place, error, file)
    folder, _, name = file.removesuffix(".json").rpartition("/")
    if folder == "ann" or folder.endswith("/ann"):
        names = [f"{folder[:-3]}img/{name}", f"{folder[:-3]}{name}"]
    else:
        names = [*beside(file, name), *beside(file, f"../img/{name}")]
    split = next(filter(None, map(split_of_folder, folder.split("/"))), "")
    stated, place = size_of(size.get("height"), size.get("width")), file if gathering.where.is_dir() else ""
    gathering.photo(names, pieces, size=stated, place=place, details=Details(split=split))
    return True


def _shape(kind: object, one: dict[str, Any]) -> Shape:
    if kind == "bitmap":
        return _bitmap(one.get("bitmap"))
    points = one.get("points")
    points = points if isinstance(points, dict) else {}
    if kind == "rectangle":
        corners = outline(points.get("exterior"), least=2)
        (x0, y0), (x1, y1) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
        return Box(x0, y0, x1 + 1, y1 + 1)
    if kind == "polygon":
        holes = points.get("interior") or []
        if not isinstance(holes, list):
            raise DatasetError(f"its interior is {brief(holes)}; expected a list of outlines")
        return Drawn([outline(points.get("exterior"))], [outline(hole) for hole in holes])
    raise DatasetError(f"its geometryType is {brief(kind)}; expected polygon, bitmap or rectangle")


def _bitmap(bitmap: Any) -> PngMask:
    data, origin = (bitmap.get(one) if isinstance(bitmap, dict) else None for one in ("data", "origin"))
    if not isinstance(data, str) or not isinstance(origin, list) or len(origin) != 2:
        raise DatasetError(f"its bitmap is {brief(bitmap)}; expected data and origin")
    try:
        packed = base64.b64decode(data, validate=True)
        png = packed if packed.startswith(b"\x89PNG") else zlib.decompressobj().decompress(packed, _LARGEST)
    except (binascii.Error, ValueError, zlib.error) as error:
        raise DatasetError(f"its bitmap cannot be unpacked: {error}") from error
    x, y = (whole(side, "a side of origin") for side in origin)
    return png_mask(base64.b64encode(png).decode("ascii"), (x, y))
