"""The parts of a photo, and photos without them."""

from __future__ import annotations

import numpy as np
import pytest
from inference_explanation import BOX, SIZE

from madeof.images.photo import read_photo
from madeof.inference.occlusion import FILLINGS, divide, remove
from madeof.inference.predictor import Predictor
from madeof.regions.region import Region


@pytest.mark.parametrize(("size", "reach"), [((512, 512), 32), ((160, 320), 20), ((320, 160), 20), ((8, 8), 1)])
def test_the_ring_reaches_a_sixteenth_of_the_longer_side(size: tuple[int, int], reach: int) -> None:
    """As docs/explain.md says."""
    middle = size[0] // 2, size[1] // 2
    region = Region.from_box("box 0", (middle[1] - 1, middle[0] - 1, middle[1] + 1, middle[0] + 1), size)
    parts = divide(region, size)
    rows, columns = np.nonzero(parts["ring"] + parts["inside"])
    assert (middle[0] - 1 - rows.min(), rows.max() - middle[0]) == (reach, reach)
    assert (middle[1] - 1 - columns.min(), columns.max() - middle[1]) == (reach, reach)
    assert parts["ring"].sum() == (2 + 2 * reach) ** 2 - 4
    np.testing.assert_array_equal(sum(parts.values()), np.ones(size, np.float32))


def test_grey_is_the_stated_colour_and_smooth_goes_on_with_the_surroundings() -> None:
    pixels = np.full((64, 64, 3), (200, 40, 90), dtype=np.uint8)
    pixels[24:40, 24:40] = (0, 255, 0)
    photo = read_photo(pixels)
    inside = divide(Region.from_box("box 0", (24, 24, 40, 40), (64, 64)), (64, 64))["inside"]
    grey = remove(photo, inside, "grey", (1.0, 2.0, 3.0)).pixels
    assert (grey[24:40, 24:40] == (1, 2, 3)).all()
    smooth = remove(photo, inside, "smooth", (1.0, 2.0, 3.0)).pixels
    np.testing.assert_allclose(smooth, np.broadcast_to([200, 40, 90], smooth.shape), atol=25)
    assert (photo.pixels[30, 30] == (0, 255, 0)).all()  # which is not written to


def test_a_part_taken_away_leaves_the_rest(tiny_predictor: Predictor) -> None:
    photo = read_photo(np.random.default_rng(0).integers(0, 255, (*SIZE, 3), dtype=np.uint8))
    parts = divide(Region.from_box("box 0", BOX, SIZE), SIZE)
    assert np.allclose(sum(parts.values()), 1)
    for filling in FILLINGS:
        without = remove(photo, parts["ring"], filling, (1.0, 2.0, 3.0))
        changed = (without.pixels != photo.pixels).any(axis=2)
        assert not changed[parts["ring"] == 0].any()
        assert changed[parts["ring"] == 1].mean() > 0.95
