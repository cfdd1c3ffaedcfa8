"""supervision and pandas themselves: what we give them, and what they give us."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from made import MATERIALS, photo_and_label_map

from madeof import Predictor
from madeof.regions import Region, as_regions, regions_from_label_map

pytestmark = pytest.mark.ecosystem
PHOTO, LABELS = photo_and_label_map(1, 60, 83)
MASKS = np.stack([value == LABELS for value in np.unique(LABELS)[1:]])


@pytest.fixture(scope="module")
def sv() -> Any:
    return pytest.importorskip("supervision")


def test_answers_are_detections(sv: Any, tiny_predictor: Predictor) -> None:
    soft = Region("soft", np.where(MASKS[0], 0.9, 0.2).astype(np.float32))
    predictions = tiny_predictor.predict([*regions_from_label_map(LABELS), soft], encoded=tiny_predictor.encode(PHOTO))
    found = predictions.to_supervision()
    assert isinstance(found, sv.Detections)
    np.testing.assert_array_equal(found.mask, [*MASKS, MASKS[0]])
    np.testing.assert_array_equal(found.xyxy, predictions.boxes)
    np.testing.assert_array_equal(found.confidence, predictions.score)
    assert [MATERIALS[i] for i in found.class_id] == list(found["class_name"]) == list(predictions.material)
    sure = found[found.confidence > np.median(found.confidence)]
    assert len(sure) < len(found)
    np.testing.assert_allclose(found.area, [mask.sum() for mask in (*MASKS, MASKS[0])])
    drawn = sv.MaskAnnotator().annotate(PHOTO.copy(), found)
    drawn = sv.LabelAnnotator().annotate(drawn, found, labels=list(found["class_name"]))
    assert (drawn != PHOTO).any()
    assert predictions.to_supervision(masks=False).mask is None


def test_no_answers_are_no_detections(sv: Any, tiny_predictor: Predictor) -> None:
    none = tiny_predictor.predict([], encoded=tiny_predictor.encode(PHOTO)).to_supervision()
    assert len(none) == 0
    assert as_regions(none, LABELS.shape) == []


def test_detections_are_regions(sv: Any) -> None:
    names = np.array([f"thing {i}" for i in range(len(MASKS))])
    boxes = sv.mask_to_xyxy(MASKS)
    found = sv.Detections(xyxy=boxes, mask=MASKS, class_id=np.arange(len(MASKS)), data={"class_name": names})
    for given in (found, [found], list(found)):
        regions = as_regions(given, LABELS.shape)
        np.testing.assert_array_equal([region.mask for region in regions], MASKS)
        assert [region.name for region in regions] == [f"mask {i} (thing {i})" for i in range(len(MASKS))]
    np.testing.assert_array_equal([region.mask for region in as_regions(found.mask, LABELS.shape)], MASKS)


def test_compact_masks_are_regions(sv: Any) -> None:
    compact = pytest.importorskip("supervision.detection.compact_mask").CompactMask
    boxes = sv.mask_to_xyxy(MASKS)
    found = sv.Detections(xyxy=boxes, mask=compact.from_dense(MASKS, boxes, image_shape=LABELS.shape))
    np.testing.assert_array_equal([region.mask for region in as_regions(found, LABELS.shape)], MASKS)
    np.testing.assert_array_equal([region.mask for region in as_regions(found.mask, LABELS.shape)], MASKS)


def test_detections_without_masks_are_boxes(sv: Any) -> None:
    (region,) = as_regions(sv.Detections(xyxy=np.array([[10, 20, 40, 50]])), LABELS.shape)
    assert (region.box, region.area) == ((10, 20, 40, 50), 900)


def test_turned_boxes_are_outlines(sv: Any) -> None:
    corners = np.array([[[20, 5], [35, 20], [20, 35], [5, 20]]], dtype=np.float32)
    found = sv.Detections(xyxy=np.array([[5, 5, 35, 35]]), data={"xyxyxyxy": corners})
    for given in (found, list(found)):
        (region,) = as_regions(given, LABELS.shape)
        assert region.area == pytest.approx(450, rel=0.05)


def test_answers_are_a_table(tiny_predictor: Predictor) -> None:
    pd = pytest.importorskip("pandas")
    predictions = tiny_predictor.predict(regions_from_label_map(LABELS), encoded=tiny_predictor.encode(PHOTO))
    table = predictions.to_pandas()
    assert isinstance(table, pd.DataFrame)
    assert list(table.columns) == ["region", "area", "x0", "y0", "x1", "y1", "material", "score", "uncertain"]
    assert list(table["region"]) == [region.name for region in predictions.regions]
    np.testing.assert_array_equal(table[["x0", "y0", "x1", "y1"]], predictions.boxes)
    assert table.groupby("material")["area"].sum().sum() == predictions.areas.sum()
    assert table["uncertain"].isna().all()  # the model does not know its threshold
    assert len(predictions[[]].to_pandas()) == 0
