"""`madeof learn`: a model that knows one more material from a few regions."""

from __future__ import annotations

import argparse
import contextlib
import functools
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from madeof._util.text import join_some, pluralize, show
from madeof.cli.arguments import Subparsers, add_dataset, open_from, whole_number
from madeof.materials.lists import key

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from madeof.datasets import RegionDataset, Sample
    from madeof.few_shot.learning import Example, LearningResult

_COST = 0.5  # percent; madeof.few_shot.fitting.COST, which --help is not to load


def add_parser(subparsers: Subparsers) -> None:
    """Add the command's parser."""
    parser = subparsers.add_parser(
        "learn",
        help="add a material to a model from a few regions",
        description="Write a model folder that knows one more material from 1 to 20 regions, in seconds and without "
        "PyTorch; or one that has a material less, by another name, or several as one. Materials are removed first, "
        "then renamed, merged, and added.",
        epilog='A REGION is a mask\'s file, a box X0,Y0,X1,Y1 or a polygon "X,Y X,Y X,Y" in pixels. From DATASET, the '
        "regions that are labelled with the material's name are its examples. What was learned before gets more "
        "examples when it is added again.",
    )
    parser.add_argument("--out", required=True, metavar="DIR", help="the new model folder")
    parser.add_argument("--model", metavar="MODEL", help="a model folder or a Hub name (default: the bundled model)")
    changes = parser.add_argument_group("changes (each may be repeated)")
    changes.add_argument("--add", action="append", default=[], metavar="NAME", help="a material to learn")
    changes.add_argument("--remove", action="append", default=[], metavar="NAME", help="a material to drop")
    changes.add_argument(
        "--rename", action="append", type=_renaming, default=[], metavar="OLD=NEW", help="a material's new name"
    )
    changes.add_argument(
        "--merge", action="append", type=_merging, default=[], metavar="A,B=NAME",
        help="materials whose scores are added up under one name",
    )  # fmt: skip
    examples = parser.add_argument_group("examples of the material to learn")
    examples.add_argument(
        "--example", action="append", nargs=2, default=[], metavar=("PHOTO", "REGION"), dest="examples",
        help="a photo and a region of it; may be repeated",
    )  # fmt: skip
    label = examples.add_mutually_exclusive_group()
    label.add_argument("--label", metavar="NAME", help="name of the material in DATASET, if it differs")
    label.add_argument("--any-label", action="store_true", help="take every region of DATASET")
    examples.add_argument(
        "--cost", type=_percent, default=_COST / 100, metavar="PERCENT",
        help=f"largest share of right answers for old materials that a new one may take (default: {_COST})",
    )  # fmt: skip
    add_dataset(parser)
    parser.add_argument(
        "--threads", type=whole_number(0, 1024), default=0, metavar="N", help="CPU threads (default: one per core)"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Learn."""
    from madeof.errors import ConfigError
    from madeof.few_shot.learning import learn
    from madeof.inference.predictor import load

    has_dataset = not (options.dataset is options.images is options.labels is None)
    if not (options.add or options.remove or options.rename or options.merge):
        options.refuse("nothing to do: give --add NAME, --remove NAME, --rename OLD=NEW or --merge A,B=NAME")
    if options.add and not (options.examples or has_dataset):
        options.refuse("--add needs examples: --example PHOTO REGION, or DATASET")
    if not options.add and (options.examples or has_dataset):
        options.refuse("there are examples, but no material to learn from them: give --add NAME")
    if len(options.add) > 1 and (options.examples or options.label or options.any_label):
        options.refuse("with several --add, each material's examples are DATASET's regions of that name")
    if len(options.add) != len(set(options.add)):
        options.refuse("--add names the same material twice")
    add: dict[str, list[Example]] = {name: [] for name in options.add}
    if options.examples:
        add[options.add[0]] += [_example(*pair) for pair in options.examples]
    if has_dataset:
        dataset = open_from(options, "learn")
        for name in options.add:
            add[name] += _labelled(dataset, None if options.any_label else options.label or name)
    known = load(options.model, threads=options.threads).materials if options.merge else ()
    merge = {new: _names(text, known) for text, new in options.merge}
    if len(dict(options.rename)) != len(options.rename) or len(merge) != len(options.merge):
        raise ConfigError("a material is renamed, or merged into, twice: give each once")
    result = learn(
        options.out, add=add, remove=options.remove, rename=dict(options.rename), merge=merge, model=options.model,
        cost=options.cost, threads=options.threads, progress=_progress(),
    )  # fmt: skip
    _tell(result, options)
    return 0


def _example(photo: str, region: str) -> Example:
    """A photo's path with a mask's path, or with what makes a region of a box or a polygon."""
    from madeof.errors import RegionError
    from madeof.regions.raster import parse_box, parse_polygon
    from madeof.regions.region import Region

    if Path(region).is_file():
        return photo, region
    with contextlib.suppress(RegionError):
        box = parse_box(region)
        return photo, lambda size: Region.from_box(f"box {region}", box, size)
    with contextlib.suppress(RegionError):
        points = parse_polygon(region)
        return photo, lambda size: Region.from_polygon(f"polygon {region}", points, size)
    raise RegionError(
        f"there is no mask {show(region)}; expected a file, a box X0,Y0,X1,Y1 or a polygon X,Y X,Y X,Y in pixels"
    )


def _labelled(dataset: RegionDataset, label: str | None) -> list[Example]:
    """A data set's regions of one material, or all; its photos are read when they are asked for, one at a time."""
    import numpy as np

    from madeof.errors import DatasetError
    from madeof.materials.lists import positions

    regions = np.arange(len(dataset.regions))
    if label is not None:
        (place,) = positions([label], dataset.materials)
        regions = np.flatnonzero(dataset.regions.material == place) if place >= 0 else regions[:0]
    if not len(regions):
        found = join_some(show(row.material) for row in dataset.count_by_material() if row.regions)
        raise DatasetError(f"the data set has no region of {show(label or 'any material')!r}; it has {found}")
    read = functools.lru_cache(maxsize=1)(dataset.read)
    images = {p: functools.partial(_image, read, p) for p in dataset.regions.photo[regions].tolist()}
    return [
        (images[photo], functools.partial(_mask, read, photo, region))
        for region, photo in zip(regions.tolist(), dataset.regions.photo[regions].tolist(), strict=True)
    ]


def _image(read: Callable[[int], Sample], photo: int) -> NDArray[np.uint8]:
    return read(photo).image


def _mask(read: Callable[[int], Sample], photo: int, region: int, _: tuple[int, int]) -> NDArray[np.bool_]:
    sample = read(photo)
    found: NDArray[np.bool_] = sample.masks[sample.regions == region][0]
    return found


def _tell(result: LearningResult, options: argparse.Namespace) -> None:
    """Report the learned materials and their cost on standard error."""
    for name, found in result.learned.items():
        if name in options.add:
            parts = f"{pluralize(found.examples, 'region')} of {pluralize(found.photos, 'photo')}"
            own = "" if found.named is None else f"; {found.named:.0%} of them are named so when they are left out"
            lost = f"it takes {found.taken} of {round((result.before or 0) * result.exemplars)} right answers away"
            print(f"madeof: {show(name)}: learned from {parts}{own}; {lost}", file=sys.stderr)
    if result.before is not None and result.after is not None:
        print(
            f"madeof: of {result.exemplars:,} exemplars of the net's materials {result.after:.1%} are named "
            f"right, by the net alone {result.before:.1%}",
            file=sys.stderr,
        )
    print(f"madeof: wrote {show(options.out)}: {result.record.title}", file=sys.stderr)


def _names(text: str, known: Sequence[str]) -> list[str]:
    """The materials that "A,B" names. Some have commas of their own, such as "Plastic, clear"."""
    pieces, names = text.split(","), []
    keys = {key(name) for name in known}
    while pieces:
        count = next((n for n in range(len(pieces), 0, -1) if key(",".join(pieces[:n])) in keys), 1)
        names.append(",".join(pieces[:count]).strip())
        pieces = pieces[count:]
    return names


def _renaming(text: str) -> tuple[str, str]:
    old, equals, new = text.rpartition("=")
    if not equals or not old.strip() or not new.strip():
        raise argparse.ArgumentTypeError(f"got {text!r}; expected OLD=NEW")
    return old.strip(), new.strip()


def _merging(text: str) -> tuple[str, str]:
    names, equals, new = text.rpartition("=")
    if not equals or "," not in names or not new.strip():
        raise argparse.ArgumentTypeError(f"got {text!r}; expected A,B=NAME")
    return names, new.strip()


def _percent(text: str) -> float:
    try:
        value = float(text.removesuffix("%"))
    except ValueError:
        value = -1.0
    if not 0 <= value <= 50:
        raise argparse.ArgumentTypeError(f"got {text!r}; expected a percentage from 0 to 50")
    return value / 100


def _progress() -> Callable[[int], object] | None:
    """A line on a terminal that counts photos."""
    if not sys.stderr.isatty():
        return None

    def progress(done: int) -> None:
        text = f"madeof: looked at {pluralize(done, 'photo')}"
        print(f"\r{text}\r", end="", file=sys.stderr, flush=True)

    return progress
