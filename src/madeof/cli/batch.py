"""`madeof batch`: any number of photos, in shards, resumable."""

from __future__ import annotations

import argparse
import sys

from madeof.cli.arguments import Subparsers, add_format, add_zoom, coverage, whole_number
from madeof.cli.regions import add_photo_limits
from madeof.model.onnx_engine import DEFAULT, ENGINES

TO = ("parquet", "jsonl")
"""Copy of `madeof.batch.tasks.FORMS`, so that `--help` need not import it."""

ON = ("processes", "ray")
"""Values of `--on`: local processes or Ray."""


def add_parser(subparsers: Subparsers) -> None:
    """Add the command's parser."""
    parser = subparsers.add_parser(
        "batch",
        help="classify regions of any number of photos, into files",
        description="Name the material of each region of each photo of a source, and write the answers to a folder, a "
        "shard at a time. Ended or killed at any time and run again, it goes on with the shards that are missing.",
        epilog="A photo or region that cannot be used is a row with its error, and the exit status is 0; it is 1 where "
        "there are more than --max-errors, or no photo has an answer. See docs/batch.md.",
    )
    parser.add_argument(
        "source",
        metavar="SOURCE",
        help="a folder of photos, a glob, a table (.csv, .parquet) of photos and regions, WebDataset (.tar), or an "
        "annotation file; local, or an URL such as s3://...",
    )
    parser.add_argument("--out", required=True, metavar="DEST", help="a new folder, or that of a batch to resume")
    regions = parser.add_argument_group("photos and regions of the source")
    regions.add_argument("--images", metavar="DIR", help="folder of the photos of a table or an annotation file")
    regions.add_argument(
        "--label-maps", metavar="DIR", help="for a folder of photos: a folder with a label map of each photo's stem"
    )
    add_format(regions)
    regions.add_argument(
        "--columns",
        metavar="OURS=THEIRS,...",
        help="what columns of a table, or keys of a WebDataset's JSON, hold, such as box_xywh=bbox,ignore=label",
    )
    regions.add_argument(
        "--min-area", type=whole_number(0), default=1, metavar="PIXELS", help="leave out smaller components (default 1)"
    )
    regions.add_argument("--resize-masks", action="store_true", help="resize masks and label maps of another size")
    regions.add_argument("--jpeg-masks", action="store_true", help="accept JPEG masks; values above half are inside")
    regions.add_argument("--soft-masks", action="store_true", help="8-bit grey masks are soft: value / 255")
    output = parser.add_argument_group("output")
    output.add_argument(
        "--to",
        choices=TO,
        default=TO[0],
        metavar="FORM",
        help="parquet: one row per region (extra 'batch'); jsonl: one JSON object per photo (default: parquet)",
    )
    output.add_argument(
        "--top", type=whole_number(1), default=5, metavar="K", help="number of materials per row (default: 5)"
    )
    output.add_argument(
        "--coverage",
        type=coverage,
        metavar="C",
        help="add prediction sets with this coverage, such as 0.9 (docs/scores.md)",
    )
    output.add_argument(
        "--photos-per-shard", type=whole_number(1), default=1000, metavar="N", help="photos in a file (default: 1000)"
    )
    output.add_argument("--overwrite", action="store_true", help="replace another batch in DEST")
    output.add_argument("--quiet", action="store_true", help="no progress line")
    work = parser.add_argument_group("work")
    work.add_argument("--model", metavar="MODEL", help="a model folder or a Hub name (default: the bundled model)")
    work.add_argument(
        "--engine",
        default=DEFAULT,
        choices=ENGINES,
        metavar="NAME",
        help=f"inference engine: {', '.join(ENGINES)} (default: {DEFAULT}; the others are the extra 'openvino')",
    )
    add_zoom(work)
    work.add_argument(
        "--workers",
        type=whole_number(0, 1024),
        metavar="N",
        help="worker processes, one thread each (default: one per core; 0: none)",
    )
    work.add_argument(
        "--on",
        choices=ON,
        default=ON[0],
        metavar="WHERE",
        help="processes: of this machine; ray: a Ray cluster, whose machines have SOURCE, DEST and the model at the "
        "same places (extra 'ray') (default: processes)",
    )
    work.add_argument(
        "--address", metavar="ADDRESS", help="with --on ray: of a running cluster, or auto (default: a new one, here)"
    )
    work.add_argument(
        "--max-errors", type=whole_number(0), metavar="N", help="stop when there are more errors (default: never)"
    )
    add_photo_limits(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Do the batch, or go on with it."""
    from madeof._util.text import pluralize, show
    from madeof.batch import Options, run_batch
    from madeof.batch.progress import duration

    batch = run_batch(
        options.source,
        options.out,
        model=options.model,
        options=Options(
            to=options.to,
            top=options.top,
            coverage=options.coverage,
            min_area=options.min_area,
            resize_masks=options.resize_masks,
            jpeg_masks=options.jpeg_masks,
            soft_masks=options.soft_masks,
            max_megapixels=options.max_megapixels,
            strict=options.strict,
            engine=options.engine,
            zoom=options.zoom,
        ),
        images=options.images,
        label_maps=options.label_maps,
        format=options.format,
        columns=options.columns,
        per_shard=options.photos_per_shard,
        workers=options.workers,
        max_errors=options.max_errors,
        overwrite=options.overwrite,
        on=options.on,
        address=options.address,
        progress=None if options.quiet else sys.stderr,
    )
    kept = f", {batch.kept:,} of them before" if batch.kept else ""
    regions, errors = pluralize(batch.regions, "region"), pluralize(batch.errors, "error")
    done = f"{pluralize(batch.photos, 'photo')}{kept}, {regions}, {errors}"
    print(
        f"madeof: wrote {show(options.out)}: {done}, {pluralize(len(batch.shards), 'shard')}, in "
        f"{duration(batch.wall_seconds)}",
        file=sys.stderr,
    )
    return 0
