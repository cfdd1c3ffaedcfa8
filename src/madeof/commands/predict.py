"""`madeof predict`: photos and regions in, materials out."""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from madeof.commands.arguments import Subparsers, add_model, print_json, whole_number

if TYPE_CHECKING:
    from madeof.images import Photo
    from madeof.predictor import Predictor
    from madeof.regions import Region
    from madeof.results import PhotoResult


def add_parser(subparsers: Subparsers) -> None:
    """Add the command's parser."""
    parser = subparsers.add_parser(
        "predict",
        help="name the material of regions of photos",
        description="Name the material of each region of each photo. Without a region the whole photo is one.",
        epilog="The photos are turned as their EXIF data say, and masks and coordinates speak of the turned photo.",
    )
    parser.add_argument("photos", nargs="+", metavar="PHOTO", help="JPEG, PNG, WebP, TIFF, BMP or GIF")
    regions = parser.add_argument_group("regions (each may be repeated; with several photos they are used on each)")
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
    regions.add_argument(
        "--label-map",
        metavar="L.png",
        help="a picture whose values are classes: each connected blob of a value is a region; with several photos a "
        "folder with a map of each photo's stem",
    )
    regions.add_argument(
        "--min-area", type=whole_number(0), default=1, metavar="PIXELS", help="leave out smaller blobs (default 1)"
    )
    regions.add_argument("--resize-masks", action="store_true", help="resize masks and label maps of another size")
    regions.add_argument("--jpeg-masks", action="store_true", help="take masks saved as JPEG; half grey is inside")
    add_model(parser)
    output = parser.add_argument_group("output")
    output.add_argument(
        "--top", type=whole_number(1), default=5, metavar="K", help="how many materials to show (default: 5)"
    )
    form = output.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON object a line for each photo")
    form.add_argument("--csv", action="store_true", help="one row for each region")
    output.add_argument(
        "--overlay", metavar="OUT", help="write the photo with its regions and materials (several photos: a folder)"
    )
    photos = parser.add_argument_group("photos")
    photos.add_argument(
        "--max-megapixels", type=_megapixels, default=100.0, metavar="N", help="refuse larger photos (default: 100)"
    )
    photos.add_argument("--strict", action="store_true", help="refuse photos whose JPEG data are damaged")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Predict. The good photos are done; the bad ones are named at the end."""
    from madeof.errors import InputError, WriteError
    from madeof.predictor import load
    from madeof.results import csv_text
    from madeof.text import show

    overlays = _overlay_paths(options)
    predictor = load(options.model, threads=options.threads, engine=options.engine)
    failures: list[str] = []
    first = True
    try:
        for path, overlay_path in zip(options.photos, overlays, strict=True):
            try:
                result, drawn = _predict(predictor, path, options)
            except InputError as error:
                failures.append(str(error))
                continue
            if options.json:
                print_json(result.to_dict(options.top))
            elif options.csv:
                print(csv_text([result], header=first), end="")
            else:
                print(result.text(options.top))
            first = False
            failures += [f"{path}: {_with_name(a.region, a.error)}" for a in result.answers if a.error]
            if overlay_path is not None:
                try:
                    _write_overlay(result, drawn, overlay_path)
                except (InputError, WriteError) as error:
                    failures.append(str(error))
    finally:  # also where the model or the output fails in the middle
        for failure in failures:
            print(f"madeof: {show(failure)}", file=sys.stderr)
    return 1 if failures else 0


def _predict(
    predictor: Predictor, path: str, options: argparse.Namespace
) -> tuple[PhotoResult, list[tuple[Region, str]]]:
    """The answers for a photo, and its regions with their labels, to draw."""
    from madeof.errors import RegionError
    from madeof.images import read_photo
    from madeof.results import Answer, PhotoResult, answers_for, label

    photo = read_photo(
        path,
        max_megapixels=options.max_megapixels,
        strict=options.strict,
        least_size=predictor.record.preprocessing.least_size,
    )
    found: list[Region | Answer] = []
    for name, make in _makers(photo, options):
        try:
            found.append(make())
        except RegionError as error:
            found.append(Answer(name, error=str(error)))
    if options.label_map:
        found += _label_map_regions(photo, path, options)
    regions = [region for region in found if not isinstance(region, Answer)]
    if not regions:
        reasons = "; ".join(f"{answer.error}" for answer in found if isinstance(answer, Answer))
        raise RegionError(f"{path}: none of its regions can be used: {reasons}")
    predictor.set_image(photo)
    predictions = predictor.predict(regions)
    given = iter(answers_for(regions, predictions))
    answers = tuple(each if isinstance(each, Answer) else next(given) for each in found)  # in the order asked
    model = f"{predictor.record.name} {predictor.record.version}"
    drawn = [(region, label(each)) for region, each in zip(regions, predictions, strict=True)]
    return PhotoResult(photo, model, answers), drawn


def _makers(photo: Photo, options: argparse.Namespace) -> list[tuple[str, Callable[[], Region]]]:
    """The name of each mask, box and polygon, and what makes its region; the whole photo where none is asked for."""
    from madeof.regions import Region, read_mask

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
    from madeof.regions import read_label_map, regions_from_label_map

    source = Path(options.label_map)
    if source.is_dir():
        found = sorted(p for p in source.iterdir() if p.stem == Path(path).stem and p.is_file())
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


def _overlay_paths(options: argparse.Namespace) -> list[Path | None]:
    """Where the picture of each photo goes; photos of one stem are numbered, and no photo is ever overwritten."""
    from madeof import files
    from madeof.errors import WriteError
    from madeof.text import show

    if not options.overlay:
        return [None] * len(options.photos)
    out = Path(options.overlay)
    if len(options.photos) == 1 and not out.is_dir():
        if out.suffix.lower() not in (".png", ".jpg", ".jpeg") or not out.parent.is_dir():
            raise WriteError(
                f"--overlay {show(out)}: expected a name that ends in .png or .jpg, in a folder that exists"
            )
        paths = [out]
    elif out.suffix.lower() in (".png", ".jpg", ".jpeg") and not out.is_dir():
        raise WriteError(f"--overlay {show(out)}: with several photos expected a folder")
    else:
        files.make_folder(out)
        paths, seen = [], Counter[str]()
        for photo in options.photos:
            stem = Path(photo).stem
            seen[stem] += 1
            number = f"-{seen[stem]}" if seen[stem] > 1 else ""
            paths.append(out / f"{stem}-overlay{number}.png")
    inputs = {os.path.realpath(path) for path in (*options.photos, *options.masks, options.label_map) if path}
    for path in paths:
        if os.path.realpath(path) in inputs:
            raise WriteError(f"--overlay {show(options.overlay)} would overwrite {show(path)}; choose another name")
    return list(paths)


def _with_name(region: str, error: str) -> str:
    return error if error.startswith(region) else f"{region}: {error}"


def _write_overlay(result: PhotoResult, drawn: list[tuple[Region, str]], path: Path) -> None:
    from madeof import overlay
    from madeof.images import read_photo
    from madeof.text import show

    photo = result.photo
    if photo.reduced:  # the answers are those of the photo as it was read, the picture is of all of it
        photo = read_photo(photo.name, max_megapixels=float("inf"))
    overlay.save(overlay.draw(photo.pixels, drawn), path)
    print(f"madeof: wrote {show(path)}", file=sys.stderr)


def _box(text: str) -> tuple[float, float, float, float]:
    from madeof.errors import RegionError
    from madeof.shapes import parse_box

    try:
        return parse_box(text)
    except RegionError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _polygon(text: str) -> list[tuple[float, float]]:
    from madeof.errors import RegionError
    from madeof.shapes import parse_polygon

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
