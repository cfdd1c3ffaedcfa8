"""A given segmentation of a photo, from a file: a label map, or the masks of Segment Anything as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from madeof._util.text import brief, show
from madeof.datasets.formats.parsing import read_json, top_keys
from madeof.errors import DatasetError, RegionError
from madeof.images.photo import PHOTO_SUFFIXES, Photo
from madeof.regions.components import by_values, regions_from_label_map
from madeof.regions.files import read_label_map
from madeof.regions.options import DEFAULT, ReadOptions
from madeof.regions.parsing import coco_shape
from madeof.regions.region import Region


def is_label_map(path: Path) -> bool:
    """Whether the name is that of a picture."""
    return path.suffix.lower() in PHOTO_SUFFIXES


def is_sam(path: Path) -> bool:
    """Whether it is a JSON list of masks, or an SA-1B object of one image with its annotations, by its beginning."""
    keys = top_keys(path)
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
        label_map = read_label_map(
            path,
            photo.size,
            raw_size=photo.raw_size,
            resize=options.resize_masks,
            max_megapixels=options.max_megapixels,
        )
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
            shape = coco_shape(mask) if isinstance(mask, dict) else None
            if shape is None:
                raise RegionError(f"it is {brief(mask)}; expected an object with a segmentation")
            part, corner = shape.cut(size)
        except RegionError as error:
            raise RegionError(f"{name} of {show(path)}: {error}") from error
        found.append(Region(name, part, corner=corner, photo_size=size))
    return found
