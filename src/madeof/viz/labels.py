"""Labels on a picture: near what they name, hiding little and never each other; where they crowd, a legend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from madeof.viz.palette import ink_on

DARK = (20, 20, 20)
"""The colour of casings and frames."""

_PAPER = (250, 250, 250)
_LONGEST = 48  # characters of a label
_GRID = 2  # labels are placed by a map of the picture at half of its size
_SIZES = (1.0, 0.8)  # of the letters: smaller ones where the large would crowd
_CROWDED = 0.14  # of the picture: labels that take more of it hide too much
_LOOKED_AT = 40  # places for a label, the best but for crossings
_STEPS = np.linspace(0, 1, 12)  # along a line from a label to its region

Box = tuple[int, int, int, int]
"""x0, y0, x1, y1 in pixels, the last two on the box's last pixel."""


class Labelled(NamedTuple):
    """A region in the picture."""

    inside: NDArray[np.bool_]
    """(H, W) of the picture, True inside, somewhere."""
    colour: tuple[int, int, int]
    label: str
    """"" for none."""
    number: int
    """Short form of the label, used with a legend."""


class Placed(NamedTuple):
    """A label and its place."""

    shape: Labelled
    text: str
    box: Box
    spot: tuple[int, int]
    """x, y of a pixel deep inside the region, to which a line leads from a label that lies off it."""


class Arrangement(NamedTuple):
    """The labels of a picture."""

    placed: tuple[Placed, ...]
    letters: float
    """Their height in pixels."""
    legend: tuple[Labelled, ...] = ()
    """Legend of numbered labels."""


def arrange(shapes: Sequence[Labelled], size: tuple[int, int]) -> Arrangement:
    """Find places for the labels of `shapes`.

    A label that finds no free place makes all of them numbers; a number that finds none is in the legend only.

    Args:
        shapes: regions, the last on top.
        size: (width, height) of the picture.
    """
    letters = max(11.0, min(34.0, max(size) / 44))
    named = [shape for shape in shapes if shape.label]
    crowd = _crowd(shapes)
    spots = {shape.number: _innermost(shape.inside) for shape in named}
    for scale in _SIZES:
        font = _Font(max(11.0, letters * scale))
        texts = [font.cut(shape.label, size[0] - 2) for shape in named]
        boxes = [font.box(text) for text in texts if text]
        if len(named) > 1 and sum(width * height for width, height in boxes) > _CROWDED * size[0] * size[1]:
            continue
        placed = _place_all(list(zip(named, texts, strict=True)), spots, font, size, crowd)
        if len(placed) == len(named) or len(named) == 1:
            return Arrangement(tuple(placed), font.letters)
    font = _Font(max(11.0, letters * _SIZES[-1]))
    placed = _place_all([(shape, str(shape.number)) for shape in named], spots, font, size, crowd)
    return Arrangement(tuple(placed), font.letters, tuple(sorted(named, key=lambda shape: shape.number)))


def write_labels(picture: Image.Image, shapes: Sequence[Labelled], line: float) -> Image.Image:
    """Write the labels of `shapes` on a picture, with lines `line` pixels wide.

    Returns:
        the picture itself or, where there is a legend, a taller one.
    """
    found = arrange(shapes, picture.size)
    font = _Font(found.letters)
    pen = ImageDraw.Draw(picture)
    for shape, _, box, spot in found.placed:  # all lines lie under all labels
        near = min(max(spot[0], box[0]), box[2]), min(max(spot[1], box[1]), box[3])
        if near != spot:
            pen.line([near, spot], fill=DARK, width=round(line) + 2)
            pen.line([near, spot], fill=shape.colour, width=round(line))
            pen.circle(spot, line + 1.5, fill=shape.colour, outline=DARK)
    for shape, text, box, _ in found.placed:
        _write(pen, box, text, shape, font)
    return _with_legend(picture, found.legend, font) if found.legend else picture


class _Font:
    """Letters of one size, and the boxes around texts of them."""

    def __init__(self, letters: float) -> None:
        self.letters = letters
        font: Any = ImageFont.load_default(size=letters)
        self.font = font
        self.height: int = sum(font.getmetrics())
        self.pad_x, self.pad_y = round(self.height * 0.4), round(self.height * 0.16)

    def box(self, text: str) -> tuple[int, int]:
        """The width and height of a label."""
        return int(np.ceil(self.font.getlength(text))) + 2 * self.pad_x, self.height + 2 * self.pad_y

    def cut(self, text: str, width: int) -> str:
        """The text in a label of at most `width` pixels; "" if not even its start fits."""
        if len(text) <= _LONGEST and self.box(text)[0] <= width:
            return text
        for length in range(min(len(text), _LONGEST), 0, -1):
            if self.box(text[:length] + "...")[0] <= width:
                return text[:length].rstrip() + "..."
        return ""


