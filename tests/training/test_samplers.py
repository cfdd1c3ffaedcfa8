"""Which photos and regions a batch has."""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from small_training import SMALL, STEM
from training_run import small

from madeof.datasets import open_dataset
from madeof.training.augment import tiled
from madeof.training.samplers import OriginalSampler, PhotosSampler, crop_around


def test_photos_sampler_gives_every_photo_once_an_epoch(tiny_dataset: Path) -> None:
    dataset = open_dataset(tiny_dataset).split("train")
    sampler = PhotosSampler(dataset, np.arange(4), small("batch=3"))
    names = [name for step in range(sampler.steps_per_epoch) for name in sampler.batch(step).names]
    assert sorted(names) == sorted(dataset.photos.name)
    batch = sampler.batch(0)
    assert batch.masks.shape[1:] == (1, 64, 64)
    assert (batch.photo.diff() >= 0).all()
    again = sampler.batch(0)
    assert torch.equal(batch.images, again.images)
    assert torch.equal(batch.masks, again.masks)


def test_photos_of_the_judging_sources_can_come_more_often(tiny_dataset: Path) -> None:
    dataset = open_dataset(tiny_dataset).split("train")
    sources = tuple("home" if number < 3 else "street" for number in range(len(dataset)))
    dataset = dataclasses.replace(dataset, photos=dataclasses.replace(dataset.photos, source=sources))
    sampler = PhotosSampler(dataset, np.arange(4), small("batch=4", "oversample=3", 'calibration_sources=["home"]'))
    names = [name for step in range(sampler.steps_per_epoch) for name in sampler.batch(step).names]
    assert Counter(names) == {name: 3 if number < 3 else 1 for number, name in enumerate(dataset.photos.name)}


def test_processes_share_a_batch(tiny_dataset: Path) -> None:
    dataset = open_dataset(tiny_dataset).split("train")
    for kind, base in ((PhotosSampler, SMALL), (OriginalSampler, STEM)):
        whole = kind(dataset, np.arange(4), small(base=base)).batch(1)
        parts = [kind(dataset, np.arange(4), small(base=base), rank=rank, world=2).batch(1) for rank in (0, 1)]
        assert sorted(whole.names) == sorted(parts[0].names + parts[1].names)
        assert torch.equal(whole.images[0::2], parts[0].images)


def test_original_sampler_draws_classes_by_images(tiny_dataset: Path) -> None:
    dataset = open_dataset(tiny_dataset).split("train")
    sampler = OriginalSampler(dataset, np.arange(4), small(base=STEM))
    drawn = np.concatenate([sampler.batch(step).materials.numpy() for step in range(120)])
    images = np.array([row.photos for row in dataset.count_by_material()])
    np.testing.assert_allclose(np.bincount(drawn, minlength=4) / len(drawn), images / images.sum(), atol=0.08)
    batch = sampler.batch(0)
    assert batch.masks.flatten(1).any(dim=1).all()


@pytest.mark.parametrize("place", [0.0, 0.5, 0.999])
@pytest.mark.parametrize(("height", "width"), [(40, 40), (64, 80), (200, 90), (10, 10)])
def test_a_crop_holds_its_region_or_lies_in_it(place: float, height: int, width: int, tiny_dataset: Path) -> None:
    dataset = open_dataset(tiny_dataset)
    for region in range(6):
        sample = dataset.read_region(region)
        places = np.array([place, place])
        image, mask = crop_around(sample, height, width, places, mirror=False)
        mirrored = crop_around(sample, height, width, places, mirror=True)
        assert image.shape == (height, width, 3)
        assert mask.shape == (1, height, width)
        np.testing.assert_array_equal(mirrored[0][:, ::-1], image)
        # The region is a block: of each side the window holds all, or as much as it is long.
        scale = max(height / 64, width / 80, 1.0)
        x0, y0, x1, y1 = dataset.regions.box[region]
        wanted = min((y1 - y0) * scale, height), min((x1 - x0) * scale, width)
        given = mask[0].any(axis=1).sum(), mask[0].any(axis=0).sum()
        assert given == pytest.approx(wanted, abs=scale)
        assert mask.sum() == given[0] * given[1]


def test_pasting_brings_the_materials_of_other_photos(tiny_dataset: Path) -> None:
    dataset = open_dataset(tiny_dataset).split("train")
    outputs = np.arange(len(dataset.materials))
    plain, pasting = (PhotosSampler(dataset, outputs, small(f"copy_paste={share}")) for share in (0.0, 1.0))
    batches = [(plain.batch(step), pasting.batch(step)) for step in range(plain.steps_per_epoch)]
    more = [(len(b.materials), len(a.materials)) for a, b in batches]
    assert sum(b for b, _ in more) > sum(a for _, a in more)
    for _, batch in batches:
        assert batch.masks.shape[0] == len(batch.materials) == len(batch.photo)
        assert (batch.masks.flatten(1).sum(dim=1) > 0).all()
    again = pasting.batch(0)
    torch.testing.assert_close(again.images, batches[0][1].images, rtol=0, atol=0)


def test_a_mosaic_shows_several_photos_side_by_side(tiny_dataset: Path) -> None:
    """Each tile's masks lie within it, and the batch is the same for the same seed."""
    dataset = open_dataset(tiny_dataset).split("train")
    outputs = np.arange(len(dataset.materials))
    plain, mosaics = (PhotosSampler(dataset, outputs, small(f"mosaic={share}")) for share in (0.0, 1.0))
    assert len(mosaics.batch(0).materials) > len(plain.batch(0).materials)
    batch = mosaics.batch(0)
    assert batch.masks.shape[2:] == batch.images.shape[2:] == plain.batch(0).images.shape[2:]
    assert len(batch.masks) == len(batch.materials) == len(batch.photo)
    assert float(batch.masks.mean(dim=(1, 2, 3)).max()) <= 0.25 + 1e-6
    torch.testing.assert_close(mosaics.batch(0).images, batch.images, rtol=0, atol=0)


def test_tiles_keep_their_masks() -> None:
    tiles = []
    for number in range(4):
        image, masks = np.full((8, 8, 3), number, dtype=np.uint8), np.ones((number, 8, 8), dtype=np.float32)
        tiles.append((image, masks, np.arange(number)))
    picture, masks, kept = tiled(tiles, 2)
    assert picture.shape == (16, 16, 3)
    assert masks.shape == (6, 16, 16)
    assert [len(k) for k in kept] == [0, 1, 2, 3]
    for mask, number in zip(masks, (1, 2, 2, 3, 3, 3), strict=True):
        assert (picture[mask > 0] == number).all()
        assert mask.sum() == 64
