"""What several tests of few_shot/learning share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from learning_models import terrazzo
from made import photo_and_label_map

import madeof

EXAMPLES = [terrazzo(i) for i in range(5)]


ASKED = [terrazzo(i) for i in range(20, 30)]


def scores_of(folder: Path, photo: np.ndarray, masks: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Each material's scores."""
    predictor = madeof.load(folder, threads=1)
    predictor.set_image(photo)
    return dict(zip(predictor.materials, predictor.scores(masks).T, strict=True))


def stripes() -> tuple[np.ndarray, list[np.ndarray]]:
    photo, labels = photo_and_label_map(3)
    return photo, [labels == value for value in np.unique(labels[labels > 0])]
