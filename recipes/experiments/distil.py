"""Distil a teacher (the ensemble) into one net, which then costs half as much.

    python recipes/experiments/distil.py DATA OUT --teacher MODEL --start RUN [--config TOML] [--share 0.7]

The student goes on from a finished run, on photos augmented as in its training; of the targets `--share` is what the
teacher says of the same augmented photo and regions, the rest the labels (Hinton et al. 2015, arXiv 1503.02531, at
temperature 1). `--share 0` is the control: the same training without a teacher. Each epoch is judged on val, of known
materials, after the temperature that fits the everyday regions; the weights are in OUT/best.safetensors.
"""

from __future__ import annotations

import argparse
import copy
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader

from madeof.datasets import RegionDataset, open_dataset
from madeof.preprocess import Preprocessing
from madeof.training.calibrate import fit_temperature
from madeof.training.checkpoint import save_checkpoint
from madeof.training.config import Config
from madeof.training.export import read_net
from madeof.training.loop import class_weights, learning_rate
from madeof.training.norms import Norm
from madeof.training.run import choose_materials, judging_regions
from madeof.training.samplers import PhotosSampler, Steps
from madeof.training.steps import logits_of


def main() -> None:
    """Read the command line, train, print a line for each epoch."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("out", type=Path)
    parser.add_argument("--teacher", required=True, help="a model folder with weights")
    parser.add_argument("--start", required=True, help="a finished run: the student as it begins")
    parser.add_argument("--config", default="recipes/bundled-third.toml", help="augmentation and rates")
    parser.add_argument("--share", type=float, default=0.7, help="of the teacher in the targets")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting; may be repeated")
    parser.add_argument("--bf16", action="store_true", help="half precision, for processors that have it")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--cache", help="index of the data set")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    options.out.mkdir(parents=True, exist_ok=True)
    config = Config.load(options.config, options.set)
    dataset = open_dataset(options.data, cache=options.cache)
    train, val = dataset.split("train"), dataset.split("val")
    names, outputs = choose_materials(dataset.materials, train, config.min_photos)
    judging = judging_regions(val, names, config.judge_sources)
    teacher, student = read_net(options.teacher)[0].eval(), copy.deepcopy(read_net(options.start)[0])
    learning = [p for group in student.stages_from_last()[: 1 + config.unfreeze] for p in group]
    student.requires_grad_(False)
    for parameter in learning:
        parameter.requires_grad_(True)
    sampler = PhotosSampler(train, outputs, config)
    known = outputs[train.regions.material]
    weights = class_weights(np.bincount(known[known >= 0], minlength=len(names)), config.class_balance)
    optimizer = torch.optim.AdamW(learning, lr=config.lr, weight_decay=config.weight_decay)
    total = config.epochs * sampler.steps_per_epoch
    judge("teacher", teacher, val, outputs, config.preprocessing, judging)
    judge("student at the start", student, val, outputs, config.preprocessing, judging)
    started, best = time.monotonic(), np.inf
    train_mode(student)
    for step, batch in enumerate(DataLoader(Steps(sampler, 0, total), batch_size=None, num_workers=1)):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, total, config.lr, config)
        torch.manual_seed(step)
        inputs = batch.images, batch.masks, batch.photo
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=options.bf16):
            with torch.no_grad():
                soft = teacher(*inputs).float().softmax(dim=1) if options.share else None
            logits = student(*inputs).float()
        targets = smoothed(batch.materials, len(names), config.label_smoothing)
        if soft is not None:
            targets = (1 - options.share) * targets + options.share * soft
        weight = weights[batch.materials]
        loss = (F.cross_entropy(logits, targets, reduction="none") * weight).sum() / weight.sum()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if (step + 1) % sampler.steps_per_epoch == 0:
            name = f"epoch {(step + 1) // sampler.steps_per_epoch}, {time.monotonic() - started:.0f} s"
            figure = judge(name, student, val, outputs, config.preprocessing, judging)
            if figure < best:
                best = figure
                save_checkpoint(options.out / "best.safetensors", student, {})
            train_mode(student)


def train_mode(net: nn.Module) -> None:
    """The trunk's norms stay as they are, as in the recipe."""
    net.train()
    for module in net.modules():
        if isinstance(module, Norm):
            module.eval()


def smoothed(materials: Tensor, count: int, smoothing: float) -> Tensor:
    """Targets (N, count) of labels (N,)."""
    return F.one_hot(materials, count).float() * (1 - smoothing) + smoothing / count


def judge(
    name: str, net: nn.Module, val: RegionDataset, outputs: NDArray[np.int64], preprocessing: Preprocessing,
    judging: NDArray[np.bool_],
) -> float:  # fmt: skip
    """Print the line and give the log loss of the judging regions."""
    logits, truth = logits_of(net, val, outputs, preprocessing)
    scaled = torch.from_numpy(logits / fit_temperature(logits[judging], truth[judging]))
    loss = F.cross_entropy(scaled, torch.from_numpy(truth), reduction="none").numpy()
    right = logits.argmax(axis=1) == truth
    shares = " | ".join(f"{right[rows].mean():.3f} | {loss[rows].mean():.3f}" for rows in (right >= 0, judging))
    print(f"| {name} | {shares} |", flush=True)
    return float(loss[judging].mean())


if __name__ == "__main__":
    main()
