"""What a second look at a finer scale brings: val photos alone, and side by side in large mosaics.

    python benchmarks/second_look.py ask DATA OUT.npz [--model DIR] [--mosaic 1] [--look 320] [--sources ...]
    python benchmarks/second_look.py table NAME=OUT.npz...
    python benchmarks/second_look.py honest NAME=OUT.npz...

`ask` lays val photos of at most 512 px out as mosaics of N x N cells of 512 px (1 leaves them alone), asks the model of
every region in the whole picture and, where the region is small in what the net saw, once more in a square window
around it (twice its box, at least 128 px of the picture), and keeps the log-probabilities of both. `table` prints
accuracies by source and by size, with the two looks combined as the mean of log-probabilities. `honest` prints, by size
as the net saw it, the calibration error under the temperature that fits all these regions, and what 90% sets hold that
were measured on one half of them and read on the other.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import madeof
from madeof.datasets import open_dataset
from madeof.metrics.calibration_error import calibration_error
from madeof.metrics.temperature import fit_temperature
from madeof.regions.region import Region

CELL = 512  # pixels of a mosaic's cell
SMALL = 0.04  # a region that takes less of what the net sees gets a second look
AROUND, LEAST = 2.0, 128  # the window's side: in longer sides of the box, and pixels at least


@dataclass(frozen=True)
class Picture:
    """A photo or mosaic with its regions."""

    pixels: NDArray[np.uint8]
    regions: list[Region]
    materials: list[str]
    sources: list[str]


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    ask_ = commands.add_parser("ask")
    ask_.add_argument("data", type=Path)
    ask_.add_argument("out", type=Path)
    ask_.add_argument("--model", help="a model folder; default: the bundled model")
    ask_.add_argument("--mosaic", type=int, default=1, help="photos across and down (default 1: each alone)")
    ask_.add_argument("--look", type=int, default=320, help="pixels of the window as the net sees it (default 320)")
    ask_.add_argument("--sources", nargs="*", default=[], help="only val photos of these sources")
    table_ = commands.add_parser("table")
    table_.add_argument("found", nargs="+", metavar="NAME=OUT.npz")
    honest_ = commands.add_parser("honest")
    honest_.add_argument("found", nargs="+", metavar="NAME=OUT.npz")
    options = parser.parse_args()
    if options.command == "ask":
        ask(options)
    elif options.command == "honest":
        print(honest(dict(text.split("=", 1) for text in options.found)))
    else:
        print(tables(dict(text.split("=", 1) for text in options.found)))


def ask(options: argparse.Namespace) -> None:
    """Answer for all regions and write the log-probabilities."""
    whole = madeof.load(options.model, threads=1)
    closer = madeof.load(options.model, threads=1)
    seen = closer.record.preprocessing
    closer.record = dataclasses.replace(closer.record, preprocessing=dataclasses.replace(seen, side=options.look))
    first, second, shares, truths, sources = [], [], [], [], []
    for picture in pictures(options.data, options.mosaic, options.sources):
        height, width = picture.pixels.shape[:2]
        whole.set_image(picture.pixels)
        first.append(whole.scores(picture.regions))
        for region in picture.regions:
            share = region.area / (height * width)
            again = look_again(closer, picture.pixels, region) if share < SMALL else np.zeros(len(whole.materials))
            shares.append(share)
            second.append(again)
        truths += picture.materials
        sources += picture.sources
    np.savez(
        options.out, first=np.concatenate(first), second=np.array(second, np.float32), share=np.array(shares),
        truth=np.array(truths), source=np.array(sources), materials=np.array(whole.materials),
        side=seen.side, mosaic=options.mosaic,
    )  # fmt: skip


def look_again(closer: madeof.Predictor, pixels: NDArray[np.uint8], region: Region) -> NDArray[np.float32]:
    """Scores (C,) for the region in a square window around it."""
    height, width = pixels.shape[:2]
    x0, y0, x1, y1 = region.box
    side = round(max(LEAST, AROUND * max(x1 - x0, y1 - y0)))
    left, right = _window(x0, x1, side, width)
    top, bottom = _window(y0, y1, side, height)
    window = pixels[top:bottom, left:right]
    inside = region.tight()
    moved = Region(region.name, inside.cut, corner=(x0 - left, y0 - top), photo_size=(bottom - top, right - left))
    closer.set_image(np.ascontiguousarray(window))
    return closer.scores([moved])[0]


def _window(start: int, stop: int, side: int, length: int) -> tuple[int, int]:
    """The part of [0, length) around [start, stop) that is `side` long, where there is room for it."""
    first = max(0, min((start + stop - side) // 2, length - side))
    return first, min(length, first + side)


def pictures(data: Path, across: int, sources: list[str]) -> Iterator[Picture]:
    """The val photos, in a fixed random order, alone or `across` x `across` to a picture."""
    val = open_dataset(data).split("val")
    wanted = [i for i in range(len(val)) if not sources or val.photos.source[i] in sources]
    order = np.random.default_rng(0).permutation(wanted)
    for begin in range(0, len(order), across**2):
        cells = order[begin : begin + across**2]
        pixels: NDArray[np.uint8] | None = None
        if across > 1:
            pixels = np.full((across * CELL, across * CELL, 3), 127, np.uint8)
        regions, materials, names = [], [], []
        for number, photo in enumerate(cells):
            sample = val.read(int(photo))
            height, width = sample.image.shape[:2]
            top, left = (number // across * CELL, number % across * CELL) if across > 1 else (0, 0)
            if pixels is None:
                pixels = sample.image
            else:
                pixels[top : top + height, left : left + width] = sample.image
            for mask, material in zip(sample.masks, sample.materials, strict=True):
                own = Region("val", mask).tight()
                corner = (own.corner[0] + left, own.corner[1] + top)
                regions.append(Region("val", own.cut, corner=corner, photo_size=pixels.shape[:2]))
                materials.append(val.materials[material])
                names.append(val.photos.source[int(photo)])
        if pixels is not None:
            yield Picture(pixels, regions, materials, names)


def combined(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float64]:
    """The mean of the log-probabilities where there are two looks, (N, C), as probabilities."""
    logs = np.log(np.maximum(first.astype(np.float64), 1e-9))
    looked = second.sum(axis=1) > 0
    logs[looked] = (logs[looked] + np.log(np.maximum(second[looked].astype(np.float64), 1e-9))) / 2
    values = np.exp(logs - logs.max(axis=1, keepdims=True))
    result: NDArray[np.float64] = values / values.sum(axis=1, keepdims=True)
    return result


def tables(found: dict[str, str]) -> str:
    """Accuracies of several models or conditions side by side, by source and by area in what was asked."""
    lines = []
    loaded = {name: np.load(path) for name, path in found.items()}
    lines.append("| where | regions | " + " | ".join(f"{name}: once, twice" for name in loaded) + " |")
    lines.append("| --- | ---: |" + " ---: |" * len(loaded))
    some = next(iter(loaded.values()))
    source, truth, area = some["source"], some["truth"], some["share"] * CELL**2 * int(some["mosaic"]) ** 2
    outdoors = np.isin(source, LITTER)
    everyday = np.isin(source, ["everyday", "everyday2"])
    wild = ~np.isin(source, OLD) & ~everyday
    parts = {"all": np.ones(len(source), bool), "everyday": source == "everyday", "everyday2": source == "everyday2",
             "wild": wild, "litter of wild": outdoors, "everyday, everyday2 and wild": everyday | wild}  # fmt: skip
    new = everyday | wild
    bounds = [0, 1000, 2000, 4000, 8000, 16000, 32000, np.inf]
    for low, high in itertools.pairwise(bounds):
        parts[f"the same, {low:g} to {high:g} px of 512 x 512"] = new & (area >= low) & (area < high)
    for part, rows in parts.items():
        cells = []
        for answers in loaded.values():
            names = answers["materials"]
            right = [
                names[p[rows].argmax(1)] == truth[rows]
                for p in (answers["first"], combined(answers["first"], answers["second"]))
            ]
            cells.append(", ".join(f"{r.mean():.3f}" for r in right) if rows.any() else "-")
        lines.append(f"| {part} | {rows.sum()} | " + " | ".join(cells) + " |")
    cells = []
    for answers in loaded.values():
        names, both = answers["materials"], combined(answers["first"], answers["second"])
        right = names[both.argmax(1)] == truth
        known = [m for m in np.unique(truth[new]) if (truth[new] == m).sum() >= 5]
        cells.append(f"{np.mean([right[new & (truth == m)].mean() for m in known]):.3f}")
    lines.append("| mean over materials with 5 or more of these, twice | | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def honest(found: dict[str, str]) -> str:
    """Calibration of the two looks together, on everyday, everyday2 and wild, by share of what the net saw."""
    lines = [
        "| asked | share of what the net saw | regions | right | calibration error | by chance | sets hold | of size |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    random = np.random.default_rng(0)
    for name, path in found.items():
        answers = np.load(path)
        rows = ~np.isin(answers["source"], OLD)
        scores = combined(answers["first"], answers["second"])[rows]
        share, names = answers["share"][rows], answers["materials"].tolist()
        truth = np.array([names.index(m) if m in names else -1 for m in answers["truth"][rows]])
        known = truth >= 0
        temperature = fit_temperature(np.log(np.maximum(scores[known], 1e-12)).astype(np.float32), truth[known])
        scores = np.maximum(scores, 1e-12) ** (1 / temperature)
        scores /= scores.sum(axis=1, keepdims=True)
        right = scores.argmax(axis=1) == truth
        for low, high in itertools.pairwise(BANDS):
            part = (share >= low) & (share < high)
            if part.sum() < LEAST_BAND:
                continue
            measured = calibration_error(scores[part].max(axis=1), right[part])
            held, sizes = [], []
            for _ in range(HALVINGS):
                half = random.permutation(np.flatnonzero(part))
                own, other = half[: len(half) // 2], half[len(half) // 2 :]
                given = np.where(known[own], scores[own, truth[own]], 0.0)
                least = np.sort(given)[max(0, int(np.floor(0.1 * (len(own) + 1))) - 1)]
                inside = scores[other] >= least
                held.append((inside[np.arange(len(other)), truth[other]] & known[other]).mean())
                sizes.append(inside.sum(axis=1).mean())
            band = f"{low:.2%} to {min(high, 1):.2%} | {part.sum()} | {right[part].mean():.3f}"
            sets = f"{np.mean(held):.3f} +- {np.std(held):.3f} | {np.mean(sizes):.1f}"
            error = f"{measured.ece:.3f} | {measured.by_chance:.3f}"
            lines.append(f"| {name} (temperature {temperature:.2f}) | {band} | {error} | {sets} |")
    return "\n".join(lines)


BANDS = (0, 0.0005, 0.002, 0.005, 0.02, 0.1, np.inf)
LEAST_BAND = 40  # regions, to say something
HALVINGS = 50
LITTER = (
    "ARI3129 streets",
    "TIDY",
    "WasteClassification (web)",
    "garbage-object-detection",
    "garbage_detection_dataset",
)
OLD = ("bsds500", "houses", "clothing-co-parsing", "labelMeFacade", "TrashNet", "Oxford-IIIT Pets sample",
       "GroceryStoreDataset", "CWFID")  # fmt: skip

if __name__ == "__main__":
    main()
