"""The photo with its regions outlined and named: a picture to look at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from madeof._util import files
from madeof._util.text import show
from madeof.errors import WriteError
from madeof.regions.region import Mask, Region, check_region
from madeof.viz.labels import DARK, Labelled, write_labels
from madeof.viz.palette import COLOURS

_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}


def draw(
    photo: NDArray[np.uint8],
    regions: Sequence[tuple[Mask | Region, str]],
    *,
    max_side: int = 1600,
    min_side: int = 512,
    fill: float = 0.16,
    mask_size: tuple[int, int] | None = None,
) -> Image.Image:
    """Draw regions over a photo: a faint fill, an outline and a label each.

    Labels lie in the picture, hide as little of the regions as they can and never each other; one that lies off its
    region has a line to it. Where they would crowd the picture there are numbers in their place, from 1 in the order of
    `regions`, and a legend under the photo, by which the picture is taller.

    Args:
        photo: RGB, (H, W, 3) uint8.
        regions: regions, or masks of the photo's size, (H, W) bool or coverage, each with its label; "" for none.
        max_side: a larger photo is shrunk to it, in pixels.
        min_side: a smaller photo is enlarged to it, so that labels can be read.
        fill: how much of a region's colour lies over it, in [0, 1].
        mask_size: (height, width) of the regions, where `photo` is a smaller or larger copy.

    Returns:
        an RGB image.

    Raises:
        RegionError: a mask does not fit the photo.
    """
    height, width = photo.shape[:2]
    scale = min(max_side / max(height, width), max(1.0, min_side / max(height, width)))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    picture = Image.fromarray(photo).convert("RGB").resize(size, Image.Resampling.LANCZOS)
    shapes = []
    for index, (mask, label) in enumerate(regions):
        region = check_region(mask, mask_size or (height, width), name=label or f"region {index}")
        inside = _at_size(region.mask, size)
        colour = COLOURS[index % len(COLOURS)]
        shapes.append(Labelled(inside, colour, show(label).strip(), index + 1))
    shapes.sort(key=lambda shape: -np.count_nonzero(shape.inside))  # the small ones on top
    line = max(2.0, max(size) / 420)
    canvas = np.asarray(picture).astype(np.float32)
    for shape in shapes:
        _outline(canvas, shape, line, fill)
    return write_labels(Image.fromarray(np.rint(canvas).astype(np.uint8)), shapes, line)


def save(image: Image.Image, path: str | Path) -> None:
    """Write a picture atomically; the suffix gives the format: .png, .jpg or .jpeg.

    Raises:
        WriteError: the suffix is another, or the file cannot be written.
    """
    check_picture(path)
    kind = _FORMATS[Path(path).suffix.lower()]
    with files.atomic(path) as file:
        image.save(file, kind, **({"quality": 92, "subsampling": 0} if kind == "JPEG" else {}))


def check_picture(path: str | Path) -> None:
    """Raise a WriteError where `save` does not know the name's suffix."""
    if Path(path).suffix.lower() not in _FORMATS:
        raise WriteError(f"cannot write {show(path)} as a picture; expected a name that ends in .png, .jpg or .jpeg")


def _at_size(mask: Mask, size: tuple[int, int]) -> NDArray[np.bool_]:
    """A mask at the picture's (width, height). Smooth edges where it grows; never empty where it shrinks."""
    soft = Image.fromarray(np.rint(np.asarray(mask, dtype=np.float32) * 255).astype(np.uint8))
    larger = size[0] > soft.width
    values = np.asarray(soft.resize(size, Image.Resampling.BICUBIC if larger else Image.Resampling.BOX))
    if values.any():
        inside: NDArray[np.bool_] = values >= min(128, int(values.max()))
        return inside
    inside = np.zeros((size[1], size[0]), dtype=np.bool_)  # less than any pixel's half percent: mark where it is
    row, column = np.unravel_index(int(np.argmax(mask)), mask.shape)
    inside[int(row * size[1] / mask.shape[0]), int(column * size[0] / mask.shape[1])] = True
    return inside


def _outline(canvas: NDArray[np.float32], shape: Labelled, line: float, fill: float) -> None:
    """Paint a region's fill, a dark casing and its outline over the canvas, (H, W, 3) float in [0, 255]."""
    reach = int(line) + 3
    rows, columns = (np.flatnonzero(shape.inside.any(axis=axis)) for axis in (1, 0))
    part = (
        slice(max(0, rows[0] - reach), rows[-1] + 1 + reach),
        slice(max(0, columns[0] - reach), columns[-1] + 1 + reach),
    )
    inside, under = shape.inside[part], canvas[part]
    padded = np.pad(inside, 1, mode="edge")  # the picture's own border is no edge of a region
    core = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    edge = inside & ~core
    _blend(under, shape.colour, inside * np.float32(fill))
    _blend(under, DARK, _stroke(edge, line + 2.5) * np.float32(0.75))
    _blend(under, shape.colour, _stroke(edge, line))


def _stroke(edge: NDArray[np.bool_], width: float) -> NDArray[np.float32]:
    """How much a round pen `width` pixels wide, drawn along the edge pixels, covers each pixel: [0, 1]."""
    reach = int(width / 2 + 0.5)
    covered = np.zeros((edge.shape[0] + 2 * reach, edge.shape[1] + 2 * reach), dtype=np.float32)
    height, edge_width = edge.shape
    ink = edge.astype(np.float32)
    for y in range(-reach, reach + 1):
        for x in range(-reach, reach + 1):
            weight = min(1.0, width / 2 + 0.5 - float(np.hypot(x, y)))
            if weight > 0:
                to = covered[reach + y : reach + y + height, reach + x : reach + x + edge_width]
                np.maximum(to, ink * np.float32(weight), out=to)
    return covered[reach : reach + height, reach : reach + edge_width]


def _blend(under: NDArray[np.float32], colour: tuple[int, int, int], alpha: NDArray[np.float32]) -> None:
    under += (np.array(colour, dtype=np.float32) - under) * alpha[:, :, None]
