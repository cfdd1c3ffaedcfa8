"""The arguments that name regions of photos, for every command that takes some, and the regions that they mean."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from madeof.cli.arguments import whole_number

if TYPE_CHECKING:
    from madeof.regions.options import ReadOptions
    from madeof.regions.request import RegionRequest


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
        type=partial(_parsed, "parse_box"),
        default=[],
        metavar="X0,Y0,X1,Y1",
        dest="boxes",
        help="a box in pixels; --box=-5,0,90,80 if it begins with a minus",
    )
    regions.add_argument(
        "--polygon",
        action="append",
        type=partial(_parsed, "parse_polygon"),
        default=[],
        metavar='"X,Y X,Y X,Y"',
        dest="polygons",
        help="a polygon in pixels",
    )
    regions.add_argument("--label-map", metavar="L.png", help=label_map_help)
    regions.add_argument(
        "--min-area", type=whole_number(0), default=1, metavar="PIXELS", help="leave out smaller components (default 1)"
    )
    regions.add_argument("--resize-masks", action="store_true", help="resize masks and label maps of another size")
    regions.add_argument("--jpeg-masks", action="store_true", help="accept JPEG masks; values above half are inside")
    regions.add_argument("--soft-masks", action="store_true", help="8-bit grey masks are soft: value / 255")
    return regions


def add_photo_limits(parser: argparse.ArgumentParser) -> None:
    """`--max-megapixels` and `--strict`."""
    photos = parser.add_argument_group("photos")
    photos.add_argument(
        "--max-megapixels", type=_megapixels, default=100.0, metavar="N", help="refuse larger photos (default: 100)"
    )
    photos.add_argument("--strict", action="store_true", help="refuse photos whose JPEG data are damaged")


def read_options(options: argparse.Namespace) -> ReadOptions:
    """How the arguments have photos and masks read."""
    from madeof.regions.options import ReadOptions

    masks = bool(options.resize_masks), bool(options.jpeg_masks)
    return ReadOptions(options.max_megapixels, options.strict, *masks, options.min_area, bool(options.soft_masks))


def requests_of(path: str, options: argparse.Namespace) -> list[RegionRequest]:
    """The regions that the arguments ask for of the photo at `path`, in their order; the whole photo where of none.

    Raises:
        RegionError: there is no label map for it.
    """
    import numpy as np

    from madeof.regions.request import WHOLE_PHOTO, MaskFile, RegionRequest
    from madeof.regions.shapes import Box, Polygons

    found = [RegionRequest(mask, MaskFile(mask)) for mask in options.masks]
    found += [RegionRequest(f"box {i}", Box(*box), any_size=True) for i, box in enumerate(options.boxes)]
    for i, points in enumerate(options.polygons):
        found.append(RegionRequest(f"polygon {i}", Polygons([np.asarray(points)]), any_size=True))
    if options.label_map:
        found.append(_label_map(path, options))
    return found or [WHOLE_PHOTO]


def check_usable(errors: Sequence[str | None], path: str, file: str = "", asked: int = 0) -> None:
    """Raise a RegionError where none of a photo's regions can be used.

    Args:
        errors: of each region; None where it can be used.
        path: the photo.
        file: the annotation file that has its regions.
        asked: how many these are, the small ones among them.
    """
    from madeof.errors import RegionError

    if all(errors):
        why = "; ".join(map(str, errors)) or f"none of {asked} is large enough"
        raise RegionError(f"{path}: none of its regions{f' in {file}' if file else ''} can be used: {why}")


def with_name(region: str, error: str) -> str:
    """An error of a region, which is to begin with the region's name."""
    return error if error.startswith(region) else f"{region}: {error}"


def _label_map(path: str, options: argparse.Namespace) -> RegionRequest:
    from madeof.errors import RegionError
    from madeof.regions.request import LabelMapFile, RegionRequest

    source = Path(options.label_map)
    if source.is_dir():
        source = file_for(
            path, source, f"{path}: expected one label map with the stem {Path(path).stem}", options.photos
        )
    elif len(options.photos) > 1:
        raise RegionError(f"--label-map {source}: with several photos expected a folder with one map for each")
    return RegionRequest("label map", LabelMapFile((source,), title=f"{path}: the label map {source}"), required=True)


def file_for(photo: str, folder: Path, expected: str, photos: Sequence[str] = ()) -> Path:
    """The one file of a folder that has the photo's stem, or of the folder in it that is called as the photo's is.

    Raises:
        RegionError: there is none or there are several, and `expected` begins the message; or it may be that of another
            of `photos`.
    """
    from madeof.errors import RegionError

    stem = Path(photo).stem
    for place in (folder / Path(photo).absolute().parent.name, folder):  # labels/kitchen/a.png of kitchen/a.jpg
        found = sorted(path for path in place.glob("*") if path.stem == stem and path.is_file())
        if found:
            break
    if len(found) != 1:
        raise RegionError(f"{expected} in {folder}, found {len(found)}")
    other = next((one for one in photos if Path(one).stem == stem and Path(one) != Path(photo)), None)
    if other is not None and found[0].parent == folder:
        raise RegionError(
            f"{photo}: {found[0]} may be its file or that of {other}; put them into folders named as the photos' are, "
            "or give one photo at a time"
        )
    return found[0]


def _parsed(name: str, text: str) -> Any:
    """Parse an argument with a function of `regions.raster`."""
    from madeof.errors import RegionError
    from madeof.regions import raster

    try:
        return getattr(raster, name)(text)
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
