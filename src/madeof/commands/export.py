"""`madeof export`: a model folder to give away."""

from __future__ import annotations

import argparse
import sys

from madeof.commands.arguments import Subparsers


def add_parser(subparsers: Subparsers) -> None:
    """Add the command's parser."""
    parser = subparsers.add_parser(
        "export",
        help="write a run as a small model folder (extra 'train')",
        description="Write the model of a run as a folder that predicts: two ONNX graphs and their record.",
    )
    parser.add_argument("model", metavar="RUN", help="a finished run, or a model folder with weights.safetensors")
    parser.add_argument("--out", required=True, metavar="DIR", help="the new folder")
    parser.add_argument("--half", action="store_true", help="keep the weights in 16 bits: half the size")
    parser.add_argument("--with-weights", action="store_true", help="add weights.safetensors, to train on")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Export."""
    from pathlib import Path

    from madeof.errors import ModelError
    from madeof.record import RECORD
    from madeof.text import show
    from madeof.training.export import read_net, write_model

    if (Path(options.out) / RECORD).exists():
        raise ModelError(f"{show(options.out)} already holds a model; choose another folder")
    net, record = read_net(options.model)
    write_model(net, record, options.out, weights=options.with_weights, half=options.half)
    print(f"madeof: wrote {show(options.out)}", file=sys.stderr)
    return 0
