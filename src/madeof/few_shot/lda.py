"""Linear discriminant analysis (one shared covariance), which separates a new material from the old ones.

Regions of one material are taken to lie around its mean as those of every other do (Fisher 1936; the shrunk covariance
of Ledoit and Wolf 2004, at a fixed strength). So five regions are enough for a mean, and what a few of them cannot say,
how such regions scatter, is known from the old materials. Everything is in closed form. What else was tried is in
docs/research/few-shot.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from madeof.model.learned_head import log_sum_exp

SHRINKAGE = 0.5
"""How far the covariance is drawn to that of a ball."""
PULL = 0.5
"""The mean of a new material is drawn to that of all regions as by so many of them."""


@dataclass(frozen=True, eq=False)
class Discriminant:
    """The old materials, as Gaussians of one covariance."""

    centre: NDArray[np.float64]
    """(D,) the mean of all regions."""
    precision: NDArray[np.float64]
    """(D, D) the inverse of the covariance within materials."""
    weight: NDArray[np.float64]
    """(C, D) of the old materials' discriminants."""
    bias: NDArray[np.float64]
    """(C,) of the same; -inf where a material has no region."""

    @classmethod
    def fit(cls, embedding: NDArray[np.float32], material: NDArray[np.int64], materials: int) -> Discriminant:
        """Fit to regions with known materials.

        Args:
            embedding: (M, D).
            material: (M,) from 0 to `materials` - 1.
            materials: how many there are.
        """
        x = embedding.astype(np.float64)
        counts = np.bincount(material, minlength=materials)
        sums = np.zeros((materials, x.shape[1]))
        np.add.at(sums, material, x)
        means = sums / counts.clip(min=1)[:, None]
        off = x - means[material]
        within = off.T @ off / max(1, len(x) - int((counts > 0).sum()))
        size = max(float(np.trace(within)) / len(within), 1e-12)
        within *= 1 - SHRINKAGE
        within[np.diag_indices_from(within)] += SHRINKAGE * size
        precision = np.linalg.inv(within)
        weight, bias = _linear(means, precision)
        shares = np.log((counts + 1) / (counts + 1).sum())  # one region more of each: a share is never 0
        return cls(x.mean(axis=0), precision, weight, np.where(counts > 0, bias + shares, -np.inf))

    def of_examples(self, embedding: NDArray[np.float32]) -> tuple[NDArray[np.float64], float]:
        """The weight (D,) and bias of a new material's discriminant, from its examples (n, D), n at least 1."""
        mean = (embedding.sum(axis=0, dtype=np.float64) + PULL * self.centre) / (len(embedding) + PULL)
        weight, bias = _linear(mean[None], self.precision)
        return weight[0], float(bias[0])

    def against_old(
        self, embedding: NDArray[np.float32], weight: NDArray[np.float64], bias: float
    ) -> NDArray[np.float64]:
        """How much likelier (in logarithms) regions (N, D) are under a new material than under all old ones, (N,)."""
        x = embedding.astype(np.float64)
        return np.asarray(x @ weight + bias - log_sum_exp(x @ self.weight.T + self.bias))


def _linear(
    means: NDArray[np.float64], precision: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    weight = means @ precision
    return weight, -0.5 * (weight * means).sum(axis=1)
