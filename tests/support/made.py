"""Small data that the tests make: photos whose materials are colours, label maps, a model."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

MATERIALS = ("Brick", "Foliage", "Sky", "Wood")
_COLOURS = np.array([[180, 70, 50], [60, 140, 50], [120, 170, 230], [150, 110, 60]])


def photo_and_label_map(seed: int, height: int = 64, width: int = 80) -> tuple[np.ndarray[Any, Any], ...]:
    """Three vertical stripes of different materials, with grain, and a label map with values 1-4; 0 between them."""
    random = np.random.default_rng(seed)
    chosen = random.permutation(len(MATERIALS))[:3]
    labels = np.zeros((height, width), dtype=np.uint8)
    photo = np.full((height, width, 3), 128.0)
    for stripe, material in enumerate(chosen):
        columns = slice(stripe * width // 3 + 2, (stripe + 1) * width // 3 - 2)
        labels[3:-3, columns] = material + 1
        photo[3:-3, columns] = _COLOURS[material]
    photo += random.normal(0, 25, photo.shape)
    return np.clip(photo, 0, 255).astype(np.uint8), labels


def write_dataset(folder: Path, photos: int = 12, val: int = 4) -> Path:
    """A data set in our own layout; the last `val` photos are the val split."""
    (folder / "images").mkdir(parents=True)
    (folder / "labels").mkdir()
    with (folder / "photos.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["name", "split", "source", "licence"])
        for number in range(photos):
            photo, labels = photo_and_label_map(number)
            Image.fromarray(photo).save(folder / "images" / f"p{number}.png")
            Image.fromarray(labels).save(folder / "labels" / f"p{number}.png")
            licence = "MIT" if number % 3 else "non-commercial research"
            writer.writerow([f"p{number}", "val" if number >= photos - val else "train", "made", licence])
    rows = "".join(f"{i + 1},{name}\n" for i, name in enumerate(MATERIALS))
    (folder / "materials.csv").write_text("id,name\n" + rows)
    return folder


def write_model(folder: Path, **settings: Any) -> Path:
    """A small model with random weights."""
    import torch

    from madeof.model.preprocess import Preprocessing
    from madeof.model.record import Record
    from madeof.nets import build
    from madeof.training import export

    torch.manual_seed(0)
    architecture = {"net": "MaskAtPooling", "backbone": "test_efficientnet", **settings.pop("architecture", {})}
    cells = 4 if architecture["net"] == "MaskAtPooling" else 1
    record = Record("tiny", "3", MATERIALS, Preprocessing(side=96, mask_stride=cells), architecture, **settings)
    net = build(architecture, record.outputs)
    torch.nn.init.normal_(next(p for name, p in net.named_parameters() if name.endswith(("out.weight", "fc.weight"))))
    export.write_model(net, record, folder)
    return folder
