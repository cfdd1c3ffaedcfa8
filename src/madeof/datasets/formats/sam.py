"""Segment Anything: masks of a photo as JSON, which say no material.

Either SA-1B's object, with the `image` and its `annotations`, a file for each photo; or the list that
`SamAutomaticMaskGenerator.generate` gives, of objects with a `segmentation` in run lengths (or outlines), which is of
the photo of the file's own name. `segments_in` takes them, and label maps too, as a segmentation of a given photo.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from madeof._util.text import brief, show
from madeof.datasets.annotations import Annotations
from madeof.datasets.formats.gathering import Gathering, Piece, beside, read_each, some_files
from madeof.datasets.formats.parsing import read_json, top_keys
from madeof.datasets.formats.values import size_of
from madeof.datasets.listing import stem
from madeof.errors import DatasetError, RegionError
from madeof.images.photo import PHOTO_SUFFIXES, Photo
from madeof.regions.components import by_values, regions_from_label_map
from madeof.regions.options import DEFAULT, ReadOptions
from madeof.regions.parsing import coco_shape
from madeof.regions.region import Region
from madeof.regions.request import label_map_of
from madeof.regions.shapes import Shape


def matches(path: Path) -> bool:
    """Whether it is such a file, or a folder with one."""
    return any(is_sam(file) for file in some_files(path, ".json"))


def read(path: Path, images: Path | None = None) -> Annotations:
    """Read a file, or all such files in a folder; see `formats.Reader`.

    Raises:
        DatasetError: there is no such file, or the one file cannot be read.
    """
    return read_each(path, images, ".json", read_json, _take, "Segment Anything")


def read_for(path: Path, photo: Path) -> Annotations:
    """Read a list of masks, which names no photo, for the photo that was asked for."""
    return read_each(path, photo.parent, ".json", read_json, partial(_take, photo=photo.name), "Segment Anything")


def _take(gathering: Gathering, file: str, content: Any, photo: str = "") -> bool:
    image = content.get("image") if isinstance(content, dict) else None
    masks = content.get("annotations") if isinstance(content, dict) else content
    if not isinstance(masks, list) or not (isinstance(image, dict) or isinstance(content, list)):
        return False
    name = image.get("file_name") if isinstance(image, dict) else photo or None
    names = beside(file, name) if isinstance(name, str) else [f"{stem(file)}{suffix}" for suffix in PHOTO_SUFFIXES]
    size = size_of(image.get("height"), image.get("width")) if isinstance(image, dict) else None
    pieces = []
    for number, mask in enumerate(masks):
        spot = f"mask {mask['id'] if isinstance(mask, dict) and isinstance(mask.get('id'), int) else number}"
        try:
            pieces.append(Piece("", _shape(mask), spot))
        except RegionError as error:
            gathering.broken(spot, error, file)
    gathering.photo(names, pieces, size=size, place=file if gathering.where.is_dir() else "")
    return True


def _shape(mask: object) -> Shape:
    shape = coco_shape(mask) if isinstance(mask, dict) else None
    if shape is None:
        raise RegionError(f"it is {brief(mask)}; expected an object with a segmentation")
    return shape


def names_no_photo(path: Path) -> bool:
    """Whether it is a list of masks."""
    return is_sam(path) and "[]segmentation" in top_keys(path)


def is_label_map(path: Path) -> bool:
    """Whether the name is that of a picture."""
    return path.suffix.lower() in PHOTO_SUFFIXES


def is_sam(path: Path) -> bool:
    """Whether it is a JSON list of masks, or an SA-1B object of one image with its annotations, by its beginning."""
    keys = top_keys(path)
    if "[]image_id" in keys:  # COCO's results
        return False
    return keys.get("[]segmentation") in ("{", "[") or (keys.get("image") == "{" and keys.get("annotations") == "[")


def segments_in(path: Path, photo: Photo, options: ReadOptions = DEFAULT, *, by_value: bool = False) -> list[Region]:
    """The segments that a label map or a JSON of masks gives for a photo.

    Args:
        path: a picture whose values are segments, 0 none; or masks as `SamAutomaticMaskGenerator` gives them ("a list
            of objects with a segmentation"), in run lengths or outlines, or one of SA-1B's files.
        photo: the photo.
        options: how a label map is read; smaller segments than its `min_area` are left out.
        by_value: take all pixels of a value of the label map for one segment, rather than each 8-connected blob.

    Raises:
        RegionError: it cannot be read, does not fit the photo, or has no segment.
    """
    least = options.min_area
    if is_label_map(path):
        label_map = label_map_of(path, photo, options)
        found = by_values(label_map, least) if by_value else regions_from_label_map(label_map, min_area=least)
    else:
        try:
            found = [region for region in _masks(path, photo.size) if region.area >= least]
        except DatasetError as error:
            raise RegionError(str(error)) from error
    if not found:
        raise RegionError(f"{show(path)} has no segment of {least} pixels or more; expected at least one")
    return found


def _masks(path: Path, size: tuple[int, int]) -> list[Region]:
    """The masks of a JSON file for a photo of `size`."""
    value: Any = read_json(path)
    masks = value.get("annotations") if isinstance(value, dict) else value
    if not isinstance(masks, list):
        raise DatasetError(f"{show(path)} has {brief(masks)}; expected a list of masks, each with its segmentation")
    found = []
    for number, mask in enumerate(masks):
        name = f"mask {number}"
        try:
            part, corner = _shape(mask).cut(size)
        except RegionError as error:
            raise RegionError(f"{name} of {show(path)}: {error}") from error
        found.append(Region(name, part, corner=corner, photo_size=size))
    return found
