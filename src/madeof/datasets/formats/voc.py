"""Pascal VOC: an XML file of boxes for each photo, as the VOC2012 development kit (doc/devkit_doc.pdf) describes it.

A box's corners are pixels, counted from 1, and both are within the box: xmin 1 and xmax 1 is the first column. So its
left side is at xmin - 1 and its right side at xmax. Tools that count from 0 write 0 there, which is read as 1.

An object's `polygon` (x1, y1, x2, y2, ...), as Roboflow and supervision write it, is its outline, in pixels from the
photo's corner; but where its extremes are the box's own corners, as supervision has it, its points are the centres of
pixels that count from 1. Where there is a SegmentationClass/, its label maps are read (see `colour_map`), and the boxes
of their photos are not. An attribute named material is the material. The boxes of parts of an object and points are no
regions; `difficult` and `truncated` change nothing. The lists of `ImageSets/Main` (train, val, test) give the splits.
"""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from pathlib import Path, PurePosixPath
from xml.etree.ElementTree import Element

import numpy as np

from madeof._util.text import show
from madeof.datasets.annotations import AnnotatedPhoto, Annotations
from madeof.datasets.formats import colour_map
from madeof.datasets.formats.finding import relative_path
from madeof.datasets.formats.gathering import Gathering, Piece, annotation_files, naming, some_files
from madeof.datasets.formats.parsing import head, read_text, read_xml
from madeof.datasets.formats.values import label, number, outline, size_of
from madeof.datasets.listing import stem
from madeof.datasets.photos import Details
from madeof.datasets.splits import SPLITS
from madeof.errors import DatasetError
from madeof.images.photo import PHOTO_SUFFIXES
from madeof.materials.lists import key
from madeof.regions.shapes import Box, Polygons, Shape

_FOLDER = "Annotations"
_BOXES = f"boxes of photos that have a label map in {colour_map.CLASSES}"
_ROOT = re.compile(r"<annotation[\s>]")


def matches(path: Path) -> bool:
    """Whether it is an XML file of Pascal VOC, or a folder with one."""
    return any(_ROOT.search(head(file)) for file in some_files(path, ".xml"))


def read(path: Path, images: Path | None = None) -> Annotations:
    """Read an XML file of Pascal VOC, or all in a folder (with a folder `Annotations/`, those in that).

    Args:
        path: the file or folder.
        images: the folder of photos, where they are neither beside the files nor in `JPEGImages/`.

    Raises:
        DatasetError: there is no such file, or the one file cannot be read.
    """
    gathering = Gathering(path, strict=True)
    inner = path / _FOLDER if (path / _FOLDER).is_dir() else path
    folder, files, problems = annotation_files(inner, ".xml")
    gathering.problems += problems
    splits = _splits(path if inner != path else folder.parent)
    for file in files:
        place = f"{_FOLDER}/{file}" if inner != path else file
        try:
            root = read_xml(folder / file)
            if root.tag != "annotation":
                raise DatasetError(f"it has the root <{show(root.tag)}>; expected <annotation>")
            _read_file(gathering, root, file, place, Details(split=splits.get(stem(file), "")))
        except DatasetError as error:
            if not path.is_dir():
                raise naming(path, error) from error
            gathering.broken("", error, place)
    boxes = gathering.annotations(images)
    return _with_masks(boxes, colour_map.read(path, images)) if (path / colour_map.CLASSES).is_dir() else boxes


