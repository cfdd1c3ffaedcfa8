"""What several tests of datasets/problems share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from madeof.datasets import open_dataset
from madeof.errors import DatasetError

MATERIALS = "id,name\n1,Brick\n2,Wood\n"


def save(path: Path, pixels: NDArray[np.generic]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def square(value: int = 1, size: tuple[int, int] = (6, 8)) -> NDArray[np.uint8]:
    values = np.zeros(size, dtype=np.uint8)
    values[1:4, 1:5] = value
    return values


def photo(size: tuple[int, int] = (6, 8)) -> NDArray[np.uint8]:
    return np.full((*size, 3), 77, dtype=np.uint8)


def message(*args: object, **settings: object) -> str:
    """What the error says; one line, printable."""
    with pytest.raises(DatasetError) as caught:
        open_dataset(*args, **settings)  # type: ignore[arg-type]
    text = str(caught.value)
    assert text.isprintable()
    return text


def left(root: Path, **settings: object) -> tuple[tuple[str, ...], list[str]]:
    """With skip_bad: the photos that are left, the files that are not."""
    dataset = open_dataset(root, skip_bad=True, **settings)  # type: ignore[arg-type]
    return dataset.photos.name, [problem.file for problem in dataset.skipped]


def table(root: Path, text: str) -> Path:
    save(root / "m.png", square(255))
    save(root / "other.png", square(255))
    path = root / "table.csv"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    return path
