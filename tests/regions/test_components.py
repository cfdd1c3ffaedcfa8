"""Connected components of label maps, with scikit-image as a second opinion."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.draw
import skimage.measure

from madeof.model.preprocess import Preprocessing
from madeof.regions.components import connected_components, regions_from_label_map
from madeof.regions.region import mask_box


@pytest.mark.parametrize("size", [(90, 130), (37, 61)])
def test_many_blobs_are_as_their_masks_one_by_one(size):
    random = np.random.default_rng(1)
    coarse = random.integers(0, 4, (size[0] // 6 + 1, size[1] // 6 + 1), dtype=np.uint8)
    label_map = np.kron(coarse, np.ones((6, 6), dtype=np.uint8))[: size[0], : size[1]]
    regions = regions_from_label_map(label_map)
    assert len(regions) > 15
    preprocessing = Preprocessing(side=64)
    together = preprocessing.masks(regions)
    for region, cells in zip(regions, together, strict=True):
        assert (region.area, region.box) == (region.mask.sum(), mask_box(region.mask))
        assert region.cut.shape == (region.box[3] - region.box[1], region.box[2] - region.box[0])
        assert (label_map[region.mask] == region.value).all()
        np.testing.assert_allclose(cells, preprocessing.masks([region.mask])[0], atol=1e-6)
    labelled = preprocessing.masks([label_map > 0])[0]
    np.testing.assert_allclose(together.sum(axis=0), labelled, atol=1e-5)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.uint32, np.int64])
@pytest.mark.parametrize("layout", [np.ascontiguousarray, np.asfortranarray, lambda a: np.repeat(a, 2, axis=1)[:, ::2]])
def test_blobs_against_scikit_image(dtype, layout):
    rng = np.random.default_rng(1)
    for shape in ((1, 1), (1, 9), (9, 1), (37, 53)):
        label_map = layout(rng.choice([0, 1, 2, 43, 255], shape).astype(dtype))
        blobs = connected_components(label_map, ignore=(0, 255))
        second = skimage.measure.label(np.where(label_map == 255, 0, label_map), connectivity=2, background=0)
        np.testing.assert_array_equal(blobs.components, second)  # the same order too: reading order
        found = skimage.measure.regionprops(second)
        assert len(found) == len(blobs.values) == len(blobs.areas) == len(blobs.boxes)
        for k, expected in enumerate(found):
            y0, x0, y1, x1 = expected.bbox
            assert blobs.boxes[k].tolist() == [x0, y0, x1, y1]
            assert blobs.areas[k] == expected.area
            assert blobs.values[k] == label_map[tuple(expected.coords[0])]


def test_blobs_of_nothing():
    for label_map in (np.zeros((4, 5), np.uint8), np.full((4, 5), 255, np.uint8)):
        components, values, areas, boxes = connected_components(label_map, ignore=(255,))
        assert not components.any()
        assert values.shape == areas.shape == (0,)
        assert boxes.shape == (0, 4)
        assert regions_from_label_map(label_map, ignore=(0, 255)) == []


def test_label_map_regions_are_named_in_reading_order():
    label_map = np.array(
        [
            [0, 5, 0, 0, 2],
            [5, 0, 0, 0, 2],
            [0, 0, 0, 5, 0],
            [2, 0, 5, 5, 0],
        ],
        dtype=np.uint8,
    )
    regions = regions_from_label_map(label_map)
    assert [(r.name, r.value, r.area) for r in regions] == [
        ("label 2 #1", 2, 2),
        ("label 2 #2", 2, 1),
        ("label 5 #1", 5, 2),
        ("label 5 #2", 5, 3),
    ]
    np.testing.assert_array_equal(sum(r.mask * r.value for r in regions), label_map)
    assert [r.name for r in regions_from_label_map(label_map, min_area=3)] == ["label 5 #2"]
    assert [r.name for r in regions_from_label_map(label_map, ignore=(5,))] == ["label 2 #1", "label 2 #2"]
