"""Compare heads on described regions: what the head sees, how it is trained. A table in minutes.

    python recipes/experiments/heads.py DATA DESCRIBED [--augmented FILE]... [--crop FILE] [--only TEXT]

Judged by five-fold cross-validation over the photos of the source `everyday`, those nearest to what users bring: for
each fold a head is trained on all other photos of the data set (train and val) and asked for the fold's regions. The
materials are those that a model may claim (15 training photos). That is four times as many regions as `everyday` has in
val, so smaller differences can be told. Nothing of it is the bundled model's own score: that one is measured on val.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from madeof.datasets import RegionDataset, open_dataset
from madeof.metrics.bootstrap import resampled
from madeof.nets.mask_at_pooling import Head
from madeof.training.config import Config
from madeof.training.loop import class_weights, learning_rate
from madeof.training.run import choose_materials

FOLDS = 5
SOURCE = "everyday"
_FEW = 20  # regions: a rarer material is left out of the mean over materials
_SMALL = 0.02  # of the photo
_EPOCHS, _BATCH, _LR = 20, 512, 2e-3


@dataclass(frozen=True)
class Described:
    """The regions that describe.py wrote."""

    features: torch.Tensor
    photo: NDArray[np.int64]
    material: NDArray[np.int64]
    area: NDArray[np.float64]
    channels: NDArray[np.int64]
    parts: int

    @classmethod
    def read(cls, path: str) -> Described:
        """Of a file."""
        with np.load(path) as file:
            return cls(
                torch.from_numpy(file["features"]),
                *(file[name] for name in ("photo", "material", "area", "channels")),
                parts=int(file["parts"]),
            )

    def columns(self, strides: Sequence[int], parts: Sequence[int]) -> torch.Tensor:
        """Which features are those of some strides (0 is the finest) and parts (inside mean, spread, ring, ...)."""
        found, start = [], 0
        for stride, channels in enumerate(self.channels.tolist()):
            for part in range(self.parts):
                if stride in strides and part in parts:
                    found.append(torch.arange(start, start + channels))
                start += channels
        return torch.cat(found) if found else torch.zeros(0, dtype=torch.int64)

    def select(self, trial: Trial, crop: Described | None = None) -> torch.Tensor:
        """What the trial's head sees, (N, width) float32."""
        own = self.features[:, self.columns(trial.strides, trial.parts)]
        if trial.crop and crop is not None:
            return (crop.features if trial.crop == "alone" else torch.cat([own, crop.features], dim=1)).float()
        return own.float()

    def context(self, trial: Trial) -> torch.Tensor:
        """Which of the selected features speak of the ring and the whole photo."""
        context = self.columns(trial.strides, [part for part in trial.parts if part >= len(INSIDE)])
        return torch.isin(self.columns(trial.strides, trial.parts), context)


@dataclass(frozen=True)
class Trial:
    """One line of the table."""

    name: str
    strides: Sequence[int] = (0, 1, 2, 3)
    parts: Sequence[int] = (0, 1, 2)
    views: int = 0
    """How many of the augmented descriptions it is trained on, besides the plain one."""
    crop: Literal["", "too", "alone"] = ""
    """Whether the crop's description is put beside, or taken alone."""
    hidden: int = 256
    balance: float = 0.5
    adjust: float = 0.0
    """Logit adjustment (Menon et al. 2020, arXiv 2007.07314): times the log of the material's share, in training."""
    everyday: float = 1.0
    """How many times as often a region of the source is drawn."""
    swap: float = 0.0
    """Share of the regions whose ring and whole photo are taken from another region."""
    heads: int = 1
    textures: float = 0.0
    """How often a texture is drawn, compared with a region."""


RING, PHOTO, INSIDE = (0, 1, 2), (0, 1, 2, 3, 4), (0, 1)
TRIALS = [
    Trial("inside, ring, whole photo; strides 4 to 32", parts=PHOTO),
    Trial("stride 32 alone", strides=(3,), parts=PHOTO),
    Trial("strides 16, 32", strides=(2, 3), parts=PHOTO),
    Trial("strides 8, 16, 32", strides=(1, 2, 3), parts=PHOTO),
    Trial("means only", parts=(0, 2, 3)),
    Trial("inside alone", parts=INSIDE),
    Trial("inside, ring"),
    Trial("inside, ring; strides 8, 16, 32", strides=(1, 2, 3)),
    Trial("inside, ring; 128 units", hidden=128),
    Trial("inside, ring; 512 units", hidden=512),
    Trial("inside, ring; everyday drawn 3 times as often", everyday=3.0),
    Trial("inside, ring; no balance", balance=0.0),
    Trial("inside, ring; full balance", balance=1.0),
    Trial("inside, ring; logit adjustment", balance=0.0, adjust=1.0),
    Trial("inside, ring; mean of 4 heads", heads=4),
    Trial("whole photo too, context of another region 60%", parts=PHOTO, swap=0.6),
    Trial("inside, ring; 1 augmented view", views=1),
    Trial("inside, ring; 2 augmented views", views=2),
    Trial("whole photo too; 2 augmented views", parts=PHOTO, views=2),
    Trial("inside, ring; textures drawn like regions", textures=1.0),
    Trial("inside, ring; textures drawn a third as often", textures=0.33),
    Trial("inside, ring, and a crop around the region", crop="too"),
    Trial("a picture for each region instead", crop="alone"),
]


