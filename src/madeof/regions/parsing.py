"""Shapes as tables and JSON give them: boxes, polygons and run lengths, as text or as lists, and COCO's annotations."""

from __future__ import annotations

import json
from array import array
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from madeof._util.text import brief, show
from madeof.errors import RegionError
from madeof.regions.raster import parse_box, parse_polygon
from madeof.regions.rle import parse_rle
from madeof.regions.shapes import Box, Polygons, Shape

KINDS = ("box", "polygon", "rle")

LEAST = 6
"""Numbers of an outline: three points. Shorter ones beside another are left out."""


def shape_of(kind: str, value: Any) -> Shape:
    """A shape of one of `KINDS`, of "box_xywh" or of "segmentation".

    Args:
        kind: which.
        value: for a box x0, y0, x1, y1 in pixels; for a polygon its points (x, y), or COCO's list of outlines; for rle
            COCO's object of size and counts; for box_xywh COCO's x, y, width, height; for segmentation what COCO has
            there. As lists and objects, as their JSON, or as the command line has them.

    Raises:
        RegionError: it is something else.
    """
    if isinstance(value, str):
        text = value.strip()
        if not text.startswith(("[", "{")):
            if kind == "rle":
                raise RegionError(f"the rle is {brief(text)}; expected JSON: an object of size and counts")
            if kind == "segmentation":
                raise RegionError(f"the segmentation is {brief(text)}; expected JSON: COCO's outlines or run lengths")
            if kind == "box_xywh":
                return _box_xywh(text.split(","))
            return Box(*parse_box(text)) if kind == "box" else Polygons([np.asarray(parse_polygon(text))])
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise RegionError(f"the {kind} is {brief(text)}, which is not JSON: {show(str(error))}") from error
    makers = {"box": _box, "polygon": _polygon, "rle": _runs, "box_xywh": _box_xywh, "segmentation": _segmentation}
    return makers[kind](value)


def shape_in(given: Mapping[str, Any]) -> Shape:
    """The shape of an object that has one of `KINDS`, as the service takes them: {"box": [10, 20, 110, 220]}.

    Raises:
        RegionError: it has none or several, or a broken one.
    """
    found = [kind for kind in KINDS if given.get(kind) is not None]
    if len(found) != 1:
        raise RegionError(f"it has {' and '.join(found) or 'no shape'}; expected one of {', '.join(KINDS)}")
    return shape_of(found[0], given[found[0]])


def coco_shape(annotation: Mapping[str, Any]) -> Shape | None:
    """The shape of a COCO annotation; None where it has none (captions, keypoints).

    Raises:
        RegionError: its segmentation or box is broken.
    """
    segmentation = annotation.get("segmentation")
    if isinstance(segmentation, dict):
        return parse_rle(segmentation)
    if isinstance(segmentation, list) and segmentation:
        return _outlines(segmentation)
    if segmentation not in (None, []):
        raise RegionError(f"its segmentation is {brief(segmentation)}; expected outlines or run lengths")
    box = annotation.get("bbox")
    if box is None or box == [] or (annotation.get("keypoints") and not _has_area(box)):
        return None
    try:
        x, y, width, height = array("d", box)
    except (TypeError, ValueError, OverflowError):
        raise RegionError(f"its bbox is {brief(box)}; expected four numbers x, y, width, height") from None
    return Box(x, y, x + width, y + height)


def one_outline(segmentation: object) -> array[float] | None:
    """The numbers x, y, x, y, ... of a COCO segmentation that is one good outline; None for any other."""
    if type(segmentation) is not list or len(segmentation) != 1 or type(segmentation[0]) is not list:
        return None
    (outline,) = segmentation
    if len(outline) < LEAST or len(outline) % 2:
        return None
    try:
        return array("d", outline)
    except (TypeError, OverflowError):
        return None


def _has_area(box: object) -> bool:
    return not (isinstance(box, list) and len(box) == 4 and 0 in box[2:])


def _outlines(outlines: list[Any]) -> Polygons:
    """COCO's outlines, each x, y, x, y, ..."""
    if not isinstance(outlines[0], list):
        raise RegionError(f"its segmentation begins with {brief(outlines[0])}; expected a list of outlines")
    if len(outlines) > 1 and min(map(_length, outlines)) < LEAST <= max(map(_length, outlines)):
        outlines = [one for one in outlines if _length(one) >= LEAST]  # what coco-annotator leaves of a click
    parts = []
    for outline in outlines:
        numbers = array("d")
        try:
            numbers.extend(outline)
        except (TypeError, OverflowError):
            raise RegionError(f"its outline is {brief(outline)}; expected numbers x, y, x, y, ...") from None
        if len(numbers) % 2:
            raise RegionError(f"its outline has {len(numbers)} numbers; expected x and y of each point")
        if len(numbers) < LEAST:
            raise RegionError(f"its outline has {len(numbers) // 2} points; expected three or more")
        parts.append(np.frombuffer(numbers).reshape(-1, 2))
    return Polygons(parts)


def _length(outline: object) -> int:
    return len(outline) if isinstance(outline, list) else LEAST


def _box(value: Any) -> Shape:
    sides = _numbers(value, "box", "four numbers x0, y0, x1, y1")
    if sides.shape != (4,):
        raise RegionError(f"the box is {brief(value)}; expected four numbers x0, y0, x1, y1")
    return Box(*sides.tolist())


def _box_xywh(value: Any) -> Shape:
    sides = _numbers(value, "box", "four numbers x, y, width, height")
    if sides.shape != (4,) or not (np.isfinite(sides).all() and (sides[2:] > 0).all()):
        raise RegionError(f"the box is {brief(value)}; expected four numbers x, y, width, height in pixels")
    x, y, width, height = sides.tolist()
    return Box(x, y, x + width, y + height)


def _segmentation(value: Any) -> Shape:
    shape = coco_shape({"segmentation": value})
    if shape is None:
        raise RegionError(f"the segmentation is {brief(value)}; expected COCO's outlines or run lengths")
    return shape


def _polygon(value: Any) -> Shape:
    first = value[0] if isinstance(value, list | tuple) and value else None
    if isinstance(first, list | tuple) and len(first) > 2:
        return _outlines([list(outline) for outline in value])
    points = _numbers(value, "polygon", "three or more points (x, y)")
    if points.ndim != 2 or points.shape[1:] != (2,) or len(points) < 3:
        raise RegionError(f"the polygon is {brief(value)}; expected three or more points (x, y)")
    return Polygons([points])


def _runs(value: Any) -> Shape:
    if not isinstance(value, dict):
        raise RegionError(f"the rle is {brief(value)}; expected an object of size and counts")
    return parse_rle(value)


def _numbers(value: Any, kind: str, expected: str) -> NDArray[np.float64]:
    try:
        return np.asarray(value, dtype=np.float64)
    except (ValueError, TypeError, OverflowError):
        raise RegionError(f"the {kind} is {brief(value)}; expected {expected}") from None
