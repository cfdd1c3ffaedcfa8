"""`madeof predict`: photos and regions in, materials out."""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from madeof.cli.annotations import AnnotatedRegions, add_annotations, open_annotations
from madeof.cli.arguments import WRITTEN, Subparsers, add_model, coverage, format_name, print_json, whole_number
from madeof.cli.properties_arguments import add_properties, asked_properties
from madeof.cli.regions import add_photo_limits, add_regions, check_usable, read_options, requests_of, with_name

if TYPE_CHECKING:
    from madeof.inference.photo_result import Outcome, PhotoResult, Predicted
    from madeof.inference.predictor import Predictor
    from madeof.properties import Properties

OUTPUTS = ("jsonl", "csv", "parquet", "coco_results", *WRITTEN)
"""The formats of `--to`; see `madeof.export.tables`."""


def add_parser(subparsers: Subparsers) -> None:
    """Add the command's parser."""
    parser = subparsers.add_parser(
        "predict",
        help="classify the material of regions of photos",
        description="Classify the material of each region of each photo. Without a region, the whole photo is one.",
        epilog="Photos are rotated as their EXIF data say; masks and coordinates refer to the rotated photo.",
    )
    parser.add_argument("photos", nargs="*", metavar="PHOTO", help="JPEG, PNG, WebP, TIFF, BMP, GIF, AVIF or HEIC")
    add_regions(
        parser,
        "regions (each may be repeated; with several photos they are used on each)",
        "a picture whose values are classes: each connected component of a value is a region; with several photos a "
        "folder with a map of each photo's stem",
    )
    add_annotations(parser)
    add_model(parser)
    output = parser.add_argument_group("output")
    output.add_argument(
        "--top", type=whole_number(1), default=5, metavar="K", help="number of materials to show (default: 5)"
    )
    output.add_argument(
        "--coverage",
        type=coverage,
        metavar="C",
        help="add prediction sets with this coverage, such as 0.9 (docs/scores.md)",
    )
    form = output.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print one line of JSON per photo")
    form.add_argument("--csv", action="store_true", help="print one row per region")
    output.add_argument(
        "--to",
        type=format_name,
        choices=OUTPUTS,
        metavar="FORMAT",
        help=f"write the answers to --out, as {', '.join(OUTPUTS)} (docs/outputs.md); parquet is an extra",
    )
    output.add_argument("--out", metavar="PATH", help="with --to: a new file or folder")
    output.add_argument(
        "--overlay", metavar="OUT", help="write the photo with its regions and materials (several photos: a folder)"
    )
    add_properties(parser)
    add_photo_limits(parser)
    parser.set_defaults(run=run, refuse=parser.error)


def run(options: argparse.Namespace) -> int:
    """Predict. The good photos are done; the bad ones are named at the end."""
    from madeof._util.text import show
    from madeof.inference.predictor import load

    if not options.photos and options.annotations is None:
        options.refuse("the following arguments are required: PHOTO (or --annotations FILE)")
    if (options.to is None) != (options.out is None):
        options.refuse("--to FORMAT and --out PATH go together: give both or neither")
    if options.properties is not None and options.to not in (None, "jsonl", "csv"):
        options.refuse(
            f"--properties go with --json, --csv, --to jsonl and --to csv; {options.to} has no place for them"
        )
    prepare = asked_properties(options)
    if options.to is not None:
        from madeof.export.tables import check_output, write_output

        check_output(options.to, options.out)
    annotated = open_annotations(options)
    if annotated is not None:
        asked = [
            path for path in dict.fromkeys(options.photos) if path in annotated.annotated or path in annotated.missing
        ]
        options.photos = asked or annotated.photos
    overlays = _overlay_paths(options)
    predictor = load(options.model, threads=options.threads, engine=options.engine, zoom=options.zoom)
    if options.coverage is not None:
        predictor.check_sets()
    failures = [] if annotated is None else list(annotated.failures)
    properties = None if prepare is None else prepare(predictor.materials)
    outcomes = _outcomes(predictor, overlays, options, annotated, failures, properties)
    try:
        if options.to is None or options.json or options.csv:
            outcomes = _printed(outcomes, options, properties)
        if options.to is None:
            for _ in outcomes:
                pass
        else:
            like = _ids(options)
            known = annotated.materials if annotated else ()
            lost = write_output(
                options.to,
                outcomes,
                options.out,
                materials=predictor.materials,
                top=options.top,
                like=like,
                known=known,
                properties=properties,
            )
            for line in (*(f"not kept in {options.to}: {line}" for line in lost), f"wrote {options.out}"):
                print(f"madeof: {show(line)}", file=sys.stderr)
    finally:  # also where the model or the output fails in the middle
        for failure in failures:
            print(f"madeof: {show(failure)}", file=sys.stderr)
    return 1 if failures else 0


