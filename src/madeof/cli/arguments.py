"""Arguments that several commands share."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from madeof.model.onnx_engine import DEFAULT, ENGINES

if TYPE_CHECKING:
    from madeof.datasets import RegionDataset
    from madeof.inference.zoom import Zoom

Subparsers = Any  # argparse's own class for this is private
_Group = argparse.ArgumentParser | argparse._ArgumentGroup

MOST_WINDOWS = 4096
"""Copy of `madeof.inference.zoom.MOST`, so that `--help` need not import it."""

FORMATS = (
    "coco",
    "label_studio",
    "via",
    "labelme",
    "isat",
    "supervisely",
    "cityscapes",
    "labelbox",
    "createml",
    "geojson",
    "sam",
    "coco_results",
    "cvat",
    "labelme_xml",
    "voc",
    "open_images",
    "ade_full",
    "yolo",
    "opensurfaces",
    "minc",
    "fmd",
    "dms",
    "label_map",
    "label_studio_brush",
    "colour_map",
    "ade",
    "masks",
)
"""Copy of the names in `madeof.datasets.formats.FORMATS`, so that `--help` need not import it."""

WRITTEN = ("coco", "label_studio", "labelme", "cvat", "yolo", "label_map", "masks")
"""Formats that can be written."""


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


def coverage(text: str) -> float:
    """An argument's type: the coverage of a set, from 0.5 to 0.99."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.5 <= value <= 0.99:
        raise argparse.ArgumentTypeError(f"got {text!r}; expected a number from 0.5 to 0.99, such as 0.9")
    return value


def zoom(text: str) -> Zoom:
    """An argument's type: "auto", "off" or a number of windows."""
    if text in ("auto", "off"):
        return text  # type: ignore[return-value]  # mypy does not narrow a str to the two
    if not text.isascii() or not text.isdigit() or not int(text[:9]) <= MOST_WINDOWS:
        raise argparse.ArgumentTypeError(f"got {text!r}; expected auto, off, or a number from 0 to {MOST_WINDOWS}")
    return int(text)


def add_zoom(group: _Group) -> None:
    """`--zoom`."""
    group.add_argument(
        "--zoom",
        type=zoom,
        default="auto",
        metavar="ZOOM",
        help="second, enlarged look at small regions of large photos: auto, off, or the largest number of windows per "
        "photo (default: auto, which is 128; docs/zoom.md)",
    )


def add_model(parser: argparse.ArgumentParser, *, threads: int = 0) -> None:
    """`--model`, `--threads`, `--engine` and `--zoom`; `threads` is the second one's default."""
    group = parser.add_argument_group("model")
    group.add_argument("--model", metavar="MODEL", help="a model folder or a Hub name (default: the bundled model)")
    group.add_argument(
        "--threads",
        type=whole_number(0, 1024),
        default=threads,
        metavar="N",
        help=f"CPU threads (default: {threads or 'one per core'})",
    )
    group.add_argument(
        "--engine",
        default=DEFAULT,
        choices=ENGINES,
        metavar="NAME",
        help=f"inference engine: {', '.join(ENGINES)} (default: {DEFAULT}; the others are the extra 'openvino')",
    )
    add_zoom(group)


class _OldName(argparse._AppendAction):
    """Append to a list, and say that the option has a new name."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: str | None = None
    ) -> None:
        """Warn, then append."""
        print(
            f"madeof: {option} is now --{self.dest[:-1].replace('_', '-')}; the old name works until 0.3",
            file=sys.stderr,
        )
        super().__call__(parser, namespace, values, option)


def add_calibration_source(parser: argparse.ArgumentParser, text: str) -> None:
    """`--calibration-source`, with its name of 0.1, `--judge-source`; `text` is the help."""
    names: dict[str, Any] = {"default": [], "metavar": "NAME", "dest": "calibration_sources"}
    parser.add_argument("--calibration-source", action="append", help=text, **names)
    parser.add_argument("--judge-source", action=_OldName, help=argparse.SUPPRESS, **names)


def add_dataset(parser: argparse.ArgumentParser) -> None:
    """Arguments of a data set: its place and its regions."""
    group = add_dataset_place(parser)
    add_making(group)
    group.add_argument("--skip-bad", action="store_true", help="skip photos that cannot be used, and list them")


def add_dataset_place(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Arguments of a data set's place; returns the argument group."""
    group = parser.add_argument_group("data set")
    group.add_argument(
        "dataset",
        nargs="?",
        metavar="DATASET",
        help="a folder with images/, labels/ and materials.csv, or a CSV with the columns image, mask, material, or an "
        "annotation file or folder of another tool (see --format)",
    )
    add_format(group)
    group.add_argument(
        "--images",
        metavar="DIR",
        help="folder of photos: of an annotation file where they are not beside it, or, with --labels, instead of "
        "DATASET",
    )
    group.add_argument("--labels", metavar="DIR", help="folder of label maps, with --images")
    parser.set_defaults(refuse=parser.error)
    return group


def add_making(group: argparse._ArgumentGroup) -> None:
    """`--materials`, `--min-area` and `--ignore`: how the regions of a data set are made."""
    group.add_argument(
        "--materials",
        metavar="LIST",
        help="a CSV (id,name) or opensurfaces, opensurfaces-plus, original, minc, fmd, dms: what the values of "
        "--labels mean, or all names that a table or annotation file may have",
    )
    group.add_argument(
        "--min-area",
        type=whole_number(0),
        default=1,
        metavar="PIXELS",
        help="leave out smaller regions (default: 1)",
    )
    group.add_argument(
        "--ignore", type=int, action="append", default=[], metavar="VALUE", help="a label value to ignore"
    )


def format_name(text: str) -> str:
    """The name of a format as we write it: "label-studio" is "label_studio"."""
    return text.strip().casefold().replace("-", "_")


def add_format(group: argparse._ArgumentGroup) -> None:
    """`--format`."""
    group.add_argument(
        "--format",
        type=format_name,
        choices=FORMATS,
        metavar="NAME",
        help=f"format of the annotation file (default: detected): {', '.join(FORMATS)}",
    )


def check_dataset_place(options: argparse.Namespace, parser_name: str) -> None:
    """End the process with status 2 where the arguments name no data set, or two."""
    if options.dataset is None:
        complete = options.images is not None and options.labels is not None and options.format is None
    else:
        complete = options.labels is None
    if not complete:
        options.refuse(f"{parser_name} takes either DATASET or --images DIR with --labels DIR")


def open_from(options: argparse.Namespace, parser_name: str, cache: Path | None = None) -> RegionDataset:
    """The data set that the arguments name. Ends the process with status 2 where they name none, or two."""
    from madeof._util.text import show
    from madeof.datasets import open_dataset

    check_dataset_place(options, parser_name)
    dataset = open_dataset(
        options.dataset,
        images=options.images,
        labels=options.labels,
        format=options.format,
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
