"""How well the page's click finds labelled regions: the overlap with the label of what one click selects.

    python benchmarks/click_overlap.py DATA [--split val] [--photos 144] [--cache FILE]

Each of up to three regions of a photo is clicked once, at random where it is at least half as deep as at its deepest.
The figures stand in docs/research/page-speed.md; they speak of superpixels, not of SAM.
"""

from __future__ import annotations

import argparse
import math

import numpy as np
from PIL import Image
from scipy.ndimage import distance_transform_edt

from madeof.datasets import open_dataset
from madeof.serve.select import segment

_PIXELS = 1_000_000  # of a photo, as the service keeps it
_REGIONS = 3
_SIZES = (0, -2, -1, 1, 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--split", default="val")
    parser.add_argument("--photos", type=int, default=144)
    parser.add_argument("--cache")
    options = parser.parse_args()
    data = open_dataset(options.data, cache=options.cache).split(options.split)
    random = np.random.default_rng(1)
    photos = random.permutation(len(data.photos))[: options.photos]
    overlaps = []
    for photo in photos:
        sample = data.read(int(photo))
        height, width = sample.image.shape[:2]
        scale = min(1.0, math.sqrt(_PIXELS / (height * width)))
        size = max(1, int(width * scale)), max(1, int(height * scale))
        segments = segment(np.asarray(Image.fromarray(sample.image).resize(size, Image.Resampling.BILINEAR)))
        for row in random.permutation(len(sample.masks))[:_REGIONS]:
            mask = sample.masks[row]
            depth = distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
            rows, columns = np.nonzero(depth >= depth.max() / 2)
            place = random.integers(len(rows))
            point = columns[place] + 0.5, rows[place] + 0.5
            found = [segments.find([point], [], size, (height, width)) for size in _SIZES]
            masks = [region.mask > 0 for region in found if region is not None]
            overlaps.append([(one & mask).sum() / (one | mask).sum() for one in masks])
    first, best = np.mean([(each[0], max(each)) for each in overlaps], axis=0)
    print(
        f"{len(overlaps)} regions of {len(photos)} {options.split} photos: intersection over union {first:.2f}, "
        f"{best:.2f} with the best of {len(_SIZES)} sizes"
    )


if __name__ == "__main__":
    main()
