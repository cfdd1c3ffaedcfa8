"""Label maps as models return them: tensors, (1, H, W), whole numbers as floats, -1 for none; with segments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from madeof._util.text import show
from madeof.errors import RegionError
from madeof.regions.conventions.arrays import to_numpy
from madeof.regions.region import Region, check_size

_MOST = 1 << 40


def label_values(label_map: Any, background: int = 0, name: str = "the label map") -> NDArray[Any]:
    """A label map's values as non-negative integers, (H, W), 0 where there is nothing.

    Args:
        label_map: integers, or floats that are whole numbers: an array, a tensor or nested lists, (H, W) or (1, H, W).
        background: the value of what is no object. With another than 0 all values are raised by one, the background
            becomes 0, and an object 0 is one like any other.
        name: what messages call it.

    Raises:
        RegionError: it is no such map, or has negative values besides the background.
    """
    values = to_numpy(label_map, name)
    if values.ndim == 3 and values.shape[0] == 1:
        values = values[0]
    if values.ndim != 2:
        raise RegionError(f"{name} is an array of shape {values.shape}; expected (H, W): give the map of one photo")
    if values.dtype.kind == "f":
        if not (np.abs(values) < _MOST).all() or (values != np.floor(values)).any():  # so written, it is true for NaN
            raise RegionError(f"{name} has float values that are not whole; expected a class or segment for each pixel")
        values = values.astype(np.int64)
    if background:
        wide = values.astype(np.int64)
        values = np.where(wide == background, np.int64(0), wide + 1)
        if values.size and values.min() < 0:
            raise RegionError(f"{name} has the value {wide.min()} besides the background {background}; expected none")
        return values
    if values.dtype.kind == "i" and values.size and values.min() < 0:
        raise RegionError(
            f"{name} has the value {values.min()}; expected 0 (unlabelled) and above: "
            "say  background=-1  where -1 is nothing and 0 an object, or give the whole dictionary of transformers "
            "with its segments_info"
        )
    return values


def regions_of_segments(result: Mapping[str, Any], size: tuple[int, int]) -> list[Region]:
    """The segments of what transformers' panoptic and instance post-processing gives for one photo.

    The ids of `segments_info` tell what is a segment: the background is 0 in some of its maps and -1 in others, where 0
    is the first object.

    Args:
        result: "segmentation", (H, W) with an id for each pixel, or (N, H, W) with a mask for each segment, and
            "segments_info". Without any segment the first may be None.
        size: (height, width) of the photo.

    Raises:
        RegionError: the two do not belong together, or are of another photo.
    """
    segments, given = result["segments_info"], result.get("segmentation")
    if not isinstance(segments, Sequence) or not all(isinstance(each, Mapping) and "id" in each for each in segments):
        raise RegionError('segments_info is not a list of segments with an "id"; expected that of transformers')
    if not segments:
        return []
    if isinstance(given, Sequence):
        raise RegionError(
            'its "segmentation" is a list of runs, which are not COCO\'s: they begin at 1 and run along the rows; '
            "expected a map or masks: leave out return_coco_annotation, or take return_binary_maps"
        )
    values = to_numpy(given, "segmentation")
    if values.ndim == 3 and len(values) == len(segments):
        masks = [mask > 0 for mask in values]
    else:
        if values.ndim != 2:
            raise RegionError(
                f"segmentation is an array of shape {values.shape}; expected (H, W), or (N, H, W) with a mask for each "
                f"of the {len(segments)} segments"
            )
        masks = [values == segment["id"] for segment in segments]
    check_size(values.shape[-2:], size, "segmentation", ": give target_sizes to the post-processing")
    regions = []
    for segment, mask in zip(segments, masks, strict=True):
        label = segment.get("label_id")
        name = f"segment {show(str(segment['id']))}" + ("" if label is None else f" (label {show(str(label))})")
        regions.append(Region(name, mask))  # of one that others were painted over nothing is left: it is empty
    return regions
