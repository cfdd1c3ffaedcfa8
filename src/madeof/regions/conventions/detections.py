"""Objects with detections in them: supervision's `Detections`, and results with `masks.data`, known by their shape."""

from __future__ import annotations

from typing import Any

import numpy as np

from madeof._util.text import show
from madeof.errors import RegionError
from madeof.regions.conventions.arrays import each_mask, to_numpy
from madeof.regions.conventions.records import outline_points, region_of_shape
from madeof.regions.region import Region
from madeof.regions.shapes import Box, Polygons, Shape

_CORNERS = "xyxyxyxy"  # supervision's key for turned boxes


def is_detections(thing: object) -> bool:
    """Whether something is like supervision's `Detections`."""
    return all(hasattr(thing, name) for name in ("xyxy", "mask", "class_id"))


def is_detection(thing: object) -> bool:
    """Whether something is what iterating over `Detections` gives: xyxy, mask, confidence, class, tracker, data."""
    return isinstance(thing, tuple) and len(thing) == 6 and isinstance(thing[5], dict) and np.shape(thing[0]) == (4,)


def is_result(thing: object) -> bool:
    """Whether something is a detector's result with `boxes` and `masks`."""
    return hasattr(thing, "masks") and hasattr(thing, "boxes") and not isinstance(thing, dict)


def regions_of_detections(found: Any, size: tuple[int, int]) -> list[Region]:
    """A region for each detection: its mask, or its turned box, or its box, x0, y0, x1, y1 in pixels.

    Raises:
        RegionError: one of them cannot be used.
    """
    count = len(found.xyxy)
    names = _names(count, getattr(found, "data", {}).get("class_name"))
    if found.mask is not None:
        return [Region(names[i], to_numpy(found.mask[i], names[i]), photo_size=None) for i in range(count)]
    turned = getattr(found, "data", {}).get(_CORNERS)
    shapes = [
        _box(found.xyxy[i]) if turned is None else Polygons([np.asarray(turned[i], dtype=np.float64)])
        for i in range(count)
    ]
    return [region_of_shape(shape, size, name) for name, shape in zip(names, shapes, strict=True)]


def region_of_detection(found: tuple[Any, ...], size: tuple[int, int], name: str) -> Region:
    """The region of what iterating over `Detections` gives; see `regions_of_detections`."""
    box, mask, *_, data = found
    label = data.get("class_name")
    name = name if label is None else f"{name} ({show(str(label))})"
    if mask is not None:
        return Region(name, to_numpy(mask, name))
    turned = data.get(_CORNERS)
    shape: Shape = _box(box) if turned is None else Polygons([np.asarray(turned, dtype=np.float64)])
    return region_of_shape(shape, size, name)


def regions_of_result(result: Any, size: tuple[int, int]) -> list[Region]:
    """A region for each mask of a detector's result.

    Its masks may be of the net's size and not the photo's; then its outlines (`masks.xy`, in the photo's pixels) count.

    Raises:
        RegionError: it has no masks, or they are of another size and there are no outlines.
    """
    if result.masks is None:
        raise RegionError("the result has no masks; expected some: give  boxes=result.boxes.xyxy  for its boxes")
    masks = each_mask(to_numpy(result.masks.data, "masks.data"), size, "masks.data")
    names = _names(len(masks), _classes(result))
    outlines = getattr(result.masks, "xy", None)
    if outlines is None or all(mask.shape == size for mask in masks):
        return [Region(name, mask) for name, mask in zip(names, masks, strict=True)]
    shown = getattr(result, "orig_shape", size)
    if tuple(shown)[:2] != size:
        raise RegionError(
            f"the result is of a photo of {shown[1]} x {shown[0]} but the photo is {size[1]} x {size[0]} "
            "(width x height); expected the same photo"
        )
    return [
        region_of_shape(Polygons([outline_points(points, name)]), size, name)
        for name, points in zip(names, outlines, strict=True)
    ]


def _box(sides: Any) -> Box:
    return Box(*(float(side) for side in sides))


def _names(count: int, labels: Any) -> list[str]:
    plain = [f"mask {i}" for i in range(count)]
    if labels is None or len(labels) != count:
        return plain
    return [f"{name} ({show(str(label))})" for name, label in zip(plain, labels, strict=True)]


def _classes(result: Any) -> list[str] | None:
    """Class names of a detector's result, if it has them."""
    names, numbers = getattr(result, "names", None), getattr(result.boxes, "cls", None)
    if names is None or numbers is None:
        return None
    return [str(names[int(number)]) for number in to_numpy(numbers, "boxes.cls")]
