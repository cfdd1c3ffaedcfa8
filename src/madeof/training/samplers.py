"""Samplers of batches: all regions of some photos, or the original's class, image, region."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from madeof.datasets import RegionDataset, Sample
from madeof.model.preprocess import Preprocessing
from madeof.nets.libraries import tv_tensors, v2
from madeof.training.augment import Augment, Augmented, tiled
from madeof.training.config import Config

_PASTED_REGIONS = 2  # in a photo that gets any
_ACROSS, _CHANCES = (2, 3), (0.75, 0.25)  # photos side by side in a mosaic, and how often so many
_NO_PHOTO = 64, 64  # height and width of no photos
_DONORS_BALANCED = 0.5  # a material's chance to be pasted: its number of regions to the power of 1 minus this


@dataclass(frozen=True)
class Batch:
    """Some photos and their regions, ready for a net."""

    images: Tensor
    """(B, 3, H, W) float32, normalised."""
    masks: Tensor
    """(N, 1, H, W) float32 coverage."""
    photo: Tensor
    """(N,) int64: which of the B photos each region belongs to; never falls."""
    materials: Tensor
    """(N,) int64: outputs of the net."""
    names: tuple[str, ...]
    """Names of the photos."""


class PhotosSampler:
    """All regions of `config.batch` photos; every photo once an epoch, `calibration_sources` `oversample` times.

    A batch depends on the seed and its number alone, so that a resumed training sees the same ones.

    Args:
        dataset: the training split.
        outputs: which output of the net each material of the data set is, (M,) int64; -1 for one that it lacks.
        config: the settings.
        rank: number of this process, and
        world: of how many; each takes its share of every batch.
    """

    def __init__(
        self, dataset: RegionDataset, outputs: NDArray[np.int64], config: Config, *, rank: int = 0, world: int = 1
    ) -> None:
        self.dataset, self.outputs, self.config, self.rank, self.world = dataset, outputs, config, rank, world
        self.augment = self._augment(config.crop)
        self.tiles = {across: self._augment(config.crop // across) for across in _ACROSS}
        usable = outputs[dataset.regions.material] >= 0
        self.photos = np.unique(dataset.regions.photo[usable])
        favoured = np.isin(np.array(dataset.photos.source, dtype=np.str_)[self.photos], config.calibration_sources)
        self.epoch = np.concatenate([self.photos, np.repeat(self.photos[favoured], config.oversample - 1)])
        self.steps_per_epoch = math.ceil(len(self.epoch) / config.batch)
        self.donors = np.flatnonzero(usable)
        chances = np.bincount(outputs[dataset.regions.material[usable]]).clip(min=1) ** -_DONORS_BALANCED
        self.chances = chances[outputs[dataset.regions.material[usable]]]
        self.chances /= self.chances.sum()

    def batch(self, step: int) -> Batch:
        """The batch number `step`, from 0."""
        epoch, within = divmod(step, self.steps_per_epoch)
        order = np.random.default_rng([self.config.seed, epoch]).permutation(self.epoch)
        photos = order[within * self.config.batch :][: self.config.batch][self.rank :: self.world]
        return self.augmented(photos, [self.config.seed, 1, step])

    def augmented(self, photos: Sequence[int] | NDArray[np.integer[Any]], seed: list[int]) -> Batch:
        """Augmented versions of some photos, the same ones for the same seed."""
        parts = []
        for photo in photos:
            sample = self.dataset.read(int(photo))
            outputs = self.outputs[sample.materials]
            usable = outputs >= 0
            with seeded([*seed, int(photo)]):
                if float(torch.rand(())) < self.config.mosaic:
                    image, masks, materials = self._mosaic(sample, [*seed, int(photo)])
                else:
                    image, masks, kept = self.augment(sample.image, sample.masks[usable])
                    materials = outputs[usable][kept]
                if float(torch.rand(())) < self.config.copy_paste:
                    image, masks, materials = self._paste(image, masks, materials, [*seed, int(photo)])
            parts.append((image, masks, materials, sample.name))
        return collate(parts, self.config.preprocessing)

    def _augment(self, side: int) -> Augment:
        config = self.config
        return Augment(
            side, config.mask_noise, close=config.close, harsh=config.harsh, copy_paste_min=config.copy_paste_min
        )  # fmt: skip

    def _mosaic(
        self, sample: Sample, seed: list[int]
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.int64]]:
        """The photo and others side by side, each so much smaller: small things in the midst of many others."""
        random = np.random.default_rng([*seed, 7])
        across = int(random.choice(_ACROSS, p=_CHANCES))
        samples = [sample, *(self.dataset.read(int(p)) for p in random.choice(self.epoch, across**2 - 1))]
        known = [self.outputs[s.materials] >= 0 for s in samples]
        tiles: list[Augmented] = [
            self.tiles[across](s.image, s.masks[usable]) for s, usable in zip(samples, known, strict=True)
        ]
        side = self.config.crop
        picture, masks, kept = tiled(tiles, across)
        spare = side - picture.shape[0]  # where the side is no multiple of `across`
        picture = np.pad(picture, ((0, spare), (0, spare), (0, 0)), mode="edge")
        masks = np.pad(masks, ((0, 0), (0, spare), (0, spare)))
        materials = [self.outputs[s.materials][u][k] for s, u, k in zip(samples, known, kept, strict=True)]
        return picture, masks, np.concatenate(materials)

    def _paste(
        self, image: NDArray[np.uint8], masks: NDArray[np.float32], materials: NDArray[np.int64], seed: list[int]
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.int64]]:
        """Paste regions of other photos, rare materials more often than they are found."""
        for region in np.random.default_rng([*seed, 6]).choice(self.donors, _PASTED_REGIONS, p=self.chances):
            donor = self.dataset.read_region(int(region))
            image, masks, counts = self.augment.paste(image, masks, donor.image, donor.masks[0])
            materials = np.append(materials, self.outputs[donor.materials])[counts]
            masks = masks[counts]
        return image, masks, materials


class OriginalSampler:
    """The paper's: a class in proportion to the images that hold it, then an image, then a region.

    Height and width of the batch are drawn; a photo that is smaller is scaled up, then cropped so that the window
    holds the region (or lies within it), and mirrored half of the time. (His reader stretches the whole photo into
    the batch where the window has a single possible place; ours crops there too.)

    The arguments are those of `PhotosSampler`.
    """

    def __init__(
        self, dataset: RegionDataset, outputs: NDArray[np.int64], config: Config, *, rank: int = 0, world: int = 1
    ) -> None:
        self.dataset, self.outputs, self.config, self.rank, self.world = dataset, outputs, config, rank, world
        regions = dataset.regions
        usable = np.flatnonzero(outputs[regions.material] >= 0)
        self.by_class: dict[int, list[NDArray[np.intp]]] = {}
        for material in np.unique(regions.material[usable]):
            rows = usable[regions.material[usable] == material]
            starts = np.unique(regions.photo[rows], return_index=True)[1][1:]
            self.by_class[int(material)] = np.split(rows, np.sort(starts))
        images = np.array([len(groups) for groups in self.by_class.values()], dtype=np.float64)
        self.chances = images / images.sum()
        self.steps_per_epoch = math.ceil(len(np.unique(regions.photo[usable])) / config.batch)

    def batch(self, step: int) -> Batch:
        """The batch number `step`, from 0."""
        config = self.config
        random = np.random.default_rng([config.seed, 2, step])
        height, width = (int(side) for side in random.integers(config.min_side, config.max_side + 1, size=2))
        count = max(1, min(config.batch_pixels // (height * width), config.batch))
        parts = []
        for number in range(count):
            material = random.choice(list(self.by_class), p=self.chances)
            groups = self.by_class[int(material)]
            region = int(random.choice(groups[random.integers(len(groups))]))
            place, mirror = random.random(2), random.random() < 0.5
            if number % self.world == self.rank:
                sample = self.dataset.read_region(region)
                image, mask = crop_around(sample, height, width, place, mirror=bool(mirror))
                parts.append((image, mask, self.outputs[sample.materials], sample.name))
        return collate(parts, config.preprocessing)


def crop_around(
    sample: Sample, height: int, width: int, place: NDArray[np.float64], *, mirror: bool
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """The window of `height` x `width` around the one region of `sample`.

    Args:
        sample: a photo with one mask.
        height: of the window, in pixels.
        width: of the window, in pixels.
        place: two numbers in [0, 1): where in the range of allowed windows, down and right.
        mirror: left becomes right.

    Returns:
        photo (height, width, 3) uint8 and mask (1, height, width) float32.
    """
    image = tv_tensors.Image(torch.tensor(sample.image).permute(2, 0, 1))
    mask = tv_tensors.Mask(torch.tensor(sample.masks.view(np.uint8)))
    scale = max(height / image.shape[1], width / image.shape[2], 1.0)
    if scale > 1:
        size = [max(height, round(image.shape[1] * scale)), max(width, round(image.shape[2] * scale))]
        image, mask = v2.Resize(size, antialias=True)(image, mask)
    rows, columns = torch.nonzero(mask[0].any(dim=1)), torch.nonzero(mask[0].any(dim=0))
    top = _window(int(rows[0]), int(rows[-1]) + 1, height, image.shape[1], place[0])
    left = _window(int(columns[0]), int(columns[-1]) + 1, width, image.shape[2], place[1])
    image, mask = (v2.functional.crop(x, top, left, height, width) for x in (image, mask))
    if mirror:
        image, mask = (v2.functional.horizontal_flip(x) for x in (image, mask))
    return image.permute(1, 2, 0).contiguous().numpy(), mask.to(torch.float32).numpy()


def _window(first: int, last: int, length: int, whole: int, place: float) -> int:
    """Start of a random window of `length` that holds [first, last), or lies inside it if that is longer."""
    low, high = sorted((first, last - length))
    low, high = max(0, min(low, whole - length)), max(0, min(high, whole - length))
    return low + int(place * (high - low + 1))


def collate(
    parts: Sequence[tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.int64], str]],
    preprocessing: Preprocessing,
) -> Batch:
    """Put photos of one size, each with its masks (N, H, W) and their outputs (N,), together.

    Without any, as where there are more processes than photos in a batch, it is a batch of no photos.
    """
    if not parts:
        none = torch.zeros(0, dtype=torch.int64)
        return Batch(torch.zeros(0, 3, *_NO_PHOTO), torch.zeros(0, 1, *_NO_PHOTO), none, none, ())
    images = preprocessing.normalise(np.stack([image for image, _, _, _ in parts]))
    masks = np.concatenate([masks for _, masks, _, _ in parts])[:, np.newaxis]
    return Batch(
        torch.from_numpy(images),
        torch.from_numpy(np.ascontiguousarray(masks)),
        torch.from_numpy(np.repeat(np.arange(len(parts)), [len(masks) for _, masks, _, _ in parts])),
        torch.from_numpy(np.concatenate([outputs for _, _, outputs, _ in parts])),
        tuple(name for _, _, _, name in parts),
    )


class Steps(Dataset[Batch]):
    """The batches `start` to `stop` of a sampler, as PyTorch's loader wants them."""

    def __init__(self, sampler: PhotosSampler | OriginalSampler, start: int, stop: int) -> None:
        self.sampler, self.start, self.stop = sampler, start, stop

    def __len__(self) -> int:
        return self.stop - self.start

    def __getitem__(self, index: int) -> Batch:
        return self.sampler.batch(self.start + index)


def number_from(seed: list[int]) -> int:
    """One number for PyTorch's generators from several, which may be as small as 0, 1, 2."""
    return int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0] >> 1)


@contextlib.contextmanager
def seeded(seed: list[int]) -> Iterator[None]:
    """Run a block with PyTorch's global generator seeded by several numbers, and put it back afterwards."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(number_from(seed))
        yield
