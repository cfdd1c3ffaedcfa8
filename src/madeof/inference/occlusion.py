"""A photo without some of its parts: their pixels are replaced before the net sees them.

Nothing that can be put in the place of pixels says nothing at all. So there are two fillings with opposite faults, and
the mean of both counts where it matters. `grey` is the mean colour of the model's record, zeros to the net: it takes
away everything, but is a surface with an edge of its own, and some materials look like it. `smooth` goes on with the
colours of what is left, without texture and without an edge: it brings in nothing new, but where the rest looks like
the part, it takes little away.
"""

from __future__ import annotations

import dataclasses
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from madeof.images.photo import Photo
from madeof.model.preprocess import Preprocessing, resize_image, resize_mask
from madeof.regions.region import Region, mask_box

Filling = Literal["grey", "smooth"]
FILLINGS: tuple[Filling, ...] = get_args(Filling)

Coverage = NDArray[np.float32]
"""Soft mask of a part of a photo: (h, w) float32 in [0, 1]."""

RING = 1 / 16
"""How far the ring reaches around a region, of the photo's longer side: 32 of 512 pixels, as a cell of a last map."""

_CELL = 8  # pixels, both ways, of the grid on which a smooth filling is made
_FAR = 0.1  # how much colours from farther away weigh where there are near ones


def shrink(photo: Photo, preprocessing: Preprocessing) -> Photo:
    """The same photo with no more pixels than the net needs, so that altering it costs little."""
    least = preprocessing.least_size(*photo.size)
    if photo.pixels.shape[0] <= least[0] or photo.pixels.shape[1] <= least[1]:
        return photo
    return dataclasses.replace(photo, pixels=resize_image(photo.pixels, least), full_size=photo.size)


def divide(region: Region, shape: tuple[int, int], level: int = 1) -> dict[str, Coverage]:
    """The three parts of a photo: "inside" the region, the "ring" around it, and the "background", all the rest.

    Args:
        region: of the photo.
        shape: (h, w) of the photo's pixels.
        level: of a window of the photo, where that is meant: the ring is so many times as wide in it.

    Returns:
        the coverage of each part. The three add up to 1 everywhere; a part may be 0 everywhere.
    """
    inside = resize_mask(region, shape)
    near = _widen(inside > 0, max(1, round(RING * level * max(shape))))
    rest = 1 - inside
    return {"inside": inside, "ring": rest * near, "background": rest * ~near}


def remove(photo: Photo, part: Coverage, filling: Filling, grey: tuple[float, float, float]) -> Photo:
    """The photo without a part.

    Args:
        photo: it is not written to.
        part: of the size of its pixels.
        filling: replacement of the removed pixels.
        grey: RGB on the scale 0-255; also where a smooth filling has nothing to go on with.
    """
    x0, y0, x1, y1 = mask_box(part)
    rows, columns = slice(y0, y1), slice(x0, x1)
    pixels, weights = photo.pixels.copy(), part[rows, columns, np.newaxis]
    colours = (
        np.asarray(grey, dtype=np.float32) if filling == "grey" else _smooth(photo.pixels, part, grey)[rows, columns]
    )
    mixed = pixels[rows, columns] * (1 - weights) + colours * weights
    pixels[rows, columns] = np.rint(mixed.clip(0, 255)).astype(np.uint8)
    return dataclasses.replace(photo, pixels=pixels, full_size=photo.size)


def _smooth(pixels: NDArray[np.uint8], part: Coverage, grey: tuple[float, float, float]) -> NDArray[np.float32]:
    """The colours of what is left, spread over the part: (h, w, 3).

    Coarser and coarser means of what is left, and back: a cell with nothing left takes the colour of the next coarser
    one, so that colours come from as near as there are any.
    """
    kept = 1 - part[:, :, np.newaxis]
    levels = [(_means(pixels * kept, _CELL), _means(kept, _CELL))]
    while max(levels[-1][1].shape) > 1:
        levels.append((_means(levels[-1][0], 2), _means(levels[-1][1], 2)))
    result = np.broadcast_to(np.asarray(grey, dtype=np.float32), (1, 1, 3))
    for colours, weights in reversed(levels):
        farther = _enlarge(result, 2)[: weights.shape[0], : weights.shape[1]]
        result = (colours + _FAR * farther) / (weights + _FAR)
    return _enlarge(result, _CELL)[: part.shape[0], : part.shape[1]]


def _means(values: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Means over cells of side x side, (h, w, C); what lies beyond the edge is 0."""
    height, width, channels = values.shape
    padded = np.pad(values, ((0, -height % side), (0, -width % side), (0, 0)))
    rows, columns = padded.shape[0] // side, padded.shape[1] // side
    cells: NDArray[np.float32] = padded.reshape(rows, side, columns * side, channels).mean(axis=1)
    means: NDArray[np.float32] = cells.reshape(rows, columns, side, channels).mean(axis=2)
    return means


def _enlarge(values: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Bilinearly, (h, w, 3) -> (h * factor, w * factor, 3)."""
    from PIL import Image

    size = values.shape[1] * factor, values.shape[0] * factor
    bands = [Image.fromarray(np.ascontiguousarray(values[:, :, band])) for band in range(3)]
    return np.stack([np.asarray(band.resize(size, Image.Resampling.BILINEAR)) for band in bands], axis=-1)


def _widen(mask: NDArray[np.bool_], reach: int) -> NDArray[np.bool_]:
    """Every pixel that is no more than `reach` rows and columns away from one of the mask."""
    for _ in range(2):  # rows, then columns, each as differences of running sums
        sums = np.pad(mask.cumsum(axis=0), ((reach + 1, reach), (0, 0)), mode="edge")
        sums[: reach + 1] = 0
        mask = (sums[2 * reach + 1 :] > sums[: -2 * reach - 1]).T
    return mask
