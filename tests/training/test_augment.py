"""Photos and masks are changed together."""

from __future__ import annotations

import numpy as np
import torch

from madeof.training.augment import Augment, _compressed
from madeof.training.samplers import seeded


def test_augment_moves_photo_and_mask_together() -> None:
    """The region is white, the rest black, and so it must stay."""
    image = np.zeros((60, 90, 3), dtype=np.uint8)
    masks = np.zeros((2, 60, 90), dtype=bool)
    masks[0, 10:50, 20:60] = True
    masks[1, 0:3, 0:3] = True
    image[masks[0]] = 255
    augment = Augment(64, mask_noise=0.0)
    augment.colour = lambda photo: photo  # type: ignore[assignment]
    for number in range(20):
        with seeded([number]):
            photo, cut, kept = augment(image, masks)
        assert photo.shape == (64, 64, 3)
        where = list(kept).index(0)
        inside = cut[where] > 0.5
        if inside.any():
            assert photo[inside].mean() > 225
        if (~inside).any():
            assert photo[~inside].mean() < 40


def test_mask_noise_grows_shrinks_and_boxes() -> None:
    mask = torch.zeros(64, 64)
    mask[20:40, 20:44] = 1
    mask[20, 20] = 0
    augment = Augment(64, mask_noise=0.999)
    areas = set()
    for number in range(40):
        with seeded([number]):
            areas.add(int(augment._noise(mask).sum()))
    assert {480} < areas  # the box
    assert min(areas) < 479 < 480 < max(areas)


def test_a_pasted_region_hides_what_is_under_it() -> None:
    """On a grey photo with one large region, a white region of a black photo."""
    image = np.full((64, 64, 3), 90, dtype=np.uint8)
    masks = np.zeros((2, 64, 64), dtype=np.float32)
    masks[0, :, 4:60] = 1
    masks[1, :3, :3] = 1  # 9 pixels: too few to count
    donor, region = np.zeros((100, 80, 3), dtype=np.uint8), np.zeros((100, 80), dtype=bool)
    region[20:60, 30:70] = True
    donor[region] = 255
    augment = Augment(64, mask_noise=0.0)
    augment.colour = lambda photo: photo  # type: ignore[assignment]
    sizes = set()
    for number in range(30):
        with seeded([number]):
            pasted, left, counts = augment.paste(image, masks, donor, region)
        new = left[2] > 0
        assert left.shape == (3, 64, 64)
        assert (pasted[new] == 255).all()
        assert (pasted[~new] == 90).all()
        assert not (left[0][new]).any()
        assert list(counts) == [left[0].sum() >= 0.4 * masks[0].sum(), False, True]
        sizes.add(int(new.sum()))
    assert (image == 90).all(), "the arguments are left alone"
    assert masks[0].sum() == 64 * 56
    assert len(sizes) > 10
    assert min(sizes) >= 9**2
    assert max(sizes) <= 45**2


def test_a_photo_is_compressed_now_and_then() -> None:
    image = np.random.default_rng(0).integers(0, 255, (32, 32, 3), dtype=np.uint8)
    torch.manual_seed(0)
    changed = [bool((_compressed(image) != image).any()) for _ in range(200)]
    assert 20 < sum(changed) < 60


def test_a_close_crop_holds_a_region_at_many_scales() -> None:
    """One small white region on black: in crops around it it takes from a fiftieth to most of the square."""
    image = np.zeros((400, 300, 3), dtype=np.uint8)
    masks = np.zeros((2, 400, 300), dtype=bool)
    masks[0, 200:240, 60:100] = True  # the other one is empty and cannot be chosen
    image[masks[0]] = 255
    augment = Augment(64, mask_noise=0.0, close=1.0)
    augment.colour = lambda photo: photo  # type: ignore[assignment]
    shares = []
    for number in range(60):
        with seeded([number]):
            photo, cut, kept = augment(image, masks)
        assert photo.shape == (64, 64, 3)
        assert list(kept) == [0]
        assert photo[cut[0] > 0.5].mean() > 200
        shares.append(float(cut[0].mean()))
    assert min(shares) < 0.05 < 0.4 < max(shares)


def test_harsh_crops_have_a_cast_and_are_coarse_and_masks_leak() -> None:
    image = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    mask = torch.zeros(64, 64)
    mask[20:40, 20:40] = 1
    augment = Augment(64, mask_noise=0.999, harsh=1.0)
    photo = torch.from_numpy(image).permute(2, 0, 1)
    casts, details, areas = [], [], []
    for number in range(30):
        with seeded([number]):
            changed = augment._harshened(photo).float()
            areas.append(float(augment._noise(mask).sum()))
        means = changed.mean(dim=(1, 2))
        casts.append(float(means.max() - means.min()))
        details.append(float(changed.diff(dim=2).abs().mean()))
    assert max(casts) > 20
    assert max(details) < 0.8 * float(photo.float().diff(dim=2).abs().mean())
    whole, leaky = {400, *((20 + 2 * r) ** 2 for r in range(1, 6))}, [a for a in areas if a > 400]
    assert any(area not in whole for area in leaky)


def test_a_turned_and_shaded_region_keeps_its_mask() -> None:
    """A white bar of a black photo laid on grey: what the mask names is brighter than the ground at any angle."""
    image = np.full((64, 64, 3), 90, dtype=np.uint8)
    donor, region = np.zeros((100, 80, 3), dtype=np.uint8), np.zeros((100, 80), dtype=bool)
    region[20:32, 10:70] = True
    donor[region] = 255
    augment = Augment(64, mask_noise=0.0, harsh=1.0, copy_paste_min=0.3)
    augment.colour = lambda photo: photo  # type: ignore[assignment]
    heights = set()
    for number in range(20):
        with seeded([number]):
            pasted, left, counts = augment.paste(image, np.zeros((0, 64, 64), np.float32), donor, region)
        new = left[0] > 0
        assert list(counts) == [True]
        assert (pasted[~new] == 90).all()
        assert pasted[new].mean() > 100
        heights.add(int(np.ptp(np.flatnonzero(new.any(axis=1)))))
    assert len(heights) > 5
    assert (image == 90).all(), "the argument is left alone"
