"""Cityscapes: gtFine/SPLIT/CITY/NAME_gtFine_polygons.json, with the photo leftImg8bit/SPLIT/CITY/NAME_leftImg8bit.png.

A polygon's points are pixels by column and row, and its edge belongs to it, as `cityscapesscripts` draws it; each lies
over those before it. Regions are what is to be seen of each. `out of roi`, `ego vehicle` and the like have no material.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from madeof._util.text import brief
from madeof.datasets.annotations import Annotations
from madeof.datasets.formats.finding import split_of_folder
from madeof.datasets.formats.gathering import Gathering, Piece, covered, read_each, some_files
from madeof.datasets.formats.parsing import read_json, top_keys
from madeof.datasets.formats.values import label, outline, size_of
from madeof.datasets.photos import Details
from madeof.errors import DatasetError
from madeof.regions.shapes import Drawn

_END = "_polygons.json"
_PHOTOS = "leftImg8bit"
_NO_MATERIAL = ("out of roi", "ego vehicle", "rectification border", "unlabeled")


def matches(path: Path) -> bool:
    """Whether it is a file of polygons, or a folder with one."""
    return any({"imgHeight", "objects"} <= top_keys(file).keys() for file in some_files(path, _END))


def read(path: Path, images: Path | None = None) -> Annotations:
    """Read a file, or all in a folder; see `formats.Reader`."""
    if images is None and path.is_dir():
        folders = [place / _PHOTOS for place in (path, path.absolute().parent)]
        images = next((folder for folder in folders if folder.is_dir()), None)
    return read_each(path, images, _END, read_json, _take, "Cityscapes")


def _take(gathering: Gathering, file: str, content: Any) -> bool:
    objects = content.get("objects") if isinstance(content, dict) else None
    if not isinstance(objects, list):
        return False
    pieces = []
    for at, one in enumerate(objects, start=1):
        try:
            if not isinstance(one, dict):
                raise DatasetError(f"it is {brief(one)}; expected an object")
            if not one.get("deleted"):
                pieces.append(Piece(label(one.get("label")), Drawn([outline(one.get("polygon"))]), f"object {at}"))
        except DatasetError as error:
            gathering.broken(f"object {at}", error, file)
    seen = [piece for piece in covered(pieces) if piece.material not in _NO_MATERIAL]
    for piece in pieces:
        gathering.left_out[f"regions labelled {piece.material}"] += piece.material in _NO_MATERIAL
    stem = file.removesuffix(_END).rpartition("_gt")[0] or file.removesuffix(_END)
    inner = stem.removeprefix("gtFine/").removeprefix("gtCoarse/")
    names = [f"{inner}_{_PHOTOS}.png", f"{_PHOTOS}/{inner}_{_PHOTOS}.png", f"{inner}.png", f"{inner}.jpg"]
    split = next(filter(None, map(split_of_folder, file.split("/")[:-1])), "")
    size = size_of(content.get("imgHeight"), content.get("imgWidth"))
    place = file if gathering.where.is_dir() else ""
    gathering.photo(names, seen, size=size, place=place, details=Details(split=split))
    return True
