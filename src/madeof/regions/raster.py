"""Boxes and polygons -> bool masks. A pixel is inside when its centre is; x runs right and y down, in pixels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from madeof._util.text import show
from madeof.errors import RegionError

_FARTHEST = 1e9  # pixels; beyond it, float arithmetic loses the pixel
_FARTHEST_PIXEL = 1_000_000  # of a line that is drawn pixel by pixel
_PIXELS_AT_ONCE = 2_000_000  # of a polygon's box, and of what its edges cross; bounds the memory

Cut = tuple[NDArray[np.bool_], tuple[int, int]]
"""Part of a mask and its (x, y) offset in the photo; the rest of the mask is 0."""


def parse_box(text: str) -> tuple[float, float, float, float]:
    """Read "x0,y0,x1,y1".

    Raises:
        RegionError: it is something else.
    """
    try:
        x0, y0, x1, y1 = map(float, text.split(","))
    except ValueError:
        raise RegionError(f"the box is {show(repr(text))}; expected four numbers x0,y0,x1,y1 in pixels") from None
    return x0, y0, x1, y1


def parse_polygon(text: str) -> list[tuple[float, float]]:
    """Read "x,y x,y x,y".

    Raises:
        RegionError: it is something else, or has fewer than three points.
    """
    try:
        points = [(float(x), float(y)) for x, y in (point.split(",") for point in text.split())]
    except ValueError:
        points = []
    if len(points) < 3:
        raise RegionError(f"the polygon is {show(repr(text))}; expected three or more points x,y x,y x,y in pixels")
    return points


def from_box(box: Sequence[float], size: tuple[int, int]) -> NDArray[np.bool_]:
    """The mask of a box, (H, W); args and errors are those of `cut_box`."""
    return _paste(*cut_box(box, size), size)


def from_polygon(points: ArrayLike, size: tuple[int, int]) -> NDArray[np.bool_]:
    """The mask of a polygon, (H, W); args and errors are those of `cut_polygon`."""
    return _paste(*cut_polygon(points, size), size)


def cut_box(box: Sequence[float], size: tuple[int, int]) -> Cut:
    """The part of a box's mask that is not 0, and where it is.

    Args:
        box: x0, y0, x1, y1 in pixels; (0, 0, width, height) is the whole photo. What hangs over its edges is cut off.
            A box between pixel centres marks the pixel that holds its middle.
        size: (height, width) of the photo.

    Raises:
        RegionError: it is not finite, has no area, or lies outside the photo.

    Returns:
        the part, (h, w) bool, and the (x, y) of its first pixel in the photo.
    """
    height, width = size
    sides = np.asarray(box, dtype=np.float64)
    if sides.shape != (4,) or not np.isfinite(sides).all():
        raise RegionError(f"the box is {_numbers(box)}; expected four finite numbers x0, y0, x1, y1")
    x0, y0, x1, y1 = sides.tolist()
    if x1 <= x0 or y1 <= y0:
        raise RegionError(f"the box is {_numbers(box)}; expected x0 < x1 and y0 < y1: order its corners")
    if x1 <= 0 or y1 <= 0 or x0 >= width or y0 >= height:
        raise RegionError(f"the box {_numbers(box)} lies outside the photo of {width} x {height}: check its pixels")
    x0, x1 = max(x0, 0.0), min(x1, float(width))
    y0, y1 = max(y0, 0.0), min(y1, float(height))
    rows, columns = _span(y0, y1), _span(x0, x1)
    return np.ones((rows.stop - rows.start, columns.stop - columns.start), dtype=np.bool_), (columns.start, rows.start)


def cut_polygon(points: ArrayLike, size: tuple[int, int], *, thin: bool = True) -> Cut:
    """The part of a polygon's mask that may be not 0, and where it is: even-odd rule, the last point joins the first.

    Args:
        points: x, y in pixels, (n, 2), n >= 3. What hangs over the photo's edges is cut off. A polygon that holds no
            pixel centre, being smaller or thinner than a pixel, marks the pixels that its outline runs through.
        size: (height, width) of the photo.
        thin: False marks nothing for such a polygon, nor for one outside the photo, which is then no error.

    Raises:
        RegionError: it has fewer than three points, is not finite, or lies outside the photo.

    Returns:
        the part, (h, w) bool, and the (x, y) of its first pixel in the photo.
    """
    try:
        corners = np.asarray(points, dtype=np.float64)
    except (ValueError, TypeError):
        corners = np.zeros(0)
    if corners.ndim != 2 or corners.shape[1] != 2 or len(corners) < 3:
        raise RegionError("the polygon is not a list of three or more points (x, y); expected an (n, 2) array, n >= 3")
    if not (np.abs(corners) < _FARTHEST).all():  # so written, it is true for NaN
        raise RegionError(f"the polygon has coordinates that are not finite or over {_FARTHEST:g}; expected pixels")
    return cut_edges(corners, np.roll(corners, -1, axis=0), size, thin=thin)


def cut_polygons(outlines: Sequence[NDArray[np.floating]], size: tuple[int, int]) -> list[Cut | None]:
    """What `cut_polygon` gives for each of several outlines, in one pass, which is many times quicker for small ones.

    Args:
        outlines: x, y in pixels, each (n, 2), n >= 3.
        size: (height, width) of the photo.

    Returns:
        a part for each; None where `cut_polygon` has to see: it holds no pixel centre, is large, or is an error.
    """
    found: list[Cut | None] = [None] * len(outlines)
    if not outlines:
        return found
    counts = np.array([len(outline) for outline in outlines])
    starts = np.concatenate(outlines).astype(np.float64)
    first = np.cumsum(counts) - counts
    ends = np.roll(starts, -1, axis=0)
    ends[first + counts - 1] = starts[first]
    least, most = np.minimum.reduceat(starts, first), np.maximum.reduceat(starts, first)
    usable: NDArray[np.bool_] = np.all(
        np.maximum(np.abs(least), np.abs(most)) < _FARTHEST, axis=1
    )  # so written, it is false for NaN
    least, most = np.where(usable[:, None], least, 0), np.where(usable[:, None], most, 0)
    corners = np.clip(np.floor(least), 0, size[::-1]).astype(np.int64)
    width, height = (np.clip(np.floor(most) + 1, 0, size[::-1]).astype(np.int64) - corners).T
    usable &= (width > 0) & (height > 0)
    of = np.repeat(np.arange(len(outlines)), counts)
    of_usable = usable[of]
    starts, ends, of = starts[of_usable], ends[of_usable], of[of_usable]
    area = np.where(usable, (width + 1) * height, 0)  # a column more, into which all falls that is right of the others
    base, total = np.cumsum(area) - area, int(area.sum())
    above = corners[of, 1]
    rows = np.clip(np.ceil(np.stack([starts[:, 1], ends[:, 1]]) - 0.5), above, above + height[of]).astype(np.int64)
    top = rows.min(axis=0)
    crossed = rows.max(axis=0) - top
    if max(total, int(crossed.sum())) > _PIXELS_AT_ONCE:
        return found
    edge = np.repeat(np.arange(len(of)), crossed)
    row = np.arange(len(edge)) - np.repeat(np.cumsum(crossed) - crossed, crossed) + top[edge]
    along = (row + 0.5 - starts[edge, 1]) / (ends[edge, 1] - starts[edge, 1])
    x = starts[edge, 0] + along * (ends[edge, 0] - starts[edge, 0])
    one = of[edge]
    column = np.clip(np.ceil(x - 0.5) - corners[one, 0], 0, width[one]).astype(np.int64)
    places = base[one] + (row - corners[one, 1]) * (width[one] + 1) + column
    # Each row of a closed outline is crossed an even number of times, so that no row starts inside.
    inside: NDArray[np.bool_] = np.logical_xor.accumulate(np.bincount(places, minlength=total) % 2 == 1)
    shapes = zip(base.tolist(), height.tolist(), width.tolist(), corners.tolist(), usable.tolist(), strict=True)
    for at, (start, high, wide, (left, upper), is_usable) in enumerate(shapes):
        part = inside[start : start + high * (wide + 1)].reshape(high, wide + 1)[:, :wide] if is_usable else inside[:0]
        if part.any():
            found[at] = part, (left, upper)
    return found


def cut_drawn(pixels: NDArray[np.floating], size: tuple[int, int]) -> list[Cut]:
    """What a polygon through the middles of pixels covers, and the pixels of its edges, as programs draw them.

    Args:
        pixels: column and row of each corner, (n, 2), n >= 3.
        size: (height, width) of the photo.

    Returns:
        the parts; none where it lies outside the photo.

    Raises:
        RegionError: it is not finite, or reaches further out than any photo.
    """
    inside = cut_polygon(pixels + 0.5, size, thin=False)
    if np.abs(pixels).max() > _FARTHEST_PIXEL:
        raise RegionError(f"the polygon has coordinates over {_FARTHEST_PIXEL}; expected the numbers of pixels")
    ends = np.roll(pixels, -1, axis=0)
    lines = [
        np.linspace(start, end, int(np.abs(end - start).max()) + 1) for start, end in zip(pixels, ends, strict=True)
    ]
    x, y = np.floor(np.concatenate(lines) + 0.5).astype(np.int64).T
    seen = (x >= 0) & (x < size[1]) & (y >= 0) & (y < size[0])
    x, y = x[seen], y[seen]
    if not len(x):
        return [inside] if inside[0].any() else []
    left, top = int(x.min()), int(y.min())
    edge = np.zeros((int(y.max()) - top + 1, int(x.max()) - left + 1), dtype=np.bool_)
    edge[y - top, x - left] = True
    return [inside, (edge, (left, top))]


def cut_edges(
    starts: NDArray[np.float64], ends: NDArray[np.float64], size: tuple[int, int], *, thin: bool = True
) -> Cut:
    """As `cut_polygon`, for the edges of one or more closed outlines, in any order and direction.

    Args:
        starts: x, y in pixels, (n, 2) float64, finite.
        ends: the same, of each edge's other end.
        size: (height, width) of the photo.
        thin: see `cut_polygon`.

    Raises:
        RegionError: what they bound lies outside the photo.
    """
    height, width = size
    least, most = np.minimum(starts, ends).min(axis=0), np.maximum(starts, ends).max(axis=0)
    left, top = np.clip(np.floor(least), 0, (width, height)).astype(np.int64).tolist()
    right, bottom = np.clip(np.floor(most) + 1, 0, (width, height)).astype(np.int64).tolist()
    part = np.zeros((bottom - top, right - left), dtype=np.bool_)
    if part.size:
        rows = max(1, _PIXELS_AT_ONCE // part.shape[1])
        for row in range(0, part.shape[0], rows):
            _fill(part[row : row + rows], (left, top + row), starts, ends)
        if thin and not part.any():
            _mark_outline(part, (left, top), starts, ends)
    if thin and not part.any():
        raise RegionError(f"the polygon lies outside the photo of {width} x {height}: check its pixels")
    return part, (left, top)


def _paste(part: NDArray[np.bool_], corner: tuple[int, int], size: tuple[int, int]) -> NDArray[np.bool_]:
    """The mask of the photo's size."""
    mask = np.zeros(size, dtype=np.bool_)
    mask[corner[1] : corner[1] + part.shape[0], corner[0] : corner[0] + part.shape[1]] = part
    return mask


