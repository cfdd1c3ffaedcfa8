"""Describe every region of a data set by a frozen backbone, once, so that heads can be compared in seconds.

    python recipes/experiments/describe.py DATA OUT.npz --backbone-weights FILE [--view pooled] [--side 384] [--augment]
        [--textures DIR]

Views: `pooled` is our net (mean and spread inside, the ring, mean and spread of the whole photo, at each stride);
`crop`, `masked-crop` and `blackout` are what people do instead, a backbone pass for each region: the box around it
with a margin, the same with the outside in grey, the whole photo with the outside in black. Those are described by mean
and spread of the maps of each stride. `--textures` describes no photo of the data set but each seamless picture of a
folder with a textures.csv (image,material), tiled and put in the place of a region of one of its training photos.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from madeof.datasets import RegionDataset, open_dataset
from madeof.images.photo import read_photo
from madeof.materials.lists import key
from madeof.model.preprocess import Preprocessing, resize_image
from madeof.nets import MaskAtPooling, build
from madeof.training.augment import Augment
from madeof.training.config import Config
from madeof.training.samplers import PhotosSampler

VIEWS = ("pooled", "crop", "masked-crop", "blackout")
_MARGIN = 0.2  # of the box's sides, around a crop
_AT_ONCE = 16  # crops in a batch
_LEAST_TEXTURED = 0.03  # of the photo: smaller regions show nothing of a texture

Described = tuple[torch.Tensor, NDArray[np.int64], NDArray[np.float64]]
"""Features (N, width), materials (N,), and areas (N,) as shares of the photo."""


def main() -> None:
    """Read the command line, describe, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("out")
    parser.add_argument("--backbone", default="tf_efficientnetv2_b0")
    parser.add_argument("--backbone-weights", required=True)
    parser.add_argument("--view", choices=VIEWS, default="pooled")
    parser.add_argument("--side", type=int, default=384, help="longer side of the photo; side of a crop")
    parser.add_argument("--augment", action="store_true", help="augmented photos (pooled only)")
    parser.add_argument(
        "--paste", type=float, default=0.0, help="share of the augmented photos that get others' regions"
    )
    parser.add_argument("--textures", type=Path, help="folder of seamless pictures to paste into regions")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cache", help="index of the data set")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    dataset = open_dataset(options.data, cache=options.cache)
    net = build({"net": "MaskAtPooling", "backbone": options.backbone, "context": "photo"}, 2)
    assert isinstance(net, MaskAtPooling)
    net.backbone.load(options.backbone_weights)
    net.eval()
    describe = (
        textures
        if options.textures
        else augmented
        if options.augment
        else pooled
        if options.view == "pooled"
        else one_by_one
    )
    started, rows, photos, materials, areas = time.monotonic(), [], [], [], []
    with torch.inference_mode():
        for photo, (features, found, area) in enumerate(describe(net, dataset, options)):
            rows.append(features.half().numpy())
            photos.append(np.full(len(found), photo))
            materials.append(found)
            areas.append(area)
            if photo % 500 == 0:
                print(f"{photo} photos, {time.monotonic() - started:.0f} s", flush=True)
    np.savez(
        options.out,
        features=np.concatenate(rows),
        photo=np.concatenate(photos),
        material=np.concatenate(materials),
        area=np.concatenate(areas),
        channels=np.array([net.backbone.channels[stride] for stride in net.strides]),
        parts=np.array(5 if options.view == "pooled" else 2),
        seconds=np.array(time.monotonic() - started),
    )


def pooled(net: MaskAtPooling, dataset: RegionDataset, options: argparse.Namespace) -> Iterator[Described]:
    """As the bundled model sees a photo."""
    preprocessing = Preprocessing(side=options.side)
    for photo in range(len(dataset)):
        sample = dataset.read(photo)
        if not len(sample.materials):
            yield nothing(net)
            continue
        maps = net.encode(torch.from_numpy(preprocessing.image(sample.image)))
        masks = torch.from_numpy(preprocessing.masks(sample.masks))
        yield net.pool(maps, masks), sample.materials, sample.masks.mean(axis=(1, 2))


