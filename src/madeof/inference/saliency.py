"""A heat map: which places of a photo an answer rests on. Cells are taken away, and of those that count, quarters."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_FIRST = 3  # cells along the longer side
_HALVINGS = 3  # so that the finest are 1/24 of the longer side
_EVEN = 0.1  # of a cell's heat goes to its quarters evenly, whatever they cost


class _Cell(NamedTuple):
    """A square of the map, in units of its finest cells. The first of a heap is the next to be divided."""

    order: float
    row: int
    column: int
    side: int
    heat: float


def map_heat(cost: Callable[[slice, slice], float], shape: tuple[int, int], looks: int) -> NDArray[np.float32]:
    """Find the heat map of a photo.

    The photo is divided into up to 3 x 3 cells, and the heat of each is what its removal costs. Then, while looks are
    left, a cell with much heat, above or below 0, is divided into quarters. They share its heat in proportion to what
    the removal of each alone costs: the larger cell's figure is the steadier one, the smaller ones tell where in it the
    heat lies.

    Args:
        cost: what it costs to remove these rows and columns of pixels.
        shape: (h, w) of the photo's pixels.
        looks: how often `cost` may be asked, 1 or more.

    Returns:
        (H', W') float32: the longer side has up to 24 cells, and the sum is that of the first cells' costs.
    """
    rows, columns = next(grid for n in range(_FIRST, 0, -1) if np.prod(grid := _grid(shape, n)) <= looks or n == 1)
    side = next(
        1 << n for n in range(_HALVINGS, -1, -1) if n == 0 or (rows << n <= shape[0] and columns << n <= shape[1])
    )
    down, across = (
        np.rint(np.linspace(0, length, n * side + 1)).astype(int).tolist()
        for length, n in zip(shape, (rows, columns), strict=True)
    )

    def cost_of(row: int, column: int, side: int) -> float:
        return cost(slice(down[row], down[row + side]), slice(across[column], across[column + side]))

    corners = [(row * side, column * side) for row in range(rows) for column in range(columns)]
    cells = [_cell(*corner, side, cost_of(*corner, side)) for corner in corners]
    left = looks - len(cells)
    heapq.heapify(cells)
    result = np.zeros((rows * side, columns * side), dtype=np.float32)
    while cells:
        _, row, column, side, heat = heapq.heappop(cells)
        if side == 1 or left < 4 or heat == 0:
            result[row : row + side, column : column + side] = heat / side**2
            continue
        side //= 2
        left -= 4
        quarters = [(row + y, column + x) for y in (0, side) for x in (0, side)]
        shares = _share(heat, [cost_of(*quarter, side) for quarter in quarters])
        for quarter, share in zip(quarters, shares, strict=True):
            heapq.heappush(cells, _cell(*quarter, side, share))
    return result


def _cell(row: int, column: int, side: int, heat: float) -> _Cell:
    return _Cell(-abs(heat) * side, row, column, side, heat)  # of two with the same heat the larger one


def _grid(shape: tuple[int, int], most: int) -> tuple[int, int]:
    """Rows and columns of nearly square cells: `most` along the longer side, and no more than there are pixels."""
    cell = max(1.0, max(shape) / most)
    return max(1, round(shape[0] / cell)), max(1, round(shape[1] / cell))


def _share(heat: float, costs: list[float]) -> list[float]:
    """The heat of a cell for each of its quarters; those that cost the other way get no more than their even part."""
    same = [max(0.0, cost * np.sign(heat)) for cost in costs]
    total = sum(same)
    if total == 0:
        return [heat / len(costs)] * len(costs)
    return [heat * (_EVEN / len(costs) + (1 - _EVEN) * part / total) for part in same]
