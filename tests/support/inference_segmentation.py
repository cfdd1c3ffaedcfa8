"""What several tests of inference/segmentation share."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from madeof.images.photo import read_photo
from madeof.inference.predictor import Encoded, Predictor
from madeof.model.calibration import Calibration
from madeof.regions.components import at_size
from madeof.regions.region import Region


class Judge(Predictor):
    """A model that calls a segment Red or Blue by its mean colour, the surer the clearer."""

    def __init__(self, record: Any) -> None:
        self.record = dataclasses.replace(record, materials=("Red", "Blue"), calibration=Calibration(1.0, None))
        self.materials = self.record.materials
        self._encoded = None
        self.asked: list[Region] = []

    def encode(self, image: Any, **_: Any) -> Encoded:
        return Encoded(read_photo(image), ())

    def _scores(self, checked: list[Region], encoded: Encoded, *_: Any) -> NDArray[np.float32]:
        self.asked += checked
        rows = []
        for region in checked:
            size = region.size
            pixels = at_size(encoded.photo.pixels, size)
            red, _, blue = pixels[region.mask > 0].mean(axis=0) / 255
            share = 1 / (1 + np.exp(-6 * (red - blue)))
            rows.append([share, 1 - share])
        return np.array(rows, dtype=np.float32)
