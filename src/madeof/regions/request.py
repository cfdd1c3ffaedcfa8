"""A region as it is asked for, before it has pixels: the one type that every door parses its input into.

The command line, `madeof batch`, Ray, the service and Label Studio each turn what they are given into `RegionRequest`s;
`madeof.inference.answer` answers them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from numpy.typing import NDArray

from madeof._util.text import show
from madeof.errors import DatasetError, InputError, RegionError
from madeof.images.photo import Photo
from madeof.regions.components import regions_from_label_map
from madeof.regions.cost import cost_of
from madeof.regions.files import read_label_map, read_mask
from madeof.regions.options import DEFAULT, ReadOptions
from madeof.regions.region import Region
from madeof.regions.shapes import Shape, Whole, cut_in_pixels

File = str | Path | bytes
"""A path, or a file's bytes."""


class MaskFile(NamedTuple):
    """A mask file."""

    file: File


class LabelMapFile(NamedTuple):
    """A label map: each connected component of a value is a region."""

    files: tuple[File, ...]
    """The first of them that exists is read."""
    prefix: str = ""
    """Begins the names of its regions, where a photo has several label maps."""
    title: str = "the label map"
    """Name in messages."""


class Broken(NamedTuple):
    """An input that is no region, such as a box of three numbers."""

    error: str


class RegionFailure(NamedTuple):
    """A region that cannot be used, and why."""

    name: str
    error: str


@dataclass(frozen=True, eq=False)
class RegionRequest:
    """A region, or all regions of a label map."""

    name: str
    """As in the answer; regions of a label map have names of their own."""
    source: Shape | MaskFile | LabelMapFile | Broken
    truth: str = ""
    """The material that the source names."""
    where: str = ""
    """Begins its errors, such as "annotation 3 of regions.json"."""
    any_size: bool = False
    """Keep it however small it is: a person asked for this one region."""
    required: bool = False
    """The photo has no answer without it: its error is the photo's."""

    def resolve(self, photo: Photo, options: ReadOptions = DEFAULT) -> list[Region | RegionFailure]:
        """Its regions, or why it has none. A region under `options.min_area` is left out.

        Raises:
            RegionError, DatasetError: it cannot be used, and it is `required`.
        """
        try:
            return list(self._regions(photo, options))
        except (InputError, DatasetError) as error:
            if self.required:
                raise
            return [RegionFailure(self.name, f"{self.where}: {error}" if self.where else str(error))]

    def cost(self, size: tuple[int, int]) -> float | None:
        """The pixels that `resolve` looks at, for a photo of (height, width); None where that is not known before."""
        if isinstance(self.source, Broken):
            return 0.0
        if isinstance(self.source, MaskFile | LabelMapFile):
            return float(size[0] * size[1])
        return cost_of(self.source, size)

    @property
    def nbytes(self) -> int:
        """Bytes of the files that it holds."""
        source = self.source
        files: tuple[File, ...] = source.files if isinstance(source, LabelMapFile) else ()
        if isinstance(source, MaskFile):
            files = (source.file,)
        return sum(len(file) for file in files if isinstance(file, bytes))

    def _regions(self, photo: Photo, options: ReadOptions) -> Iterable[Region]:
        source = self.source
        if isinstance(source, Broken):
            raise RegionError(source.error)
        if isinstance(source, MaskFile):
            mask = read_mask(
                source.file,
                photo.size,
                raw_size=photo.raw_size,
                resize=options.resize_masks,
                allow_jpeg=options.allow_jpeg_masks,
                soft=options.soft_masks,
                max_megapixels=options.max_megapixels,
            )
            return [Region(self.name, mask, photo_size=photo.size).tight()]
        if isinstance(source, LabelMapFile):
            return _of_label_map(source, photo, options)
        cut, corner = cut_in_pixels(source, photo.size)
        region = Region(self.name, cut, corner=corner, photo_size=photo.size)
        return [region] if self.any_size or region.area >= options.min_area else []


WHOLE_PHOTO = RegionRequest("photo", Whole(), any_size=True)
"""The default request: the whole photo."""


def resolve_all(
    requests: Iterable[RegionRequest], photo: Photo, options: ReadOptions = DEFAULT
) -> list[Region | RegionFailure]:
    """The regions of several requests, in their order; args and errors are those of `RegionRequest.resolve`."""
    return [found for request in requests for found in request.resolve(photo, options)]


def _of_label_map(source: LabelMapFile, photo: Photo, options: ReadOptions) -> list[Region]:
    label_map = label_map_of(_first(source.files), photo, options)
    regions = regions_from_label_map(label_map, min_area=options.min_area)
    if not regions:
        why = (
            f"has no region of {options.min_area} pixels or more" if label_map.any() else "is 0 (unlabelled) everywhere"
        )
        raise RegionError(f"{source.title} {why}; expected at least one region")
    if source.prefix:
        return [dataclasses.replace(region, name=f"{source.prefix} {region.name}") for region in regions]
    return regions


def label_map_of(file: File, photo: Photo, options: ReadOptions = DEFAULT) -> NDArray[Any]:
    """The label map of a photo, (H, W) integers; errors are those of `read_label_map`."""
    resize, most = options.resize_masks, options.max_megapixels
    return read_label_map(file, photo.size, raw_size=photo.raw_size, resize=resize, max_megapixels=most)


def _first(files: tuple[File, ...]) -> File:
    """The first of the files that exists; one alone is taken as it is, so that reading it says what is wrong."""
    for file in files:
        if isinstance(file, bytes) or len(files) == 1 or Path(file).is_file():
            return file
    raise RegionError(f"there is no label map {show(str(files[0]))}, nor one of another suffix")
