"""Attention pooling with the mask as prior, against the mean inside the mask, on a frozen backbone.

    python recipes/experiments/attention.py DATA DESCRIBED --backbone-weights FILE

The head of heads.py ("inside, ring", described by describe.py) also gets, for the maps of strides 8, 16 and 32, means
whose weights are learnt: softmax over the photo's cells of (log of the mask's coverage + a score of the cell's
features). Scores that are 0, as at the start, give the mean inside the mask. Judged as heads.py judges.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch
import torch.nn.functional as F
from heads import FOLDS, Described, Trial, folds_of, line
from numpy.typing import NDArray
from torch import Tensor, nn

from madeof.datasets import RegionDataset, open_dataset
from madeof.model.preprocess import Preprocessing
from madeof.nets import MaskAtPooling, build
from madeof.nets.mask_at_pooling import Head
from madeof.training.config import Config
from madeof.training.loop import class_weights, learning_rate
from madeof.training.run import choose_materials

STRIDES = (8, 16, 32)
_EPOCHS, _BATCH, _LR = 20, 512, 2e-3


class Cells:
    """The cells of one map that each region covers, one region's after another's."""

    def __init__(self, features: list[NDArray[np.float16]], coverage: list[NDArray[np.float32]]) -> None:
        self.count = np.array([len(cells) for cells in features])
        self.start = np.cumsum(self.count) - self.count
        self.features = torch.from_numpy(np.concatenate(features))
        self.prior = torch.from_numpy(np.log(np.concatenate(coverage)))
        self.mean = self.features.float().mean(dim=0)
        self.spread = self.features.float().std(dim=0).clamp(min=1e-3)

    def of(self, regions: NDArray[np.int64]) -> tuple[Tensor, Tensor, Tensor]:
        """Standardised features (M, C), log coverage (M,) and which of the regions (M,) each cell is of."""
        count = self.count[regions]
        owner = np.repeat(np.arange(len(regions)), count)
        within = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
        rows = torch.from_numpy(np.repeat(self.start[regions], count) + within)
        return (self.features[rows].float() - self.mean) / self.spread, self.prior[rows], torch.from_numpy(owner)


class Attention(nn.Module):
    """Several learnt means of each map, beside the description, and the usual head."""

    def __init__(self, width: int, channels: list[int], materials: int, scores: int) -> None:
        super().__init__()
        self.scores = nn.ModuleList(nn.Linear(c, scores, bias=False) for c in channels) if scores else []
        for score in self.scores:
            nn.init.zeros_(score.weight)
        self.head = Head(width + scores * sum(channels), materials, hidden=256, dropout=0.3)

    def forward(self, described: Tensor, cells: list[tuple[Tensor, Tensor, Tensor]]) -> Tensor:
        """Description (N, width) and cells of each map -> logits (N, materials)."""
        parts = [described]
        for score, (features, prior, owner) in zip(self.scores, cells, strict=True):
            value = score(features) + prior[:, None]  # (M, scores)
            where = owner[:, None].expand_as(value)
            highest = torch.full((len(described), value.shape[1]), -torch.inf)
            highest = highest.scatter_reduce(0, where, value.detach(), "amax")
            weight = (value - highest[owner]).exp()
            total = torch.zeros_like(highest).index_add(0, owner, weight)
            weight = weight / total[owner]
            for column in range(weight.shape[1]):
                summed = torch.zeros(len(described), features.shape[1])
                parts.append(summed.index_add(0, owner, weight[:, column, None] * features))
        logits: Tensor = self.head(torch.cat(parts, dim=1))
        return logits


def main() -> None:
    """Read the command line, train, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("described")
    parser.add_argument("--backbone", default="tf_efficientnetv2_b0")
    parser.add_argument("--backbone-weights", required=True)
    parser.add_argument("--side", type=int, default=384)
    parser.add_argument("--cache", help="index of the data set")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    dataset = open_dataset(options.data, cache=options.cache)
    names, outputs = choose_materials(dataset.materials, dataset.split("train"), 15)
    plain, folds = Described.read(options.described), folds_of(dataset)
    own, truth = plain.select(Trial("inside, ring")), outputs[plain.material]
    cells = covered_cells(dataset, options)
    print("| pooling | accuracy | of known materials | mean over materials | small regions | s |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for scores in (0, 1, 4):
        started, found = time.monotonic(), np.zeros((len(own), len(names)), dtype=np.float32)
        for fold in range(FOLDS):
            taught = np.flatnonzero((folds[plain.photo] != fold) & (truth >= 0))
            asked = np.flatnonzero(folds[plain.photo] == fold)
            found[asked] = fit_and_ask(own, cells, truth, taught, asked, len(names), scores)
        seconds = time.monotonic() - started
        print(line(f"{scores} learnt means of each map", found, outputs, plain, folds >= 0, seconds), flush=True)


def covered_cells(dataset: RegionDataset, options: argparse.Namespace) -> list[Cells]:
    """For each of `STRIDES`, of all regions of the data set."""
    net = build({"net": "MaskAtPooling", "backbone": options.backbone, "context": "ring"}, 2)
    assert isinstance(net, MaskAtPooling)
    net.backbone.load(options.backbone_weights)
    net.eval()
    preprocessing = Preprocessing(side=options.side)
    features: list[list[NDArray[np.float16]]] = [[] for _ in STRIDES]
    coverage: list[list[NDArray[np.float32]]] = [[] for _ in STRIDES]
    with torch.inference_mode():
        for photo in range(len(dataset)):
            sample = dataset.read(photo)
            if not len(sample.materials):
                continue
            maps = net.encode(torch.from_numpy(preprocessing.image(sample.image)))
            masks = torch.from_numpy(preprocessing.masks(sample.masks))
            for index, stride in enumerate(STRIDES):
                of_stride = maps[net.strides.index(stride)][0].flatten(1).T  # (cells, C)
                size = maps[net.strides.index(stride)].shape[2:]
                for share in F.adaptive_avg_pool2d(masks, (int(size[0]), int(size[1]))).flatten(1):
                    kept = share > 0
                    features[index].append(of_stride[kept].half().numpy())
                    coverage[index].append(share[kept].numpy())
    return [Cells(*pair) for pair in zip(features, coverage, strict=True)]


def fit_and_ask(
    own: Tensor, cells: list[Cells], truth: NDArray[np.int64], taught: NDArray[np.int64], asked: NDArray[np.int64],
    outputs: int, scores: int,
) -> NDArray[np.float32]:  # fmt: skip
    """Train on the regions `taught` and give the scores of those `asked`, (asked, outputs)."""
    torch.manual_seed(0)
    random = np.random.default_rng(0)
    described = (own - own[taught].mean(dim=0)) / own[taught].std(dim=0).clamp(min=1e-3)
    channels = [cells_of.features.shape[1] for cells_of in cells]
    net = Attention(own.shape[1], channels, outputs, scores)
    used = cells if scores else []
    weights = class_weights(np.bincount(truth[taught], minlength=outputs), 0.5)
    optimizer = torch.optim.AdamW(net.parameters(), lr=_LR, weight_decay=1e-2)
    steps = _EPOCHS * -(-len(taught) // _BATCH)
    for step in range(steps):
        rows = random.choice(taught, _BATCH)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, steps, _LR, Config())
        logits = net(described[rows], [cells_of.of(rows) for cells_of in used])
        loss = F.cross_entropy(logits, torch.from_numpy(truth[rows]), weight=weights, label_smoothing=0.1)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    net.eval()
    with torch.inference_mode():
        answers = [
            net(described[part], [cells_of.of(part) for cells_of in used]).softmax(dim=1)
            for part in np.array_split(asked, 4)
        ]
    return torch.cat(answers).numpy()


if __name__ == "__main__":
    main()
