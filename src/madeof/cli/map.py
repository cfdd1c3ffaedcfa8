"""`madeof map`: what every pixel of a photo is made of."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from madeof.cli.annotations import AnnotatedRegions, open_annotations
from madeof.cli.arguments import Subparsers, add_format, add_model, print_json, whole_number
from madeof.cli.map_properties import Sums, add_sums, check_sums
from madeof.cli.regions import add_photo_limits, check_usable, file_for, read_options

if TYPE_CHECKING:
    from madeof.images.photo import Photo
    from madeof.inference.predictor import Predictor
    from madeof.inference.segmentation import MaterialMap
    from madeof.regions.region import Region

_SUPERPIXELS = "superpixels"


def add_parser(subparsers: Subparsers) -> None:
    """Add the command's parser."""
    parser = subparsers.add_parser(
        "map",
        help="map the materials of whole photos",
        description="Map the materials of whole photos: the photo is cut into segments, and each is named.",
        epilog="Without --out only the share of each material is printed. See docs/map.md.",
    )
    parser.add_argument("photos", nargs="+", metavar="PHOTO", help="JPEG, PNG, WebP, TIFF, BMP, GIF, AVIF or HEIC")
    segments = parser.add_argument_group("segments")
    segments.add_argument(
        "--regions",
        default=_SUPERPIXELS,
        metavar="WHERE",
        help="superpixels (default), or a given segmentation: a label map; Segment Anything's masks as JSON; a folder "
        "with one of these of each photo's stem; or an annotation file of another tool",
    )
    segments.add_argument(
        "--by-value",
        action="store_true",
        help="each value of a label map is one segment, not each connected component",
    )
    segments.add_argument(
        "--min-area", type=whole_number(0), default=1, metavar="PIXELS", help="leave out smaller segments (default: 1)"
    )
    segments.add_argument("--resize-masks", action="store_true", help="resize label maps of another size")
    add_format(segments)
    add_model(parser)
    output = parser.add_argument_group("output")
    output.add_argument(
        "--out",
        metavar="DIR",
        help="write label maps, scores and pictures there, and materials.csv: with the photos they are a data set",
    )
    output.add_argument(
        "--min-score", type=_score, default=0.0, metavar="S",
        help="leave pixels with a lower score unlabelled (default: 0)",
    )  # fmt: skip
    output.add_argument("--json", action="store_true", help="print one line of JSON per photo")
    add_sums(parser)
    add_photo_limits(parser)
    parser.set_defaults(run=run, refuse=parser.error, images=None, annotations=None, jpeg_masks=False, soft_masks=False)


def run(options: argparse.Namespace) -> int:
    """Map. The good photos are done; the bad ones are named at the end."""
    from madeof._util.text import show, utf8
    from madeof.errors import InputError, RegionError
    from madeof.inference.photo_result import head
    from madeof.inference.predictor import load

    asked = check_sums(options)
    annotated = _annotated(options)
    failures = [] if annotated is None else list(annotated.failures)
    stems = _stems(options.photos)
    predictor = load(options.model, threads=options.threads, engine=options.engine, zoom=options.zoom)
    out = _prepared(options, predictor.materials)
    for path, stem in zip(options.photos, stems, strict=True):
        if annotated is not None and path in annotated.missing:
            continue  # which is among the failures already
        try:
            photo, found, names = _map(predictor, path, options, annotated)
            sums = None if asked is None else Sums(options, found, names)
        except InputError as error:
            # What is wrong with the photo names it already; a segmentation may be that of several.
            failures.append(f"{path}: {error}" if isinstance(error, RegionError) else str(error))
            continue
        if options.json:
            written = {kind: utf8(str(file)) for kind, file in _write(found, out, stem, photo).items()} if out else {}
            told = {**head(photo, predictor.record.title), **found.to_dict()}
            told |= {} if sums is None else sums.to_dict()
            print_json({**told, "files": written} if out else told)
        else:
            print(_text(photo, found))
            if sums is not None:
                print(sums.text())
            if out:
                _write(found, out, stem, photo)
    if out:
        print(f"madeof: wrote {show(out)}", file=sys.stderr)
    for failure in failures:
        print(f"madeof: {show(failure)}", file=sys.stderr)
    return 1 if failures else 0


def _map(
    predictor: Predictor, path: str, options: argparse.Namespace, annotated: AnnotatedRegions | None
) -> tuple[Photo, MaterialMap, list[str] | None]:
    """The photo, its map, and the names of the segments where they are given."""
    from madeof.inference.segmentation import map_materials

    encoded = predictor.encode(predictor.read(path, read_options(options)))
    if options.regions == _SUPERPIXELS:
        return encoded.photo, map_materials(predictor, encoded, min_score=options.min_score), None
    regions = _given(encoded.photo, path, options, annotated)
    found = map_materials(predictor, encoded, regions, min_score=options.min_score)
    return encoded.photo, found, [region.name for region in regions]


