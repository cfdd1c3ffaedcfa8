"""What several tests of datasets/opening share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from madeof.datasets import RegionDataset

MATERIALS = "id,name\n1,Brick\n2,Wood\n7,Glass\n"


def save(path: Path, pixels: NDArray[np.generic]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def photo(height: int = 12, width: int = 16, *, grey: int = 90) -> NDArray[np.uint8]:
    return np.full((height, width, 3), grey, dtype=np.uint8)


def squares(*blobs: tuple[int, int, int, int, int], size: tuple[int, int] = (12, 16)) -> NDArray[np.uint8]:
    """A label map with the rectangles (value, x0, y0, x1, y1)."""
    values = np.zeros(size, dtype=np.uint8)
    for value, x0, y0, x1, y1 in blobs:
        values[y0:y1, x0:x1] = value
    return values


def folder(root: Path, maps: dict[str, NDArray[np.uint8]], *, photos: str | None = None) -> Path:
    for name, values in maps.items():
        save(root / "images" / f"{name}.jpg", photo(*values.shape))
        save(root / "labels" / f"{name}.png", values)
    (root / "materials.csv").write_text(MATERIALS)
    if photos is not None:
        (root / "photos.csv").write_text(photos)
    return root


TWO = {"a": squares((1, 0, 0, 4, 4), (7, 8, 2, 16, 12), (1, 0, 6, 3, 9)), "b": squares((2, 1, 1, 6, 3))}


def regions(dataset: RegionDataset) -> set[tuple[str, str, int, tuple[int, ...]]]:
    """All regions, whatever their order."""
    table = dataset.regions
    return {
        (dataset.photos.name[row], dataset.materials[material], area, tuple(box))
        for row, material, area, box in zip(
            table.photo.tolist(), table.material.tolist(), table.area.tolist(), table.box.tolist(), strict=True
        )
    }


EXPECTED = {
    ("a", "Brick", 16, (0, 0, 4, 4)),
    ("a", "Brick", 9, (0, 6, 3, 9)),
    ("a", "Glass", 80, (8, 2, 16, 12)),
    ("b", "Wood", 10, (1, 1, 6, 3)),
}
