"""The training loop: batch, loss, gradient, now and then an evaluation and a checkpoint. Nothing is hidden.

Everything random in a batch follows from the seed and the batch's number, never from what ran before, so a
checkpoint needs no generator's state and a resumed training walks the same way bit by bit.

Several processes take a part of each batch and walk the way of one that has all of it: the loss is divided by the
weights of the whole batch, which no process has alone, and what is said and decided is of the whole batch.
"""

from __future__ import annotations

import dataclasses
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor

from madeof.errors import TrainingError
from madeof.nets import Net
from madeof.training.checkpoint import BEST, LAST, load_checkpoint, save_checkpoint
from madeof.training.config import Config
from madeof.training.ema import EMA
from madeof.training.log import Log
from madeof.training.samplers import number_from
from madeof.training.steps import Step


@dataclass
class Progress:
    """Progress of a training, saved in every checkpoint."""

    step: str = ""
    """Name of the step."""
    batch: int = 0
    """Batches of this step that are done."""
    best: float = -1.0
    """The best figure of `config.monitor` so far; -1 before the first evaluation."""
    since_best: int = 0
    """Evaluations since then."""
    loss_sum: float = 0.0
    """Totals of this epoch so far:"""
    right: int = 0
    regions: int = 0

    def to_dict(self) -> dict[str, Any]:
        """For the checkpoint's JSON."""
        return dataclasses.asdict(self)