def _given(photo: Photo, path: str, options: argparse.Namespace, annotated: AnnotatedRegions | None) -> list[Region]:
    """The segments that --regions gives for a photo."""
    from madeof.datasets.formats.sam import segments_in
    from madeof.regions.region import Region
    from madeof.regions.request import resolve_all

    if annotated is None:
        source = Path(options.regions)
        if source.is_dir():
            source = file_for(path, source, "expected one segmentation with its stem", options.photos)
        return segments_in(source, photo, read_options(options), by_value=options.by_value)
    requests = annotated.requests(photo, path)
    found = resolve_all(requests, photo, read_options(options))
    errors = [None if isinstance(each, Region) else each.error for each in found]
    check_usable(errors, path, annotated.where.name, len(requests))
    return [each for each in found if isinstance(each, Region)]


def _annotated(options: argparse.Namespace) -> AnnotatedRegions | None:
    """The annotation file that --regions names; None where it names none.

    Raises:
        RegionError: there is no such file, or it cannot be for several photos.
    """
    from madeof._util.text import show
    from madeof.datasets.formats.sam import is_label_map, is_sam
    from madeof.errors import RegionError

    if options.regions == _SUPERPIXELS:
        if given := [name for name in ("by_value", "resize_masks", "format") if getattr(options, name)]:
            options.refuse(f"--{given[0].replace('_', '-')} is of a given segmentation: --regions FILE")
        return None
    path = Path(options.regions)
    if not path.exists():
        raise RegionError(
            f"--regions {show(options.regions)}: there is no such file; expected superpixels, a label map, a JSON of "
            "masks, a folder of these or an annotation file"
        )
    if options.format is None and (path.is_dir() or is_label_map(path) or is_sam(path)):
        if len(options.photos) > 1 and not path.is_dir():
            raise RegionError(
                f"--regions {show(options.regions)}: with several photos expected a folder with one for each"
            )
        return None
    as_regions = argparse.Namespace(**{**vars(options), "annotations": options.regions, "resize_masks": False})
    for name in ("masks", "boxes", "polygons", "label_map", "jpeg_masks", "soft_masks"):
        setattr(as_regions, name, None)
    return open_annotations(as_regions)


def _stems(photos: list[str]) -> list[str]:
    """The name of each photo's files; photos of one stem are numbered."""
    seen, stems = Counter[str](), []
    for photo in photos:
        stem = Path(photo).stem
        seen[stem] += 1
        stems.append(f"{stem}-{seen[stem]}" if seen[stem] > 1 else stem)
    return stems


def _prepared(options: argparse.Namespace, materials: tuple[str, ...]) -> Path | None:
    """The folder of the output with its legend: found impossible before the work rather than after it."""
    from madeof._util import files
    from madeof._util.text import show
    from madeof.errors import WriteError
    from madeof.export.segmentation import FOLDERS, LEGEND, write_legend

    if not options.out:
        return None
    out = Path(options.out)
    if (out / LEGEND).exists() and not (out / "scores").is_dir():
        raise WriteError(f"--out {show(out)} is a data set that is no map's; choose another folder")
    for folder in (out, *(out / name for name in FOLDERS)):
        files.make_folder(folder)
    inputs = {Path(path).resolve().parent for path in (*options.photos, options.regions)}
    if any((out / name).resolve() in inputs for name in FOLDERS) or (
        Path(options.regions).is_dir() and Path(options.regions).resolve() == (out / "labels").resolve()
    ):
        raise WriteError(f"--out {show(out)} would overwrite what the maps are made from; choose another folder")
    write_legend(out, materials)
    return out


def _write(found: MaterialMap, out: Path, stem: str, photo: Photo) -> dict[str, Path]:
    from madeof.export.segmentation import write_map

    return write_map(found, out, stem, photo.pixels)


def _text(photo: Photo, found: MaterialMap) -> str:
    """A few lines for people."""
    from madeof._util.text import show

    height, width = photo.size
    lines = [f"{show(photo.name)}  ({width} x {height})"]
    lines += [f"  ! {show(warning)}" for warning in photo.warnings]
    names = max((len(show(one.material)) for one in found.shares), default=0)
    lines += [
        f"  {show(one.material):<{names}}  {100 * one.share:5.1f}%  score {one.score:.2f}" for one in found.shares
    ]
    if found.labelled < 1:
        lines.append(f"  not labelled: {100 * (1 - found.labelled):.1f}%")
    return "\n".join(lines)


def _score(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"got {text!r}; expected a score from 0 to 1")
    return value
