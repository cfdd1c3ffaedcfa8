"""`madeof demo`: the main job on a photo that we ship, in a few seconds."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from madeof.cli.arguments import Subparsers, add_model

FOLDER = Path(__file__).parent.parent / "demo"


def add_parser(subparsers: Subparsers) -> None:
    """Add the command's parser."""
    parser = subparsers.add_parser(
        "demo",
        help="classify the regions of an example photo",
        description="Classify three regions of a photo of a cup of coffee, compare with the truth and draw the result.",
    )
    add_model(parser)
    parser.add_argument(
        "--overlay", default="demo-overlay.png", metavar="OUT.png", help="the picture (default: demo-overlay.png)"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Show it."""
    from madeof._util.text import show
    from madeof.datasets import open_dataset
    from madeof.inference.photo_result import label
    from madeof.inference.predictor import load
    from madeof.viz import overlay

    dataset = open_dataset(FOLDER / "regions.csv")
    predictor = load(options.model, threads=options.threads, engine=options.engine, zoom=options.zoom)
    sample = dataset.read(0)
    predictor.set_image(sample.image)
    predictions = predictor.predict(sample.masks)
    print("region       answer                score            what it is")
    for row, prediction, material in zip(_names(), predictions, sample.materials, strict=True):
        truth = dataset.materials[material]
        mark = "" if prediction.material == truth else "   (wrong)"
        unsure = "unsure" if prediction.uncertain else ""
        print(f"{row:<12} {show(prediction.material):<20} {prediction.score:>6.0%}   {unsure:<6}   {truth}{mark}")
    sys.stdout.flush()
    labels = [label(prediction) for prediction in predictions]
    overlay.save(
        overlay.draw(sample.image, list(zip(sample.masks, labels, strict=True)), min_side=1000), options.overlay
    )
    print(f"madeof: wrote {show(options.overlay)}", file=sys.stderr)
    return 0


def _names() -> list[str]:
    """The stems of the masks, in the order of the table."""
    lines = (FOLDER / "regions.csv").read_text(encoding="utf-8").splitlines()[1:]
    return [Path(line.split(",")[1]).stem for line in lines]
