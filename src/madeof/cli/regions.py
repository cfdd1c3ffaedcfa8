"""The arguments that name regions of photos, for every command that takes some, and the regions that they mean."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from madeof.cli.arguments import whole_number

if TYPE_CHECKING:
    from madeof.images.photo import Photo
    from madeof.inference.photo_result import Answer
    from madeof.regions.region import Region
    from madeof.regions.shapes import Polygons, Shape


def add_regions(parser: argparse.ArgumentParser, title: str, label_map_help: str) -> argparse._ArgumentGroup:
    """Masks, boxes, polygons and label maps, in a group that is returned so that more can be added to it.

    The command's photos are to be `photos`, a list, even where it takes one.
    """
    regions = parser.add_argument_group(title)
    regions.add_argument(
        "--mask",
        action="append",
        default=[],
        metavar="M.png",
        dest="masks",
        help="a picture of the photo's size: 0 is outside, the one other value inside; 16 bits are coverage",
    )
    regions.add_argument(
        "--box",
        action="append",
        type=_box,
        default=[],
        metavar="X0,Y0,X1,Y1",
        dest="boxes",
        help="a box in pixels; --box=-5,0,90,80 if it begins with a minus",
    )
    regions.add_argument(
        "--polygon",
        action="append",
        type=_polygon,
        default=[],
        metavar='"X,Y X,Y X,Y"',
        dest="polygons",
        help="a polygon in pixels",
    )
    regions.add_argument("--label-map", metavar="L.png", help=label_map_help)
    regions.add_argument(
        "--min-area", type=whole_number(0), default=1, metavar="PIXELS", help="leave out smaller blobs (default 1)"
    )
    regions.add_argument("--resize-masks", action="store_true", help="resize masks and label maps of another size")
    regions.add_argument("--jpeg-masks", action="store_true", help="take masks saved as JPEG; half grey is inside")
    return regions


def add_photo_limits(parser: argparse.ArgumentParser) -> None:
    """`--max-megapixels` and `--strict`."""
    photos = parser.add_argument_group("photos")
    photos.add_argument(
        "--max-megapixels", type=_megapixels, default=100.0, metavar="N", help="refuse larger photos (default: 100)"
    )
    photos.add_argument("--strict", action="store_true", help="refuse photos whose JPEG data are damaged")


def read_regions(photo: Photo, path: str, options: argparse.Namespace) -> list[Region | Answer]:
    """The regions that the arguments mean, in their order; for one that cannot be used, the answer that says why.

    Raises:
        RegionError: none of them can be used, or the label map cannot.
    """
    from madeof.errors import RegionError
    from madeof.inference.photo_result import Answer

    found: list[Region | Answer] = []
    for name, make in _makers(photo, options):
        try:
            found.append(make())
        except RegionError as error:
            found.append(Answer(name, error=str(error)))
    if options.label_map:
        found += _label_map_regions(photo, path, options)
    if all(isinstance(each, Answer) for each in found):
        reasons = "; ".join(f"{answer.error}" for answer in found if isinstance(answer, Answer))
        raise RegionError(f"{path}: none of its regions can be used: {reasons}")
    return found


def outlines_of(
    found: Sequence[Region | Answer], options: argparse.Namespace, size: tuple[int, int]
) -> list[Polygons | None]:
    """The outline of each region that `read_regions` gave for a photo of `size`, where it was asked for as one."""
    import numpy as np

    from madeof.datasets.conversion import outline_of
    from madeof.inference.photo_result import Answer
    from madeof.regions.shapes import Box, Polygons

    shapes: list[Shape | None] = [None] * len(options.masks)
    shapes += [Box(*box) for box in options.boxes]
    shapes += [Polygons([np.asarray(points)]) for points in options.polygons]
    shapes += [None] * len(found)  # blobs of a label map, or the whole photo
    return [
        None if shape is None or isinstance(each, Answer) else outline_of(shape, size)
        for each, shape in zip(found, shapes, strict=False)
    ]


def with_name(region: str, error: str) -> str:
    """An error of a region, which is to begin with the region's name."""
    return error if error.startswith(region) else f"{region}: {error}"


def _makers(photo: Photo, options: argparse.Namespace) -> list[tuple[str, Callable[[], Region]]]:
    """The name of each mask, box and polygon, and what makes its region; the whole photo where none is asked for."""
    from madeof.regions.files import read_mask
    from madeof.regions.region import Region

    def from_mask(path: str) -> Region:
        mask = read_mask(
            path,
            photo.size,
            raw_size=photo.raw_size,
            resize=options.resize_masks,
            allow_jpeg=options.jpeg_masks,
            max_megapixels=options.max_megapixels,
        )
        return Region(path, mask)

    makers: list[tuple[str, Callable[[], Region]]] = [(path, partial(from_mask, path)) for path in options.masks]
    for index, box in enumerate(options.boxes):
        makers.append((f"box {index}", partial(Region.from_box, f"box {index}", box, photo.size)))
    for index, points in enumerate(options.polygons):
        makers.append((f"polygon {index}", partial(Region.from_polygon, f"polygon {index}", points, photo.size)))
    if not makers and not options.label_map:
        height, width = photo.size
        makers.append(("photo", partial(Region.from_box, "photo", (0, 0, width, height), photo.size)))
    return makers


def _label_map_regions(photo: Photo, path: str, options: argparse.Namespace) -> list[Region]:
    from madeof.errors import RegionError
    from madeof.regions.components import regions_from_label_map
    from madeof.regions.files import read_label_map

    source = Path(options.label_map)
    if source.is_dir():
        inner = source / Path(path).absolute().parent.name  # labels/kitchen/a.png of kitchen/a.jpg
        alike = [p for p in dict.fromkeys(options.photos) if p != path and Path(p).stem == Path(path).stem]
        for folder in (inner, source):
            found = sorted(p for p in folder.glob("*") if p.stem == Path(path).stem and p.is_file())
            if found:
                break
        if len(found) == 1 and alike and found[0].parent == source:
            raise RegionError(
                f"{path}: {found[0]} may be its label map or that of {alike[0]}; put them into folders named as the "
                "photos' are, or give one photo at a time"
            )
        if len(found) != 1:
            raise RegionError(
                f"{path}: expected one label map with the stem {Path(path).stem} in {source}, found {len(found)}"
            )
        source = found[0]
    elif len(options.photos) > 1:
        raise RegionError(f"--label-map {source}: with several photos expected a folder with one map for each")
    label_map = read_label_map(
        source,
        photo.size,
        raw_size=photo.raw_size,
        resize=options.resize_masks,
        max_megapixels=options.max_megapixels,
    )
    regions = regions_from_label_map(label_map, min_area=options.min_area)
    if not regions:
        why = f"has no blob of {options.min_area} pixels or more" if label_map.any() else "is 0 (unlabelled) everywhere"
        raise RegionError(f"{path}: the label map {source} {why}; expected at least one region")
    return regions


def _box(text: str) -> tuple[float, float, float, float]:
    from madeof.errors import RegionError
    from madeof.regions.raster import parse_box

    try:
        return parse_box(text)
    except RegionError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _polygon(text: str) -> list[tuple[float, float]]:
    from madeof.errors import RegionError
    from madeof.regions.raster import parse_polygon

    try:
        return parse_polygon(text)
    except RegionError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _megapixels(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"got {text!r}; expected a number above 0")
    return value
