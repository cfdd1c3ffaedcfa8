"""`madeof predict`: photos and regions in, materials out."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from madeof.commands.arguments import Subparsers, add_model

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
        help="a picture of the photo's size: 0 is outside, anything else inside; 16 bits are coverage",
    )
    regions.add_argument(
        "--box", action="append", default=[], metavar="X0,Y0,X1,Y1", dest="boxes", help="a box in pixels"
    )
    regions.add_argument(
        "--polygon", action="append", default=[], metavar='"X,Y X,Y X,Y"', dest="polygons", help="a polygon in pixels"
    )
    regions.add_argument(
        "--label-map",
        metavar="L.png",
        help="a picture whose values are classes: each connected blob of a value is a region; with several photos a "
        "folder with a map of each photo's stem",
    )
    regions.add_argument(
        "--min-area", type=int, default=1, metavar="PIXELS", help="leave out smaller blobs (default 1)"
    )
    regions.add_argument("--resize-masks", action="store_true", help="resize masks and label maps of another size")
    regions.add_argument("--jpeg-masks", action="store_true", help="take masks saved as JPEG; half grey is inside")
    add_model(parser)
    output = parser.add_argument_group("output")
    output.add_argument("--top", type=int, default=5, metavar="K", help="how many materials to show (default: 5)")
    form = output.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON object a line for each photo")
    form.add_argument("--csv", action="store_true", help="one row for each region")
    output.add_argument(
        "--overlay", metavar="OUT", help="write the photo with its regions and materials (several photos: a folder)"
    )
    photos = parser.add_argument_group("photos")
    photos.add_argument(
        "--max-megapixels", type=float, default=100.0, metavar="N", help="refuse larger photos (default: 100)"
    )
    photos.add_argument("--strict", action="store_true", help="refuse photos whose JPEG data are damaged")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Predict. The good photos are done; the bad ones are named at the end."""
    from madeof.errors import InputError
    from madeof.predictor import load
    from madeof.regions import parse_box, parse_polygon
    from madeof.results import csv_text

    if options.top < 1:
        raise InputError(f"--top is {options.top}; expected 1 or more")
    boxes = [parse_box(text) for text in options.boxes]
    polygons = [parse_polygon(text) for text in options.polygons]
    predictor = load(options.model, threads=options.threads)
    failures: list[str] = []
    first = True
    for path in options.photos:
        try:
            result, regions = _predict(predictor, path, boxes, polygons, options)
        except InputError as error:
            failures.append(str(error))
            continue
        if options.json:
            print(json.dumps(result.to_dict(options.top), ensure_ascii=False, allow_nan=False))
        elif options.csv:
            print(csv_text([result], header=first), end="")
        else:
            print(result.text(options.top))
        first = False
        if options.overlay:
            _write_overlay(result, regions, _overlay_path(options, path))
        failures += [f"{path}: {a.region}: {a.error}" for a in result.answers if a.error]
    from madeof.text import show

    for failure in failures:
        print(f"madeof: {show(failure)}", file=sys.stderr)
    return 1 if failures else 0


def _predict(
    predictor: Predictor,
    path: str,
    boxes: list[tuple[float, float, float, float]],
    polygons: list[list[tuple[float, float]]],
    options: argparse.Namespace,
) -> tuple[PhotoResult, list[Region]]:
    from madeof.errors import RegionError
    from madeof.images import read_photo
    from madeof.regions import Region, from_box, from_polygon, read_mask
    from madeof.results import Answer, PhotoResult, answers_for

    photo = read_photo(path, max_megapixels=options.max_megapixels, strict=options.strict)
    size = photo.pixels.shape[:2]
    makers: list[tuple[str, Callable[[], Region]]] = []
    for mask in options.masks:
        makers.append(
            (
                mask,
                lambda m=mask: Region(  # type: ignore[misc]
                    m,
                    read_mask(
                        m,
                        size,
                        raw_size=photo.raw_size,
                        resize=options.resize_masks,
                        allow_jpeg=options.jpeg_masks,
                        max_megapixels=options.max_megapixels,
                    ),
                ),
            )
        )
    for index, box in enumerate(boxes):
        name = f"box {index}"
        makers.append((name, lambda n=name, b=box: Region(n, from_box(b, size))))  # type: ignore[misc]
    for index, polygon in enumerate(polygons):
        name = f"polygon {index}"
        makers.append((name, lambda n=name, p=polygon: Region(n, from_polygon(p, size))))  # type: ignore[misc]
    regions: list[Region] = []
    wrong: list[Answer] = []
    for name, make in makers:
        try:
            regions.append(make())
        except RegionError as error:
            wrong.append(Answer(name, error=str(error)))
    if options.label_map:
        regions += _label_map_regions(photo, path, options)
    elif not makers:
        regions.append(Region("photo", from_box((0, 0, size[1], size[0]), size)))
    if not regions and wrong:
        raise RegionError(f"{path}: none of its regions can be used: " + "; ".join(f"{a.error}" for a in wrong))
    predictor.set_image(photo)
    answers = answers_for(regions, predictor.predict([region.mask for region in regions]))
    model = f"{predictor.record.name} {predictor.record.version}"
    return PhotoResult(photo, model, (*answers, *wrong)), regions


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
    label_map = read_label_map(source, photo.pixels.shape[:2], raw_size=photo.raw_size, resize=options.resize_masks)
    regions = regions_from_label_map(label_map, min_area=options.min_area)
    if not regions:
        raise RegionError(f"{source} has no region of {options.min_area} pixels or more: all its values are 0")
    return regions


def _overlay_path(options: argparse.Namespace, photo: str) -> Path:
    out = Path(options.overlay)
    if len(options.photos) == 1 and not out.is_dir():
        return out
    from madeof import files

    return files.make_folder(out) / f"{Path(photo).stem}-overlay.png"


def _write_overlay(result: PhotoResult, regions: list[Region], path: Path) -> None:
    from madeof import overlay

    labels = {answer.region: answer.prediction for answer in result.answers}
    drawn = []
    for region in regions:
        prediction = labels[region.name]
        if prediction is not None:
            drawn.append((region.mask, f"{prediction.material} {prediction.score:.0%}"))
    overlay.save(overlay.draw(result.photo.pixels, drawn), path)
    print(f"madeof: wrote {path}", file=sys.stderr)
