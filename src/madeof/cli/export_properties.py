"""`madeof export-properties`: the properties of answers, for the programs that need them."""

from __future__ import annotations

import argparse
import sys

from madeof.cli.arguments import Subparsers
from madeof.cli.properties_arguments import add_table, table_of

TARGETS = ("pyroomacoustics", "sionna", "mujoco", "usd", "materialx", "gltf", "ifc")
"""Copy of the names in `madeof.properties.export`, so that `--help` need not import it."""


def add_parser(subparsers: Subparsers) -> None:
    """Add the command's parser."""
    parser = subparsers.add_parser(
        "export-properties",
        help="write properties for simulators, renderers and building models",
        description="Write the properties of the regions of answers as materials of another program, the median of "
        "each. FILE is there when all of it is written, and not before; what the program cannot hold is said.",
        epilog="See docs/properties.md.",
    )
    parser.add_argument("answers", metavar="ANSWERS", help="output of madeof predict --json or --to jsonl")
    parser.add_argument("--to", required=True, choices=TARGETS, metavar="PROGRAM", help=f"one of {', '.join(TARGETS)}")
    parser.add_argument("--out", required=True, metavar="FILE", help="a new file")
    add_table(parser.add_argument_group("properties"))
    parser.set_defaults(run=run, refuse=parser.error)


def run(options: argparse.Namespace) -> int:
    """Export."""
    from madeof._util.files import check_free
    from madeof._util.text import pluralize, show
    from madeof.properties import MOST_WITHOUT
    from madeof.properties.export import TARGETS as targets
    from madeof.properties.export import export
    from madeof.properties.export.values import read_answers, values_of

    if options.frequency is not None and options.to != "sionna":
        options.refuse(f"--frequency is for --to sionna; {options.to} has no radio materials")
    check_free(options.out, folder=False)
    answers = read_answers(options.answers)
    values = values_of(
        answers,
        targets[options.to].properties,
        table=table_of(options),
        most_without=MOST_WITHOUT if options.max_without is None else options.max_without,
        place=options.place,
        frequency_ghz=options.frequency,
    )
    lines = export(values, options.to, options.out)
    if answers.skipped:
        lines.append(f"left out {pluralize(answers.skipped, 'answer')} with an error")
    lines.append(f"wrote {options.out}: {pluralize(len(values.names), 'region')}")
    for line in lines:
        print(f"madeof: {show(line)}", file=sys.stderr)
    return 0
