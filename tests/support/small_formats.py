"""Two regions of a photo, and a check of what is read of them, for the tests of formats with a small reader each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from format_cases import regions_of
from numpy.typing import NDArray
from PIL import Image

from madeof.datasets import open_dataset, read_annotations
from madeof.datasets.formats import recognise

SIZE = 48, 64
SQUARE = [[5, 10], [25, 10], [25, 30], [5, 30]]
"""400 pixels by its corners; 441 where they are pixels that belong to it."""
FLAT = [[40, 35], [60, 35], [60, 45], [40, 45]]
"""200 pixels; 231."""
BOXES = ((5, 10, 25, 30), (40, 35, 60, 45))
"""The same two."""


def check(path: Path, name: str, photo: str, *regions: tuple[str, int]) -> Any:
    """The format is found out, the one photo has these regions, and nothing is wrong. Gives the annotations."""
    assert recognise(path) == name
    annotations = read_annotations(path)
    assert not annotations.problems
    assert regions_of(annotations, SIZE) == {photo: list(regions)}
    assert sorted(open_dataset(path).regions.area.tolist()) == sorted(area for _, area in regions)
    return annotations


def picture(*colours: tuple[int, int, int], size: tuple[int, int] = SIZE) -> NDArray[np.uint8]:
    """A picture with BOXES in these colours."""
    pixels = np.zeros((*size, 3), dtype=np.uint8)
    for (x0, y0, x1, y1), colour in zip(BOXES, colours, strict=False):
        pixels[y0:y1, x0:x1] = colour
    return pixels


def save(path: Path, pixels: NDArray[np.uint8]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def found(path: Path) -> dict[str, list[tuple[str, int]]]:
    annotations = read_annotations(path)
    assert not annotations.problems
    return {photo: sorted(regions) for photo, regions in regions_of(annotations, SIZE).items()}
