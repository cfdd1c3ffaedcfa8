"""The picture of an explanation."""

from __future__ import annotations

import numpy as np
import pytest

from madeof.inference.explanation import explain
from madeof.inference.explanation_picture import draw
from madeof.inference.predictor import Predictor
from madeof.regions.region import Region


@pytest.mark.parametrize("size", [(64, 400), (400, 64), (64, 80)])
def test_the_picture_fits_photos_of_any_shape(size: tuple[int, int], tiny_predictor: Predictor) -> None:
    photo = np.full((*size, 3), (200, 40, 40), dtype=np.uint8)
    region = Region.from_box("box 0", (10, 10, 50, 50), size)
    found = explain(tiny_predictor, photo, region, looks=2)
    picture = np.asarray(draw(photo, region, found, title="a name that is so long that it has to be cut " * 9))
    assert picture.shape[1] <= 1328 + 32
    assert picture.std() > 5
