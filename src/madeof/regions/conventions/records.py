"""Dictionaries with a mask or several: SAM's, COCO's and the pipelines' of transformers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from madeof._util.text import join_some, show
from madeof.errors import RegionError
from madeof.regions.raster import Cut
from madeof.regions.region import Region
from madeof.regions.rle import RLE
from madeof.regions.shapes import Box, Polygons, Shape

_MASKS = "segmentation", "mask", "masks"


def is_rle(thing: object) -> bool:
    """Whether something is a dictionary of COCO's run lengths."""
    return isinstance(thing, Mapping) and "counts" in thing and "size" in thing


def is_corners(thing: object) -> bool:
    """Whether something is a box {"xmin", "ymin", "xmax", "ymax"}."""
    return isinstance(thing, Mapping) and {"xmin", "ymin", "xmax", "ymax"} <= thing.keys()


def inner(record: Mapping[str, Any]) -> Any:
    """The entry of a dictionary that holds its mask or masks.

    Raises:
        RegionError: none of it does, or that could mean several things.
    """
    if "images" in record and "annotations" in record:
        raise RegionError(
            "a dictionary with the keys images and annotations is a COCO file; expected the masks of one photo: "
            "read it with  madeof.datasets.read_annotations,  or give the annotations of this photo"
        )
    for key in ("annotations", *_MASKS):
        if record.get(key) is not None:
            return record[key]
    keys = join_some([show(repr(key)) for key in record], most=8)
    if absent := [key for key in _MASKS if key in record]:
        raise RegionError(f"a dictionary has None for {absent[0]!r}; expected a mask: leave it out")
    if "boxes" in record or "bbox" in record:
        raise RegionError(
            f"a dictionary has the keys {keys}, boxes and no mask: x0, y0, x1, y1, or x, y, width, height? "
            "Give  boxes=  with x0, y0, x1, y1 in pixels"
        )
    raise RegionError(
        f'a dictionary has the keys {keys}; expected "segmentation" (SAM, COCO), "mask" or "masks" (pipelines of '
        'transformers), or "size" and "counts" (run lengths)'
    )


def label_of(record: Mapping[str, Any]) -> str | None:
    """Name of a record's region."""
    label = record.get("label", record.get("class_name"))
    return show(label) if isinstance(label, str) and label else None


def check_one_photo(records: Sequence[Any]) -> None:
    """Raise a RegionError where records are of several photos by their `image_id`."""
    photos = {repr(each["image_id"]) for each in records if isinstance(each, Mapping) and "image_id" in each}
    if len(photos) > 1:
        raise RegionError(
            f"the annotations are of {len(photos)} photos by their image_id ({show(join_some(sorted(photos)))}); "
            "expected those of one: select them"
        )


def region_of_rle(runs: Mapping[str, Any], size: tuple[int, int], name: str) -> Region:
    """The region of COCO's run lengths, {"size": [height, width], "counts": text or numbers}.

    Raises:
        RegionError: they are damaged, or of a photo of another size.
    """
    counts, stated = runs["counts"], runs["size"]
    try:
        height, width = (int(side) for side in stated)
        if isinstance(counts, str):
            counts = counts.encode("ascii")
        if not isinstance(counts, bytes):
            numbers = np.asarray(counts)
            if numbers.ndim != 1 or numbers.dtype.kind not in "iu":
                raise ValueError
            counts = numbers.astype(np.int64)
    except (TypeError, ValueError, OverflowError):
        raise RegionError(
            f"{name} has run lengths that are not COCO's; expected size [height, width], and counts as text or a list "
            "of whole numbers: encode them again with pycocotools"
        ) from None
    return region_of_shape(RLE(counts, (height, width)), size, name)


def region_of_outlines(outlines: Sequence[Any], size: tuple[int, int], name: str) -> Region:
    """The region of COCO's outlines, [[x, y, x, y, ...], ...], the union of its parts.

    Raises:
        RegionError: they are no outlines, or lie outside the photo.
    """
    return region_of_shape(Polygons([outline_points(part, name) for part in outlines]), size, name)


def outline_points(points: Any, name: str) -> Any:
    """The points of an outline, (n, 2) float64, from such points or from x, y, x, y, ...

    Raises:
        RegionError: they are something else.
    """
    try:
        array = np.asarray(points, dtype=np.float64)
    except (TypeError, ValueError):
        array = np.zeros(0)
    if array.ndim == 1 and array.size >= 6 and array.size % 2 == 0:
        array = array.reshape(-1, 2)
    if array.ndim != 2 or array.shape[1] != 2 or len(array) < 3:
        raise RegionError(f"{name} is not an outline; expected three or more points (x, y), or x, y, x, y, ...")
    return array


def region_of_corners(corners: Mapping[str, Any], size: tuple[int, int], name: str) -> Region:
    """The region of a box {"xmin", "ymin", "xmax", "ymax"}, as the `object-detection` pipeline gives it.

    Raises:
        RegionError: it has no area, or lies outside the photo.
    """
    return region_of_shape(Box(corners["xmin"], corners["ymin"], corners["xmax"], corners["ymax"]), size, name)


def region_of_shape(shape: Shape, size: tuple[int, int], name: str) -> Region:
    """The region of a shape; errors begin with its name."""
    try:
        cut: Cut = shape.cut(size)
    except RegionError as error:
        raise type(error)(f"{name}: {error}") from error
    return Region(name, cut[0], corner=cut[1], photo_size=size)