def _span(start: float, end: float) -> slice:
    """The pixels whose centres are in [start, end); the one that holds its middle if there is none."""
    first, last = int(np.ceil(start - 0.5)), int(np.ceil(end - 0.5))
    if first == last:
        first = int((start + end) / 2)
        last = first + 1
    return slice(first, last)


def _fill(
    part: NDArray[np.bool_], corner: tuple[int, int], starts: NDArray[np.float64], ends: NDArray[np.float64]
) -> None:
    """Mark what outlines bound in a band of rows: each crossing of an edge turns all that is right of it in its row."""
    height, width = part.shape
    left, above = corner
    rows = np.clip(np.ceil(np.stack([starts[:, 1], ends[:, 1]]) - 0.5), above, above + height).astype(np.int64)
    top, bottom = rows.min(axis=0), rows.max(axis=0)
    crossing = np.flatnonzero(top < bottom)
    crossings = np.zeros(height * width, dtype=np.uint8)  # it goes from 255 to 0: odd stays odd
    first = 0
    ends_at = np.cumsum((bottom - top)[crossing])
    while first < len(crossing):
        before = ends_at[first - 1] if first else 0
        last = max(first + 1, int(np.searchsorted(ends_at, before + _PIXELS_AT_ONCE, side="right")))
        some = crossing[first:last]
        first = last
        count = bottom[some] - top[some]
        edge = np.repeat(some, count)
        row = np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count) + top[edge]
        along = (row + 0.5 - starts[edge, 1]) / (ends[edge, 1] - starts[edge, 1])
        x = starts[edge, 0] + along * (ends[edge, 0] - starts[edge, 0])
        column = np.clip(np.ceil(x - 0.5), left, left + width).astype(np.int64) - left
        inside = column < width
        np.add.at(crossings, (row[inside] - above) * width + column[inside], np.uint8(1))
    if crossings.any():
        odd = (crossings & 1).view(np.bool_).reshape(part.shape)
        np.logical_xor.accumulate(odd, axis=1, out=part)


