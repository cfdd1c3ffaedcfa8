"""What several tests of metrics/classification share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from madeof.metrics.classification import Metrics, measure


@dataclass
class Case:
    truth: NDArray[np.int64]
    scores: NDArray[np.float64]
    areas: NDArray[np.int64]
    photos: NDArray[np.int64]
    names: list[str]

    @property
    def predicted(self) -> NDArray[np.int64]:
        return self.scores.argmax(axis=1)

    @property
    def materials(self) -> list[str]:
        return [f"material {i}" for i in range(self.scores.shape[1])]

    def measure(self, **settings: object) -> Metrics:
        settings = {"draws": 0, **settings}
        return measure(
            self.truth,
            self.scores,
            self.areas,
            self.photos,
            materials=self.materials,
            names=self.names,
            **settings,  # type: ignore[arg-type]
        )


def make(seed: int, regions: int = 300, materials: int = 7, unknown: float = 0.0, occurring: int | None = None) -> Case:
    """Random scores that are right more often than not, of a share `unknown` of unnameable regions."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, occurring or materials, regions)
    logits = rng.normal(size=(regions, materials))
    logits[np.arange(regions), truth] += 1.5
    scores = np.exp(logits)
    scores /= scores.sum(axis=1, keepdims=True)
    truth[rng.random(regions) < unknown] = -1
    areas = np.exp(rng.normal(9.5, 2.5, regions)).astype(np.int64) + 1
    names = [f"Unknown {i % 3}" for i in range(regions)]
    return Case(truth, scores, areas, rng.integers(0, max(1, regions // 4), regions), names)
