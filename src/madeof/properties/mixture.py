"""The distribution of a property of which it is not sure what the thing is made of.

Within a material m the value is uniform from the least to the largest that its sources give, U(l_m, h_m), or exactly
l_m where they are one. With the calibrated scores p_m, taken over the materials that have a value (w_m = p_m / P,
P = sum of their p_m), the value is a mixture with

    E[X]   = sum_m w_m (l_m + h_m) / 2
    Var[X] = sum_m w_m (h_m - l_m)^2 / 12        the spread within a material
           + sum_m w_m ((l_m + h_m) / 2 - E)^2   the doubt between materials        (law of total variance)
    F(x)   = sum_m w_m F_m(x)

and its quantiles are those of F. F is piecewise linear with steps: it is evaluated at all l_m and h_m, and the
quantile is found between two of them exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Mixtures(NamedTuple):
    """Q properties over C materials, ready for any number of scores."""

    low: Array
    """(Q, C), NaN where a material has no value."""
    high: Array
    points: Array
    """(Q, K): all ends of the intervals in order, the last repeated."""
    left: Array
    """(Q, K, C): F_m just under each point."""
    right: Array
    """(Q, K, C): F_m at each point."""

    @classmethod
    def of(cls, low: Array, high: Array) -> Mixtures:
        """Prepare the intervals, (Q, C) each; NaN where a material has no value."""
        ends = np.concatenate([low, high], axis=1)
        ends = np.where(np.isnan(ends), np.nanmax(ends, axis=1, initial=-np.inf)[:, None], ends)
        points = np.sort(np.where(np.isfinite(ends), ends, 0.0), axis=1)
        x, start, end = points[:, :, None], low[:, None, :], high[:, None, :]
        width = end - start
        with np.errstate(invalid="ignore", divide="ignore"):
            inside = np.clip((x - start) / width, 0, 1)
        left = np.where(width > 0, inside, x > start)
        right = np.where(width > 0, inside, x >= start)
        known = ~np.isnan(low)[:, None, :]
        return cls(low, high, points, np.where(known, left, 0.0), np.where(known, right, 0.0))

    def known(self, scores: Array) -> Array:
        """P, the mass of the materials that have a value: (N, C) scores -> (Q, N) in [0, 1]."""
        return np.clip(~np.isnan(self.low) @ scores.T, 0, 1)

    def weights(self, scores: Array) -> Array:
        """w: (N, C) scores -> (Q, C, N); NaN where no material of any mass has a value."""
        kept = np.where(np.isnan(self.low)[:, :, None], 0.0, scores.T[None])
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(kept / kept.sum(axis=1, keepdims=True))

    def moments(self, weights: Array) -> tuple[Array, Array, Array]:
        """E[X], and the variance within and between materials, (Q, N) each."""
        middle, width = np.nan_to_num((self.low + self.high) / 2), np.nan_to_num(self.high - self.low)
        mean = np.einsum("qc,qcn->qn", middle, weights)
        within = np.einsum("qc,qcn->qn", width**2 / 12, weights)
        between = np.einsum("qcn,qcn->qn", (middle[:, :, None] - mean[:, None, :]) ** 2, weights)
        return mean, within, between

    def quantile(self, weights: Array, q: float) -> Array:
        """The smallest x with F(x) >= q, (Q, N); q in [0, 1]."""
        return self.quantiles(weights, (q,))[0]

    def quantiles(self, weights: Array, qs: Sequence[float]) -> list[Array]:
        """The same for several q at once."""
        right, left = self.right @ weights, self.left @ weights  # (Q, K, N)
        nowhere = np.isnan(weights[:, 0])
        one, region = np.ogrid[: right.shape[0], : right.shape[2]]
        found = []
        for q in qs:
            at = (right >= q - 1e-12).argmax(axis=1)  # (Q, N)
            before = np.maximum(at - 1, 0)
            x, x0 = self.points[one, at], self.points[one, before]
            under, f0 = left[one, at, region], right[one, before, region]
            with np.errstate(invalid="ignore", divide="ignore"):
                between = x0 + (q - f0) / (under - f0) * (x - x0)
            found.append(np.where(nowhere, np.nan, np.where((under > q) & (at > 0), between, x)))
        return found

    def draw(self, weights: Array, count: int, random: np.random.Generator) -> Array:
        """Random values, (Q, N, count). The Q properties of a region share each draw's luck, as bands of one thing do.

        Args:
            weights: as `weights` gives them, (Q, C, N).
            count: draws for each region.
            random: where the luck comes from.
        """
        found = np.empty((weights.shape[0], weights.shape[2], count))
        for region in range(weights.shape[2]):
            which, place = random.random(count), random.random(count)
            for one, shares in enumerate(weights[:, :, region].cumsum(axis=1)):
                chosen = np.minimum(np.searchsorted(shares, which * shares[-1], side="right"), len(shares) - 1)
                low, high = self.low[one, chosen], self.high[one, chosen]
                found[one, region] = low + place * (high - low)
        return found
