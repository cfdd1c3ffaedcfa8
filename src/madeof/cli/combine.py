"""`madeof combine`: several runs become one model."""

from __future__ import annotations

import argparse
import sys

from madeof.cli.arguments import Subparsers, add_calibration_source, add_dataset, open_from, whole_number


def add_parser(subparsers: Subparsers) -> None:
    """Add the command's parser."""
    parser = subparsers.add_parser(
        "combine",
        help="combine several runs into an ensemble (extra 'train')",
        description="Write an ensemble of finished runs of the same materials: right more often than each of them, for "
        "as many times the work. It is calibrated and measured on the val split.",
    )
    add_dataset(parser)
    parser.add_argument(
        "--run",
        action="append",
        default=[],
        required=True,
        metavar="RUN",
        dest="runs",
        help="a finished run; give two or more",
    )
    parser.add_argument("--out", required=True, metavar="DIR", help="the new model folder, with weights")
    parser.add_argument("--name", default="my-ensemble", help="name of the model")
    parser.add_argument(
        "--side", type=whole_number(32), metavar="PIXELS", help="longer side of a photo, if runs differ"
    )
    add_calibration_source(parser, "only val photos of this source calibrate; may be repeated")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Combine."""
    from madeof.nets import libraries  # noqa: F401  (says which extra is missing, before any work)
    from madeof.training.combine import combine

    dataset = open_from(options, "combine")
    record = combine(
        options.runs,
        dataset,
        options.out,
        name=options.name,
        side=options.side,
        calibration_sources=options.calibration_sources,
    )
    accuracy = record.metrics.get("val", {}).get("accuracy")
    figure = "" if accuracy is None else f"; accuracy on the val split {accuracy:.3f}"
    print(f"madeof: wrote {options.out}{figure}", file=sys.stderr)
    return 0
