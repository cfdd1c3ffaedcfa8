"""Maps of materials as files."""

from __future__ import annotations

import numpy as np

from madeof.export.segmentation import draw_map
from madeof.inference.segmentation import MaterialMap


def test_many_materials_need_sixteen_bits() -> None:
    names = tuple(f"m{i}" for i in range(300))
    scores = np.zeros((1, 300), dtype=np.float32)
    scores[0, 299] = 1
    found = MaterialMap(names, np.zeros((2, 2), dtype=np.int32), scores, (2, 2))
    assert found.labels().dtype == np.uint16
    assert (found.labels() == 300).all()


def test_the_picture_has_a_colour_for_each_of_seven() -> None:
    names = tuple(f"material {i}" for i in range(10))
    segments = np.repeat(np.arange(10, dtype=np.int32), 60)[None].repeat(200, axis=0)
    found = MaterialMap(names, segments, np.eye(10, dtype=np.float32), segments.shape)
    picture = np.asarray(draw_map(found, np.full((*segments.shape, 3), 128, dtype=np.uint8)))
    spots = picture[190, 30::60].astype(int)  # under the labels
    alike = np.abs(spots[:, None] - spots[None]).max(axis=2) < 12
    assert len({tuple(row) for row in alike}) == 7