def run_step(
    step: Step, net: Net, progress: Progress, weights: Tensor, calibrating: NDArray[np.bool_], config: Config,
    fabric: Fabric, folder: Path, log: Log,
) -> None:  # fmt: skip
    """Train one step from where `progress` says to its end.

    Args:
        step: what is trained and on what.
        net: the whole net, saved in the checkpoints.
        progress: where to begin; moved on.
        weights: of each material in the loss, (C,) float32.
        calibrating: which of the val regions choose the best checkpoint, in the order of `step.logits`.
        config: the settings.
        fabric: device, precision and processes.
        folder: the run; last.safetensors and best.safetensors are written there.
        log: metrics and bar.

    Raises:
        TrainingError: the loss is not a number; the last good checkpoint is kept.
        WriteError: a checkpoint cannot be written.
    """
    total = step.epochs * step.steps_per_epoch
    if 0 < config.patience <= progress.since_best and progress.batch:
        return  # it had stopped early before it was interrupted
    learning = {id(parameter) for parameter in step.parameters}
    for parameter in net.parameters():
        parameter.requires_grad_(id(parameter) in learning)
    optimizer = _optimizer(step, config)
    average = EMA(step.parameters, config.ema_decay)
    if progress.batch:
        load_checkpoint(folder / LAST, net, optimizer, average)
    module, fabric_optimizer = fabric.setup(step.module, optimizer)
    weights = fabric.to_device(weights)
    saved, started = time.monotonic(), time.monotonic()
    log.begin(f"{step.name}: training", total, progress.batch)
    step.train_mode()
    for inputs in step.batches(progress.batch):
        rate = learning_rate(progress.batch, total, step.lr, config)
        for group in optimizer.param_groups:
            group["lr"] = rate
        # Dropout draws from this; see the module's docstring.
        torch.manual_seed(number_from([config.seed, 5, step.order, progress.batch, fabric.global_rank]))
        tensors, materials = fabric.to_device((inputs.tensors, inputs.materials))
        count, weight = add_up(fabric, len(materials), float(weights[materials].sum()))
        if count:  # also where none of them is this process's: it would be missed
            logits = module(*tensors)
            summed = F.cross_entropy(
                logits, materials, weight=weights, label_smoothing=config.label_smoothing, reduction="sum"
            )
            loss = summed / weight
            own_value, own_right = float(loss.detach()), int((logits.argmax(dim=1) == materials).sum())
            value, right = add_up(fabric, own_value, own_right)
            if not math.isfinite(value):
                names = _names(fabric, () if math.isfinite(own_value) else inputs.names)
                raise TrainingError(
                    f"the loss is {value} in batch {progress.batch} of the step {step.name!r}, with the photos "
                    f"{', '.join(names)}; {folder / LAST} is the last good checkpoint: "
                    "lower lr or look at these photos, then --resume"
                )
            fabric_optimizer.zero_grad()
            fabric.backward(loss * fabric.world_size)  # gradients are averaged over the processes
            fabric_optimizer.step()
            average.update(progress.batch + 1)
            progress.loss_sum += value * count
            progress.right += int(right)
            progress.regions += int(count)
        progress.batch += 1
        regions = max(1, progress.regions)
        log.advance(loss=f"{progress.loss_sum / regions:.3f}", accuracy=f"{progress.right / regions:.3f}")

        if progress.batch % step.steps_per_epoch == 0:
            with average.in_place():
                figures = fabric.broadcast(_evaluate(step, calibrating))  # so that all decide the same
            log.row(
                {
                    "step": step.name,
                    "epoch": progress.batch // step.steps_per_epoch,
                    "batch": progress.batch,
                    "lr": rate,
                    "loss": progress.loss_sum / regions,
                    "train_accuracy": progress.right / regions,
                    "val_accuracy": figures.get("accuracy"),
                    "val_mean_class_accuracy": figures.get("mean_class_accuracy"),
                    "judged_accuracy": figures.get("judged_accuracy"),
                    "judged_mean_class_accuracy": figures.get("judged_mean_class_accuracy"),
                    "seconds": round(time.monotonic() - started, 2),
                }
            )
            log.epoch(total // step.steps_per_epoch)
            progress.loss_sum, progress.right, progress.regions = 0.0, 0, 0
            progress.since_best += 1
            figure = figures.get("judged_" + config.monitor, -1.0)
            if not figures or figure > progress.best:  # without val, the latest is the best
                progress.best, progress.since_best = figure, 0
                if fabric.is_global_zero:
                    with average.in_place():
                        save_checkpoint(folder / BEST, net, progress.to_dict())
            step.train_mode()
        is_last = progress.batch == total
        stops = 0 < config.patience <= progress.since_best
        due = time.monotonic() - saved > config.checkpoint_seconds
        if is_last or stops or due or progress.batch % step.steps_per_epoch == 0:
            if fabric.is_global_zero:
                save_checkpoint(folder / LAST, net, progress.to_dict(), optimizer, average)
            saved = time.monotonic()
        if stops:
            log.note(f"{step.name}: stopped early, {config.patience} evaluations without a better one")
            break
    fabric.barrier()
    log.end()


def add_up(fabric: Fabric, *own: float) -> list[float]:
    """The sums of each process's own numbers over all processes."""
    if fabric.world_size == 1:
        return list(own)
    numbers = torch.tensor(own, dtype=torch.float64, device=fabric.device)
    return [float(number) for number in fabric.all_reduce(numbers, reduce_op="sum")]


def _names(fabric: Fabric, own: tuple[str, ...]) -> list[str]:
    """The names that each process has, of all processes."""
    every: list[tuple[str, ...]] = [own]
    if fabric.world_size > 1:
        every = [()] * fabric.world_size
        torch.distributed.all_gather_object(every, own)
    return [name for names in every for name in names]


def learning_rate(batch: int, total: int, highest: float, config: Config) -> float:
    """Rises in a line during the warm-up, then falls as half a cosine to 0 (or stays)."""
    warmup = max(1, round(config.warmup * total))
    if config.warmup and batch < warmup:
        return highest * (batch + 1) / warmup
    if config.schedule == "constant":
        return highest
    return highest * 0.5 * (1 + math.cos(math.pi * (batch - warmup) / max(1, total - warmup)))


def class_weights(counts: NDArray[np.int64], power: float) -> Tensor:
    """Weights for the loss, (C,): counts to the power of minus `power`, 1 on average over the regions."""
    weights = np.maximum(counts, 1).astype(np.float64) ** -power
    weights *= counts.sum() / max(1e-12, float((weights * counts).sum()))
    return torch.from_numpy(weights.astype(np.float32))


def _optimizer(step: Step, config: Config) -> torch.optim.Optimizer:
    kind = torch.optim.AdamW if config.optimizer == "adamw" else torch.optim.Adam
    return kind(step.parameters, lr=step.lr, weight_decay=config.weight_decay)


def _evaluate(step: Step, calibrating: NDArray[np.bool_]) -> dict[str, float]:
    """Accuracy over regions and mean over materials, of all val regions and of the calibrating ones; {} without val."""
    logits, materials = step.logits()
    if not len(materials):
        return {}
    right = logits.argmax(axis=1) == materials
    figures: dict[str, float] = {}
    for name, rows in (("", np.ones_like(calibrating)), ("judged_", calibrating)):
        by_class = [float(right[rows & (materials == material)].mean()) for material in np.unique(materials[rows])]
        figures[name + "accuracy"] = float(right[rows].mean())
        figures[name + "mean_class_accuracy"] = float(np.mean(by_class))
    return figures
