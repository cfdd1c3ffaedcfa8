"""Superpixels: a photo cut into some hundred patches of like pixels, and which of them touch.

Achanta et al., SLIC superpixels, PAMI 2012: k-means over colour and place, each pixel looking at the nine nearest
patches only. Here with the local contrast as a fourth "colour", so that patches follow textures too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PATCHES = 500
"""Default number of superpixels (approximate)."""

_COMPACT = 8.0  # how much place counts against colour; SLIC's m
_ROUNDS = 5
_TEXTURE = 3  # half the side, in pixels, of the window in which contrast is measured


@dataclass(frozen=True, eq=False)
class Patches:
    """A photo's superpixels, and the borders between them."""

    labels: NDArray[np.int64]
    """(h, w): which patch each pixel belongs to, from 0. Each patch hangs together."""
    areas: NDArray[np.float64]
    """(n,) in pixels."""
    colours: NDArray[np.float64]
    """(n, 4): the mean L, a, b (CIE 1976) and contrast of each."""
    pairs: NDArray[np.int64]
    """(m, 2): the patches that touch."""
    lengths: NDArray[np.float64]
    """(m,): pixels of border between them."""
    steps: NDArray[np.float64]
    """(m,): the mean step of colour over that border."""


def find_patches(pixels: NDArray[np.uint8], count: int = PATCHES) -> Patches:
    """The superpixels of a photo; a quarter of a megapixel takes a sixth of a second.

    Args:
        pixels: RGB, (h, w, 3) uint8.
        count: about how many there are to be, 1 or more; none is smaller than 4 pixels each way.
    """
    assert count >= 1, count
    colours = smooth(_lab(pixels), 1)
    light = colours[:, :, 0]
    contrast = np.sqrt(np.maximum(smooth(light * light, _TEXTURE) - smooth(light, _TEXTURE) ** 2, 0))
    labels = _joined(_cluster(colours, count), count)
    flat, found = labels.ravel(), int(labels.max()) + 1
    areas = np.bincount(flat, minlength=found).astype(np.float64)
    values = np.concatenate([colours, contrast[:, :, None]], axis=2).reshape(-1, 4)
    means = np.stack([np.bincount(flat, values[:, i], minlength=found) / areas for i in range(4)], axis=1)
    across = np.sqrt(((colours[:, 1:] - colours[:, :-1]) ** 2).sum(axis=2))
    down = np.sqrt(((colours[1:] - colours[:-1]) ** 2).sum(axis=2))
    pairs, lengths, steps = _borders(labels, np.concatenate([across.ravel(), down.ravel()]))
    return Patches(labels, areas, means, pairs, lengths, steps)