def augmented(net: MaskAtPooling, dataset: RegionDataset, options: argparse.Namespace) -> Iterator[Described]:
    """As training sees a photo: random crop and colours, noisy masks, perhaps with pasted regions."""
    config = Config(crop=options.side, copy_paste=options.paste)
    sampler = PhotosSampler(dataset, np.arange(len(dataset.materials)), config)
    sampler.augment = Augment(options.side, config.mask_noise)
    with_regions = set(sampler.photos.tolist())
    for photo in range(len(dataset)):
        if photo not in with_regions:
            yield nothing(net)
            continue
        batch = sampler.augmented([photo], [options.seed, 9])
        features = net.pool(net.encode(batch.images), batch.masks, batch.photo)
        yield features, batch.materials.numpy(), batch.masks.mean(dim=(1, 2, 3)).double().numpy()


def textures(net: MaskAtPooling, dataset: RegionDataset, options: argparse.Namespace) -> Iterator[Described]:
    """Each texture in a region of a training photo, with the light and shade that the region had."""
    preprocessing = Preprocessing(side=options.side)
    random = np.random.default_rng(options.seed)
    train = dataset.split("train")
    large = np.flatnonzero(
        train.regions.area > _LEAST_TEXTURED * (train.photos.height * train.photos.width)[train.regions.photo]
    )
    where = {key(name): position for position, name in enumerate(dataset.materials)}
    with (options.textures / "textures.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if key(row["material"]) in where]
    for row in rows:
        sample = train.read_region(int(random.choice(large)))
        mask = sample.masks[0]
        height, width = mask.shape
        tile = read_photo(options.textures / row["image"]).pixels
        times = random.integers(2, 5)  # as often as it stands along the photo's longer side
        side = max(16, max(height, width) // int(times))
        tile = resize_image(tile, (side, side))
        tiled = np.tile(tile, (-(-height // side), -(-width // side), 1))[:height, :width].astype(np.float32)
        light = sample.image.mean(axis=2)
        shade = (light / max(1.0, float(light[mask].mean())))[..., np.newaxis].clip(0.5, 1.6)
        image = sample.image.copy()
        image[mask] = (tiled * shade).clip(0, 255).astype(np.uint8)[mask]
        maps = net.encode(torch.from_numpy(preprocessing.image(image)))
        masks = torch.from_numpy(preprocessing.masks(sample.masks))
        yield net.pool(maps, masks), np.array([where[key(row["material"])]]), sample.masks.mean(axis=(1, 2))


def one_by_one(net: MaskAtPooling, dataset: RegionDataset, options: argparse.Namespace) -> Iterator[Described]:
    """A picture for each region through the whole backbone."""
    preprocessing = Preprocessing(side=options.side)
    for photo in range(len(dataset)):
        sample = dataset.read(photo)
        if not len(sample.materials):
            yield nothing(net)
            continue
        pictures = [picture(sample.image, mask, options.view, preprocessing) for mask in sample.masks]
        parts = []
        for start in range(0, len(pictures), _AT_ONCE):
            maps = net.encode(torch.from_numpy(preprocessing.normalise(np.stack(pictures[start : start + _AT_ONCE]))))
            parts.append(torch.cat([m for x in maps for m in (x.mean((2, 3)), x.std((2, 3)))], dim=1))
        yield torch.cat(parts), sample.materials, sample.masks.mean(axis=(1, 2))


def picture(
    image: NDArray[np.uint8], mask: NDArray[np.bool_], view: str, preprocessing: Preprocessing
) -> NDArray[np.uint8]:
    """What the backbone is shown of one region, (h, w, 3)."""
    if view == "blackout":
        return resize_image(image * mask[:, :, np.newaxis], preprocessing.network_size(*mask.shape))
    if view == "masked-crop":
        image = np.where(mask[:, :, np.newaxis], image, np.array(preprocessing.mean, dtype=np.uint8))
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    top, left = rows[0], columns[0]
    height, width = rows[-1] + 1 - top, columns[-1] + 1 - left
    down, across = int(_MARGIN * height), int(_MARGIN * width)
    cut = image[max(0, top - down) : top + height + down, max(0, left - across) : left + width + across]
    return resize_image(np.ascontiguousarray(cut), (preprocessing.side, preprocessing.side))


def nothing(net: MaskAtPooling) -> Described:
    """A photo without regions."""
    return torch.zeros(0, net.width), np.zeros(0, dtype=np.int64), np.zeros(0)


if __name__ == "__main__":
    main()
