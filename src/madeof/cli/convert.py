"""`madeof convert`: a data set of any layout or format, written in another format."""

from __future__ import annotations

import argparse
import sys

from madeof.cli.arguments import WRITTEN, Subparsers, add_format, add_making, format_name


def add_parser(subparsers: Subparsers) -> None:
    """Add the command's parser."""
    parser = subparsers.add_parser(
        "convert",
        help="write a data set in another format",
        description="Write the regions of a data set, and what they are made of, in another format. OUT is there when "
        "all of it is written, and not before; what the format cannot say is told in one line each.",
    )
    parser.add_argument(
        "dataset",
        metavar="IN",
        help="any data set that `madeof evaluate` takes: a folder, a table, or an annotation file of another tool",
    )
    parser.add_argument("out", metavar="OUT", help="a new file or folder")
    parser.add_argument(
        "--to", required=True, type=format_name, choices=WRITTEN, metavar="FORMAT", help=f"one of {', '.join(WRITTEN)}"
    )
    parser.add_argument(
        "--copy-photos",
        action="store_true",
        help="copy the photos too, to images/ in OUT or beside it; label_map and masks always do",
    )
    group = parser.add_argument_group("data set")
    add_format(group)
    group.add_argument("--images", metavar="DIR", help="folder of photos, where they are not beside the annotations")
    group.add_argument("--labels", metavar="DIR", help="folder of label maps; IN is then the folder of photos")
    add_making(group)
    group.add_argument("--skip-bad", action="store_true", help="skip what cannot be used, and list it")
    parser.set_defaults(run=run, refuse=parser.error)


def run(options: argparse.Namespace) -> int:
    """Convert."""
    from madeof._util.text import pluralize, show
    from madeof.datasets.conversion import convert

    if options.labels is not None and (options.images is not None or options.format is not None):
        options.refuse("with --labels DIR, IN is the folder of photos: leave --images and --format out")
    done = convert(
        options.dataset,
        options.out,
        options.to,
        format=options.format,
        images=options.images,
        labels=options.labels,
        materials=options.materials,
        min_area=options.min_area,
        ignore=options.ignore,
        skip_bad=options.skip_bad,
        copy_photos=options.copy_photos,
    )
    lines = [f"skipped {problem.file}: {problem.reason}" for problem in done.skipped]
    if done.too_small:
        lines.append(f"left out {pluralize(done.too_small, 'region')} under {options.min_area} px")
    lines += [f"not kept in {done.format.name}: {line}" for line in done.lost]
    counts = f"{pluralize(done.photos, 'photo')}, {pluralize(done.regions, 'region')}"
    lines.append(f"wrote {options.out}: {counts}; the photos are in {done.folder}")
    for line in lines:
        print(f"madeof: {show(line)}", file=sys.stderr)
    return 0