def _outcomes(
    predictor: Predictor,
    overlays: list[Path | None],
    options: argparse.Namespace,
    annotated: AnnotatedRegions | None,
    failures: list[str],
    properties: Properties | None,
) -> Iterator[Outcome]:
    """The answers for each photo as they are asked for, with its picture written; what fails is put to `failures`."""
    from madeof.errors import InputError, WriteError
    from madeof.inference.photo_result import Unanswered

    places = _places(options)
    for path, overlay_path, place in zip(options.photos, overlays, places, strict=True):
        if annotated is not None and path in annotated.missing:  # which is among the failures already
            yield Unanswered(path, annotated.missing[path])
            continue
        try:
            predicted = _predict(predictor, path, place, options, annotated, properties)
        except InputError as error:
            failures.append(str(error))
            yield Unanswered(path, str(error))
            continue
        yield predicted
        result = predicted.result
        failures += [f"{path}: {with_name(a.region, a.error)}" for a in result.answers if a.error]
        if overlay_path is not None:
            try:
                _write_overlay(result, overlay_path)
            except (InputError, WriteError) as error:
                failures.append(str(error))


def _printed(
    outcomes: Iterator[Outcome], options: argparse.Namespace, properties: Properties | None
) -> Iterator[Outcome]:
    """The answers as they come, each printed. In the text for people a photo without answers is named at the end."""
    from madeof.inference.photo_result import Unanswered, csv_text

    first = True
    for outcome in outcomes:
        found = outcome if isinstance(outcome, Unanswered) else outcome.result
        if options.csv:
            print(csv_text([found], header=first, properties=properties), end="")
        elif options.json:
            print_json(found.to_dict() if isinstance(found, Unanswered) else found.to_dict(options.top))
        elif not isinstance(found, Unanswered):
            print(found.text(options.top))
        first = False
        yield outcome


def _predict(
    predictor: Predictor,
    path: str,
    place: tuple[Path, str],
    options: argparse.Namespace,
    annotated: AnnotatedRegions | None,
    properties: Properties | None,
) -> Predicted:
    """The answers for a photo."""
    from madeof.inference.answer import answer_photo
    from madeof.inference.photo_result import Predicted

    reading = read_options(options)
    photo = predictor.read(path, reading)
    requests = requests_of(path, options) if annotated is None else annotated.requests(photo, path)
    result = answer_photo(predictor, photo, requests, reading, coverage=options.coverage)
    result = replace(result, properties=properties)
    file = "" if annotated is None else annotated.where.name
    check_usable([answer.error for answer in result.answers], path, file, len(requests))
    if annotated is None:
        return Predicted(result, *place)
    return Predicted(result, *(annotated.place(path) or place), annotated.annotated[path].details)


def _places(options: argparse.Namespace) -> list[tuple[Path, str]]:
    """The folder and the path in it by which each photo is written; not asked for without --to."""
    if options.to is None:
        return [(Path(), path) for path in options.photos]
    from madeof.export.tables import places_of

    return places_of(options.photos)


def _ids(options: argparse.Namespace) -> Path | None:
    """The COCO file whose ids COCO results get: that of the annotations, where it is one."""
    from madeof.datasets.formats import recognise

    if options.to != "coco_results" or options.annotations is None:
        return None
    path = Path(options.annotations)
    return path if (options.format or recognise(path)) == "coco" else None


def _overlay_paths(options: argparse.Namespace) -> list[Path | None]:
    """Path of each photo's picture. Photos of one stem are numbered; no photo is ever overwritten."""
    from madeof._util import files
    from madeof._util.text import show
    from madeof.errors import WriteError

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
    given = (*options.photos, *options.masks, options.label_map, options.annotations)
    inputs = {os.path.realpath(path) for path in given if path}
    for path in paths:
        if os.path.realpath(path) in inputs:
            raise WriteError(f"--overlay {show(options.overlay)} would overwrite {show(path)}; choose another name")
    return list(paths)


def _write_overlay(result: PhotoResult, path: Path) -> None:
    from madeof._util.text import show
    from madeof.images.photo import read_photo
    from madeof.inference.photo_result import label
    from madeof.viz import overlay

    photo = result.photo
    drawn = [(each.mask, label(each.prediction)) for each in result.answers if each.prediction and each.mask]
    if photo.reduced:  # the answers are those of the photo as it was read, the picture is of all of it
        photo = read_photo(photo.name, max_megapixels=float("inf"))
    overlay.save(overlay.draw(photo.pixels, drawn), path)
    print(f"madeof: wrote {show(path)}", file=sys.stderr)
