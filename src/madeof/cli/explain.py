"""`madeof explain`: where the answer for a region came from."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from madeof.cli.arguments import Subparsers, add_model, print_json, whole_number
from madeof.cli.regions import add_photo_limits, add_regions, check_usable, read_options, requests_of, with_name

if TYPE_CHECKING:
    from madeof.images.photo import Photo
    from madeof.inference.explanation import Explanation, Progress
    from madeof.regions.region import Region

_LOOKS = 24


def add_parser(subparsers: Subparsers) -> None:
    """Add the command's parser."""
    parser = subparsers.add_parser(
        "explain",
        help="explain a prediction",
        description="Remove the region, the ring around it and the rest of the photo in turn and see how the answer "
        "changes: what share of it each has, whether the context decided, and a heat map over the photo.",
        epilog="What a model predicts without a part also depends on what replaces it: grey, and the colours of "
        "what is left, are both tried. See docs/explain.md.",
    )
    parser.add_argument("photos", nargs=1, metavar="PHOTO", help="JPEG, PNG, WebP, TIFF, BMP, GIF, AVIF or HEIC")
    add_regions(
        parser,
        "regions (each may be repeated; each takes about a second or two)",
        "a picture whose values are classes: each connected component of a value is a region",
    )
    add_model(parser)
    output = parser.add_argument_group("output")
    output.add_argument("--json", action="store_true", help="print one JSON object, with the heat map")
    output.add_argument(
        "--out", metavar="OUT.png", help="write the photo, the heat map and the shares (several regions: a folder)"
    )
    output.add_argument(
        "--looks", type=whole_number(0, 4096), default=_LOOKS, metavar="N",
        help=f"forward passes for the heat map: more are finer, 0 skips it (default: {_LOOKS})",
    )  # fmt: skip
    add_photo_limits(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Explain. The good regions are done; the bad ones are named at the end."""
    from madeof._util.text import show, utf8
    from madeof.inference.explanation import explain
    from madeof.inference.photo_result import head
    from madeof.inference.predictor import load
    from madeof.regions.request import RegionFailure, resolve_all

    path = options.photos[0]
    predictor = load(options.model, threads=options.threads, engine=options.engine, zoom=options.zoom)
    reading = read_options(options)
    photo = predictor.read(path, reading)
    found = resolve_all(requests_of(path, options), photo, reading)
    failed = [each for each in found if isinstance(each, RegionFailure)]
    check_usable([each.error for each in failed] if len(failed) == len(found) else [None], path)
    pictures = _pictures(options, len(found))
    failures = [with_name(each.name, each.error) for each in failed]
    told: list[dict[str, Any]] = []
    for each, picture in zip(found, pictures, strict=True):
        if isinstance(each, RegionFailure):
            told.append({"region": utf8(each.name), "error": utf8(each.error)})
            continue
        explanation = explain(predictor, photo, each, looks=options.looks, progress=_progress())
        if options.json:
            told.append(_region(each, explanation))
        else:
            print(_text(each, explanation))
        if picture is not None:
            _draw(photo, each, explanation, picture)
    if options.json:
        print_json({**head(photo, predictor.record.title), "regions": told})
    for failure in failures:
        print(f"madeof: {show(f'{path}: {failure}')}", file=sys.stderr)
    return 1 if failures else 0


def _region(region: Region, explanation: Explanation) -> dict[str, Any]:
    from madeof._util.text import utf8

    prediction = explanation.prediction
    return {
        "region": utf8(region.name),
        "box": list(prediction.box),
        "material": prediction.material,
        "score": round(prediction.score, 6),
        **({"uncertain": prediction.uncertain} if prediction.calibration.uncertain_below is not None else {}),
        **explanation.to_dict(),
    }


def _text(region: Region, explanation: Explanation) -> str:
    from madeof._util.text import show
    from madeof.inference.photo_result import label

    lines = explanation.text().splitlines()
    return "\n".join([f"{show(region.name)}  {label(explanation.prediction)}", *(f"  {line}" for line in lines)])


def _draw(photo: Photo, region: Region, explanation: Explanation, path: Path) -> None:
    from madeof._util.text import show
    from madeof.inference.explanation_picture import draw
    from madeof.viz import overlay

    overlay.save(draw(photo.pixels, region, explanation, title=region.name), path)
    print(f"madeof: wrote {show(path)}", file=sys.stderr)


def _pictures(options: argparse.Namespace, regions: int) -> list[Path | None]:
    """Path of each region's picture, checked before the work starts."""
    from madeof._util import files
    from madeof._util.text import show
    from madeof.errors import WriteError

    if not options.out:
        return [None] * regions
    out = Path(options.out)
    is_picture = out.suffix.lower() in (".png", ".jpg", ".jpeg") and not out.is_dir()
    if regions > 1:
        if is_picture:
            raise WriteError(f"--out {show(out)}: there are {regions} regions; expected a folder")
        files.make_folder(out)
        stem = Path(options.photos[0]).stem
        return [out / f"{stem}-{number}.png" for number in range(1, regions + 1)]
    if not is_picture or not out.parent.is_dir():
        raise WriteError(f"--out {show(out)}: expected a name that ends in .png or .jpg, in a folder that exists")
    inputs = {os.path.realpath(path) for path in (*options.photos, *options.masks, options.label_map) if path}
    if os.path.realpath(out) in inputs:
        raise WriteError(f"--out {show(out)} would overwrite one of the files that it is made from; choose another")
    return [out]


def _progress() -> Progress | None:
    """Progress line on a terminal, erased at the end."""
    if not sys.stderr.isatty():
        return None

    def progress(done: int, most: int) -> None:
        text = f"madeof: look {done} of {most} at most"
        print(f"\r{text}", end="", file=sys.stderr, flush=True)
        if done >= most:
            print(f"\r{' ' * len(text)}\r", end="", file=sys.stderr, flush=True)

    return progress
