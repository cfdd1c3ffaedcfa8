"""A model that sees fine texture only from near, and photos with such texture."""

from __future__ import annotations

import io
import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from madeof.inference.predictor import Predictor
from madeof.model.preprocess import Preprocessing
from madeof.model.record import Record
from madeof.model.zooming import ZoomRule
from madeof.regions.region import Region

SIZE = 768, 1024
PREPROCESSING = Preprocessing((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), side=128, multiple=16)
RULE = ZoomRule(closer_below=400, enough=1600, small_below=30)


class Sessions:
    """Calls a region Rough where its pixels, as the net gets them, differ: which fine texture does in no small copy."""

    def __init__(self) -> None:
        self.encoded: list[tuple[int, ...]] = []

    def encode(self, image: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
        self.encoded.append(image.shape)
        return (image,)

    def describe(
        self, features: tuple[NDArray[np.float32], ...], masks: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], None]:
        rows = []
        for mask in masks[:, 0]:
            grey = features[0][0].mean(axis=0)
            mean = (grey * mask).sum() / mask.sum()
            spread = np.sqrt((((grey - mean) ** 2) * mask).sum() / mask.sum())
            rows.append([0.0, (spread - 30) / 10])
        return np.array(rows, np.float32), None


class Eye(Predictor):
    """A model that sees roughness."""

    def __init__(self, rule: ZoomRule = RULE, preprocessing: Preprocessing = PREPROCESSING) -> None:
        self.record = Record("eye", "1", ("Smooth", "Rough"), preprocessing, {}, zoom=rule)
        self.materials = self.record.materials
        self.sessions = Sessions()
        self._sessions: Any = self.sessions
        self._learned = None
        self._photos = threading.local()


def textured(*boxes: tuple[int, int, int, int], size: tuple[int, int] = SIZE) -> NDArray[np.uint8]:
    """Grey, with stripes of two pixels in some boxes."""
    photo = np.full((*size, 3), 128, np.uint8)
    stripes = np.where(np.arange(size[1]) // 2 % 2, 228, 28).astype(np.uint8)
    for x0, y0, x1, y1 in boxes:
        photo[y0:y1, x0:x1] = stripes[x0:x1, np.newaxis]
    return photo


def boxed(*boxes: tuple[int, int, int, int], size: tuple[int, int] = SIZE) -> list[Region]:
    return [Region.from_box(f"box {i}", box, size) for i, box in enumerate(boxes)]


def file_of(photo: NDArray[np.uint8], form: str = "JPEG", **settings: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(photo).save(file, form, **({"quality": 95, "subsampling": 0} if form == "JPEG" else {}), **settings)
    return file.getvalue()


ROUGH = 500, 300, 560, 360  # 7.5 pixels of the net in the first look, 60 in the closest
