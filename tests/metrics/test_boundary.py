"""The quality of masks: a border on the photo's edges is told from one that is not."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from madeof.metrics.boundary import QUALITY_BINS, edge_agreement, quality_bins, quality_ranges
from madeof.metrics.classification import measure


def scene(seed: int = 0, height: int = 120, width: int = 160) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """A disc on another ground, both with grain, and the disc's mask."""
    rows, columns = np.mgrid[:height, :width]
    disc = np.hypot(rows - 60, columns - 80) < 35
    photo = np.where(disc[:, :, None], (150, 90, 60), (90, 120, 150)).astype(np.float64)
    photo += np.random.default_rng(seed).normal(0, 12, photo.shape)
    return photo.clip(0, 255).astype(np.uint8), disc


def moved(mask: NDArray[np.bool_], down: int, right: int) -> NDArray[np.bool_]:
    return np.roll(mask, (down, right), axis=(0, 1))


def test_a_border_on_the_edge_is_better_than_one_beside_it_or_anywhere() -> None:
    photo, disc = scene()
    rows, columns = np.mgrid[:120, :160]
    away = np.hypot(rows - 60, columns - 80)
    masks = np.stack([disc, moved(disc, 3, 2), moved(disc, 8, 8), away < 42, away < 28])
    exact, near, off, large, small = edge_agreement(photo, masks)
    assert exact > 0.97
    assert exact > near > off
    assert max(large, small) < 0.4  # the edge is where the border is compared with
    assert 0.45 < float(edge_agreement(photo, np.hypot(rows - 60, columns - 80)[None] < 16)[0]) < 0.55  # nowhere near


def test_grain_alone_gives_a_half() -> None:
    photo = np.random.default_rng(1).integers(0, 256, (120, 160, 3), dtype=np.uint8)
    masks = np.stack([moved(scene()[1], 3 * i, 5 * i) for i in range(-3, 4)])
    found = edge_agreement(photo, masks)
    assert found.mean() == pytest.approx(0.5, abs=0.05)
    np.testing.assert_allclose(found, 0.5, atol=0.12)  # some hundred pixels vary
    np.testing.assert_array_equal(edge_agreement(np.full_like(photo, 77), masks), 0.5)  # no edge is as strong as none


def test_masks_without_a_border_have_no_quality() -> None:
    photo, disc = scene()
    found = edge_agreement(photo, np.stack([np.zeros_like(disc), np.ones_like(disc), disc]))
    assert np.isnan(found[:2]).all()
    assert found[2] > 0.9
    assert found.dtype == np.float32
    assert edge_agreement(photo, np.zeros((0, 120, 160), dtype=bool)).shape == (0,)


def test_the_photos_own_border_does_not_count() -> None:
    photo, _ = scene()
    half = np.zeros((120, 160), dtype=bool)
    half[:, :80] = True
    photo[half] = (20, 200, 20)
    photo[~half] = (200, 20, 20)
    assert edge_agreement(photo, half[None])[0] == 1.0


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (3, 3), (8, 200)])
def test_tiny_photos_and_specks_are_judged_or_not_but_never_fail(size: tuple[int, int]) -> None:
    random = np.random.default_rng(2)
    photo = random.integers(0, 256, (*size, 3), dtype=np.uint8)
    masks = random.random((5, *size)) < 0.5
    masks[0] = False
    masks[0, 0, 0] = True
    found = edge_agreement(photo, masks)
    assert ((found >= 0) & (found <= 1) | np.isnan(found)).all()


@pytest.mark.parametrize("size", [(1025, 700), (900, 2049), (2047, 30)])
def test_long_photos_are_judged_at_a_smaller_size(size: tuple[int, int]) -> None:
    height, width = size
    mask = np.zeros(size, dtype=bool)
    mask[height // 4 : height // 2, : width // 2] = True
    photo = np.where(mask[:, :, None], (200, 60, 60), (60, 60, 200)).astype(np.uint8)
    speck = np.zeros(size, dtype=bool)
    speck[0, 0] = True  # between the pixels that are looked at
    found = edge_agreement(photo, np.stack([mask, moved(mask, -height // 8, 0), speck]))
    assert found[0] == 1.0
    assert found[1] < 0.8  # two of its four sides still lie on edges
    assert np.isnan(found[2])


def test_bins_hold_their_low_end_and_the_unknown_have_their_own() -> None:
    quality = np.array([0, 0.4999, 0.5, 0.6, 0.8999, 0.9, 1, np.nan])
    assert quality_bins(quality).tolist() == [0, 0, 1, 2, 4, 5, 5, QUALITY_BINS - 1]
    assert len(quality_ranges()) == QUALITY_BINS


def test_accuracy_by_quality() -> None:
    scores = np.array([[0.9, 0.1]] * 6)
    quality = [0.95, 0.95, 0.3, 0.55, np.nan, 1.0]
    found = measure([0, 1, 0, 0, 1, 0], scores, [9] * 6, range(6), materials=("a", "b"), quality=quality)
    rows = {row.label: (row.regions, row.accuracy, row.mean_class_accuracy) for row in found.by_quality}
    assert rows == {
        "under 50%": (1, 1.0, 1.0),
        "50-60%": (1, 1.0, 1.0),
        "60-70%": (0, None, None),
        "70-80%": (0, None, None),
        "80-90%": (0, None, None),
        "90% and more": (3, pytest.approx(2 / 3), 0.5),
        "no border to judge": (1, 0.0, 0.0),
    }
    interval = found.by_quality[5].accuracy_interval
    assert interval is not None
    assert interval.low <= 2 / 3 <= interval.high
    assert found.by_quality[0].accuracy_interval is None  # one photo
    assert measure([0], scores[:1], [9], [0], materials=("a", "b")).by_quality == ()


@pytest.mark.parametrize(
    ("quality", "said"),
    [([0.5], r"got quality of shape \(1,\); expected \(2,\)"), ([0.5, 1.2], "got a quality outside \\[0, 1\\]")],
)
def test_a_quality_that_cannot_be_is_refused(quality: list[float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        measure([0, 0], [[1.0], [1.0]], [9, 9], [0, 1], materials=("a",), quality=quality)
