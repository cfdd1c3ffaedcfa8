"""The two steps of a training: trained parameters, batches and evaluation of each."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torch.utils.hooks import RemovableHandle

from madeof.datasets import RegionDataset
from madeof.model.preprocess import Preprocessing
from madeof.nets import MaskAtPooling, Net
from madeof.training.cache import Pooled, plain_batch
from madeof.training.config import Config
from madeof.training.distributed_norms import Norm, share_statistics
from madeof.training.samplers import OriginalSampler, PhotosSampler, Steps


@dataclass(frozen=True)
class Inputs:
    """One batch as the loop sees it."""

    tensors: tuple[Tensor, ...]
    """Arguments of the module's forward."""
    materials: Tensor
    """(N,) int64."""
    names: tuple[str, ...]
    """Photos to name when the loss is not a number."""


class Step(Protocol):
    """A part of the training with an optimizer of its own."""

    name: str
    order: int
    module: nn.Module
    parameters: list[nn.Parameter]
    lr: float
    steps_per_epoch: int
    epochs: int

    def batches(self, start: int) -> Iterator[Inputs]:
        """The batches from number `start` to the end of the step."""
        ...

    def train_mode(self) -> None:
        """Set what learns to training mode, the rest to evaluation mode."""
        ...

    def logits(self) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Logits and materials of all val regions, (N, C) and (N,); all processes must ask at once."""
        ...


class HeadStep:
    """The head alone, on features that were pooled before."""

    name, order = "head", 0

    def __init__(self, net: MaskAtPooling, train: Pooled, val: Pooled, config: Config, fabric: Fabric) -> None:
        self.net, self.train, self.val, self.config, self.fabric = net, train, val, config, fabric
        self.module: nn.Module = net.head
        self.parameters = list(net.head.parameters())
        self.lr, self.epochs = config.head_lr, config.head_epochs
        self.steps_per_epoch = math.ceil(len(train) / config.head_batch)

    def batches(self, start: int) -> Iterator[Inputs]:
        """Shuffled anew in each epoch, by seed and epoch."""
        for step in range(start, self.steps_per_epoch * self.epochs):
            epoch, within = divmod(step, self.steps_per_epoch)
            order = np.random.default_rng([self.config.seed, 4, epoch]).permutation(len(self.train))
            rows = order[within * self.config.head_batch :][: self.config.head_batch]
            own = torch.from_numpy(rows[self.fabric.global_rank :: self.fabric.world_size])
            yield Inputs((self.train.features[own],), self.train.materials[own], ("cached features",))

    def train_mode(self) -> None:
        """Only the head learns."""
        self.net.eval()
        self.net.head.train()

    @torch.no_grad()
    def logits(self) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Logits of the cached val regions."""
        self.net.eval()
        device = next(self.net.parameters()).device
        return self.net.head(self.val.features.to(device)).cpu().numpy(), self.val.materials.numpy()


