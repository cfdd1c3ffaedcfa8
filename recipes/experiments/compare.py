"""The ways to give a net a region, on one backbone, asked for the same regions: one table.

    python recipes/experiments/compare.py DATA --backbone-weights FILE --pooled FILE --crop FILE --masked-crop FILE
        --blackout FILE --early-mask MODEL [--model MODEL]

The first four are descriptions by describe.py of the frozen backbone; a head is trained on their regions of the train
split. Models (a folder each) are asked as they are. All are judged on the val regions of the materials that
have 15 training photos. Times are of eager PyTorch on one thread, processor time, the median of five rounds in turn.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from describe import picture
from heads import RING, Described, Trial, fit_and_ask
from numpy.typing import NDArray

import madeof
from madeof.datasets import RegionDataset, open_dataset
from madeof.evaluation.run import evaluate
from madeof.metrics.bootstrap import resampled
from madeof.model.preprocess import Preprocessing
from madeof.nets import build
from madeof.training.run import choose_materials

SOURCE = "everyday"
SIZES = (1000, 4000, 16000, 64000, 10**9)  # pixels
COUNTS = (1, 10, 50)
ROUNDS = 5
_FEW = 5  # everyday regions: a rarer material is left out of the mean over materials


@dataclass
class Row:
    """A line of the table."""

    name: str
    right: NDArray[np.bool_]
    """(N,) of the judged regions."""
    run: Callable[[int], object] | None = None
    """Answers so many regions of one photo."""


def main() -> None:
    """Read the command line, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--backbone", default="tf_efficientnetv2_b0")
    parser.add_argument("--backbone-weights", required=True)
    parser.add_argument("--pooled", required=True)
    parser.add_argument("--crop", required=True)
    parser.add_argument("--masked-crop", required=True)
    parser.add_argument("--blackout", required=True)
    parser.add_argument("--early-mask", required=True, help="a model folder of a MaskAtStem training")
    parser.add_argument("--model", help="a model folder: the finished model, for comparison")
    parser.add_argument("--side", type=int, default=384, help="of the photo in --pooled")
    parser.add_argument("--crop-side", type=int, default=224, help="of the pictures of the other three")
    parser.add_argument("--cache", help="index of the data set")
    options = parser.parse_args()
    torch.set_num_threads(1)
    dataset = open_dataset(options.data, cache=options.cache)
    val = dataset.split("val")
    names, outputs = choose_materials(dataset.materials, dataset.split("train"), 15)
    judged = outputs[val.regions.material] >= 0
    truth = val.regions.material[judged]

    rows = [
        Row("pooled under the mask (frozen backbone)", frozen(options.pooled, RING, dataset, names, outputs)),
        Row("plain crop (frozen backbone)", frozen(options.crop, (0, 1), dataset, names, outputs)),
        Row("masked crop (frozen backbone)", frozen(options.masked_crop, (0, 1), dataset, names, outputs)),
        Row("the rest blacked out (frozen backbone)", frozen(options.blackout, (0, 1), dataset, names, outputs)),
    ]
    for name, folder in (("early mask, trained", options.early_mask), ("the finished model", options.model)):
        if folder:
            predictor = madeof.load(folder, threads=1)
            rows.append(Row(name, evaluate(predictor, val).correct[judged]))
    runs = runners(options, val, len(names))
    for row, run in zip(rows, runs, strict=False):
        row.run = run
    milliseconds = timed(rows)

    area, photo = val.regions.area[judged], val.regions.photo[judged]
    everyday = np.array(val.photos.source, dtype=np.str_)[photo] == SOURCE
    bounds = [0, *SIZES]
    sizes = [(area >= low) & (area < high) for low, high in zip(bounds, SIZES, strict=False)]
    titles = [f"under {high}" for high in SIZES[:-1]] + [f"from {SIZES[-2]}"]
    print(f"{judged.sum()} val regions, {everyday.sum()} of them everyday; by area in pixels: "
          + ", ".join(f"{title} ({size.sum()})" for title, size in zip(titles, sizes, strict=True)))  # fmt: skip
    print(f"| way | accuracy | everyday | mean over materials, everyday | {' | '.join(titles)} "
          f"| {' | '.join(f'ms, {count}' for count in COUNTS)} |")  # fmt: skip
    print("| --- |" + " ---: |" * (3 + len(sizes) + len(COUNTS)))
    common = [m for m in np.unique(truth) if (everyday & (truth == m)).sum() >= _FEW]
    for row, ms in zip(rows, milliseconds, strict=True):
        interval = resampled(np.zeros(everyday.sum(), dtype=np.int64), 1, (), row.right[everyday], photo[everyday])[0]
        macro = np.mean([row.right[everyday & (truth == m)].mean() for m in common])
        cells = [
            f"{row.right.mean():.3f}",
            f"{row.right[everyday].mean():.3f} ({interval.low:.3f} to {interval.high:.3f})",
            f"{macro:.3f}",
            *(f"{row.right[size].mean():.3f}" for size in sizes),
            *(f"{value:.0f}" if value else "-" for value in ms),
        ]
        print(f"| {row.name} | {' | '.join(cells)} |")


