"""`madeof train`: from labelled photos to a model folder."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from madeof.cli.arguments import Subparsers, add_dataset, open_from


def add_parser(subparsers: Subparsers) -> None:
    """Add the command's parser."""
    parser = subparsers.add_parser(
        "train",
        help="train a model on labelled photos (extra 'train')",
        description="Train a model on the train split, choose and calibrate it on the val split. "
        "Killed at any moment, it goes on with --resume.",
    )
    add_dataset(parser)
    parser.add_argument("--out", required=True, metavar="DIR", help="folder of the run; afterwards the model folder")
    parser.add_argument("--config", metavar="FILE", help="a TOML file with settings (docs/training.md lists them)")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", dest="overrides", help="one setting; may be repeated"
    )
    parser.add_argument("--resume", action="store_true", help="resume the training in --out")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Train."""
    from madeof._util import files
    from madeof.nets import libraries  # noqa: F401  (says which extra is missing, before any work)
    from madeof.training import Config, train
    from madeof.training.run import read_config

    before = read_config(options.out) if options.resume and not options.config else None
    config = Config.load(options.config, options.overrides, before=before)
    _check_folder(Path(options.out))
    out = files.make_folder(options.out)
    options.min_area = max(options.min_area, config.min_area)
    dataset = open_from(options, "train", cache=out / "index.npz")
    try:
        folder = train(dataset, out, config, resume=options.resume, quiet=options.quiet)
    except KeyboardInterrupt:
        print(f"madeof: progress is saved in {out}; continue with --resume", file=sys.stderr)
        raise
    print(f"madeof: the model is {folder}: madeof predict PHOTO --mask MASK --model {folder}", file=sys.stderr)
    return 0


def _check_folder(out: Path) -> None:
    """Refuse a folder with other things than a run in it, such as the data set."""
    from madeof._util.text import join_some, show
    from madeof.errors import WriteError

    names = sorted(path.name for path in out.iterdir()) if out.is_dir() else []
    if any(name in ("config.json", "model.json") or name.endswith(".safetensors") for name in names):
        return  # a run, of which `train` knows more
    if others := [name for name in names if name != "index.npz" and not name.startswith(".")]:
        raise WriteError(
            f"{show(str(out))} is a folder with files in it ({show(join_some(others, most=3))}) and no training; "
            "expected a new or an empty folder"
        )
