"""Dense maps: made from segments whose answer is known, written, and asked for on the command line."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from inference_segmentation import Judge
from made import photo_and_label_map
from numpy.typing import NDArray

import madeof
from madeof.errors import InputError, RegionError
from madeof.inference.predictor import Predictor
from madeof.inference.segmentation import map_materials, merge
from madeof.model.preprocess import resize_mask
from madeof.regions.components import at_size, regions_from_label_map
from madeof.regions.region import Region

RED, BLUE = (220, 60, 20), (20, 60, 220)


def _halves(height: int = 90, width: int = 120) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Red to the left of a slanting line, blue to the right, with grain; and what is red."""
    y, x = np.mgrid[:height, :width]
    red = x < width * 0.4 + y * 0.2
    pixels = np.where(red[:, :, None], RED, BLUE) + np.random.default_rng(0).normal(0, 12, (height, width, 3))
    return np.clip(pixels, 0, 255).astype(np.uint8), red


def test_a_map_follows_the_materials(map_judge: Judge) -> None:
    photo, red = _halves()
    found = map_materials(map_judge, photo)
    labels = found.labels()
    assert labels.shape == red.shape
    assert labels.dtype == np.uint8
    assert ((labels == 1) == red).mean() > 0.98
    assert [one.material for one in found.shares] == ["Blue", "Red"]
    assert sum(one.share for one in found.shares) == pytest.approx(1)
    assert found.shares[1].share == pytest.approx(red.mean(), abs=0.02)
    assert found.labelled == 1
    names = [region.name for region in map_judge.asked]
    assert len(set(names)) == len(names)  # a segment that is one of two scales is asked once
    assert found.score_map().max() <= 1
    assert np.allclose(np.maximum(found.score_of("Red"), found.score_of("Blue")), found.score_map())


def test_a_large_photo_has_a_map_of_its_own_size(map_judge: Judge) -> None:
    photo, red = _halves(400, 700)
    found = map_materials(map_judge, photo)
    assert max(found.segments.shape) == 512
    assert found.labels().shape == (400, 700)
    assert found.score_map().shape == (400, 700)
    assert ((found.labels() == 1) == red).mean() > 0.98


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (3, 2), (600, 5)])
def test_photos_of_odd_sizes(size: tuple[int, int], tiny_predictor: Predictor) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (*size, 3)).astype(np.uint8)
    found = map_materials(tiny_predictor, photo)
    assert found.labels().shape == size
    assert (found.labels() > 0).all()
    assert np.allclose(found.scores.sum(axis=1), 1, atol=1e-5)


def test_segments_that_are_given_get_the_scores_of_predict(tiny_predictor: Predictor) -> None:
    photo, label_map = photo_and_label_map(1)
    encoded = tiny_predictor.encode(photo)
    regions = regions_from_label_map(label_map)
    expected = tiny_predictor.scores(regions, encoded=encoded)
    for given in (label_map, label_map.astype(np.int64), regions, [region.mask for region in regions]):
        found = map_materials(tiny_predictor, encoded, given)
        assert np.array_equal(found.scores, expected)
        assert np.array_equal(found.labels() == 0, label_map == 0)
        for region, row in zip(regions, expected, strict=True):
            assert (found.labels()[region.mask > 0] == row.argmax() + 1).all()
    assert found.labelled == pytest.approx((label_map > 0).mean())


def test_one_scale_is_the_regions_asked_at_the_photo_size(tiny_predictor: Predictor) -> None:
    """Segments of a smaller copy of the photo give what the same segments give at the photo's size."""
    photo, _ = _halves(128, 192)
    encoded = tiny_predictor.encode(photo)
    small = np.zeros((64, 96), dtype=np.bool_)
    small[10:40, 20:70] = True
    large = small.repeat(2, axis=0).repeat(2, axis=1)
    expected = tiny_predictor.scores([large], encoded=encoded)
    found = tiny_predictor.scores([small], encoded=encoded, size=(64, 96))
    assert np.allclose(found, expected, atol=1e-5)
    odd = tiny_predictor.encode(photo[:101].repeat(2, axis=1)[:, :200])  # the net's size of a copy would be another
    whole = tiny_predictor.scores([np.ones((101, 200), dtype=np.bool_)], encoded=odd)
    copy = np.ones((49, 100), dtype=np.bool_)
    assert np.allclose(tiny_predictor.scores([copy], encoded=odd, size=(49, 100)), whole, atol=1e-5)
    with pytest.raises(RegionError, match="mask 0 is 96 x 64 but the photo is 192 x 128"):
        tiny_predictor.scores([small], encoded=encoded)