def _with_masks(boxes: Annotations, masks: Annotations) -> Annotations:
    """The regions of the label maps, and the boxes of photos that have none."""
    if boxes.photos_folder.resolve() != masks.photos_folder.resolve():
        what = f"{colour_map.CLASSES}/ and {_FOLDER}/ have their photos in different folders"
        raise DatasetError(f"{show(boxes.where)}: {what}; give the one that counts, or the folder of photos")
    mapped = {photo.file: photo for photo in masks.photos}
    photos, left_out = [], boxes.left_out + masks.left_out
    for photo in boxes.photos:
        left_out[_BOXES] += len(photo.annotations) if photo.file in mapped else 0
        other = mapped.pop(photo.file, photo)
        details = other.details if other.details.split else photo.details
        photos.append(AnnotatedPhoto(photo.file, other.annotations, photo.size, details))
    left_out = Counter({kind: count for kind, count in left_out.items() if "without a label map" not in kind})
    materials = {key(name): name for name in (*boxes.materials, *masks.materials)}
    problems = (*boxes.problems, *masks.problems)
    photos += mapped.values()
    return Annotations(boxes.where, masks.photos_folder, photos, tuple(materials.values()), problems, +left_out)


def _splits(root: Path) -> dict[str, str]:
    """The split of each photo, by its name without the suffix, where there are lists of them."""
    found: dict[str, str] = {}
    for split in SPLITS:
        with contextlib.suppress(DatasetError):
            for line in read_text(root / "ImageSets" / "Main" / f"{split}.txt").splitlines():
                if line.strip():
                    found.setdefault(line.strip(), split)
    return found


def _read_file(gathering: Gathering, root: Element, file: str, place: str, details: Details) -> None:
    pieces = []
    for position, thing in enumerate(root.iterfind("object"), start=1):
        gathering.left_out["boxes of parts"] += len(thing.findall("part"))
        gathering.left_out["points"] += len(thing.findall("point"))
        spot = f"object {position}"
        try:
            attributes = {one.findtext("name"): one.findtext("value") for one in thing.iterfind("attributes/attribute")}
            pieces.append(Piece(label(thing.findtext("name"), attributes, "name"), _shape(thing), spot))
        except DatasetError as error:
            gathering.broken(spot, error, place)
    size = size_of(root.findtext("size/height"), root.findtext("size/width"))
    gathering.photo(
        _names(root.findtext("filename") or "", file),
        pieces,
        size=size,
        details=details,
        place=place if gathering.where.is_dir() else "",
    )


def _shape(thing: Element) -> Shape:
    """The outline of an object where it has one, else its box."""
    parts = []
    for polygon in thing.iterfind("polygon"):
        texts = {one.tag: one.text for one in polygon}
        count = len(texts) // 2
        parts.append(outline([[texts.get(f"x{at}"), texts.get(f"y{at}")] for at in range(1, count + 1)]))
    if not parts:
        return _box(thing)
    points = np.concatenate(parts)
    with contextlib.suppress(DatasetError):  # without a box nothing says how the points count
        x0, y0, x1, y1 = _box(thing)
        if (points.min(axis=0) == (x0 + 1, y0 + 1)).all() and (points.max(axis=0) == (x1, y1)).all():
            parts = [part - 0.5 for part in parts]
    return Polygons(parts)


def _box(thing: Element) -> Box:
    box = thing.find("bndbox")
    if box is None:
        raise DatasetError("it has no bndbox; expected the corners of its box")
    x0, y0, x1, y1 = (number((box.findtext(side) or "").strip(), side) for side in ("xmin", "ymin", "xmax", "ymax"))
    if x1 < x0 or y1 < y0:
        raise DatasetError(f"its box is {x0:g}, {y0:g}, {x1:g}, {y1:g}; expected xmin <= xmax and ymin <= ymax")
    return Box(max(x0 - 1, 0.0), max(y0 - 1, 0.0), x1, y1)


def _names(photo: str, file: str) -> list[str]:
    """The paths by which the photo is looked for: its name as the file has it, then that of the XML file."""
    plain, own = relative_path(photo), stem(file)
    folder = PurePosixPath(file).parent.as_posix()
    names = [f"{folder}/{plain}" if plain and folder != "." else plain, plain]
    suffix = PurePosixPath(plain).suffix.lower()
    if suffix not in PHOTO_SUFFIXES:  # some files name their photo without its suffix, or not at all
        names += [f"{one}{ending}" for one in (plain, own) if one for ending in PHOTO_SUFFIXES]
    else:
        names.append(own + suffix)
    return list(dict.fromkeys(one for one in names if one))
