"""Superpixels and the tree over them, with scikit-image's SLIC as a second opinion."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from regions_superpixels import _purity, _tiles

from madeof.regions import superpixels
from madeof.regions.patch_tree import join
from madeof.regions.superpixels import find_patches


def test_as_good_as_scikit_image() -> None:
    from skimage.segmentation import slic

    pixels, tile = _tiles()
    ours = find_patches(pixels, 150).labels
    theirs = slic(pixels, n_segments=150, compactness=8, start_label=0)
    assert _purity(ours, tile) >= _purity(theirs, tile) - 0.01
    assert _purity(ours, tile) > 0.97
    assert 90 <= ours.max() + 1 <= 150


def _unlikeness(pixels: NDArray[np.uint8], labels: NDArray[np.int64]) -> float:
    """The mean square distance of a pixel's colour from its patch's mean, which k-means makes small."""
    colours, flat = superpixels.smooth(superpixels._lab(pixels), 1).reshape(-1, 3), labels.ravel()
    counts = np.bincount(flat)
    means = np.stack([np.bincount(flat, colours[:, i]) / counts for i in range(3)], axis=1)
    return float(((colours - means[flat]) ** 2).sum(axis=1).mean())


def test_the_rounds_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many more make patches hardly more alike; with one alone a third would be missing."""
    y, x = np.mgrid[:150, :200]
    waves = np.stack([np.sin(x / 9 + y / 17), np.sin(x / 13 - y / 7), np.cos(y / 11)], axis=-1)
    pixels = np.clip(127 + 120 * waves + np.random.default_rng(0).normal(0, 6, waves.shape), 0, 255).astype(np.uint8)
    found = _unlikeness(pixels, find_patches(pixels, 150).labels)
    monkeypatch.setattr(superpixels, "_ROUNDS", 20)
    assert found < 1.1 * _unlikeness(pixels, find_patches(pixels, 150).labels)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 600))
def test_any_size_and_number(height: int, width: int, count: int) -> None:
    pixels = np.random.default_rng(height * 50 + width).integers(0, 256, (height, width, 3)).astype(np.uint8)
    patches = find_patches(pixels, count)
    assert patches.labels.shape == (height, width)
    assert np.array_equal(np.bincount(patches.labels.ravel()), patches.areas)
    tree = join(patches)
    assert len(tree.parents) == 2 * len(patches.areas) - 1
    assert (tree.parents == -1).sum() == 1
    cut = tree.cut(min(count, 5))
    assert len(np.unique(cut)) == min(count, 5, len(patches.areas))


@pytest.mark.parametrize("count", [0, -3])
def test_no_patches_are_a_mistake_of_ours(count: int) -> None:
    with pytest.raises(AssertionError):
        find_patches(_tiles()[0], count)
