"""The temperature of scores."""

from __future__ import annotations

import numpy as np
import pytest

from madeof.metrics.temperature import fit_temperature


def test_temperature_undoes_overconfidence() -> None:
    random = np.random.default_rng(0)
    logits = random.normal(0, 2, (4000, 5))
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = np.array([random.choice(5, p=row) for row in chances])
    assert fit_temperature((logits * 3).astype(np.float32), truth) == pytest.approx(3, rel=0.1)
    assert fit_temperature(np.zeros((0, 5), dtype=np.float32), np.zeros(0, dtype=np.int64)) == 1.0
