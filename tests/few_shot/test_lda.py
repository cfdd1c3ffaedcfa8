"""The discriminant, with SciPy as a second opinion."""

from __future__ import annotations

import numpy as np

from madeof.few_shot.lda import Discriminant


def test_the_discriminant_is_what_scipy_would_say() -> None:
    """Differences of log-densities, written out."""
    random = np.random.default_rng(0)
    x, material = random.normal(size=(200, 6)).astype(np.float32), random.integers(0, 3, 200)
    x += 2 * np.eye(3, 6)[material]
    found = Discriminant.fit(x, material, 3)
    means = np.stack([x[material == c].mean(axis=0) for c in range(3)])
    covariance, counts = np.linalg.inv(found.precision), np.bincount(material) + 1

    def density(values: np.ndarray, mean: np.ndarray) -> np.ndarray:
        off = values - mean
        return -0.5 * np.einsum("nd,de,ne->n", off, np.linalg.inv(covariance), off)

    own = random.normal(size=(4, 6)).astype(np.float32)
    new = found.of_examples(own)
    mean = (own.sum(axis=0) + 0.5 * x.mean(axis=0)) / 4.5
    old = np.log(sum(counts[c] / counts.sum() * np.exp(density(x, means[c])) for c in range(3)))
    np.testing.assert_allclose(found.against_old(x, *new), density(x, mean) - old, rtol=1e-4, atol=1e-4)
