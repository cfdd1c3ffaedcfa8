"""What several tests of evaluation/run share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from madeof.errors import RegionError
from madeof.inference.prediction import Prediction
from madeof.model.calibration import Calibration
from madeof.model.preprocess import Preprocessing

MATERIALS = ("Brick", "Fabric / cloth", "Glass")


def record_of(**values: Any) -> Any:
    """What an evaluation wants of a record."""
    defaults = {"name": "fake", "version": "3", "calibration": Calibration(), "preprocessing": Preprocessing()}
    return SimpleNamespace(**(defaults | values))


@dataclass
class FakePredictor:
    """Reads the scores off the photo: the red of a region's first pixel is the number of its material."""

    materials: tuple[str, ...] = MATERIALS
    record: Any = field(default_factory=record_of)
    refuses: int = -1
    """A photo whose green is this is refused."""
    bad_score: float | None = None
    image: Any = None
    seen: int = 0

    def set_image(self, image: NDArray[np.uint8]) -> None:
        if image[0, 0, 1] == self.refuses:
            raise RegionError("mask 0 is empty")
        self.image = image
        self.seen += 1

    def predict(self, masks: Sequence[NDArray[np.bool_]]) -> list[Prediction]:
        predictions = []
        for mask in masks:
            scores = np.full(len(self.materials), 0.1, dtype=np.float32)
            scores[self.image[mask][0, 0]] = 0.7 if self.bad_score is None else self.bad_score
            predictions.append(Prediction(self.materials, scores, float(mask.sum()), (0, 0, 1, 1)))
        return predictions


class FakeDataset:
    """Photos as lists of (material, what the predictor will say, box), read one at a time."""

    digest = "cafe" * 16

    def __init__(
        self,
        photos: dict[str, list[tuple[int, int, tuple[int, int, int, int]]] | Exception],
        materials: tuple[str, ...] = MATERIALS,
        sources: tuple[str, ...] | None = None,
    ) -> None:
        self.materials = materials
        self.photos = SimpleNamespace(name=list(photos), source=sources or ("",) * len(photos))
        self._photos = list(photos.values())
        self.reads: list[int] = []

    def __len__(self) -> int:
        return len(self._photos)

    def read(self, photo: int) -> Any:
        self.reads.append(photo)
        regions = self._photos[photo]
        if isinstance(regions, Exception):
            raise regions
        image = np.full((40, 60, 3), photo, dtype=np.uint8)
        masks = np.zeros((len(regions), 40, 60), dtype=bool)
        for mask, (_, said, (x0, y0, x1, y1)) in zip(masks, regions, strict=True):
            mask[y0:y1, x0:x1] = True
            image[mask] = (said, photo, 0)
        return SimpleNamespace(
            name=self.photos.name[photo],
            image=image,
            masks=masks,
            materials=np.array([material for material, _, _ in regions], dtype=np.int64),
            regions=np.arange(len(regions)) + 10 * photo,
        )


LEFT, RIGHT = (0, 0, 20, 40), (30, 5, 60, 40)
