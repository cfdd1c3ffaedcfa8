"""The regions of a task -> regions with pixels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from madeof._util.text import counted, show
from madeof.batch.remote import is_url, read_bytes
from madeof.batch.tasks import Asked, Broken, File, LabelMapFile, MaskFile, Options, Task
from madeof.datasets.annotations import Annotation
from madeof.datasets.layout import misfit
from madeof.errors import DatasetError, InputError, PhotoError, RegionError
from madeof.images.photo import Photo
from madeof.inference.photo_result import Answer
from madeof.regions.components import regions_from_label_map
from madeof.regions.files import read_label_map, read_mask
from madeof.regions.region import Region


def regions_of(task: Task, photo: Photo, options: Options) -> tuple[list[Region | Answer], list[str]]:
    """The regions that are asked for, in their order; for one that cannot be used, the answer that says why.

    Returns:
        The regions and answers, and for each the material that the source names ("" for none).

    Raises:
        RegionError: the source states another size for the photo, cannot be read, or nothing of it is large enough.
    """
    found: list[Region | Answer] = []
    truth: list[str] = []
    if task.stated_size is not None and task.stated_size != photo.size:
        error = misfit("the photo in its annotations", task.stated_size, photo.size, Path(task.image))
        raise RegionError(f"{show(task.image)}: {error}")
    try:
        asked: Sequence[Asked] = list(task.asked)  # of a lazy one, its file is read now
    except (InputError, DatasetError) as error:
        raise RegionError(f"{show(task.image)}: {error}") from error
    if not asked and task.whole:
        height, width = photo.size
        return [Region.from_box("photo", (0, 0, width, height), photo.size)], [""]
    for one in asked:
        try:
            for region, material in _regions(one, photo, options):
                found.append(region)
                truth.append(material)
        except (InputError, DatasetError) as error:
            found.append(Answer(_name(one), error=str(error)))
            truth.append("" if isinstance(one, LabelMapFile | Broken) else _truth(one))
    if not found:
        what = f"none of its {counted(len(asked), 'region')} has {options.min_area} pixels" if asked else "no region"
        raise RegionError(f"{show(task.image)}: {what}; expected at least one")
    return found, truth


def _regions(asked: Asked, photo: Photo, options: Options) -> Iterator[tuple[Region, str]]:
    """The regions that one entry of a task means, with their materials."""
    if isinstance(asked, Broken):
        raise RegionError(asked.error)
    if isinstance(asked, Annotation):
        cut, corner = asked.cut(photo.size)
        region = Region(asked.place, cut, corner=corner, photo_size=photo.size)
        if region.area >= options.min_area:
            yield region, asked.material
        return
    if isinstance(asked, MaskFile):
        mask = read_mask(
            _loaded(asked.file),
            photo.size,
            raw_size=photo.raw_size,
            resize=options.resize_masks,
            allow_jpeg=options.jpeg_masks,
            max_megapixels=options.max_megapixels,
        )
        yield Region(asked.name, mask), asked.truth
        return
    label_map = read_label_map(
        _first(asked.files),
        photo.size,
        raw_size=photo.raw_size,
        resize=options.resize_masks,
        max_megapixels=options.max_megapixels,
    )
    regions = regions_from_label_map(label_map, min_area=options.min_area)
    if not regions:
        why = f"has no blob of {options.min_area} pixels or more" if label_map.any() else "is 0 (unlabelled) everywhere"
        raise RegionError(f"the label map {why}; expected at least one region")
    for region in regions:
        if asked.prefix:
            region = Region(f"{asked.prefix} {region.name}", region.cut, region.value, region.corner, region.photo_size)
        yield region, ""


def _loaded(file: File) -> File:
    """A local path or bytes: of an URL its bytes."""
    return read_bytes(file) if isinstance(file, str) and is_url(file) else file


def _first(files: Sequence[File]) -> File:
    """The first of the files that is there, as `_loaded` gives it."""
    for file in files[:-1]:
        if isinstance(file, bytes):
            return file
        if not is_url(file):
            if Path(file).is_file():
                return file
            continue
        try:
            return read_bytes(file)
        except PhotoError:  # it is not there; `Unreachable` is none of these
            continue
    last = files[-1]
    if isinstance(last, str) and len(files) > 1 and not is_url(last) and not Path(last).is_file():
        raise RegionError(f"there is no label map {show(str(files[0]))}, nor one of another suffix")
    return _loaded(last)


def _name(asked: Asked) -> str:
    if isinstance(asked, Annotation):
        return asked.place
    return asked.prefix or "label map" if isinstance(asked, LabelMapFile) else asked.name


def _truth(asked: MaskFile | Annotation) -> str:
    return asked.truth if isinstance(asked, MaskFile) else asked.material