def _write(pen: ImageDraw.ImageDraw, box: Box, text: str, shape: Labelled, font: _Font) -> None:
    pen.rounded_rectangle(box, radius=font.height // 4, fill=shape.colour, outline=DARK)
    pen.text((box[0] + font.pad_x, box[1] + font.pad_y), text, fill=ink_on(shape.colour), font=font.font)


def _with_legend(picture: Image.Image, legend: Sequence[Labelled], font: _Font) -> Image.Image:
    """The picture with a legend under it, in columns."""
    gap = font.pad_x
    chip = max(font.box(str(shape.number))[0] for shape in legend)
    widest = max(font.font.getlength(shape.label[:_LONGEST]) for shape in legend)
    column = max(1, min(picture.width - 2 * gap, chip + int(widest) + 4 * gap))
    columns = max(1, (picture.width - gap) // column)
    rows = -(-len(legend) // columns)
    step = font.box("1")[1] + max(2, font.pad_y)
    whole = Image.new("RGB", (picture.width, picture.height + rows * step + 2 * gap), _PAPER)
    whole.paste(picture, (0, 0))
    pen = ImageDraw.Draw(whole)
    for place, shape in enumerate(legend):
        x, y = gap + place // rows * column, picture.height + gap + place % rows * step
        width, height = font.box(str(shape.number))
        _write(pen, (x + chip - width, y, x + chip - 1, y + height - 1), str(shape.number), shape, font)
        text = font.cut(shape.label, column - chip - gap + 2 * font.pad_x)
        pen.text((x + chip + gap, y + font.pad_y), text, fill=DARK, font=font.font)
    return whole


def _crowd(shapes: Sequence[Labelled]) -> NDArray[np.float64]:
    """Summed-area table that gives, for a box, the sum of the hidden fractions of all regions."""
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


def _place_all(
    labels: Sequence[tuple[Labelled, str]],
    spots: dict[int, tuple[int, int]],
    font: _Font,
    picture: tuple[int, int],
    crowd: NDArray[np.float64],
) -> list[Placed]:
    """The labels that find a place, the smallest region's first: it has the fewest good ones."""
    placed: list[Placed] = []
    for shape, text in reversed(labels):
        spot = spots[shape.number]
        box = _place(font.box(text), spot, picture, placed, crowd) if text else None
        if box is not None:
            placed.append(Placed(shape, text, box, spot))
    return placed


def _place(
    size: tuple[int, int],
    spot: tuple[int, int],
    picture: tuple[int, int],
    placed: Sequence[Placed],
    crowd: NDArray[np.float64],
) -> Box | None:
    """The best free place for a label of `size` (width, height): near the spot and hiding little; None for none."""
    boxes = _candidates(size, spot, picture)
    for x0, y0, x1, y1 in (one.box for one in placed):
        free = (boxes[:, 2] < x0 - 1) | (boxes[:, 0] > x1 + 1) | (boxes[:, 3] < y0 - 1) | (boxes[:, 1] > y1 + 1)
        boxes = boxes[free]
    if not len(boxes):
        return None
    x0, y0, x1, y1 = boxes.T
    c0, r0, c1, r1 = x0 // _GRID, y0 // _GRID, -(-x1 // _GRID), -(-y1 // _GRID)
    hidden = crowd[r1, c1] - crowd[r0, c1] - crowd[r1, c0] + crowd[r0, c0]
    near = np.stack([np.clip(spot[0], x0, x1), np.clip(spot[1], y0, y1)], axis=1)
    away = np.hypot(*(near - spot).T)
    off_centre = np.hypot((x0 + x1) / 2 - spot[0], (y0 + y1) / 2 - spot[1])
    cost = 10 * hidden + (away + 0.25 * off_centre) / size[1]
    some = np.argsort(cost, kind="stable")[:_LOOKED_AT]
    best = some[int(np.argmin(cost[some] + 3 * _crossings(boxes[some], near[some], spot, placed)))]
    return int(x0[best]), int(y0[best]), int(x1[best]), int(y1[best])


def _candidates(size: tuple[int, int], spot: tuple[int, int], picture: tuple[int, int]) -> NDArray[np.int64]:
    """Places for a label, (N, 4): over the spot, around it, and all over the picture; all are within it."""
    width, height = size
    across = np.arange(-12, 13) * height * 0.5
    near = np.stack(np.meshgrid(across * 1.5, across), axis=-1).reshape(-1, 2)
    far_x, far_y = np.arange(0, picture[0], width / 2), np.arange(0, picture[1], height)
    far = np.stack(np.meshgrid(far_x, far_y), axis=-1).reshape(-1, 2) - spot
    offsets = np.concatenate([np.zeros((1, 2)), near, far + np.array([width / 2, height / 2])])
    x0 = np.rint(spot[0] + offsets[:, 0] - width / 2).astype(np.int64)
    y0 = np.rint(spot[1] + offsets[:, 1] - height / 2).astype(np.int64)
    boxes = np.stack([x0, y0, x0 + width, y0 + height], axis=1)
    return boxes[(x0 >= 0) & (y0 >= 0) & (boxes[:, 2] < picture[0]) & (boxes[:, 3] < picture[1])]


def _crossings(
    boxes: NDArray[np.int64], near: NDArray[np.int64], spot: tuple[int, int], placed: Sequence[Placed]
) -> NDArray[np.int64]:
    """How many labels each candidate's line would run under, and how many of their lines it would lie on, (N,)."""
    if not placed:
        return np.zeros(len(boxes), dtype=np.int64)
    others = np.array([one.box for one in placed])
    spots = np.array([one.spot for one in placed])
    own = _line(near, np.broadcast_to(spot, near.shape))
    theirs = _line(np.clip(spots, others[:, :2], others[:, 2:]), spots)
    under = _within(own[:, None], others[None, :, None]).any(axis=2)  # (N, placed)
    on = _within(theirs[None], boxes[:, None, None]).any(axis=2)
    return np.asarray((under.astype(np.int64) + on).sum(axis=1))


def _line(starts: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.float64]:
    """Points on the way from each start to its end, (n, 2) -> (n, steps, 2)."""
    return np.asarray(starts[:, None] + (ends - starts)[:, None] * _STEPS[None, :, None])


def _within(points: NDArray[np.floating], boxes: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether points, (..., 2), lie in boxes, (..., 4)."""
    return np.asarray(((points >= boxes[..., :2]) & (points <= boxes[..., 2:])).all(axis=-1))
