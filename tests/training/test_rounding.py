"""Weights rounded for what a convolution gives."""

from __future__ import annotations

import numpy as np

from madeof.training.rounding import rounded


def test_outputs_keep_better_than_by_rounding_to_the_nearest() -> None:
    """Inputs that are alike, as those of a pointwise convolution are, let one weight make good another's error."""
    random = np.random.default_rng(0)
    inputs = np.maximum(random.standard_normal((64, 8)) @ random.standard_normal((8, 4000)), 0)
    weight = random.standard_normal((16, 64))
    scale = np.abs(weight).max(axis=1) / 16
    steps = rounded(weight, scale, inputs @ inputs.T / inputs.shape[1])
    nearest = np.rint(weight / scale[:, None])
    assert np.array_equal(steps, np.rint(steps))
    assert np.abs(steps).max() <= 64
    errors = [float(np.square((w * scale[:, None] - weight) @ inputs).mean()) for w in (steps, nearest)]
    assert errors[0] < 0.4 * errors[1]


def test_weights_on_the_grid_stay() -> None:
    random = np.random.default_rng(0)
    steps = random.integers(-64, 65, (5, 7)).astype(float)
    scale = random.random(5) + 0.1
    moments = np.cov(random.standard_normal((7, 100)))
    np.testing.assert_array_equal(rounded(steps * scale[:, None], scale, moments), steps)
