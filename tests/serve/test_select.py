"""Click to select: what is found around a point, and the route that finds it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from serve_select import HEIGHT, WIDTH, _blocks, _overlap

from madeof.regions.superpixels import find_patches
from madeof.serve.select import Segments, segment


@pytest.fixture(scope="module")
def segments() -> Segments:
    return segment(_blocks()[0])


def test_superpixels_cover_the_photo_and_hang_together() -> None:
    from skimage.measure import label

    patches = find_patches(_blocks()[0])
    assert patches.labels.shape == (HEIGHT, WIDTH)
    assert patches.areas.sum() == HEIGHT * WIDTH
    assert sorted(np.unique(patches.labels)) == list(range(len(patches.areas)))
    assert label(patches.labels + 1, connectivity=1).max() == len(patches.areas)
    touching = {(a, b) for a, b in patches.pairs.tolist()}
    labels = patches.labels
    across = np.stack([labels[:, 1:], labels[:, :-1]]).reshape(2, -1).T
    assert {tuple(sorted(pair)) for pair in across.tolist() if pair[0] != pair[1]} <= touching


def test_a_click_finds_the_thing_and_a_click_beside_it_the_ground(segments: Segments) -> None:
    disc = _blocks()[1]
    found = segments.find([(80, 40)], [], 0, (HEIGHT, WIDTH))
    assert found is not None
    assert _overlap(found.mask > 0, disc) > 0.97
    ground = segments.find([(5, 5)], [], 0, (HEIGHT, WIDTH))
    assert ground is not None
    assert _overlap(ground.mask > 0, ~disc) > 0.97
    assert not (ground.mask & found.mask).sum() > 0.02 * disc.sum()


def test_sizes_go_from_a_patch_to_the_whole_photo(segments: Segments) -> None:
    areas = []
    for size in range(-20, 21):
        found = segments.find([(80, 40)], [], size, (HEIGHT, WIDTH))
        assert found is not None
        areas.append(found.area)
    assert areas == sorted(areas)
    assert areas[0] < 0.02 * HEIGHT * WIDTH
    assert areas[-1] == HEIGHT * WIDTH


def test_points_outside_hold_the_region_back(segments: Segments) -> None:
    disc = _blocks()[1]
    found = segments.find([(80, 40)], [(5, 5)], 20, (HEIGHT, WIDTH))
    assert found is not None
    assert _overlap(found.mask > 0, disc) > 0.9
    both = segments.find([(80, 40), (5, 5)], [], 0, (HEIGHT, WIDTH))
    assert both is not None
    assert both.area > 0.95 * HEIGHT * WIDTH
    assert segments.find([(80, 40)], [(80, 40)], 0, (HEIGHT, WIDTH)) is None


def test_the_mask_is_of_the_whole_photo_where_the_pixels_are_fewer(segments: Segments) -> None:
    found = segments.find([(80 * 5, 40 * 5)], [], 0, (HEIGHT * 5, WIDTH * 5))
    assert found is not None
    assert found.size == (HEIGHT * 5, WIDTH * 5)
    large = np.kron(_blocks()[1], np.ones((5, 5), bool))
    assert _overlap(found.mask > 0, large) > 0.95


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (7, 1), (2, 2), (3, 500), (400, 5)])
def test_photos_of_any_shape(size: tuple[int, int]) -> None:
    random = np.random.default_rng(0)
    for pixels in (
        np.full((*size, 3), 90, np.uint8),
        random.integers(0, 256, (*size, 3), dtype=np.uint8),
    ):
        found = segment(pixels).find([(size[1] / 2, size[0] / 2)], [], 0, size)
        assert found is not None
        assert 1 <= found.area <= size[0] * size[1]


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.tuples(st.floats(0, 1), st.floats(0, 1)),
    st.integers(-20, 20),
)
def test_any_click_gives_a_region_around_it(
    seed: int, shape: tuple[int, int], where: tuple[float, float], size: int
) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (*shape, 3), dtype=np.uint8)
    photo = (shape[0] * 2, shape[1] * 2)
    found = segment(pixels).find([(where[0] * photo[1], where[1] * photo[0])], [], size, photo)
    assert found is not None
    assert found.size == photo
    assert found.area >= 1