def _lab(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """sRGB, (h, w, 3) uint8, as CIE L*a*b* under D65 (IEC 61966-2-1, CIE 15)."""
    values = np.arange(256, dtype=np.float32) / 255
    linear = np.where(values > 0.04045, ((values + 0.055) / 1.055) ** 2.4, values / 12.92)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = linear[pixels] @ (to_xyz / to_xyz.sum(axis=1, keepdims=True)).T.astype(np.float32)
    roots = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    x, y, z = roots[..., 0], roots[..., 1], roots[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1).astype(np.float32)


def smooth(values: NDArray[np.float32], reach: int) -> NDArray[np.float32]:
    """The mean over the square of `reach` pixels around each; the edge pixels go on outside."""
    side = 2 * reach + 1
    for axis in (0, 1):
        widths = [(0, 0)] * values.ndim
        widths[axis] = (reach + 1, reach)
        sums = np.moveaxis(np.pad(values, widths, mode="edge").cumsum(axis=axis, dtype=np.float64), axis, 0)
        values = np.moveaxis((sums[side:] - sums[:-side]) / side, 0, axis).astype(np.float32)
    return values


def _cluster(colours: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """SLIC without its last step: (h, w) numbers of patches, whose parts need not hang together."""
    height, width = colours.shape[:2]
    side = max(4.0, float(np.sqrt(height * width / count)))
    rows, columns = max(1, round(height / side)), max(1, round(width / side))
    cells = rows * columns
    index, filler = _by_cell(height, width, rows, columns)
    y, x = np.divmod(index, width)
    place = np.float32(_COMPACT / side)
    channels = [np.ascontiguousarray(channel).ravel()[index] for channel in np.moveaxis(colours, 2, 0)]
    points = [*channels, *((line * place).astype(np.float32) for line in (x, y))]
    near = _neighbours(rows, columns)
    labels = np.broadcast_to(np.arange(cells)[:, None], index.shape)
    for _ in range(_ROUNDS):
        counted = np.where(filler, cells, labels).ravel()  # what only fills a row up goes to a patch of its own
        counts = np.maximum(np.bincount(counted, minlength=cells + 1)[:cells], 1)
        sums = [np.bincount(counted, values.ravel(), minlength=cells + 1)[:cells] for values in points]
        centres = [(total / counts).astype(np.float32) for total in sums]
        nearest = np.full(index.shape, np.inf, dtype=np.float32)
        labels = np.zeros(index.shape, dtype=np.int64)
        for other in near:
            away = np.zeros(index.shape, dtype=np.float32)
            for values, centre in zip(points, centres, strict=True):
                step = values - centre[other][:, None]
                step *= step
                away += step
            np.copyto(labels, other[:, None], where=away < nearest)
            np.minimum(nearest, away, out=nearest)
    numbers = np.empty(height * width, dtype=np.int64)
    numbers[index] = labels
    return numbers.reshape(height, width)


def _by_cell(height: int, width: int, rows: int, columns: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The pixels of each cell of a grid: (cells, most) places in the flat picture, and which only fill a row up."""
    cell = ((np.arange(height) * rows // height)[:, None] * columns + np.arange(width) * columns // width).ravel()
    order, sizes = np.argsort(cell, kind="stable"), np.bincount(cell)
    last, place = np.cumsum(sizes)[:, None] - 1, np.arange(sizes.max())
    filler = place >= sizes[:, None]
    return order[np.minimum(last - sizes[:, None] + 1 + place, last)], filler


def _neighbours(rows: int, columns: int) -> list[NDArray[np.int64]]:
    """For each of nine directions the cell there of each cell, (cells,); the cell itself where there is none."""
    cell = np.arange(rows * columns).reshape(rows, columns)
    padded = np.pad(cell, 1, constant_values=-1)
    shifted = [padded[y : y + rows, x : x + columns] for y in range(3) for x in range(3)]
    return [np.where(other < 0, cell, other).ravel() for other in shifted]


def _joined(labels: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Give each part that does not hang together its own number, and small parts to the neighbour they touch most."""
    import cc3d

    parts = cc3d.connected_components(np.ascontiguousarray(labels + 1, dtype=np.int32), connectivity=4).astype(np.int64)
    parts -= 1
    areas = np.bincount(parts.ravel())
    least = labels.size / count / 4
    pairs, lengths, _ = _borders(parts, np.zeros(_edge_count(parts)))
    touched: list[list[tuple[int, float]]] = [[] for _ in areas]
    for (a, b), length in zip(pairs.tolist(), lengths.tolist(), strict=True):
        touched[a].append((b, length))
        touched[b].append((a, length))
    goes_to = list(range(len(areas)))

    def end(part: int) -> int:
        while goes_to[part] != part:
            part = goes_to[part]
        return part

    for part in np.argsort(areas, kind="stable").tolist():
        if areas[part] >= least:
            break
        sums: dict[int, float] = {}
        for other, length in touched[part]:
            if end(other) != part:
                sums[end(other)] = sums.get(end(other), 0) + length
        if sums:
            goes_to[part] = max(sums, key=lambda other: sums[other])
    ends = np.array([end(part) for part in range(len(areas))])
    return np.unique(ends[parts], return_inverse=True)[1].reshape(parts.shape).astype(np.int64)


def _edge_count(labels: NDArray[np.int64]) -> int:
    height, width = labels.shape
    return int(height * (width - 1) + (height - 1) * width)


def _borders(
    labels: NDArray[np.int64], steps: NDArray[np.floating]
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Which labels touch, over how many edges between pixels, and the mean of `steps` over those.

    Args:
        labels: (h, w), from 0.
        steps: a value for each edge: those between columns, row by row, then those between rows.
    """
    one = np.concatenate([labels[:, 1:].ravel(), labels[1:].ravel()])
    other = np.concatenate([labels[:, :-1].ravel(), labels[:-1].ravel()])
    between = np.flatnonzero(one != other)
    one, other = one[between], other[between]
    count = int(labels.max()) + 1
    keys, which = np.unique(np.minimum(one, other) * count + np.maximum(one, other), return_inverse=True)
    lengths = np.bincount(which, minlength=len(keys)).astype(np.float64)
    sums = np.bincount(which, steps[between], minlength=len(keys))
    return np.stack([keys // count, keys % count], axis=1), lengths, sums / np.maximum(lengths, 1)
