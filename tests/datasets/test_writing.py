"""Outlines of masks: rasterised again they are the mask, to the pixel, here and in pycocotools."""

from __future__ import annotations

import cc3d
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pycocotools import mask as coco_mask

from madeof.datasets.writing import one_ring, outlines, without_holes
from madeof.errors import RegionError
from madeof.regions.shapes import Polygons

Mask = np.ndarray

masks = arrays.arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12))).filter(lambda mask: bool(mask.any()))


def pasted(polygons: Polygons, size: tuple[int, int]) -> Mask:
    part, (x, y) = polygons.cut(size)
    mask = np.zeros(size, dtype=bool)
    mask[y : y + part.shape[0], x : x + part.shape[1]] = part
    return mask


def nested() -> Mask:
    """A ring with an island that has a hole with an island, and another ring around nothing."""
    mask = np.zeros((30, 50), dtype=bool)
    for inset in range(7):
        mask[2 * inset + 1 : 29 - 2 * inset, 2 * inset + 1 : 29 - 2 * inset] = inset % 2 == 0
    mask[5:20, 35:48] = True
    mask[8:12, 38:42] = False
    mask[14:16, 43:46] = False
    return mask


@settings(max_examples=200, deadline=None)
@given(masks, st.integers(0, 3), st.integers(0, 3), st.integers(0, 2))
def test_outlines_give_the_mask_back(mask: Mask, x: int, y: int, more: int) -> None:
    size = mask.shape[0] + y + more, mask.shape[1] + x + more
    whole = np.zeros(size, dtype=bool)
    whole[y : y + mask.shape[0], x : x + mask.shape[1]] = mask
    found = outlines(mask, (x, y))
    parts = without_holes(found)
    assert (pasted(found, size) == whole).all()
    assert (pasted(Polygons(parts), size) == whole).all()
    assert (pasted(Polygons([one_ring(found)]), size) == whole).all()
    for ring in (*found.parts, *found.holes, *parts):
        assert ring.dtype == np.float64
        assert ring.shape[1] == 2
        assert len(ring) >= 4
        assert (ring == np.round(ring)).all()
        assert (ring != np.roll(ring, 1, axis=0)).any(axis=1).all()  # no point twice in a row


@settings(max_examples=200, deadline=None)
@given(masks)
def test_a_part_for_each_blob_and_a_hole_for_each_hole(mask: Mask) -> None:
    found = outlines(mask)
    assert len(found.parts) == cc3d.connected_components(mask, connectivity=8, return_N=True)[1]
    outside = np.pad(~mask, 1, constant_values=True)
    holes = cc3d.connected_components(outside, connectivity=4, return_N=True)[1] - 1
    islands = holes - len(found.holes)  # holes with islands in them are joined to their parts
    assert islands >= 0
    for ring in found.parts:
        assert _area(ring) > 0  # clockwise, as y runs down
    for ring in found.holes:
        assert _area(ring) < 0


def test_holes_islands_and_corners() -> None:
    mask = nested()
    found = outlines(mask)
    assert (len(found.parts), len(found.holes)) == (5, 2)  # of five holes three have an island in them
    assert (pasted(found, mask.shape) == mask).all()
    # Two pixels that touch at a corner are one component; two that lie apart are two.
    assert len(outlines(np.eye(2, dtype=bool)).parts) == 1
    assert len(outlines(np.eye(2, dtype=bool)[::-1]).parts) == 1
    assert len(outlines(np.array([[True, False, True]])).parts) == 2
    (one,) = outlines(np.ones((1, 1), dtype=bool), (7, 5)).parts
    assert one.tolist() == [[7, 5], [8, 5], [8, 6], [7, 6]]


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools' own
@settings(max_examples=200, deadline=None)
@given(masks)
def test_pycocotools_sees_the_same_pixels(mask: Mask) -> None:
    size = mask.shape
    rings = [ring.ravel().tolist() for ring in without_holes(outlines(mask))]
    theirs = coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(rings, *size))).astype(bool)
    assert (theirs == mask).all()


@settings(max_examples=200, deadline=None)
@given(masks)
def test_one_ring_by_the_non_zero_rule(mask: Mask) -> None:
    """Others fill outlines by the non-zero rule: the winding number of a pixel is 1 inside and 0 outside."""
    starts = one_ring(outlines(mask))
    ends = np.roll(starts, -1, axis=0)
    for y, x in np.ndindex(mask.shape):
        right = starts[:, 0] > x + 0.5
        down = (starts[:, 1] < y + 0.5) & (ends[:, 1] > y + 0.5)
        up = (starts[:, 1] > y + 0.5) & (ends[:, 1] < y + 0.5)
        assert int((down & right).sum()) - int((up & right).sum()) == int(mask[y, x])


def test_an_outline_with_fractions_keeps_its_pixels_when_its_hole_is_joined() -> None:
    random = np.random.default_rng(3)
    for _ in range(200):
        turn = np.sort(random.uniform(0, 2 * np.pi, 9))
        round_ = np.stack([np.cos(turn), np.sin(turn)], axis=1)
        middle = random.uniform(14, 16, 2)
        if np.diff(turn, append=turn[0] + 2 * np.pi).max() > 3:  # its middle is not inside
            continue
        polygons = Polygons([middle + round_ * 13.3], [middle + round_[::-1] * random.uniform(1, 9)])
        want = pasted(polygons, (30, 30))
        assert (pasted(Polygons(without_holes(polygons)), (30, 30)) == want).all()


def test_an_empty_mask_has_no_outline() -> None:
    with pytest.raises(RegionError, match=r"^its mask is empty; expected at least one pixel$"):
        outlines(np.zeros((3, 4), dtype=bool))


def _area(ring: Mask) -> float:
    (x, y), (x1, y1) = ring.T, np.roll(ring, -1, axis=0).T
    return float((x * y1 - x1 * y).sum() / 2)
