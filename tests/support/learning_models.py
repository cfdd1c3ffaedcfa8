"""A small model that can learn: it knows the made materials by their colours, and remembers regions of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from made import MATERIALS, write_dataset
from numpy.typing import NDArray

from madeof.datasets import open_dataset
from madeof.few_shot.exemplars import write_exemplars
from madeof.model.calibration import Calibration
from madeof.model.preprocess import Preprocessing
from madeof.model.record import Record
from madeof.nets import MaskAtPooling, build
from madeof.training import export

_COLOUR = np.array([130, 60, 170])  # of Terrazzo, which the model does not know


def write_learning_model(folder: Path, data: Path) -> Path:
    """A folder with a memory; `data` becomes the data set that it remembers."""
    dataset = open_dataset(write_dataset(data, photos=40, val=30))
    torch.manual_seed(0)
    preprocessing = Preprocessing(side=96, mask_stride=4)
    architecture = {"net": "MaskAtPooling", "backbone": "test_efficientnet", "hidden": 32}
    net = build(architecture, len(MATERIALS)).eval()
    assert isinstance(net, MaskAtPooling)
    pooled, truth = [], []
    with torch.no_grad():
        for photo in range(len(dataset)):
            sample = dataset.read(photo)
            maps = net.encode(torch.from_numpy(preprocessing.image(sample.image)))
            pooled.append(net.pool(maps, torch.from_numpy(preprocessing.masks(sample.masks))))
            truth += sample.materials.tolist()
        features = torch.cat(pooled)
        net.head.fit_scale(features)
        hidden = torch.cat(
            [torch.nn.functional.gelu(net.head.hidden(net.head.standardise(features))), torch.ones(len(features), 1)],
            dim=1,
        )
        wanted = 8 * torch.nn.functional.one_hot(torch.tensor(truth), len(MATERIALS)).float() - 4
        solved = torch.linalg.lstsq(hidden.T @ hidden + torch.eye(hidden.shape[1]), hidden.T @ wanted).solution
        net.head.out.weight.copy_(solved[:-1].T)
        net.head.out.bias.copy_(solved[-1])
    record = Record("tiny", "3", MATERIALS, preprocessing, architecture, Calibration(1.0, 0.4))
    export.write_model(net, record, folder, weights=False)
    write_exemplars(folder, dataset)
    return folder


def terrazzo(seed: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """A photo and the mask of the new material in it."""
    random = np.random.default_rng(1000 + seed)
    photo = np.full((64, 80, 3), 128.0)
    mask = np.zeros((64, 80), dtype=np.bool_)
    row, column = random.integers(2, 20), random.integers(2, 30)
    mask[row : row + 36, column : column + 40] = True
    photo[mask] = _COLOUR
    photo += random.normal(0, 25, photo.shape)
    return np.clip(photo, 0, 255).astype(np.uint8), mask
