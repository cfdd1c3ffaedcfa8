"""How often regions are right that are small in what the net sees: in photos alone, in mosaics, and shrunk.

    python benchmarks/mosaic.py DATASET [--model MODEL] [--photos 64] [--write docs/research/zoom.md]

DATASET is a data set with a val split. Of its val photos so many are drawn. The same regions are asked for

- in the photo alone, its longer side shrunk to 512 pixels where it is longer;
- in mosaics of 2 x 2, 4 x 4 and 8 x 8 of these photos, in cells of 512 pixels, without and with zoom: as small for the
  net as in photos of 1, 4 and 17 megapixels, but native pixels are there. Neighbours mislead more than in a photo;
- in the photo shrunk to a half and a quarter, which the net sees enlarged: pixels are missing, and no zoom brings them.

Some minutes on two cores for 64 photos.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import math
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from common import publish
from numpy.typing import NDArray

from madeof.datasets import RegionDataset, open_dataset
from madeof.inference.predictor import Encoded, Predictor, load
from madeof.model.preprocess import resize_image, resize_mask
from madeof.model.zooming import ZoomRule
from madeof.regions.components import at_size
from madeof.regions.region import Region

CELL = 512
GRIDS = (2, 4, 8)
SHRUNK = (2, 4)
BANDS = (0, 50, 100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, math.inf)
THRESHOLDS = (0, 400, 800, 1600, 3200, 6400, 12800, math.inf)
_GREY = 114


@dataclasses.dataclass(frozen=True)
class Cell:
    """A photo with its regions and what they are of."""

    pixels: NDArray[np.uint8]
    regions: list[Region]
    truth: list[str]


@dataclasses.dataclass
class Asked:
    """The answers of one way of asking."""

    right: list[bool] = dataclasses.field(default_factory=list)
    seen: list[float] = dataclasses.field(default_factory=list)
    score: list[float] = dataclasses.field(default_factory=list)
    seconds: float = 0.0

    @property
    def accuracy(self) -> float:
        return float(np.mean(self.right))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", metavar="DATASET")
    parser.add_argument("--model", type=Path, help="a model folder (default: the bundled one)")
    parser.add_argument("--photos", type=int, default=64, help="how many, a multiple of 64 for the 8 x 8 (default: 64)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--write", type=Path, metavar="PAGE", help="fill its block `mosaic`")
    options = parser.parse_args()
    predictor = load(options.model, threads=options.threads)
    dataset = open_dataset(options.dataset).split("val")
    chosen = np.random.default_rng(options.seed).permutation(len(dataset))[: options.photos]
    cells = [read_cell(dataset, int(number)) for number in chosen]
    regions = sum(len(cell.regions) for cell in cells)
    asked = {("alone", "off"): Asked(), ("alone", "auto"): Asked()}
    ask(predictor, cells, asked["alone", "off"], asked["alone", "auto"])
    ever = Asked()  # with a second look at every region
    for grid in GRIDS:
        mosaics = [mosaic(cells[i : i + grid**2], grid) for i in range(0, len(cells) - grid**2 + 1, grid**2)]
        if mosaics:
            off = asked[f"mosaic {grid} x {grid}", "off"] = Asked()
            auto = asked[f"mosaic {grid} x {grid}", "auto"] = Asked()
            ask(predictor, mosaics, off, auto, ever)
    for times in SHRUNK:
        asked[f"shrunk to 1/{times}", "off"] = Asked()
        ask(predictor, [shrunk(cell, times) for cell in cells], asked[f"shrunk to 1/{times}", "off"])
    publish(
        "\n\n".join(
            [
                f"{predictor.record.name} {predictor.record.version}, {len(cells)} photos, {regions} regions.",
                accuracies(asked),
                by_size(asked),
                by_threshold(asked, ever),
            ]
        ),
        "mosaic",
        options.write,
    )


def read_cell(dataset: RegionDataset, number: int) -> Cell:
    """A photo of the data set, at most `CELL` pixels long."""
    sample = dataset.read(number)
    height, width = sample.image.shape[:2]
    scale = min(1.0, CELL / max(height, width))
    size = max(1, round(height * scale)), max(1, round(width * scale))
    found = [
        (at_size(mask, size), dataset.materials[k]) for mask, k in zip(sample.masks, sample.materials, strict=True)
    ]
    kept = [(Region(name, mask).tight(), name) for mask, name in found if mask.any()]
    return Cell(resize_image(sample.image, size), [region for region, _ in kept], [name for _, name in kept])


def mosaic(cells: Sequence[Cell], grid: int) -> Cell:
    """grid x grid photos as one, each in the middle of its cell."""
    pixels = np.full((grid * CELL, grid * CELL, 3), _GREY, dtype=np.uint8)
    regions = []
    for place, cell in enumerate(cells):
        height, width = cell.pixels.shape[:2]
        y, x = place // grid * CELL + (CELL - height) // 2, place % grid * CELL + (CELL - width) // 2
        pixels[y : y + height, x : x + width] = cell.pixels
        for region in cell.regions:
            corner = region.corner[0] + x, region.corner[1] + y
            regions.append(dataclasses.replace(region, corner=corner, photo_size=pixels.shape[:2]))
    return Cell(pixels, regions, [name for cell in cells for name in cell.truth])


def shrunk(cell: Cell, times: int) -> Cell:
    """The photo with a part of its pixels; soft masks of the same regions."""
    height, width = (max(1, side // times) for side in cell.pixels.shape[:2])
    size = height, width
    regions = [Region(region.name, resize_mask(region, size)) for region in cell.regions]
    return Cell(resize_image(cell.pixels, size), regions, cell.truth)


def ask(
    predictor: Predictor, cells: Iterable[Cell], off: Asked, auto: Asked | None = None, ever: Asked | None = None
) -> None:
    """Ask for all regions of some photos, without zoom, and with it where that is asked for."""
    for cell in cells:
        if not cell.regions:
            continue
        started = time.perf_counter()
        encoded = predictor.encode(cell.pixels)
        took = time.perf_counter() - started
        _ask(predictor, cell, encoded, off, "off", took)
        if auto is not None:
            _ask(predictor, cell, encoded, auto, "auto", took)
        if ever is not None:
            rule = predictor.record.zoom or ZoomRule()
            always = dataclasses.replace(rule, closer_below=1e12)
            record, predictor.record = predictor.record, dataclasses.replace(predictor.record, zoom=always)
            _ask(predictor, cell, encoded, ever, 4096, took)
            predictor.record = record
        print(".", end="", file=sys.stderr, flush=True)


def _ask(predictor: Predictor, cell: Cell, encoded: Encoded, asked: Asked, zoom: str | int, took: float) -> None:
    started = time.perf_counter()
    for found, name in zip(predictor.predict(cell.regions, encoded=encoded, zoom=zoom), cell.truth, strict=True):
        asked.right.append(found.material == name)
        asked.seen.append(found.seen)
        asked.score.append(found.score)
    asked.seconds += time.perf_counter() - started + took


def accuracies(asked: dict[tuple[str, str], Asked]) -> str:
    """The first table."""
    rows = ["| photos | zoom | right | calibration error | ms for a region |", "| --- | --- | ---: | ---: | ---: |"]
    for (name, zoom), each in asked.items():
        rows.append(
            f"| {name} | {zoom} | {each.accuracy:.3f} | {calibration_error(each):.3f} | "
            f"{1000 * each.seconds / len(each.right):,.0f} |"
        )
    return "\n".join(rows)


def calibration_error(asked: Asked) -> float:
    """The mean over ten bands of scores of how far the share that is right is from the score."""
    right, score = np.array(asked.right), np.array(asked.score)
    band = np.minimum((score * 10).astype(int), 9)
    return sum(abs(right[band == k].mean() - score[band == k].mean()) * np.mean(band == k) for k in np.unique(band))


def by_size(asked: dict[tuple[str, str], Asked]) -> str:
    """How often regions are right by how large they are seen, in the closest look."""
    columns = {
        "mosaics, auto": [each for (name, zoom), each in asked.items() if zoom == "auto" and "mosaic" in name],
        "mosaics, off": [each for (name, zoom), each in asked.items() if zoom == "off" and "mosaic" in name],
        "alone and shrunk": [each for (name, zoom), each in asked.items() if zoom == "off" and "mosaic" not in name],
    }
    head = ["| px seen |", *(f" {name} |" for name in columns)]
    rows = ["".join(head), "| --- |" + " ---: |" * len(columns)]
    for low, high in itertools.pairwise(BANDS):
        row = f"| {low:,} to {high:,.0f} |" if high < math.inf else f"| {low:,} and more |"
        for each in columns.values():
            right = [r for one in each for r, seen in zip(one.right, one.seen, strict=True) if low <= seen < high]
            row += f" {np.mean(right):.2f} ({len(right)}) |" if right else " |"
        rows.append(row)
    return "\n".join(rows)


def by_threshold(asked: dict[tuple[str, str], Asked], ever: Asked) -> str:
    """What each threshold for a second look gives. A region's windows depend on nothing else, so no run is needed."""
    names = [name for name, zoom in asked if "mosaic" in name and zoom == "off"]
    rows = ["| second look under |" + "".join(f" {name} |" for name in names), "| --- |" + " ---: |" * len(names)]
    for threshold in THRESHOLDS:
        row, start = f"| {threshold:,.0f} px |", 0
        for name in names:
            off = asked[name, "off"]
            closer = np.array(off.seen) < threshold
            right = np.where(closer, ever.right[start : start + len(closer)], off.right)
            start += len(closer)
            row += f" {right.mean():.3f} ({closer.mean():.0%} of the regions) |"
        rows.append(row)
    return "\n".join(rows)


if __name__ == "__main__":
    main()