def main() -> None:
    """Read the command line, try, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("described")
    parser.add_argument("--augmented", action="append", default=[], help="may be repeated")
    parser.add_argument("--textures", help="a description by describe.py --textures")
    parser.add_argument("--crop", help="a description by describe.py --view crop, masked-crop or blackout")
    parser.add_argument("--only", action="append", default=[], help="only the trials whose name holds this text")
    parser.add_argument("--cache", help="index of the data set")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    dataset = open_dataset(options.data, cache=options.cache)
    plain = Described.read(options.described)
    views = [Described.read(path) for path in options.augmented]
    crop = Described.read(options.crop) if options.crop else None
    textured = Described.read(options.textures) if options.textures else None
    print("| head | accuracy | of known materials | mean over materials | small regions | s |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for trial in TRIALS:
        wanted = not options.only or any(text in trial.name for text in options.only)
        if wanted and trial.views <= len(views) and (crop is not None or not trial.crop):
            if trial.textures and textured is None:
                continue
            print(cross_validate(trial, dataset, plain, views, crop, textured), flush=True)


def cross_validate(
    trial: Trial, dataset: RegionDataset, plain: Described, views: list[Described], crop: Described | None,
    textured: Described | None,
) -> str:  # fmt: skip
    """The trial's line."""
    started = time.monotonic()
    names, outputs = choose_materials(dataset.materials, dataset.split("train"), 15)
    folds = folds_of(dataset)
    is_everyday = folds >= 0
    own = plain.select(trial, crop)
    features = torch.cat([own, *(view.select(trial) for view in views[: trial.views])])
    described = [plain, *views[: trial.views]]
    photo = np.concatenate([d.photo for d in described])
    truth = outputs[np.concatenate([d.material for d in described])]
    chances = np.where(is_everyday[photo], trial.everyday, 1.0)
    scores = np.zeros((len(own), len(names)), dtype=np.float32)
    for fold in range(FOLDS):
        kept = torch.from_numpy((folds[photo] != fold) & (truth >= 0))
        asked = torch.from_numpy(folds[plain.photo] == fold)
        taught, answers, drawn = features[kept], truth[kept], chances[kept]
        if trial.textures and textured is not None:
            known = outputs[textured.material] >= 0
            taught = torch.cat([taught, textured.select(trial)[torch.from_numpy(known)]])
            answers = np.concatenate([answers, outputs[textured.material[known]]])
            drawn = np.concatenate([drawn, np.full(known.sum(), trial.textures)])
        scores[asked] = fit_and_ask(trial, taught, answers, drawn, own[asked], len(names), plain).numpy()
    return line(trial.name, scores, outputs, plain, is_everyday, time.monotonic() - started)


def folds_of(dataset: RegionDataset) -> NDArray[np.int64]:
    """The fold of each photo of the source, (photos,), and -1 of the others."""
    is_everyday = np.array(dataset.photos.source) == SOURCE
    folds = np.full(len(is_everyday), -1)
    photos = np.random.default_rng(0).permutation(np.flatnonzero(is_everyday))
    folds[photos] = np.arange(len(photos)) % FOLDS
    return folds


def line(
    name: str, scores: NDArray[np.float32], outputs: NDArray[np.int64], plain: Described,
    is_everyday: NDArray[np.bool_], seconds: float,
) -> str:  # fmt: skip
    """What the scores (regions, materials) of the source's regions come to."""
    rows = is_everyday[plain.photo]
    material, area = plain.material[rows], plain.area[rows]
    right = scores.argmax(axis=1)[rows] == outputs[material]
    interval = resampled(np.zeros(len(right), dtype=np.int64), 1, (), right, plain.photo[rows])[0]
    common = [m for m in np.unique(material) if (material == m).sum() >= _FEW]
    return (
        f"| {name} | {right.mean():.3f} ({interval.low:.3f} to {interval.high:.3f}) "
        f"| {right[outputs[material] >= 0].mean():.3f} | {np.mean([right[material == m].mean() for m in common]):.3f} "
        f"| {right[area < _SMALL].mean():.3f} | {seconds:.0f} |"
    )


def fit_and_ask(
    trial: Trial, features: torch.Tensor, truth: NDArray[np.int64], chances: NDArray[np.float64], asked: torch.Tensor,
    outputs: int, plain: Described,
) -> torch.Tensor:  # fmt: skip
    """Train `trial.heads` heads and give their mean scores for the regions `asked`."""
    counts = np.bincount(truth, weights=chances, minlength=outputs)
    weights = class_weights(counts, trial.balance)
    shift = trial.adjust * torch.from_numpy(np.log(counts.clip(min=1) / counts.sum())).float()
    targets = torch.from_numpy(truth)
    mean, spread = features.mean(dim=0), features.std(dim=0).clamp(min=1e-3)
    features, asked = (features - mean) / spread, (asked - mean) / spread
    context = plain.context(trial)
    scores = torch.zeros(len(asked), outputs)
    for seed in range(trial.heads):
        torch.manual_seed(seed)
        random = np.random.default_rng(seed)
        head = Head(features.shape[1], outputs, hidden=trial.hidden, dropout=0.3)
        optimizer = torch.optim.AdamW(head.parameters(), lr=_LR, weight_decay=1e-2)
        steps = _EPOCHS * -(-len(features) // _BATCH)
        for step in range(steps):
            rows = torch.from_numpy(random.choice(len(features), _BATCH, p=chances / chances.sum()))
            x = features[rows]
            if trial.swap:
                others = torch.from_numpy(random.integers(0, len(features), _BATCH))
                swapped = torch.rand(_BATCH, 1) < trial.swap
                x[:, context] = torch.where(swapped, features[others][:, context], x[:, context])
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(step, steps, _LR, Config())
            loss = F.cross_entropy(head(x) + shift, targets[rows], weight=weights, label_smoothing=0.1)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        with torch.inference_mode():
            scores += head.eval()(asked).softmax(dim=1)
    return scores


if __name__ == "__main__":
    main()
