"""Temperature scaling: one number that calibrates scores (Guo et al. 2017, arXiv 1706.04599)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_GOLDEN = (5**0.5 - 1) / 2
_ROUNDS = 40


def softmax(logits: NDArray[np.floating[Any]], temperature: float | NDArray[np.float64] = 1.0) -> NDArray[np.float64]:
    """Logits, (N, C), to probabilities, (N, C), at one temperature or one for each row, (N, 1)."""
    scaled = logits.astype(np.float64) / temperature
    scaled -= scaled.max(axis=1, keepdims=True)
    values: NDArray[np.float64] = np.exp(scaled, out=scaled)
    values /= values.sum(axis=1, keepdims=True)
    return values


def fit_temperature(logits: NDArray[np.floating[Any]], truth: NDArray[np.int64]) -> float:
    """The temperature in [0.1, 10] at which the scores give the true materials the highest likelihood.

    Args:
        logits: (N, C).
        truth: (N,) true outputs.

    Returns:
        the temperature; 1 when there are no regions. Found by golden-section search over its logarithm: the
        likelihood has one peak in 1 / temperature.
    """
    if not len(truth):
        return 1.0
    low, high = np.log(0.1), np.log(10.0)
    for _ in range(_ROUNDS):
        left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        if _loss(logits, truth, np.exp(left)) <= _loss(logits, truth, np.exp(right)):
            high = right
        else:
            low = left
    return float(np.exp((low + high) / 2))


def _loss(logits: NDArray[np.floating[Any]], truth: NDArray[np.int64], temperature: float) -> float:
    scaled = logits.astype(np.float64) / temperature
    scaled -= scaled.max(axis=1, keepdims=True)
    chosen = scaled[np.arange(len(truth)), truth]
    return float(np.mean(np.log(np.exp(scaled).sum(axis=1)) - chosen))
