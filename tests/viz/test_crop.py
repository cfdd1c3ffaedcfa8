"""The part of a photo that is shown with a region."""

from __future__ import annotations

import numpy as np
import pytest

from madeof.viz.crop import frame


@pytest.mark.parametrize("box", [(300, 400, 420, 560), (0, 0, 10, 10), (590, 790, 600, 800), (100, 0, 110, 800)])
def test_a_region_is_shown_whole_with_what_is_around_it(box: tuple[int, int, int, int]) -> None:
    mask = np.zeros((600, 800), dtype=np.bool_)
    mask[box[0] : box[2], box[1] : box[3]] = True
    rows, columns = frame(mask)
    assert 0 <= rows.start <= box[0] < box[2] <= rows.stop <= 600
    assert 0 <= columns.start <= box[1] < box[3] <= columns.stop <= 800
    wide, tall = columns.stop - columns.start, rows.stop - rows.start
    assert wide >= min(800, max(96, 1.6 * (box[3] - box[1])))
    assert wide / tall == pytest.approx(4 / 3, abs=0.02)


def test_nothing_is_the_whole_photo_and_a_small_photo_is_shown_whole() -> None:
    assert frame(np.zeros((60, 80), dtype=np.bool_)) == (slice(0, 60), slice(0, 80))
    assert frame(np.ones((30, 40), dtype=np.bool_)) == (slice(0, 30), slice(0, 40))
