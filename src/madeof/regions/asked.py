"""The regions of one question: masks, boxes, polygons and a label map, or the whole photo."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from madeof.errors import RegionError
from madeof.regions.as_regions import as_regions, is_file, kind
from madeof.regions.components import regions_from_label_map
from madeof.regions.conventions import arrays, records
from madeof.regions.files import read_label_map
from madeof.regions.mask_like import BoxesLike, LabelMapLike, MaskLike
from madeof.regions.region import Region, check_size


def asked_regions(
    size: tuple[int, int],
    masks: MaskLike | None = None,
    boxes: BoxesLike | None = None,
    polygons: BoxesLike | None = None,
    label_map: LabelMapLike | None = None,
    *,
    background: int = 0,
    min_area: int = 1,
    soft: bool = False,
    logits_above: float | None = None,
    skip_empty: bool = False,
    raw_size: tuple[int, int] | None = None,
) -> list[Region]:
    """The regions of masks, boxes, polygons and a label map, in this order; the whole photo where none is given.

    Args:
        size: (height, width) of the photo.
        masks: what `as_regions` takes.
        boxes: (N, 4), or one of four numbers: x0, y0, x1, y1 in pixels.
        polygons: each (n, 2) points x, y in pixels, or x, y, x, y, ...; or one of (n, 2).
        label_map: what `regions_from_label_map` takes, or a file of one; each component is a region.
        background: the label map's value where there is nothing; -1 in some of transformers' maps.
        min_area: smaller components of the label map are left out, in pixels.
        soft: see `as_regions`.
        logits_above: see `as_regions`.
        skip_empty: see `as_regions`.
        raw_size: see `as_regions`.

    Raises:
        RegionError: one of them cannot be used.
    """
    found: list[Region] = []
    if masks is not None:
        found += as_regions(masks, size, soft=soft, logits_above=logits_above, skip_empty=skip_empty, raw_size=raw_size)
    elif soft or logits_above is not None or skip_empty:
        raise RegionError("got soft, logits_above or skip_empty without masks; expected masks that it is about")
    if boxes is not None:
        found += [Region.from_box(f"box {i}", box, size) for i, box in enumerate(_boxes(boxes))]
    if polygons is not None:
        found += [Region.from_polygon(f"polygon {i}", points, size) for i, points in enumerate(_polygons(polygons))]
    if label_map is not None:
        found += _of_label_map(label_map, size, raw_size, background, min_area)
    elif background or min_area != 1:
        raise RegionError("got background or min_area without label_map; expected a label map that it is about")
    if masks is None and boxes is None and polygons is None and label_map is None:
        found = [Region.from_box("photo", (0, 0, size[1], size[0]), size)]
    return found


def _boxes(boxes: Any) -> NDArray[Any]:
    """Boxes as (N, 4)."""
    array = arrays.to_numpy(boxes if arrays.is_array(boxes) else _listed(boxes), "boxes")
    if array.shape == (4,):
        array = array[None]
    if array.shape == (0,):
        array = array.reshape(0, 4)
    if array.ndim != 2 or array.shape[1] != 4:
        raise RegionError(
            f"boxes is an array of shape {array.shape}; expected (N, 4): x0, y0, x1, y1 in pixels of each box"
        )
    return array


def _polygons(polygons: Any) -> list[NDArray[Any]]:
    """Polygons as a list of (n, 2)."""
    found = [polygons] if arrays.is_array(polygons) and getattr(polygons, "ndim", 0) == 2 else _listed(polygons)
    if found and all(np.ndim(point) == 1 and len(point) == 2 for point in found):
        found = [found]  # the points of one
    return [records.outline_points(_points(each, f"polygon {i}"), f"polygon {i}") for i, each in enumerate(found)]


def _points(points: Any, name: str) -> Any:
    return arrays.to_numpy(points, name) if arrays.is_array(points) else points


def _listed(things: Any) -> list[Any]:
    if isinstance(things, str | bytes | Mapping) or not isinstance(things, Iterable):
        raise RegionError(f"got {kind(things)} for boxes or polygons; expected lists of numbers, or arrays")
    return list(things)


def _of_label_map(
    label_map: Any, size: tuple[int, int], raw_size: tuple[int, int] | None, background: int, min_area: int
) -> list[Region]:
    if isinstance(label_map, Mapping):
        raise RegionError("the label map is a dictionary; expected a map: give it as  masks,  with its segments_info")
    if is_file(label_map):
        label_map = read_label_map(label_map, size, raw_size=raw_size)
    values = arrays.to_numpy(label_map, "the label map")
    if values.ndim == 3 and values.shape[0] == 1:
        values = values[0]
    if values.ndim == 2:
        check_size(values.shape, size, "the label map")
    return regions_from_label_map(values, background=background, min_area=min_area)
