"""LabelMe: a JSON file for each photo, as `labelme/_label_file.py` of LabelMe 3 to 5 and later writes it.

Coordinates count from the photo's upper left corner, as ours. Read are polygons, rectangles, turned rectangles,
circles (the centre and a point on the edge) and masks (a PNG whose first and last pixels the two points are). Shapes of
one label and one `group_id` are one region, as in LabelMe's own `shapes_to_label`. Points and lines are no regions, nor
is what is labelled `__ignore__` or `_background_`. X-AnyLabeling's files are read too: its rectangles of four points,
turned ones and quadrangles, and its attribute `material`.

Written are polygons where the region has outlines without holes, else masks; both are read back exactly.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from madeof._util.files import make_folder, write_bytes
from madeof._util.text import brief
from madeof.datasets.annotations import Annotations
from madeof.datasets.formats.curves import ellipse
from madeof.datasets.formats.gathering import Gathering, Piece, beside, read_each, some_files
from madeof.datasets.formats.parsing import read_json, top_keys
from madeof.datasets.formats.pixels import png_mask, png_text
from madeof.datasets.formats.values import json_bytes, label, outline, size_of
from madeof.datasets.writing import Answered, AnsweredRegion
from madeof.errors import DatasetError
from madeof.regions.shapes import Box, Polygons, Shape

_VERSION = "5.5.0"  # of LabelMe, whose files ours are like; masks are there since 5.3
_NO_REGION = {"point": "points", "points": "points", "line": "lines", "linestrip": "lines"}
_QUADRANGLES = ("oriented_rectangle", "rotation", "quadrilateral")  # the last two are X-AnyLabeling's
_SHAPES = ("polygon", "rectangle", *_QUADRANGLES, "circle", "mask", *_NO_REGION)


def matches(path: Path) -> bool:
    """Whether it is a LabelMe file, or a folder with one."""
    return any(_is_file(file) for file in some_files(path, ".json"))


def _is_file(path: Path) -> bool:
    keys = top_keys(path)
    return keys.get("shapes") == "[" and not keys.keys().isdisjoint({"version", "flags", "imagePath", "imageData"})


def read(path: Path, images: Path | None = None) -> Annotations:
    """Read a LabelMe file, or all that are in a folder and the folders in it.

    Args:
        path: the file or folder.
        images: the folder of photos, where they are not beside the files.

    Raises:
        DatasetError: there is no such file, or the one file cannot be read.
    """
    return read_each(path, images, ".json", read_json, _take, "LabelMe")


def _take(gathering: Gathering, file: str, content: Any) -> bool:
    if not isinstance(content, dict) or content.keys().isdisjoint({"shapes", "imagePath"}):
        return False
    photo, shapes = content.get("imagePath"), content.get("shapes")
    if not isinstance(photo, str) or not photo.strip():
        raise DatasetError(f"imagePath is {brief(photo)}; expected the path of the photo")
    if photo.lower().endswith(".json"):  # LabelMe never looks there where the photo is within the file
        raise DatasetError(f"imagePath is {brief(photo)}, which is no photo; save that of imageData as a file, name it")
    if not isinstance(shapes, list):
        raise DatasetError(f"shapes is {brief(shapes)}; expected a list")
    pieces = []
    for number, shape in enumerate(shapes, start=1):
        place = f"shape {number}"
        try:
            if not isinstance(shape, dict):
                raise DatasetError(f"it is {brief(shape)}; expected an object")
            kind = shape.get("shape_type") or "polygon"  # files of the first versions have none
            if not isinstance(kind, str) or kind not in _SHAPES:
                raise DatasetError(f"the shape_type is {brief(kind)}; expected one of {', '.join(_SHAPES)}")
            if kind in _NO_REGION:
                gathering.left_out[_NO_REGION[kind]] += 1
                continue
            group = shape.get("group_id")
            if not isinstance(group, int | str | None):
                raise DatasetError(f"the group_id is {brief(group)}; expected a whole number")
            pieces.append(Piece(label(shape.get("label"), shape.get("attributes")), _shape(kind, shape), place, group))
        except DatasetError as error:
            gathering.broken(place, error, file)
    size = size_of(content.get("imageHeight"), content.get("imageWidth"))
    gathering.photo(beside(file, photo), pieces, size=size, place=file if gathering.where.is_dir() else "")
    return True


def _shape(kind: str, shape: dict[str, Any]) -> Shape:
    points = shape.get("points")
    if kind == "polygon":
        return Polygons([outline(points)])
    if kind in _QUADRANGLES or (kind == "rectangle" and isinstance(points, list) and len(points) == 4):
        return Polygons([outline(points, least=4)])
    corners = outline(points, least=2)
    if len(corners) != 2:
        raise DatasetError(f"it has {len(corners)} points; expected the 2 of a {kind}")
    (x0, y0), (x1, y1) = corners.tolist()
    if kind == "circle":
        radius = math.hypot(x1 - x0, y1 - y0)
        return Polygons([ellipse(x0, y0, radius, radius)])
    if kind == "rectangle":
        return Box(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))
    mask = png_mask(shape.get("mask"), (round(x0), round(y0)))
    stated = round(y1) - round(y0) + 1, round(x1) - round(x0) + 1
    # Points that were moved by hand stand between pixels, and then the mask alone says how large it is.
    if mask.size != stated and (corners == np.rint(corners)).all():
        raise DatasetError(
            f"its mask is {mask.size[1]} x {mask.size[0]}; expected {stated[1]} x {stated[0]}, from its two points"
        )
    return mask


def write(photos: Iterable[Answered], out: Path, materials: Sequence[str] = ()) -> list[Path]:
    """Write a LabelMe file for each photo into the folder `out`, in the folders that the photos are in.

    It has the photo's name with .json for the suffix or, of two photos of one name, after it. There is no
    list of `materials` in this format.

    Raises:
        WriteError: a file cannot be written; what stood there before is whole.
    """
    written: dict[Path, None] = {}
    for photo in photos:
        path = out / PurePosixPath(photo.file).with_suffix(".json")
        if path in written:
            path = out / f"{photo.file}.json"
        make_folder(path.parent)
        shapes = [shape for number, region in enumerate(photo.regions) for shape in _written(region, number)]
        content: dict[str, Any] = {
            "version": _VERSION,
            "flags": {},
            "shapes": shapes,
            "imagePath": _way(path.parent, photo.folder / photo.file),
            "imageData": None,
            "imageHeight": photo.size[0],
            "imageWidth": photo.size[1],
        }
        write_bytes(path, json_bytes(content, indent=2))
        written[path] = None
    return list(written)


def _way(folder: Path, photo: Path) -> str:
    """The path from the folder to the photo."""
    try:
        return Path(os.path.relpath(photo.absolute(), folder.absolute())).as_posix()
    except ValueError:  # on another drive
        return photo.name


def _written(region: AnsweredRegion, number: int) -> list[dict[str, Any]]:
    """The region's shapes, with `number` as their group where there are several."""
    note = "" if region.score is None else f"score {region.score:.4f}"
    if region.polygons is None or region.polygons.holes:
        height, width = region.cut.shape
        x, y = region.corner
        corners = [[float(x), float(y)], [float(x + width - 1), float(y + height - 1)]]
        return [_entry(region.material, "mask", corners, note, mask=png_text(region.cut))]
    parts = region.polygons.parts
    group = number if len(parts) > 1 else None
    return [_entry(region.material, "polygon", np.asarray(part).tolist(), note, group) for part in parts]


def _entry(
    label: str, kind: str, points: list[list[float]], note: str, group: int | None = None, mask: str | None = None
) -> dict[str, Any]:
    return {
        "label": label,
        "points": points,
        "group_id": group,
        "description": note,
        "shape_type": kind,
        "flags": {},
        "mask": mask,
    }
