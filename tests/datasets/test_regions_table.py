"""The regions of a data set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from datasets_opening import EXPECTED, TWO, folder, regions, squares
from skimage.measure import label as skimage_label

from madeof.datasets import open_dataset


def test_blobs_are_those_of_another_library(tmp_path: Path) -> None:
    """Touching blobs of different values, corners that touch, and several blobs of a value."""
    values = np.random.default_rng(5).choice(np.array([0, 1, 2, 7], dtype=np.uint8), (40, 50))
    dataset = open_dataset(folder(tmp_path, {"noise": values}))
    sample = dataset.read(0)
    expected = set()
    for position, value in enumerate([1, 2, 7]):
        blobs = skimage_label(values == value, connectivity=2)
        expected |= {(position, (blobs == one).tobytes()) for one in range(1, blobs.max() + 1)}
    found = [(int(material), mask.tobytes()) for material, mask in zip(sample.materials, sample.masks, strict=True)]
    assert set(found) == expected
    assert len(found) == len(expected)


def test_min_area_and_ignore_are_counted(tmp_path: Path) -> None:
    maps = {**TWO, "c": squares((255, 0, 0, 9, 9)), "d": squares((2, 0, 0, 1, 2), (255, 5, 5, 9, 9))}
    dataset = open_dataset(folder(tmp_path, maps), min_area=10, ignore=[255])
    assert regions(dataset) == EXPECTED - {("a", "Brick", 9, (0, 6, 3, 9))}
    assert dataset.too_small == 2
    assert dataset.without_regions == 2
    assert dataset.read(0).masks.shape == (2, 12, 16)
