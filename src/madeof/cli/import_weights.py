"""`madeof import-weights`: the original's trained file becomes a model folder."""

from __future__ import annotations

import argparse
import sys

from madeof.cli.arguments import Subparsers


def add_parser(subparsers: Subparsers) -> None:
    """Add the command's parser."""
    parser = subparsers.add_parser(
        "import-weights",
        help="import weights of the original's net (extra 'train')",
        description="Read a trained file of the original (arXiv 1812.00291) and write it as a model folder. "
        "The file is unpickled as tensors only; no code in it runs.",
    )
    parser.add_argument("file", metavar="FILE.torch", help="state dict of the original")
    parser.add_argument(
        "--materials",
        default="opensurfaces",
        metavar="LIST",
        help="names of the outputs 1, 2, ...: opensurfaces (default), opensurfaces-plus, minc, fmd or a CSV (id,name)",
    )
    parser.add_argument(
        "--merge", choices=["add", "multiply", "both", "blackout"], help="how the mask is merged (default: detected)"
    )
    parser.add_argument(
        "--where", choices=["image", "stem", "stage3", "all"], help="where the mask enters (default: detected)"
    )
    parser.add_argument("--out", required=True, metavar="DIR", help="the new model folder")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Import."""
    from pathlib import Path

    from madeof._util.text import show
    from madeof.datasets.material_lists import read_materials
    from madeof.errors import ModelError
    from madeof.model.record import RECORD, Record
    from madeof.nets.original import BACKBONE, BACKGROUND, PREPROCESSING, material_names, read_original
    from madeof.training.export import write_model

    if (Path(options.out) / RECORD).exists():
        raise ModelError(f"{show(options.out)} already holds a model; choose another folder")
    names = read_materials(options.materials).names
    net = read_original(options.file, merge=options.merge, where=options.where)
    materials = material_names(net.fc.out_features, names)
    record = Record(
        name=show(Path(options.file).stem),  # a record holds no stray bytes
        version="1",
        materials=materials,
        preprocessing=PREPROCESSING,
        architecture={"net": "MaskAtStem", "backbone": BACKBONE, "merge": net.merge, "where": net.where},
        background=BACKGROUND,
        training={
            "origin": "imported from a file of the original's net, arXiv 1812.00291",
            "file": show(Path(options.file).name),
        },
    )
    write_model(net, record, options.out)
    print(
        f"madeof: wrote {show(options.out)}: merge={net.merge}, where={net.where}, {len(materials)} materials",
        file=sys.stderr,
    )
    left = names[len(materials) :]
    if left:
        print(f"madeof: the file has no output for {', '.join(left)}", file=sys.stderr)
    return 0