def test_by_value_and_by_blob(map_judge: Judge) -> None:
    photo, _ = _halves()
    label_map = np.zeros(photo.shape[:2], dtype=np.uint16)
    label_map[:20, :10] = label_map[60:, 100:] = 300  # one value, red and blue
    blobs = map_materials(map_judge, photo, label_map)
    assert [one.material for one in blobs.shares] == ["Blue", "Red"]
    one = map_materials(map_judge, photo, label_map, by_value=True)
    assert len(one.scores) == 1
    assert len(map_materials(map_judge, photo, label_map, min_area=300).scores) == 1
    with pytest.raises(RegionError, match=r"no segment of 9999 pixels or more; expected at least one"):
        map_materials(map_judge, photo, label_map, by_value=True, min_area=9999)


def test_the_smaller_mask_lies_on_the_larger(map_judge: Judge) -> None:
    photo, red = _halves()
    small = np.zeros_like(red)
    small[40:60, 5:15] = True
    found = map_materials(map_judge, photo, [small, np.ones_like(red)])
    assert (found.segments[small] == 0).all()
    assert (found.segments[~small] == 1).all()


def test_what_is_uncertain_is_not_labelled(map_judge: Judge) -> None:
    photo, red = _halves()
    half = np.zeros_like(red)
    half[:, 39:75] = True
    found = map_materials(map_judge, photo, [half, red & ~half], min_score=0.9)
    assert not found.labels()[half].any()
    assert (found.labels()[red & ~half] == 1).all()
    assert found.score_map()[half].min() > 0.5
    assert 0 < found.labelled < 1
    nothing = dataclasses.replace(found, min_score=1.0)
    assert nothing.shares == ()
    assert nothing.to_dict() == {"segments": 2, "labelled": 0.0, "materials": []}


def test_sure_scales_count_more() -> None:
    scores = np.array([[[0.98, 0.02]], [[0.3, 0.7]]], dtype=np.float32)
    assert merge(scores)[0, 0] > 0.8
    assert merge(scores[::-1])[0, 0] == merge(scores)[0, 0]
    assert np.allclose(merge(scores[:1]), scores[0])
    assert np.allclose(merge(scores).sum(axis=1), 1)
    assert np.isfinite(merge(np.array([[[1.0, 0.0]], [[0.0, 1.0]]], dtype=np.float32))).all()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"min_score": 1.5}, r"min_score is 1\.5; expected a score from 0 to 1"),
        ({"min_score": float("nan")}, "min_score is nan"),
        ({"scales": ()}, r"scales is \(\); expected at least one"),
        ({"scales": (0, 4)}, r"scales is \(0, 4\)"),
        ({"regions": "slic"}, "regions is 'slic'; expected 'superpixels', a label map"),
        ({"regions": np.zeros((90, 120))}, "the label map has the dtype float64; expected integers"),
        ({"regions": np.full((90, 120), -1)}, "expected integers, 0"),
        ({"regions": np.ones((9, 12), dtype=np.uint8)}, "the label map is 12 x 9 but the photo is 120 x 90"),
        ({"regions": np.zeros((90, 120), dtype=np.uint8)}, "no segment of 1 pixels or more"),
        ({"regions": []}, "no segment"),
        ({"regions": [np.zeros((90, 120), dtype=np.bool_)]}, "mask 0 is empty"),
    ],
)
def test_what_cannot_be_is_said(given: dict[str, Any], message: str, map_judge: Judge) -> None:
    with pytest.raises(InputError, match=message):
        map_materials(map_judge, _halves()[0], **given)


def test_a_material_that_the_model_lacks(map_judge: Judge) -> None:
    with pytest.raises(InputError, match="has no material 'Gold'; expected one of Red, Blue"):
        map_materials(map_judge, _halves()[0]).score_of("Gold")


def test_the_public_name(tiny_model: Path) -> None:
    photo, _ = photo_and_label_map(0)
    found = madeof.map_materials(madeof.load(tiny_model, threads=1), photo)
    assert isinstance(found, madeof.MaterialMap)


@pytest.mark.parametrize("size", [(12, 20), (31, 47)])
def test_a_region_of_a_smaller_copy_covers_the_same_cells(size: tuple[int, int]) -> None:
    """Nets that take masks at the photo's size are given them finer than the superpixels' copy is."""
    mask = np.zeros((6, 10), dtype=np.bool_)
    mask[1:4, 2:9] = True
    mask[2, 5] = False
    cells = resize_mask(Region("r", mask[1:4, 2:9], corner=(2, 1), photo_size=(6, 10)), size)
    fine = at_size(mask, (6 * 35, 10 * 47)).astype(np.float64)  # cells are whole numbers of these, or nearly
    assert cells.mean() == pytest.approx(mask.mean(), abs=1e-5)
    assert np.abs(at_size(cells, fine.shape) - fine).mean() < 0.1
    if size == (12, 20):
        assert np.array_equal(cells > 0.5, mask.repeat(2, axis=0).repeat(2, axis=1))
