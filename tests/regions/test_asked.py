"""Masks, boxes, polygons and label maps of one question."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from madeof.errors import RegionError
from madeof.regions.asked import asked_regions

SIZE = (6, 9)
LEFT = np.zeros(SIZE, dtype=bool)
LEFT[1:4, 1:4] = True
RIGHT = np.zeros(SIZE, dtype=bool)
RIGHT[2:5, 5:9] = True
BITS = np.stack([LEFT, RIGHT]).astype(np.uint8)


def test_asked_regions_in_order() -> None:
    found = asked_regions(
        SIZE, LEFT, boxes=(0, 0, 2, 2), polygons=[[(0, 0), (3, 0), (3, 3)], [0, 0, 3, 0, 3, 3]], label_map=BITS[1] * 4
    )
    assert [region.name for region in found] == ["mask 0", "box 0", "polygon 0", "polygon 1", "label 4 #1"]
    assert [region.area for region in found] == [9, 4, found[3].area, found[2].area, 12]
    (whole,) = asked_regions(SIZE)
    assert (whole.name, whole.area) == ("photo", 54)
    assert asked_regions(SIZE, [], boxes=np.zeros((0, 4))) == []


def test_one_polygon_needs_no_list() -> None:
    points = [(1, 1), (4, 1), (4, 4), (1, 4)]
    for given in (points, np.array(points), [points], [np.array(points)], (point for point in points)):
        (region,) = asked_regions(SIZE, polygons=given)
        np.testing.assert_array_equal(region.mask, LEFT)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"boxes": [1, 2, 3]}, r"expected \(N, 4\)"),
        ({"boxes": "1,2,3,4"}, "got of type str for boxes or polygons"),
        ({"boxes": [(4, 4, 1, 1)]}, "order its corners"),
        ({"polygons": [[1, 2, 3]]}, "polygon 0 is not an outline"),
        ({"label_map": BITS[0].T}, "the label map is 6 x 9 but the photo is 9 x 6"),
        ({"label_map": {"segmentation": BITS[0]}}, "give it as  masks"),
        ({"boxes": [(0, 0, 1, 1)], "soft": True}, "without masks"),
        ({"masks": LEFT, "background": -1}, "without label_map"),
    ],
)
def test_what_is_not_asked_right(given: dict[str, Any], message: str) -> None:
    with pytest.raises(RegionError, match=message):
        asked_regions(SIZE, **given)
