"""The photo with its regions outlined and named: a picture to look at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from madeof import files
from madeof.errors import WriteError
from madeof.masks import Mask, Region, check_region
from madeof.text import show

# Okabe and Ito's colours, which the colour-blind tell apart, the ones that stand out most from photos first.
_COLOURS = ((86, 180, 233), (230, 159, 0), (240, 228, 66), (0, 158, 115), (213, 94, 0), (204, 121, 167), (0, 114, 178))
_DARK = (20, 20, 20)
_FILL = 0.16  # how much of a region's colour lies over it
_LONGEST_LABEL = 48
_GRID = 2  # labels are placed by a map of the picture at half of its size
_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}

_Box = tuple[int, int, int, int]


class _Shape(NamedTuple):
    """A region in the picture."""

    inside: NDArray[np.bool_]  # (H, W) of the picture
    colour: tuple[int, int, int]
    label: str
    area: int


def draw(
    photo: NDArray[np.uint8], regions: Sequence[tuple[Mask | Region, str]], *, max_side: int = 1600, min_side: int = 512
) -> Image.Image:
    """Draw regions over a photo: a faint fill, an outline and a label each.

    Labels lie in the picture, hide as little of the regions as they can and never each other; one that lies off its
    region has a line to it. A label that finds no free place is left out.

    Args:
        photo: RGB, (H, W, 3) uint8.
        regions: regions, or masks of the photo's size, (H, W) bool or coverage, each with its label; "" for none.
        max_side: a larger photo is shrunk to it, in pixels.
        min_side: a smaller photo is enlarged to it, so that labels can be read.

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
        region = check_region(mask, (height, width), name=label or f"region {index}")
        inside = _at_size(region.mask, size)
        shapes.append(_Shape(inside, _COLOURS[index % len(_COLOURS)], show(label).strip(), int(inside.sum())))
    shapes.sort(key=lambda shape: -shape.area)  # the small ones on top
    line = max(2.0, max(size) / 420)
    canvas = np.asarray(picture).astype(np.float32)
    for shape in shapes:
        _outline(canvas, shape, line)
    picture = Image.fromarray(np.rint(canvas).astype(np.uint8))
    _write_labels(picture, shapes, line)
    return picture


def save(image: Image.Image, path: str | Path) -> None:
    """Write a picture, whole or not at all, as its suffix says: .png, .jpg or .jpeg.

    Raises:
        WriteError: the suffix is another, or the file cannot be written.
    """
    kind = _FORMATS.get(Path(path).suffix.lower())
    if kind is None:
        raise WriteError(f"cannot write {show(path)} as a picture; expected a name that ends in .png, .jpg or .jpeg")
    with files.atomic(path) as file:
        image.save(file, kind, **({"quality": 92, "subsampling": 0} if kind == "JPEG" else {}))


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


def _outline(canvas: NDArray[np.float32], shape: _Shape, line: float) -> None:
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
    _blend(under, shape.colour, inside * np.float32(_FILL))
    _blend(under, _DARK, _stroke(edge, line + 2.5) * np.float32(0.75))
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


