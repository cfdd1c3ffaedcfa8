"""Label maps in colours with a list of them: Pascal VOC's SegmentationClass, CVAT's segmentation masks, CamVid.

The list is `labelmap.txt` (lines "label:r,g,b:parts:actions", as CVAT and datumaro write it), `class_dict.csv` or
`label_colors.csv` (name,r,g,b) or `label_colors.txt` ("r g b name"). Without one, a folder `SegmentationClass` has the
21 colours of Pascal VOC. A pixel's whole colour says its class; of a palette file the colours that it shows. Black,
VOC's border (224, 224, 192) and labels such as background have no material.

The maps are in SegmentationClass/, labels/, masks/, annotations/ or label_maps/, with the photos' names, and the photos
in JPEGImages/, images/, photos/ or data/. Where there is a SegmentationObject/, all pixels of one object there are a
region; else each connected blob of a class is. The lists of ImageSets/Segmentation give the splits.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from madeof._util.text import join_some, show
from madeof.datasets.annotations import Annotations
from madeof.datasets.formats.finding import split_of_folder
from madeof.datasets.formats.map_regions import Values, details_of_folder, first_folder, map_annotations
from madeof.datasets.formats.parsing import head, read_text
from madeof.datasets.formats.values import is_material
from madeof.datasets.listing import stem
from madeof.datasets.photos import Details
from madeof.errors import DatasetError
from madeof.regions.files import read_colours

LISTS = ("labelmap.txt", "class_dict.csv", "label_colors.csv", "label_colors.txt")
CLASSES, OBJECTS = "SegmentationClass", "SegmentationObject"
_MAPS = (CLASSES, "labels", "masks", "annotations", "label_maps")
_PHOTOS = ("JPEGImages", "images", "photos", "data")
_BORDER = 0xE0E0C0
_LINES = (
    re.compile(r"(?P<name>[^:,]+):(?P<rgb>\d{1,3},\d{1,3},\d{1,3})(:.*)?"),
    re.compile(r"(?P<name>[^,]+),\s*(?P<rgb>\d{1,3}\s*,\s*\d{1,3}\s*,\s*\d{1,3})\s*"),
    re.compile(r"(?P<rgb>\d{1,3}[ \t]+\d{1,3}[ \t]+\d{1,3})[ \t]+(?P<name>.+)"),
)
_VOC = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable", "dog"),
    *("horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor"),
)


def matches(path: Path) -> bool:
    """Whether it is a folder with label maps and a list of their colours, or with Pascal VOC's SegmentationClass."""
    with contextlib.suppress(OSError, ValueError):
        maps = first_folder(path, _MAPS)
        return maps is not None and (maps.name == CLASSES or _list_in(path) is not None)
    return False


def read(path: Path, images: Path | None = None) -> Annotations:
    """Read the folder; see `formats.Reader`. Photos without a label map are counted.

    Raises:
        DatasetError: there are no label maps or photos, or the list of colours is broken (its line is named).
    """
    maps = first_folder(path, _MAPS)
    photos = images or first_folder(path, _PHOTOS)
    if maps is None or photos is None:
        what, folders = ("label maps", _MAPS) if maps is None else ("photos", _PHOTOS)
        raise DatasetError(f"{show(path)}: no folder of {what}; expected {', '.join(f'{one}/' for one in folders)}")
    file = _list_in(path)
    if file is None and maps.name != CLASSES:
        raise DatasetError(f"{show(path)}: no list of colours; expected {', '.join(LISTS)}")
    colours = _read_list(file) if file is not None else {name: voc_colour(at) for at, name in enumerate(_VOC, start=1)}
    names = {number: name for number, name in enumerate(colours, start=1) if is_material(name)}
    lookup = {colour: number if number in names else 0 for number, colour in enumerate(colours.values(), start=1)}
    objects = path / OBJECTS if (path / OBJECTS).is_dir() else None
    where = file.name if file is not None else "the colours of Pascal VOC"
    reader = partial(_read_map, colours={0: 0, _BORDER: 0} | lookup, maps=maps, objects=objects, where=where)
    splits = dict(_splits(path))

    def details(_: Path, paths: Sequence[str]) -> list[Details]:
        given = [splits.get(stem(one), "") for one in paths]
        return [
            Details(split=split) if split else details_of_folder(one) for split, one in zip(given, paths, strict=True)
        ]

    values = Values(names, where=where, reader=reader)
    return map_annotations(
        path, photos, maps, values, details=details, missing_maps=f"photos without a label map in {maps.name}"
    )


def voc_colour(number: int) -> int:
    """The whole colour that Pascal VOC gives to a class: its bits, three by three, are the highest bits of R, G and B.

    >>> f"{voc_colour(1):06x}", f"{voc_colour(20):06x}"
    ('800000', '004080')
    """
    colour = 0
    for bit in range(8):
        for channel in range(3):
            colour |= (number >> (3 * bit + channel) & 1) << (7 - bit) << (16 - 8 * channel)
    return colour


def _list_in(path: Path) -> Path | None:
    """The list of colours in the folder or in that above it."""
    places = [folder / one for folder in (path, path.absolute().parent) for one in LISTS]
    return next((one for one in places if any(_match(line) for line in head(one).splitlines())), None)


def _match(line: str) -> re.Match[str] | None:
    return next(filter(None, (pattern.fullmatch(line.strip()) for pattern in _LINES)), None)


def _read_list(path: Path) -> dict[str, int]:
    """The whole colour of each name."""
    found: dict[str, int] = {}
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        match = _match(line)
        if match is None:
            if not line.strip() or line.lstrip().startswith("#") or (number == 1 and path.suffix == ".csv"):
                continue
            raise DatasetError(f"{show(path)} line {number}: {show(line.strip())!r} is no name and colour of 3 numbers")
        name, rgb = match["name"].strip(), [int(one) for one in re.split(r"[\s,]+", match["rgb"].strip())]
        colour = rgb[0] << 16 | rgb[1] << 8 | rgb[2]
        if max(rgb) > 255 or name in found or colour in found.values():
            raise DatasetError(
                f"{show(path)} line {number}: {show(name)} or its colour {rgb} is there twice or over 255"
            )
        found[name] = colour
    return found


def _read_map(
    path: Path, *, colours: Mapping[int, int], maps: Path, objects: Path | None, where: str
) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """The number of each pixel's class, and of its object where that is known."""
    pixels = read_colours(path)
    found, inverse, counts = np.unique(pixels, return_inverse=True, return_counts=True)
    unknown = [f"#{one:06x} ({n} px)" for one, n in zip(found.tolist(), counts, strict=True) if one not in colours]
    if unknown:
        raise DatasetError(
            f"{show(path.name)}: the colours {join_some(unknown)} are not in {show(where)}: add their names"
        )
    numbers = np.array([colours[one] for one in found.tolist()], dtype=np.int32)[inverse.reshape(pixels.shape)]
    other = None if objects is None else (objects / path.relative_to(maps)).with_suffix(".png")
    if other is None or not other.is_file():
        return numbers, None
    things = read_colours(other)
    if things.shape != numbers.shape:
        raise DatasetError(f"{show(other.name)} in {OBJECTS} is of another size than in {show(maps.name)}")
    return numbers, np.where(things == _BORDER, 0, things)


def _splits(path: Path) -> Iterator[tuple[str, str]]:
    for file in sorted((path / "ImageSets" / "Segmentation").glob("*.txt")):
        if split := split_of_folder(file.stem):
            for line in read_text(file).splitlines():
                yield line.strip(), split
