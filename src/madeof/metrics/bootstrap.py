"""95% intervals: how much a figure would vary with other photos of the same kind.

By the percentile bootstrap; where all answers are right or none is, every draw is alike, and Wilson's interval counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DRAWS = 1000
_Z = 1.959964  # the 97.5% quantile of the normal distribution
_INDICES_AT_ONCE = 1 << 22  # of drawn photos; bounds the memory of the bootstrap to some 100 MB


@dataclass(frozen=True)
class Interval:
    """The middle 95% of what resampled photos give; both ends are fractions in [0, 1]."""

    low: float
    high: float


def resampled(
    rows: NDArray[np.int64],
    height: int,
    groups: Sequence[tuple[NDArray[np.int64], int]],
    correct: NDArray[np.bool_],
    photos: NDArray[np.int64],
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> list[Interval | None]:
    """The intervals of the accuracy, of the mean class accuracy, then of the accuracy of each group of regions.

    A draw of photos is how often each is in it, a row of a (draws, photos) matrix W. With each photo's right and
    all regions by material and by group in two (photos, columns) matrices R and T, all draws are W R and W T.

    Args:
        rows: each region's material, (N,) in [0, height).
        height: how many materials there are.
        groups: ways to divide the regions: each region's part, (N,) int, and how many parts there are.
        correct: (N,).
        photos: each region's photo, (N,) any integers.
        draws: how often the photos are resampled with replacement; 0 for no intervals.
        seed: of the resampling.

    Returns:
        2 + all parts of all groups. None where there are fewer than two photos.
    """
    wide = height + sum(parts for _, parts in groups)
    _, photo = np.unique(photos, return_inverse=True)
    number = int(photo.max()) + 1 if photo.size else 0
    if number < 2 or draws < 1:
        return [None] * (wide - height + 2)
    right, total = (np.zeros((number, wide)) for _ in range(2))
    start = 0
    for place, parts in ((rows, height), *groups):
        np.add.at(total, (photo, start + place), 1.0)
        np.add.at(right, (photo, start + place), correct)
        start += parts
    hits, support = _sums(right, total, draws, seed)
    # What is not in a draw has no share in it: NaN here, left out below.
    ratios = np.divide(hits, support, out=np.full_like(hits, np.nan), where=support > 0)
    occurs = support[:, :height] > 0
    micro = hits[:, :height].sum(axis=1) / support[:, :height].sum(axis=1)
    macro = np.where(occurs, ratios[:, :height], 0.0).sum(axis=1) / occurs.sum(axis=1)
    several = (total > 0).sum(axis=0) > 1  # photos of a part; one alone cannot vary
    each = [ratios[:, column] if several[column] else ratios[:0, 0] for column in range(height, wide)]
    found = [middle(values) for values in (micro, macro, *each)]
    # Where every answer is right, or none, each draw says the same.
    counted = [(number, right[:, :height].sum(), total[:, :height].sum())] * 2
    counted += [((total[:, c] > 0).sum(), right[:, c].sum(), total[:, c].sum()) for c in range(height, wide)]
    return [
        wilson(int(photos), hits > 0) if one is not None and hits in (0, regions) else one
        for one, (photos, hits, regions) in zip(found, counted, strict=True)
    ]


def wilson(count: int, right: bool) -> Interval:
    """The 95% interval of a fraction of which all of `count` photos are right, or none (Wilson 1927)."""
    width = _Z**2 / (count + _Z**2)
    return Interval(1 - width, 1.0) if right else Interval(0.0, width)


def of_share(
    true: NDArray[np.bool_], photos: NDArray[np.int64], among: NDArray[np.bool_] | None = None
) -> Interval | None:
    """The interval of the share of regions that are `true`, (N,), of all or of those `among`, (N,).

    None where there are fewer than two photos of them.
    """
    zeros = np.zeros(len(true), dtype=np.int64)
    counted = np.ones(len(true), dtype=np.int64) if among is None else among.astype(np.int64)
    return resampled(zeros, 1, [(counted, 2)], true, photos)[3]


def _sums(
    right: NDArray[np.float64], total: NDArray[np.float64], draws: int, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """W R and W T, each (draws, columns)."""
    hits, support = np.split(drawn_sums(np.concatenate([right, total], axis=1), draws, seed), 2, axis=1)
    return hits, support


def drawn_sums(table: NDArray[np.float64], draws: int = DRAWS, seed: int = 0) -> NDArray[np.float64]:
    """The sums of a table's rows, one for each photo, over each draw of photos: (photos, columns) -> (draws, columns).

    Some draws at a time.
    """
    number = len(table)
    rng = np.random.default_rng(seed)
    step = max(1, _INDICES_AT_ONCE // number)
    sums: list[NDArray[np.float64]] = []
    for start in range(0, draws, step):
        some = min(step, draws - start)
        drawn = rng.integers(number, size=(some, number)) + np.arange(some)[:, None] * number
        weights = np.bincount(drawn.ravel(), minlength=some * number).reshape(some, number).astype(np.float64)
        sums.append(weights @ table)
    return np.concatenate(sums)


def middle(values: NDArray[np.float64]) -> Interval | None:
    """The middle 95% of values, without those that are NaN; None where there are none."""
    values = values[~np.isnan(values)]
    if not values.size:
        return None
    low, high = np.percentile(values, (2.5, 97.5))
    return Interval(float(low), float(high))
