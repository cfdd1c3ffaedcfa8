"""The tree over superpixels finds things, and its cuts are nested."""

from __future__ import annotations

import numpy as np
from regions_superpixels import _purity, _tiles

from madeof.regions.patch_tree import join
from madeof.regions.superpixels import find_patches


def test_the_tree_finds_the_tiles() -> None:
    pixels, tile = _tiles(1)
    patches = find_patches(pixels, 150)
    cut = join(patches).cut(12)
    found = np.unique(cut, return_inverse=True)[1][patches.labels]
    assert found.max() == 11
    assert _purity(found, tile) > 0.97


def test_cuts_are_nested() -> None:
    patches = find_patches(_tiles(2)[0], 100)
    tree = join(patches)
    for fine, coarse in ((40, 10), (10, 3), (3, 1)):
        pairs = set(zip(tree.cut(fine).tolist(), tree.cut(coarse).tolist(), strict=True))
        assert len(pairs) == fine
    assert np.array_equal(tree.cut(10_000), np.arange(len(patches.areas)))
