"""The two steps of a training as the loop sees them: what is trained, on which batches, judged how."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader

from madeof.datasets import RegionDataset
from madeof.nets import MaskAtPooling, Net
from madeof.preprocess import Preprocessing
from madeof.training.cache import Pooled, plain_batch
from madeof.training.config import Config
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
        """Logits and materials of all val regions, (N, C) and (N,)."""
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
        """Of the cached val regions."""
        self.net.eval()
        device = next(self.net.parameters()).device
        return self.net.head(self.val.features.to(device)).cpu().numpy(), self.val.materials.numpy()


class NetStep:
    """The head and the last stages of the trunk, on photos."""

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
        self.net, self.val, self.outputs, self.config = net, val, outputs, config
        self.module: nn.Module = net
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
        loader = DataLoader(steps, batch_size=None, num_workers=workers, prefetch_factor=2 if workers else None)
        for batch in loader:
            yield Inputs((batch.images, batch.masks, batch.photo), batch.materials, batch.names)

    def train_mode(self) -> None:
        """Batch norms of stages that do not learn, or all with `freeze_norm`, keep their running means."""
        self.net.train()
        learning = {id(p) for p in self.parameters}
        for module in self.net.trunk.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                own = [p for p in module.parameters(recurse=False)]
                if self.config.freeze_norm or not any(id(p) in learning for p in own):
                    module.eval()

    def logits(self) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Of all val photos, as prediction sees them."""
        return logits_of(self.net, self.val, self.outputs, self.config.preprocessing)


@torch.no_grad()
def logits_of(
    net: Net, dataset: RegionDataset, outputs: NDArray[np.int64], preprocessing: Preprocessing
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Logits and materials of all regions that the net can name, as prediction sees them, (N, C) and (N,)."""
    net.eval()
    device = next(net.parameters()).device
    photos = np.unique(dataset.regions.photo[outputs[dataset.regions.material] >= 0])
    logits, materials = [], []
    for photo in photos:
        batch = plain_batch(dataset, outputs, preprocessing, int(photo))
        features = net.encode(batch.images.to(device))
        # A few regions at a time: MaskAtStem keeps a whole network's maps for each.
        for masks in torch.split(batch.masks, 8):
            logits.append(net.classify(features, masks.to(device)).float().cpu())
        materials.append(batch.materials)
    if not len(photos):
        return np.zeros((0, 1), dtype=np.float32), np.zeros(0, dtype=np.int64)
    return torch.cat(logits).numpy(), torch.cat(materials).numpy()