def frozen(
    path: str, parts: tuple[int, ...], dataset: RegionDataset, names: tuple[str, ...], outputs: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Train a head on the train split's regions and ask it for the val split's: which are right, (N,)."""
    described = Described.read(path)
    split = np.array(dataset.photos.split)[described.photo]
    truth = outputs[described.material]
    train, val = ((split == name) & (truth >= 0) for name in ("train", "val"))
    trial = Trial("", parts=parts)
    features = described.select(trial)
    chances = np.ones(train.sum())
    own = torch.from_numpy(train)
    scores = fit_and_ask(
        trial, features[own], truth[train], chances, features[torch.from_numpy(val)], len(names), described
    )
    return scores.argmax(dim=1).numpy() == truth[val]


def runners(options: argparse.Namespace, val: RegionDataset, materials: int) -> list[Callable[[int], object]]:
    """What each way does with `count` regions of one photo, in the order of the rows."""
    sample = val.read(0)
    pooled = build({"net": "MaskAtPooling", "backbone": options.backbone, "context": "ring"}, materials).eval()
    stem = build({"net": "MaskAtStem", "backbone": options.backbone}, materials).eval()
    whole = Preprocessing(side=options.side, mask_stride=4)
    small = Preprocessing(side=options.crop_side)
    early = madeof.load(options.early_mask, threads=1).record.preprocessing

    def masks(preprocessing: Preprocessing, count: int) -> torch.Tensor:
        return torch.from_numpy(preprocessing.masks(np.repeat(sample.masks[:1], count, axis=0)))

    def run_pooled(count: int) -> object:
        features = pooled.encode(torch.from_numpy(whole.image(sample.image)))
        return pooled.classify(features, masks(whole, count))

    def run_early(count: int) -> object:
        features = stem.encode(torch.from_numpy(early.image(sample.image)))
        return [stem.classify(features, part) for part in torch.split(masks(early, count), 8)]

    def run_view(view: str) -> Callable[[int], object]:
        def run(count: int) -> object:
            pictures = np.stack([picture(sample.image, sample.masks[0], view, small) for _ in range(count)])
            return [pooled.encode(part) for part in torch.split(torch.from_numpy(small.normalise(pictures)), 16)]

        return run

    return [run_pooled, run_view("crop"), run_view("masked-crop"), run_view("blackout"), run_early]


def timed(rows: list[Row]) -> list[list[float]]:
    """Milliseconds of processor time of each row for each of `COUNTS`; 0 where it is not timed."""
    found: list[list[list[float]]] = [[[] for _ in COUNTS] for _ in rows]
    with torch.inference_mode():
        for _ in range(ROUNDS):
            for row, times in zip(rows, found, strict=True):
                for count, several in zip(COUNTS, times, strict=True):
                    if row.run is not None:
                        started = time.process_time()
                        row.run(count)
                        several.append(1000 * (time.process_time() - started))
    return [[statistics.median(several) if several else 0.0 for several in times] for times in found]


if __name__ == "__main__":
    main()
