"""Small photos, label maps and masks for the tests of formats."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from madeof.datasets import RegionDataset, open_dataset

SIZE = 12, 16
"""(height, width) of what is made here."""


def save(path: Path, pixels: NDArray[Any], **how: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **how)
    return path


def photo(path: Path, size: tuple[int, int] = SIZE, **how: Any) -> Path:
    return save(path, np.full((*size, 3), 90, dtype=np.uint8), **how)


def squares(*blobs: tuple[int, int, int, int, int], size: tuple[int, int] = SIZE, empty: int = 0) -> NDArray[np.uint8]:
    """A label map with the rectangles (value, x0, y0, x1, y1)."""
    values = np.full(size, empty, dtype=np.uint8)
    for value, x0, y0, x1, y1 in blobs:
        values[y0:y1, x0:x1] = value
    return values


def regions(dataset: RegionDataset) -> set[tuple[str, str, int, tuple[int, ...]]]:
    """All regions as (photo, material, area, box), as their masks have them."""
    found = set()
    for number in range(len(dataset)):
        sample = dataset.read(number)
        for mask, material in zip(sample.masks, sample.materials, strict=True):
            ys, xs = np.nonzero(mask)
            box = int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1
            found.add((sample.name, dataset.materials[material], int(mask.sum()), box))
    return found


def opened(path: Path, format: str, **options: Any) -> RegionDataset:
    """The data set, which is recognised and not just insisted on."""
    dataset = open_dataset(path, **options)
    assert open_dataset(path, format=format, **options).digest == dataset.digest
    return dataset