class NetStep:
    """The head and the last stages of the backbone, on photos."""

    name, order = "net", 1

    def __init__(
        self,
        net: Net,
        train: RegionDataset,
        val: RegionDataset,
        outputs: NDArray[np.int64],
        config: Config,
        fabric: Fabric,
    ) -> None:
        self.net, self.val, self.outputs, self.config, self.fabric = net, val, outputs, config, fabric
        self.module: nn.Module = net
        self._shared: list[RemovableHandle] = []
        make = PhotosSampler if config.sampler == "photos" else OriginalSampler
        self.sampler = make(train, outputs, config, rank=fabric.global_rank, world=fabric.world_size)
        self.lr, self.epochs = config.lr, config.epochs
        self.steps_per_epoch = self.sampler.steps_per_epoch
        groups = net.stages_from_last()[: 1 + config.unfreeze]
        if config.unfreeze == 4:
            groups = [list(net.parameters())]
        self.parameters = [parameter for group in groups for parameter in group]

    def batches(self, start: int) -> Iterator[Inputs]:
        """Made by worker processes when `config.workers` is above 0."""
        steps = Steps(self.sampler, start, self.steps_per_epoch * self.epochs)
        workers = self.config.workers
        loader = DataLoader(
            steps, batch_size=None, num_workers=workers, prefetch_factor=2 if workers else None,
            worker_init_fn=partial(_end_without, os.getpid()) if workers else None,
        )  # fmt: skip
        for batch in loader:
            yield Inputs((batch.images, batch.masks, batch.photo), batch.materials, batch.names)

    @torch.no_grad()
    def pooled(self, batches: int) -> Tensor:
        """What a `MaskAtPooling` pools of the first batches, (N, width); the same in all processes."""
        assert isinstance(self.net, MaskAtPooling)
        self.net.eval()
        device = next(self.net.parameters()).device
        whole = PhotosSampler(self.sampler.dataset, self.outputs, self.config)
        parts = []
        for number in range(batches):
            batch = whole.batch(number)
            if len(batch.materials):
                features = self.net.encode(batch.images.to(device))
                parts.append(self.net.pool(features, batch.masks.to(device), batch.photo.to(device)))
        return torch.cat(parts)

    def train_mode(self) -> None:
        """Batch norms of stages that do not learn, or all with `freeze_bn`, keep their running means."""
        self._end_sharing()
        self.net.train()
        learning = {id(p) for p in self.parameters}
        norms = [module for module in self.net.backbone.modules() if isinstance(module, Norm)]
        for norm in norms:
            if self.config.freeze_bn or not any(id(p) in learning for p in norm.parameters(recurse=False)):
                norm.eval()
        if self.fabric.world_size > 1:
            self._shared = share_statistics(norm for norm in norms if norm.training)

    def logits(self) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Logits of all val photos, preprocessed as in prediction."""
        self._end_sharing()
        return logits_of(self.net, self.val, self.outputs, self.config.preprocessing, self.fabric)

    def _end_sharing(self) -> None:
        for handle in self._shared:
            handle.remove()
        self._shared = []


def _end_without(parent: int, _: int) -> None:
    """End a worker whose training is gone; PyTorch's own watch begins later and takes whoever is there for the parent.

    Args:
        parent: the process id of the training.
    """
    if os.getppid() != parent:
        os._exit(1)


@torch.no_grad()
def logits_of(
    net: Net,
    dataset: RegionDataset,
    outputs: NDArray[np.int64],
    preprocessing: Preprocessing,
    fabric: Fabric | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Logits and materials of all regions that the net can name, as prediction sees them, (N, C) and (N,).

    The processes of `fabric` share the work, and each of them gets all of it.
    """
    net.eval()
    device = next(net.parameters()).device
    rank, world = (fabric.global_rank, fabric.world_size) if fabric else (0, 1)
    known = outputs[dataset.regions.material] >= 0
    photos, counts = np.unique(dataset.regions.photo[known], return_counts=True)
    starts = np.cumsum(counts) - counts
    logits = torch.zeros(int(known.sum()), net.last.out_features, device=device)
    materials = torch.zeros(len(logits), dtype=torch.int64, device=device)
    for photo, start, count in list(zip(photos, starts, counts, strict=True))[rank::world]:
        batch = plain_batch(dataset, outputs, preprocessing, int(photo))
        features = net.encode(batch.images.to(device))
        rows = slice(start, start + count)
        # A few regions at a time: MaskAtStem keeps a whole network's maps for each.
        parts = [net.classify(features, masks.to(device)).float() for masks in torch.split(batch.masks, 8)]
        logits[rows], materials[rows] = torch.cat(parts), batch.materials.to(device)
    if fabric and world > 1:  # the rows of the others are 0
        for values in (logits, materials):
            torch.distributed.all_reduce(values)
    return logits.cpu().numpy(), materials.cpu().numpy()
