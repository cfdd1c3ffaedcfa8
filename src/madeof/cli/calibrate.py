"""`madeof calibrate`: a model whose thresholds and sets were measured on one's own photos."""

from __future__ import annotations

import argparse
import sys

from madeof.cli.arguments import Subparsers, add_dataset, add_model, open_from
from madeof.cli.evaluate import add_part, choose_part


def add_parser(subparsers: Subparsers) -> None:
    """Add the command's parser."""
    parser = subparsers.add_parser(
        "calibrate",
        help="fit a model's threshold and prediction sets on your own labelled photos",
        description="Copy a model folder, with the score from which on an answer is certain, and the sets with a "
        "coverage, measured on labelled photos that it did not learn from. Scores stay as they are, but for --by-size.",
    )
    add_dataset(parser)
    add_model(parser)
    add_part(parser)
    parser.add_argument(
        "--precision",
        type=_precision,
        default=0.9,
        metavar="P",
        help="target precision of the answers above the threshold (default: 0.9)",
    )
    parser.add_argument(
        "--by-size",
        action="store_true",
        help="also fit a temperature and a threshold per size range: scores change (docs/scores.md)",
    )
    parser.add_argument("--out", required=True, metavar="DIR", help="the new model folder")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Calibrate."""
    from madeof._util.text import pluralize, show
    from madeof.errors import DatasetError
    from madeof.evaluation.calibrate import calibrate
    from madeof.evaluation.run import evaluate
    from madeof.inference.predictor import load
    from madeof.model.record import copy_model

    dataset = open_from(options, "calibrate")
    predictor = load(options.model, threads=options.threads, engine=options.engine, zoom=options.zoom)
    judged, part = choose_part(dataset, options, predictor.record)
    print(f"madeof: calibrating on {judged.text()}: {len(part)} photos, {len(part.regions)} regions", file=sys.stderr)
    evaluation = evaluate(predictor, part)
    for name, reason in evaluation.failures:
        print(f"madeof: left out: {show(name)}: {show(reason)}", file=sys.stderr)
    record = calibrate(predictor.record, evaluation, options.precision, by_size=options.by_size)
    if record.calibration.uncertain_below is None or record.calibration.prediction_sets is None:
        found = pluralize(evaluation.metrics.nameable, "region")
        hint = "" if judged.split == "all" else ": give --split all to calibrate on every photo"
        raise DatasetError(f"got {found} of materials that the model knows; expected 30 or more to calibrate on{hint}")
    copy_model(predictor.folder, record, options.out)
    print(f"madeof: wrote {show(options.out)}", file=sys.stderr)
    return 0


def _precision(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.5 <= value <= 0.999:
        raise argparse.ArgumentTypeError(f"got {text!r}; expected a number from 0.5 to 0.999, such as 0.9")
    return value
