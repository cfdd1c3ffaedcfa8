"""`madeof export`: a model folder to give away."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from madeof.cli.arguments import Subparsers, add_calibration_source

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from madeof.model.preprocess import Preprocessing

_PHOTOS = 128  # for --ranges and --quantize; with half of them a typical range is another by 1%


def add_parser(subparsers: Subparsers) -> None:
    """Add the command's parser."""
    parser = subparsers.add_parser(
        "export",
        help="export a run as a small model folder (extra 'train')",
        description="Write the model of a run as a folder that predicts: two ONNX graphs and their record.",
    )
    parser.add_argument("model", metavar="RUN", help="a finished run, or a model folder with weights.safetensors")
    parser.add_argument("--out", required=True, metavar="DIR", help="the new folder")
    parser.add_argument(
        "--bits", type=int, choices=(32, 16, 8), default=32, help="bits per weight in the graphs (default: 32)"
    )
    parser.add_argument("--with-weights", action="store_true", help="add weights.safetensors, to train on")
    parser.add_argument(
        "--ranges",
        metavar="DATASET",
        help=f"measure on up to {_PHOTOS} of its train photos what the engine openvino-int8 needs",
    )
    parser.add_argument(
        "--quantize",
        metavar="DATASET",
        help=f"let the encoder compute in 8 bits, with ranges measured on up to {_PHOTOS} of its train photos",
    )
    parser.add_argument(
        "--memory",
        metavar="DATASET",
        help="store embeddings of the regions of its val photos, so that the model can learn more materials "
        "(madeof learn)",
    )
    add_calibration_source(
        parser, "with --memory: only val photos of this source calibrate what is learned; may be repeated"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Export."""
    from pathlib import Path

    from madeof._util.text import show
    from madeof.datasets import open_dataset
    from madeof.errors import InputError, ModelError
    from madeof.few_shot.exemplars import write_exemplars
    from madeof.model.record import RECORD
    from madeof.training.export import read_net, write_model

    if (Path(options.out) / RECORD).exists():
        raise ModelError(f"{show(options.out)} already holds a model; choose another folder")
    net, record = read_net(options.model)
    images = None if options.ranges is None else _images(options.ranges, record.preprocessing)
    if options.ranges is not None and options.quantize is not None:
        raise InputError("got --ranges and --quantize; expected one: an encoder in 8 bits has its own ranges")
    quantizing = None if options.quantize is None else _images(options.quantize, record.preprocessing)
    write_model(
        net, record, options.out, weights=options.with_weights, bits=options.bits, ranges_from=images,
        quantize_from=quantizing,
    )  # fmt: skip
    if options.memory is not None:
        write_exemplars(Path(options.out), open_dataset(options.memory), options.calibration_sources)
    print(f"madeof: wrote {show(options.out)}", file=sys.stderr)
    return 0


def _images(path: str, preprocessing: Preprocessing) -> Iterator[NDArray[np.float32]]:
    """Photos of the data set's train split (of all where there is none), evenly spaced, preprocessed."""
    from madeof.datasets import open_dataset

    dataset = open_dataset(path)
    if "train" in set(dataset.photos.split):
        dataset = dataset.split("train")
    step = max(1, len(dataset) // _PHOTOS)
    return (preprocessing.image(dataset.read(i).image) for i in range(0, step * min(_PHOTOS, len(dataset)), step))
