"""Shapes as tables and JSON give them: boxes, polygons and run lengths, as text or as lists."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from madeof._util.text import show
from madeof.datasets.formats.coco_rows import pack, unpack
from madeof.errors import DatasetError, RegionError
from madeof.regions.raster import parse_box, parse_polygon
from madeof.regions.shapes import Box, Polygons, Shape

KINDS = ("box", "polygon", "rle")


def shape_of(kind: str, value: Any) -> Shape:
    """A shape of one of `KINDS`.

    Args:
        kind: which.
        value: for a box x0, y0, x1, y1 in pixels; for a polygon its points (x, y), or COCO's list of outlines; for rle
            COCO's object of size and counts. As lists and objects, as their JSON, or as the command line has them.

    Raises:
        RegionError: it is something else.
    """
    if isinstance(value, str):
        text = value.strip()
        if not text.startswith(("[", "{")):
            if kind == "rle":
                raise RegionError(f"the rle is {_brief(text)}; expected JSON: an object of size and counts")
            return Box(*parse_box(text)) if kind == "box" else Polygons([np.asarray(parse_polygon(text))])
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise RegionError(f"the {kind} is {_brief(text)}, which is not JSON: {show(str(error))}") from error
    try:
        return {"box": _box, "polygon": _polygon, "rle": _runs}[kind](value)
    except DatasetError as error:
        raise RegionError(str(error)) from error


def shape_in(given: Mapping[str, Any]) -> Shape:
    """The shape of an object that has one of `KINDS`, as the service takes them: {"box": [10, 20, 110, 220]}.

    Raises:
        RegionError: it has none or several, or a broken one.
    """
    found = [kind for kind in KINDS if given.get(kind) is not None]
    if len(found) != 1:
        raise RegionError(f"it has {' and '.join(found) or 'no shape'}; expected one of {', '.join(KINDS)}")
    return shape_of(found[0], given[found[0]])


def _box(value: Any) -> Shape:
    sides = _numbers(value, "box", "four numbers x0, y0, x1, y1")
    if sides.shape != (4,):
        raise RegionError(f"the box is {_brief(value)}; expected four numbers x0, y0, x1, y1")
    return Box(*sides.tolist())


def _polygon(value: Any) -> Shape:
    first = value[0] if isinstance(value, list | tuple) and value else None
    if isinstance(first, list | tuple) and len(first) > 2:  # COCO's outlines x, y, x, y, ...
        return _packed({"segmentation": [list(outline) for outline in value]})
    points = _numbers(value, "polygon", "three or more points (x, y)")
    if points.ndim != 2 or points.shape[1:] != (2,) or len(points) < 3:
        raise RegionError(f"the polygon is {_brief(value)}; expected three or more points (x, y)")
    return Polygons([points])


def _runs(value: Any) -> Shape:
    if not isinstance(value, dict):
        raise RegionError(f"the rle is {_brief(value)}; expected an object of size and counts")
    counts = value.get("counts")
    if isinstance(counts, bytes):  # as pycocotools has it
        counts = counts.decode("ascii", "replace")
    return _packed({"segmentation": {"size": value.get("size"), "counts": counts}})


def _packed(annotation: dict[str, Any]) -> Shape:
    packed = pack(annotation)
    assert packed is not None  # there is a segmentation
    return unpack(packed[0], memoryview(packed[1]))


def _numbers(value: Any, kind: str, expected: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    try:
        return np.asarray(value, dtype=np.float64)
    except (ValueError, TypeError, OverflowError):
        raise RegionError(f"the {kind} is {_brief(value)}; expected {expected}") from None


def _brief(value: Any) -> str:
    text = show(repr(value))
    return text if len(text) < 60 else f"{text[:60]}..."
