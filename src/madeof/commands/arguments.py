"""Arguments that several commands share."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from madeof.engines import DEFAULT, ENGINES

if TYPE_CHECKING:
    from madeof.datasets import RegionDataset

Subparsers = Any  # argparse's own class for this is private


def print_json(value: Any) -> None:
    """One line of JSON on standard output, valid in whatever encoding that has."""
    narrow = (sys.stdout.encoding or "utf-8").lower().replace("-", "") != "utf8"
    print(json.dumps(value, ensure_ascii=narrow, allow_nan=False))


def whole_number(least: int, most: int = 2**31 - 1) -> Callable[[str], int]:
    """An argument's type: a whole number from `least` to `most`."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"got {text!r}; expected a whole number from {least} to {most}")
        return value

    return parse


def add_model(parser: argparse.ArgumentParser) -> None:
    """`--model`, `--threads` and `--engine`."""
    parser.add_argument("--model", metavar="MODEL", help="a model folder or a Hub name (default: the bundled model)")
    parser.add_argument(
        "--threads", type=whole_number(0, 1024), default=0, metavar="N", help="CPU threads (default: one for each core)"
    )
    parser.add_argument(
        "--engine",
        default=DEFAULT,
        choices=ENGINES,
        metavar="NAME",
        help=f"what runs the model: {', '.join(ENGINES)} (default: {DEFAULT}; the others are the extra 'openvino')",
    )


def add_dataset(parser: argparse.ArgumentParser) -> None:
    """Where the data set is and how its regions are made."""
    group = parser.add_argument_group("data set")
    group.add_argument(
        "dataset",
        nargs="?",
        metavar="DATASET",
        help="a folder with images/, labels/ and materials.csv, or a CSV with the columns image, mask, material",
    )
    group.add_argument("--images", metavar="DIR", help="folder of photos, instead of DATASET")
    group.add_argument("--labels", metavar="DIR", help="folder of label maps, with --images")
    group.add_argument(
        "--materials",
        metavar="LIST",
        help="with --labels: a CSV (id,name) or opensurfaces, opensurfaces-plus, original, minc, fmd",
    )
    group.add_argument(
        "--min-area",
        type=whole_number(0),
        default=1,
        metavar="PIXELS",
        help="leave out smaller regions (default: 1)",
    )
    group.add_argument(
        "--ignore", type=int, action="append", default=[], metavar="VALUE", help="a label value that is no material"
    )
    group.add_argument(
        "--skip-bad", action="store_true", help="go on without the photos that cannot be used, and list them"
    )
    parser.set_defaults(refuse=parser.error)


def open_from(options: argparse.Namespace, parser_name: str, cache: Path | None = None) -> RegionDataset:
    """The data set that the arguments name. Ends the process with status 2 where they name none, or two."""
    from madeof.datasets import open_dataset
    from madeof.text import show

    if (options.dataset is None) == (options.images is None) or (options.images is None) != (options.labels is None):
        options.refuse(f"{parser_name} takes either DATASET or --images DIR with --labels DIR")
    dataset = open_dataset(
        options.dataset,
        images=options.images,
        labels=options.labels,
        materials=options.materials,
        min_area=options.min_area,
        ignore=options.ignore,
        skip_bad=options.skip_bad,
        cache=cache,
    )
    where = show(options.dataset or options.images)
    print(f"madeof: {where}: {len(dataset)} photos, {len(dataset.regions)} regions", file=sys.stderr)
    for file, reason in dataset.skipped:
        print(f"madeof: skipped {show(file)}: {show(reason)}", file=sys.stderr)
    return dataset
