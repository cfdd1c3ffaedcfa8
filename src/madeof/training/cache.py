"""Pooled features of every region, computed once with the frozen backbone, so that a head trains in seconds."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from madeof._util import files
from madeof.datasets import RegionDataset
from madeof.model.preprocess import Preprocessing
from madeof.nets import MaskAtPooling
from madeof.training.config import Config
from madeof.training.samplers import Batch, PhotosSampler

CACHE = "cache"
_CHUNK = 64  # photos in a file
_AT_ONCE = 8  # photos in a batch of augmented ones, which have one size

_logger = logging.getLogger("madeof")


@dataclass(frozen=True)
class Pooled:
    """The pooled features of some regions."""

    features: Tensor
    """(N, width) float32."""
    materials: Tensor
    """(N,) int64: outputs of the net."""

    def __len__(self) -> int:
        return len(self.materials)


def plain_batch(dataset: RegionDataset, outputs: NDArray[np.int64], preprocessing: Preprocessing, photo: int) -> Batch:
    """One photo as prediction sees it: no augmentation, masks at the network's size."""
    sample = dataset.read(photo)
    materials = outputs[sample.materials]
    kept = materials >= 0
    masks = preprocessing.masks(sample.masks[kept])
    return Batch(
        torch.from_numpy(preprocessing.image(sample.image)),
        torch.from_numpy(masks),
        torch.zeros(len(masks), dtype=torch.int64),
        torch.from_numpy(materials[kept]),
        (sample.name,),
    )


def pool_views(
    net: MaskAtPooling,
    dataset: RegionDataset,
    outputs: NDArray[np.int64],
    config: Config,
    folder: Path,
    *,
    views: int,
    tag: str,
    fabric: Fabric,
    progress: Callable[[int], None],
) -> Pooled:
    """Pool every region of the photo itself and of `views` augmented versions of it.

    What is done is kept in files under `folder`, so that a killed training goes on where it was.

    Args:
        net: its backbone is used as it is, in evaluation mode.
        dataset: the photos.
        outputs: which output each material of the data set is; -1 for none.
        config: the settings.
        folder: the run.
        views: number of augmented versions.
        tag: names the files of this data set.
        fabric: its processes share the work.
        progress: called with the number of photos done.
    """
    device = next(net.parameters()).device
    sampler = PhotosSampler(dataset, outputs, config)
    cache = files.make_folder(folder / CACHE)
    starts = range(0, len(sampler.photos), _CHUNK)
    chunks = [
        (view, sampler.photos[start : start + _CHUNK], cache / f"{tag}-{view}-{start:06d}.safetensors")
        for view in range(views + 1)
        for start in starts
    ]
    for number, (view, photos, path) in enumerate(chunks):
        if number % fabric.world_size == fabric.global_rank and _read(path) is None:
            made = _pool(net, _batches(sampler, photos, view), device)
            files.write_bytes(path, save({"features": made.features, "materials": made.materials}))
        progress(len(photos))
    fabric.barrier()
    parts = [part for _, _, path in chunks if (part := _read(path)) is not None]
    if not parts:
        return Pooled(torch.zeros(0, net.width), torch.zeros(0, dtype=torch.int64))
    return Pooled(torch.cat([p.features for p in parts]), torch.cat([p.materials for p in parts]))


def forget_views(folder: Path) -> None:
    """Remove the cached features of a run that no longer needs them."""
    shutil.rmtree(folder / CACHE, ignore_errors=True)


def _batches(sampler: PhotosSampler, photos: NDArray[np.integer[Any]], view: int) -> list[Callable[[], Batch]]:
    if view == 0:
        seen = sampler.config.preprocessing
        return [partial(plain_batch, sampler.dataset, sampler.outputs, seen, int(photo)) for photo in photos]
    seed = [sampler.config.seed, 3, view]
    groups = [photos[i : i + _AT_ONCE] for i in range(0, len(photos), _AT_ONCE)]
    return [lambda g=g: sampler.augmented(g, seed) for g in groups]  # type: ignore[misc]


@torch.no_grad()
def _pool(net: MaskAtPooling, batches: list[Callable[[], Batch]], device: torch.device) -> Pooled:
    net.eval()
    features, materials = [], []
    for make in batches:
        batch = make()
        maps = net.encode(batch.images.to(device))
        features.append(net.pool(maps, batch.masks.to(device), batch.photo.to(device)).cpu())
        materials.append(batch.materials)
    return Pooled(torch.cat(features), torch.cat(materials))


def _read(path: Path) -> Pooled | None:
    if not path.is_file():
        return None
    try:
        tensors = load_file(path)
        return Pooled(tensors["features"], tensors["materials"])
    except (OSError, SafetensorError, KeyError) as error:
        _logger.warning("%s cannot be read (%s); its regions are pooled again", path, error)
        return None
