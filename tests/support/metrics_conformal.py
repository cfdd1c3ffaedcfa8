"""What several tests of metrics/conformal share."""

from __future__ import annotations

from typing import Any

import numpy as np


def made(count: int, seed: int = 0, materials: int = 6, unknown: float = 0.0) -> tuple[Any, Any, Any]:
    """Scores, true materials and shares; small regions are harder."""
    random = np.random.default_rng(seed)
    shares = random.choice([0.01, 0.05, 0.3], count)
    truth = random.integers(0, materials, count)
    logits = random.normal(0, 1, (count, materials))
    logits[np.arange(count), truth] += 0.8 + shares
    scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth[random.random(count) < unknown] = -1
    return scores.astype(np.float32), truth, shares
