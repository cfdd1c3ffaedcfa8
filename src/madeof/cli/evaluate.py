"""`madeof evaluate`: how often is a model right."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from madeof._util.text import utf8
from madeof.cli.arguments import Subparsers, add_dataset, add_model, coverage, open_from, print_json

if TYPE_CHECKING:
    from madeof.datasets import RegionDataset
    from madeof.evaluation.result import Judged
    from madeof.inference.predictor import Predictor
    from madeof.materials.crosswalk import Crosswalk
    from madeof.model.record import Record


def add_parser(subparsers: Subparsers) -> None:
    """Add the command's parser."""
    parser = subparsers.add_parser(
        "evaluate",
        help="measure a model on labelled photos",
        description="Classify every region of every photo and measure accuracy. Materials are matched by name.",
    )
    add_dataset(parser)
    add_model(parser)
    add_part(parser)
    parser.add_argument(
        "--crosswalk",
        default="auto",
        metavar="FILE",
        help="mapping from the model's materials to the data set's: a CSV (from_name,to_name and perhaps "
        "relation), none, or auto: the built-in one where the two are of different lists (default)",
    )
    parser.add_argument(
        "--coverage",
        type=coverage,
        metavar="C",
        help="coverage of the prediction sets (default: 0.9; docs/scores.md)",
    )
    parser.add_argument(
        "--maps",
        action="store_true",
        help="evaluate madeof map on the labelled pixels (docs/map.md)",
    )
    parser.add_argument("--out", metavar="DIR", help="write a report to a new or empty folder: a page and tables")
    parser.add_argument("--json", action="store_true", help="print the metrics as one JSON object")
    parser.set_defaults(run=run)


def add_part(parser: argparse.ArgumentParser) -> None:
    """`--split` and `--source`: which photos of a data set."""
    parser.add_argument(
        "--split",
        default="auto",
        choices=["auto", "train", "val", "test", "all"],
        metavar="NAME",
        help="train, val, test, all or auto: val where splits are given or the model learned from this data, else all "
        "(default)",
    )
    parser.add_argument(
        "--source",
        action="append",
        default=[],
        metavar="NAME",
        dest="sources",
        help="only photos of this source (column source of photos.csv); may be repeated",
    )


def choose_part(dataset: RegionDataset, options: argparse.Namespace, record: Record) -> tuple[Judged, RegionDataset]:
    """The photos of a split, or those of some sources in it, and what they are.

    Where no photo's split is given, "auto" is all of them, unless the model was trained on this data set.

    Raises:
        DatasetError: there are none.
    """
    from madeof.errors import DatasetError
    from madeof.evaluation.result import Judged

    split = options.split
    if split == "auto":
        learned = record.training.get("data")
        own = isinstance(learned, dict) and learned.get("digest") == dataset.digest
        given = own or not dataset.splits_are_drawn
        split = "val" if given and "val" in set(dataset.photos.split) else "all"
        if not given:
            print(
                "madeof: no photo's split is given: all photos are judged; if the model learned from some of them, "
                "give --split val",
                file=sys.stderr,
            )
    part = dataset.split(split)
    if not len(part):
        raise DatasetError(f"the split {split!r} has no photo with a region; the splits are {_splits(dataset)}")
    part = part.of_sources(options.sources) if options.sources else part
    where = utf8(str(options.dataset or options.images))
    return Judged(where, split, tuple(map(utf8, options.sources)), len(dataset) - len(part)), part


def run(options: argparse.Namespace) -> int:
    """Evaluate."""
    import dataclasses

    from madeof._util import files
    from madeof._util.text import show
    from madeof.evaluation.label_mapping import compare
    from madeof.evaluation.run import evaluate
    from madeof.inference.predictor import load
    from madeof.metrics.conformal import COVERAGE

    if options.maps and (options.out or options.crosswalk not in ("auto", "none")):
        options.refuse("--maps prints its figures (--json) and matches materials by name: leave --out, --crosswalk out")
    if options.out:
        files.check_free(options.out, folder=True)  # rather found impossible before the work than after it
        files.make_folder(Path(options.out).absolute().parent)
    dataset = open_from(options, "evaluate")
    predictor = load(options.model, threads=options.threads, engine=options.engine, zoom=options.zoom)
    if options.coverage is not None:
        predictor.check_sets()
    judged, part = choose_part(dataset, options, predictor.record)
    if options.maps:
        return _maps(predictor, part, options)
    crosswalk = _crosswalk(options.crosswalk, predictor.materials, part.materials)
    print(f"madeof: evaluating {judged.text()}: {len(part)} photos, {len(part.regions)} regions", file=sys.stderr)
    evaluation = evaluate(predictor, part, coverage=options.coverage or COVERAGE)
    evaluation = dataclasses.replace(evaluation, judged=judged)
    if crosswalk is not None:
        evaluation = compare(evaluation, crosswalk)
    if options.json:
        print_json(evaluation.summary())
    else:
        print(evaluation.text())
    if options.out:
        from madeof.evaluation.report import write_report

        for path in write_report(evaluation, options.out, part):
            print(f"madeof: wrote {show(path)}", file=sys.stderr)
    for name, reason in evaluation.failures:
        print(f"madeof: not evaluated: {show(name)}: {show(reason)}", file=sys.stderr)
    return 1 if evaluation.failures else 0


def _maps(predictor: Predictor, part: RegionDataset, options: argparse.Namespace) -> int:
    """Evaluate dense maps."""
    from madeof._util.text import show
    from madeof.evaluation.segmentation import evaluate_maps

    print(f"madeof: mapping {len(part)} photos", file=sys.stderr)
    evaluation = evaluate_maps(predictor, part)
    if options.json:
        print_json(evaluation.summary())
    else:
        print(evaluation.text())
    for name, reason in evaluation.failures:
        print(f"madeof: not evaluated: {show(name)}: {show(reason)}", file=sys.stderr)
    return 1 if evaluation.failures else 0


def _crosswalk(option: str, model: Sequence[str], data: Sequence[str]) -> Crosswalk | None:
    """The crosswalk that is asked for, where there is anything to compare through it."""
    from madeof._util.text import join_some, show
    from madeof.errors import DatasetError
    from madeof.materials.crosswalk import Crosswalk

    if option == "none":
        return None
    found = Crosswalk.between(model, data, None if option == "auto" else option)
    if found is not None and not found.compared:
        raise DatasetError(
            f"none of the data set's materials ({join_some(map(show, data))}) can be compared with the model's "
            f"({join_some(map(show, model))}) through {show(found.where)}: "
            "give another crosswalk (--crosswalk FILE, or none)"
        )
    return found


def _splits(dataset: RegionDataset) -> str:
    """The splits of a data set and their photos, for a message."""
    from collections import Counter

    return ", ".join(f"{name} ({count})" for name, count in sorted(Counter(dataset.photos.split).items()))