def _mark_outline(
    part: NDArray[np.bool_], corner: tuple[int, int], starts: NDArray[np.float64], ends: NDArray[np.float64]
) -> None:
    """Mark the pixels that the edges run through, at steps of half a pixel or less."""
    height, width = part.shape
    left, top = corner
    for start, end in zip(starts, ends, strict=True):
        low, high = _inside_part(start, end, ((left, left + width), (top, top + height)))
        if low > high:
            continue
        steps = int(np.abs(end - start).max() * (high - low) * 2) + 2
        x, y = np.floor(start[:, None] + np.linspace(low, high, steps) * (end - start)[:, None]).astype(np.int64)
        x, y = x - left, y - top
        within = (x >= 0) & (x < width) & (y >= 0) & (y < height)
        part[y[within], x[within]] = True


def _inside_part(
    start: NDArray[np.float64], end: NDArray[np.float64], sides: tuple[tuple[int, int], tuple[int, int]]
) -> tuple[float, float]:
    """The part [low, high] of the way from start to end that is within the sides (x, y); low > high for none."""
    low, high = 0.0, 1.0
    for a, b, (nearest, farthest) in zip(start.tolist(), end.tolist(), sides, strict=True):
        if a == b:
            if not nearest <= a < farthest:
                return 1.0, 0.0
            continue
        first, last = sorted(((nearest - a) / (b - a), (farthest - a) / (b - a)))
        low, high = max(low, first), min(high, last)
    return low, high


def _numbers(values: Sequence[float]) -> str:
    return show(", ".join(f"{v:g}" if isinstance(v, int | float) else str(v) for v in values))