def _write_labels(picture: Image.Image, shapes: Sequence[_Shape], line: float) -> None:
    """Place and write the labels, the smallest region first: it has the fewest good places."""
    pen = ImageDraw.Draw(picture)
    font: Any = ImageFont.load_default(size=max(11.0, min(34.0, max(picture.size) / 44)))
    height = sum(font.getmetrics())
    pad_x, pad_y = round(height * 0.4), round(height * 0.16)
    crowd = _crowd(shapes)
    placed: list[tuple[_Shape, str, _Box, tuple[int, int]]] = []
    for shape in reversed(shapes):
        label = _cut(shape.label, font, picture.width - 2 * pad_x - 2)
        if not label:
            continue
        size = int(np.ceil(font.getlength(label))) + 2 * pad_x, height + 2 * pad_y
        spot = _innermost(shape.inside)
        box = _place(size, spot, picture.size, [p[2] for p in placed], crowd)
        if box is not None:
            placed.append((shape, label, box, spot))
    for shape, _, box, spot in placed:  # all lines lie under all labels
        near = min(max(spot[0], box[0]), box[2]), min(max(spot[1], box[1]), box[3])
        if near != spot:
            pen.line([near, spot], fill=_DARK, width=round(line) + 2)
            pen.line([near, spot], fill=shape.colour, width=round(line))
            pen.circle(spot, line + 1.5, fill=shape.colour, outline=_DARK)
    for shape, label, box, _ in placed:
        pen.rounded_rectangle(box, radius=height // 4, fill=shape.colour, outline=_DARK)
        luminance = np.dot(shape.colour, (0.299, 0.587, 0.114))
        ink = (0, 0, 0) if luminance > 110 else (255, 255, 255)
        pen.text((box[0] + pad_x, box[1] + pad_y), label, fill=ink, font=font)


def _cut(label: str, font: Any, width: int) -> str:
    """The label at no more than `width` pixels; "" if not even its start fits."""
    if len(label) <= _LONGEST_LABEL and font.getlength(label) <= width:
        return label
    for length in range(min(len(label), _LONGEST_LABEL), 0, -1):
        if font.getlength(label[:length] + "...") <= width:
            return label[:length].rstrip() + "..."
    return ""


def _crowd(shapes: Sequence[_Shape]) -> NDArray[np.float64]:
    """A summed-area table: over a box, it tells how many regions the box hides, each by its hidden part."""
    height, width = shapes[0].inside.shape if shapes else (1, 1)
    density = np.zeros((-(-height // _GRID), -(-width // _GRID)))
    for shape in shapes:
        seen = shape.inside[::_GRID, ::_GRID]
        density += seen / max(1, seen.sum())
    return np.pad(density.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))


def _innermost(inside: NDArray[np.bool_]) -> tuple[int, int]:
    """The (x, y) of a pixel deep inside the region: peel it until nothing is left."""
    step = max(1, max(inside.shape) // 160)
    rest = inside[step // 2 :: step, step // 2 :: step]
    if not rest.any():
        step, rest = 1, inside
        rows, columns = np.nonzero(rest)
        return int(columns[len(columns) // 2]), int(rows[len(rows) // 2])
    peeled = np.pad(rest, 1)
    while peeled.any():
        rest = peeled
        peeled = peeled.copy()
        peeled[1:-1, 1:-1] &= rest[:-2, 1:-1] & rest[2:, 1:-1] & rest[1:-1, :-2] & rest[1:-1, 2:]
    rows, columns = np.nonzero(rest)
    nearest = np.argmin((rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2)
    return (
        min(int(columns[nearest] - 1) * step + step // 2, inside.shape[1] - 1),
        min(int(rows[nearest] - 1) * step + step // 2, inside.shape[0] - 1),
    )


def _place(
    size: tuple[int, int], spot: tuple[int, int], picture: tuple[int, int], taken: Sequence[_Box], crowd: NDArray[Any]
) -> _Box | None:
    """The best free place for a label of `size` (width, height): near the spot and hiding little; None for none."""
    width, height = size
    across = np.arange(-12, 13) * height * 0.5
    near = np.stack(np.meshgrid(across * 1.5, across), axis=-1).reshape(-1, 2)
    far_x, far_y = np.arange(0, picture[0], width / 2), np.arange(0, picture[1], height)
    far = np.stack(np.meshgrid(far_x, far_y), axis=-1).reshape(-1, 2) - spot
    offsets = np.concatenate([np.zeros((1, 2)), near, far + np.array([width / 2, height / 2])])
    x0 = np.rint(spot[0] + offsets[:, 0] - width / 2).astype(np.int64)
    y0 = np.rint(spot[1] + offsets[:, 1] - height / 2).astype(np.int64)
    x1, y1 = x0 + width, y0 + height
    free = (x0 >= 0) & (y0 >= 0) & (x1 < picture[0]) & (y1 < picture[1])
    for left, top, right, bottom in taken:
        free &= (x1 < left - 1) | (x0 > right + 1) | (y1 < top - 1) | (y0 > bottom + 1)
    if not free.any():
        return None
    x0, y0, x1, y1 = (side[free] for side in (x0, y0, x1, y1))
    c0, r0, c1, r1 = x0 // _GRID, y0 // _GRID, -(-x1 // _GRID), -(-y1 // _GRID)
    hidden = crowd[r1, c1] - crowd[r0, c1] - crowd[r1, c0] + crowd[r0, c0]
    away = np.hypot(
        np.maximum(np.maximum(x0 - spot[0], spot[0] - x1), 0), np.maximum(y0 - spot[1], spot[1] - y1).clip(0)
    )
    off_centre = np.hypot((x0 + x1) / 2 - spot[0], (y0 + y1) / 2 - spot[1])
    best = int(np.argmin(10 * hidden + (away + 0.25 * off_centre) / height))
    return int(x0[best]), int(y0[best]), int(x1[best]), int(y1[best])
