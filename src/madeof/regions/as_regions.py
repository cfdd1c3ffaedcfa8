"""Masks as other libraries give them -> regions: one door for all of them, `as_regions`.

None of those libraries is imported: things are known by their keys, attributes, shapes and dtypes. What could mean two
things is an error that asks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from madeof._util.text import show
from madeof.errors import EmptyRegionError, RegionError
from madeof.regions.conventions import arrays, contours, detections, records
from madeof.regions.conventions.label_maps import regions_of_segments
from madeof.regions.files import read_mask
from madeof.regions.mask_like import MaskLike
from madeof.regions.region import Region, check_region


def as_regions(
    thing: MaskLike,
    size: tuple[int, int],
    *,
    soft: bool = False,
    logits_above: float | None = None,
    skip_empty: bool = False,
    raw_size: tuple[int, int] | None = None,
) -> list[Region]:
    """The regions that something means, in its own order.

    Args:
        thing: a mask or several, of the photo's size:

            - a `Region`; an array or tensor of any library, (H, W), (N, H, W) or (N, 1, H, W): bool; integers 0 and 1,
              or 0 and 255; floats from 0 to 1 for soft masks;
            - a mask file's path or bytes, or a PIL image: the alpha of a cut-out, or black and white;
            - SAM's dictionaries, COCO's annotations and run lengths, an SA-1B file's object;
            - what the pipelines `mask-generation`, `image-segmentation` and `object-detection` of transformers give,
              and its panoptic and instance post-processing, with the segments_info;
            - supervision's `Detections`, OpenCV's contours, and results that have `masks.data`;
            - a list of any of these, each with one region, or with one result for one photo.
        size: (height, width) of the photo.
        soft: integers of 8 or 16 bits, in arrays, files and PIL images, are soft masks: value / 255, value / 65535.
        logits_above: floats are logits, and what is above this is inside (0.0 for SAM's).
        skip_empty: leave out masks without a pixel; the names of the others stay as they are.
        raw_size: (height, width) of the photo before its EXIF rotation, to recognise a mask of the unrotated photo.

    Returns:
        the regions, each cut out to its box; an empty list where nothing was found.

    Raises:
        RegionError: a mask is empty, of another size or out of range, or it could mean two things.
    """
    if soft and logits_above is not None:
        raise RegionError("got both soft and logits_above; expected one: soft masks are integers, logits are floats")
    door = _Door(size, arrays.Reading(soft, logits_above), raw_size, skip_empty)
    return door.regions(thing)


def one_region(thing: MaskLike, size: tuple[int, int], *, raw_size: tuple[int, int] | None = None) -> Region:
    """The one region that something means; args and errors are those of `as_regions`.

    Raises:
        RegionError: it means several, or none.
    """
    found = as_regions(thing, size, raw_size=raw_size)
    if len(found) != 1:
        raise RegionError(f"got {len(found)} regions; expected one: give one mask")
    return found[0]


class _Door(NamedTuple):
    """Reads things for one photo."""

    size: tuple[int, int]
    reading: arrays.Reading
    raw_size: tuple[int, int] | None
    skip_empty: bool

    def regions(self, thing: Any) -> list[Region]:
        """The regions of something that may have any number of them, each checked and cut out to its box."""
        found = []
        for make in self._makers(thing):
            try:
                found.append(check_region(make(), self.size))
            except EmptyRegionError as error:
                if not self.skip_empty:
                    raise EmptyRegionError(f"{error}, or leave it out (skip_empty=True)") from error
        return found

    def _makers(self, thing: Any) -> Iterable[Callable[[], Region]]:
        """One function per region, so that an empty region does not hide the others."""
        if self._is_single(thing):
            return [partial(self._single, thing, "mask 0")]
        if detections.is_detections(thing):
            return [partial(self._read, each) for each in detections.regions_of_detections(thing, self.size)]
        if detections.is_result(thing):
            return [partial(self._read, each) for each in detections.regions_of_result(thing, self.size)]
        if arrays.is_array(thing):
            return self._of_array(arrays.to_numpy(thing, "the mask"))
        if isinstance(thing, Mapping):
            if "segments_info" in thing and "annotations" not in thing:
                return [partial(_itself, each) for each in regions_of_segments(thing, self.size)]
            return self._makers(records.inner(thing))
        if contours.is_found(thing):
            return [partial(_itself, each) for each in contours.regions_of_found(thing, self.size)]
        if not isinstance(thing, Iterable):
            raise RegionError(f"the mask is {kind(thing)}; expected {_EXPECTED}")
        return self._of_list(list(thing))

    def _of_list(self, things: list[Any]) -> Iterable[Callable[[], Region]]:
        if _is_numbers(things):
            return self._of_array(arrays.to_numpy(things, "the mask"))
        if things and all(contours.is_contour(each) for each in things):
            return [partial(_itself, each) for each in contours.regions_of_contours(things, self.size)]
        if len(things) == 1 and _is_result_of_photo(things[0]):
            return self._makers(things[0])
        records.check_one_photo(things)
        return [partial(self._one, each, f"mask {i}") for i, each in enumerate(things)]

    def _of_array(self, array: NDArray[Any]) -> Iterable[Callable[[], Region]]:
        masks = self._masks(array, "the mask")
        return [partial(self._read, Region(f"mask {i}", mask)) for i, mask in enumerate(masks)]

    def _one(self, thing: Any, name: str) -> Region:
        """The one region of an element of a list."""
        if self._is_single(thing):
            return self._single(thing, name)
        if arrays.is_array(thing) or _is_numbers(thing):
            masks = self._masks(arrays.to_numpy(thing, name), name)
            if len(masks) != 1:
                raise RegionError(
                    f"{name} is an array with {len(masks)} masks; expected one in each element of a list: choose one "
                    "of the candidates of each prompt by its score, or give the array of one photo by itself"
                )
            return self._read(Region(name, masks[0]))
        if _is_result_of_photo(thing):
            raise RegionError(f"{name} is {kind(thing)}, a result; expected that of one photo: give it by itself")
        raise RegionError(f"{name} is {kind(thing)}; expected {_EXPECTED}")

    def _is_single(self, thing: Any) -> bool:
        """Whether something cannot be but one region."""
        if isinstance(thing, Region) or (isinstance(thing, np.ndarray) and thing.shape == self.size):
            return True
        if is_file(thing) or detections.is_detection(thing):
            return True
        return isinstance(thing, Mapping) and not _is_result_of_photo(thing)

    def _single(self, thing: Any, name: str) -> Region:
        """The region of what `_is_single`."""
        if isinstance(thing, Region):
            return thing
        if isinstance(thing, np.ndarray):
            return self._read(Region(name, arrays.to_numpy(thing, name)))
        if is_file(thing):
            return self._of_file(thing, name)
        if detections.is_detection(thing):
            return self._read(detections.region_of_detection(thing, self.size, name))
        return self._of_record(thing, name)

    def _of_file(self, file: Any, name: str) -> Region:
        """The region of a path, a file's bytes, or a PIL image."""
        try:
            mask = read_mask(file, self.size, raw_size=self.raw_size, soft=self.reading.soft)
        except RegionError as error:  # names the path, but not which of several images it is
            raise error if isinstance(file, str | Path) else type(error)(f"{name}: {error}") from error
        return Region(show(file) if isinstance(file, str | Path) else name, mask)

    def _of_record(self, record: Mapping[str, Any], name: str) -> Region:
        """The region of a dictionary with one mask."""
        if records.is_rle(record):
            return records.region_of_rle(record, self.size, name)
        if (label := records.label_of(record)) is not None:
            name = f"{name} ({label})"
        if "mask" not in record and records.is_corners(record.get("box")):
            return records.region_of_corners(record["box"], self.size, name)
        mask = records.inner(record)
        if isinstance(mask, list | tuple) and mask and all(_is_flat(part) for part in mask):
            return records.region_of_outlines(mask, self.size, name)
        return self._one(mask, name)

    def _masks(self, array: NDArray[Any], name: str) -> list[NDArray[Any]]:
        if not array.size and len(array.shape) and not array.shape[0]:
            return []
        if array.shape != self.size and array.ndim in (1, 2) and array.shape[-1] in (2, 4) and array.dtype != np.bool_:
            raise RegionError(
                f"{name} is an array of shape {array.shape}; expected a mask of {self.size}, the photo's height and "
                "width: give boxes as  boxes=,  and polygons as  polygons="
            )
        return arrays.each_mask(array, self.size, name)

    def _read(self, region: Region) -> Region:
        """Make a region whose values have the stated meaning."""
        values = arrays.mask_values(region.cut, self.reading, show(region.name))
        if values is region.cut:
            return region
        return Region(region.name, values, region.value, region.corner, region.photo_size)


_EXPECTED = "a mask (H, W), several, or what a segmenter returned: see madeof.regions.as_regions"


def _itself(region: Region) -> Region:
    return region


def is_file(thing: Any) -> bool:
    """Whether something is a path, a file's bytes, or a PIL image."""
    return isinstance(thing, str | Path | bytes | bytearray | memoryview) or arrays.is_pil(thing)


def kind(thing: Any) -> str:
    """Describe an object for messages."""
    return "None" if thing is None else f"of type {show(type(thing).__name__)}"


def _is_result_of_photo(thing: Any) -> bool:
    """Whether something is all that was found in a photo."""
    if isinstance(thing, Mapping):
        return any(key in thing for key in ("segments_info", "masks", "annotations"))
    if detections.is_detections(thing) or detections.is_result(thing):
        return True
    return arrays.is_array(thing) and not isinstance(thing, np.ndarray | str) and getattr(thing, "ndim", 0) == 4


def _is_flat(thing: Any) -> bool:
    """Whether something is numbers, x, y, x, y, ..., or points."""
    return (isinstance(thing, np.ndarray) and thing.ndim == 1) or (
        isinstance(thing, list | tuple) and bool(thing) and isinstance(thing[0], int | float)
    )


def _is_numbers(thing: Any) -> bool:
    """Whether something is numbers in lists, nested or not."""
    while isinstance(thing, list | tuple) and thing:
        thing = thing[0]
    return isinstance(thing, int | float | np.number | np.bool_)
