"""`madeof inspect`: what is in a data set, and what is wrong with it."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from madeof.cli.arguments import Subparsers, add_dataset_place, add_making, print_json, whole_number


def add_parser(subparsers: Subparsers) -> None:
    """Add the command's parser."""
    parser = subparsers.add_parser(
        "inspect",
        help="summarise a data set and list its problems",
        description="Count a data set's photos and regions by split, source, licence, material and size, and say what "
        "cannot be used, what is left out, which names are nearly alike, and which the model cannot say. "
        "Problems are reported and are no error.",
    )
    group = add_dataset_place(parser)
    add_making(group)
    parser.add_argument(
        "--model",
        metavar="MODEL",
        help="compare with the materials of this model: a folder or a Hub name (default: bundled)",
    )
    output = parser.add_argument_group("output")
    output.add_argument("--json", action="store_true", help="print one JSON object, with all problems")
    output.add_argument("--sheet", metavar="OUT", help="write a picture of some regions of each material: .png or .jpg")
    output.add_argument(
        "--each",
        type=whole_number(1, 40),
        default=6,
        metavar="N",
        help="with --sheet: regions per material (default: 6)",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Inspect."""
    from dataclasses import replace

    from madeof._util.text import show
    from madeof.cli.arguments import check_dataset_place
    from madeof.datasets.inspection import inspect, unnameable
    from madeof.datasets.inspection_text import text_of
    from madeof.inference.predictor import load
    from madeof.viz import overlay
    from madeof.viz.contact_sheet import draw_sheet

    check_dataset_place(options, "inspect")
    logging.getLogger("madeof").setLevel(logging.WARNING)  # what is left out is in the report
    if options.sheet:
        overlay.check_picture(options.sheet)
    predictor = load(options.model, threads=1)
    found = inspect(
        options.dataset,
        images=options.images,
        labels=options.labels,
        format=options.format,
        materials=options.materials,
        min_area=options.min_area,
        ignore=options.ignore,
    )
    model = predictor.record.title
    found = replace(found, unnameable=unnameable(found, model, predictor.materials))
    if options.json:
        print_json(found.to_dict())
    else:
        print(text_of(found))
    if options.sheet:
        sys.stdout.flush()
        sheet = draw_sheet(found.dataset, each=options.each)
        for failure in sheet.failures:
            print(f"madeof: not drawn: {show(failure)}", file=sys.stderr)
        overlay.save(sheet.picture, Path(options.sheet))
        print(f"madeof: wrote {show(options.sheet)}", file=sys.stderr)
    return 0
