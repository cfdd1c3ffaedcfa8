"""Segmenters of transformers, small and with random weights: what they and their pipelines return are regions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from made import photo_and_label_map
from PIL import Image

from madeof import Predictor, RegionError
from madeof.regions import as_regions, regions_from_label_map

pytestmark = pytest.mark.ecosystem
PHOTO = photo_and_label_map(1, 60, 83)[0]
SIZE = PHOTO.shape[:2]


@pytest.fixture(scope="module")
def transformers() -> Any:
    found = pytest.importorskip("transformers")
    found.logging.set_verbosity_error()
    return found


@pytest.fixture(scope="module")
def torch() -> Any:
    found = pytest.importorskip("torch")
    found.manual_seed(0)
    return found


@pytest.fixture(scope="module")
def sam(transformers: Any, torch: Any) -> Any:
    """SAM with two layers, and its processor."""
    vision = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 64, "patch_size": 8,
              "output_channels": 16, "global_attn_indexes": [0], "window_size": 4, "mlp_dim": 16,
              "num_pos_feats": 8}  # fmt: skip
    prompt = {"hidden_size": 16, "image_size": 64, "patch_size": 8, "mask_input_channels": 4}
    decoder = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "mlp_dim": 16, "iou_head_depth": 2,
               "iou_head_hidden_dim": 16}  # fmt: skip
    config = transformers.SamConfig(vision_config=vision, prompt_encoder_config=prompt, mask_decoder_config=decoder)
    processor = transformers.SamImageProcessor(size={"longest_edge": 64}, pad_size={"height": 64, "width": 64})
    return transformers.SamModel(config).eval(), processor


@pytest.fixture(scope="module")
def mask2former(transformers: Any, torch: Any) -> Any:
    """Mask2Former with few queries, and its processor."""
    trunk = transformers.SwinConfig(
        image_size=64, embed_dim=8, depths=[1, 1, 1, 1], num_heads=[1, 1, 2, 2], window_size=2,
        out_features=["stage1", "stage2", "stage3", "stage4"],
    )  # fmt: skip
    config = transformers.Mask2FormerConfig(
        backbone_config=trunk, feature_size=32, mask_feature_size=32, hidden_dim=32, num_queries=12, encoder_layers=1,
        decoder_layers=2, num_attention_heads=2, dim_feedforward=16, encoder_feedforward_dim=16,
        id2label={0: "cup", 1: "table", 2: "spoon"},
    )  # fmt: skip
    processor = transformers.Mask2FormerImageProcessor(size={"height": 64, "width": 64}, do_resize=True)
    return transformers.Mask2FormerForUniversalSegmentation(config).eval(), processor


@pytest.fixture(scope="module")
def outputs(mask2former: Any, torch: Any) -> Any:
    """What Mask2Former says of the photo, made sure of so that segments are found."""
    model, processor = mask2former
    with torch.no_grad():
        found = model(**processor(images=Image.fromarray(PHOTO), return_tensors="pt"))
    found.class_queries_logits = torch.randn_like(found.class_queries_logits) * 9
    found.masks_queries_logits = (found.masks_queries_logits - found.masks_queries_logits.mean((-1, -2), True)) * 40
    return found


def test_masks_of_sam(sam: Any, torch: Any, tiny_predictor: Predictor) -> None:
    model, processor = sam
    inputs = processor(Image.fromarray(PHOTO), return_tensors="pt")
    sizes = inputs.pop("original_sizes"), inputs.pop("reshaped_input_sizes")
    points = torch.tensor([[[[20.0, 20.0]], [[60.0, 30.0]]]])
    out = model(**inputs, input_points=points)  # with a gradient
    logits = processor.post_process_masks(out.pred_masks, *sizes, binarize=False)
    assert logits[0].shape == (2, 3, *SIZE)
    assert logits[0].requires_grad
    with pytest.raises(RegionError, match="choose one of the candidates of each prompt"):
        as_regions(logits, SIZE, logits_above=0)
    best = logits[0][:, :1]
    level = float(best.detach().median())
    masks = (best > level)[:, 0].numpy()
    for given in (best, best[:, 0], best.to(torch.bfloat16), [each for each in best[:, 0]]):
        near = given if isinstance(given, list) or given.dtype == torch.float32 else given.float()
        found = np.stack([region.mask for region in as_regions(given, SIZE, logits_above=level)])
        if near is given:
            np.testing.assert_array_equal(found, masks)
        else:
            assert (found == masks).mean() > 0.9  # bfloat16 has three digits
    encoded = tiny_predictor.encode(PHOTO)
    assert len(tiny_predictor.predict(best, encoded=encoded, logits_above=level)) == 2
    with pytest.raises(RegionError, match="logits_above=0  for logits"):
        as_regions(best * 100, SIZE)


def test_the_pipeline_mask_generation(sam: Any, transformers: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    model, processor = sam
    module = "transformers.models.sam.image_processing_sam.batched_nms"  # compiled: not with every build of torchvision
    monkeypatch.setattr(module, lambda boxes, scores, idxs, iou_threshold: scores.argsort(descending=True))
    pipeline = transformers.pipeline("mask-generation", model=model, image_processor=processor, device="cpu")
    found = pipeline(
        Image.fromarray(PHOTO), points_per_crop=4, pred_iou_thresh=-9, stability_score_thresh=-1, mask_threshold=0.0,
        output_rle_mask=True,
    )  # fmt: skip
    kept = [mask for mask in found["masks"] if np.asarray(mask).any()]
    assert kept
    regions = as_regions({**found, "masks": kept}, SIZE)
    np.testing.assert_array_equal([region.mask for region in regions], np.asarray(kept))
    runs = [runs for runs, mask in zip(found["rle_mask"], found["masks"], strict=True) if np.asarray(mask).any()]
    np.testing.assert_array_equal([region.mask for region in as_regions(runs, SIZE)], np.asarray(kept))


@pytest.mark.parametrize("kind", ["instance", "panoptic"])
def test_segments(kind: str, mask2former: Any, outputs: Any, tiny_predictor: Predictor) -> None:
    post_process = getattr(mask2former[1], f"post_process_{kind}_segmentation")
    options = {"threshold": 0.1, "target_sizes": [SIZE], "overlap_mask_area_threshold": 0.0}
    (found,) = post_process(outputs, **options, **({"label_ids_to_fuse": set()} if kind == "panoptic" else {}))
    ids = [segment["id"] for segment in found["segments_info"]]
    assert len(ids) > 1
    values = found["segmentation"].numpy()
    left = [i for i in ids if (values == i).any()]  # of some nothing is left, others were painted over them
    for given in (found, [found]):
        regions = as_regions(given, SIZE, skip_empty=True)
        np.testing.assert_array_equal([region.mask for region in regions], [values == i for i in left])
    predictions = tiny_predictor.predict(found, encoded=tiny_predictor.encode(PHOTO), skip_empty=True)
    assert len(predictions) == len(left)
    if kind == "instance":
        assert values.min() == -1
        assert 0 in ids
        assert len(left) < len(ids)
        with pytest.raises(RegionError, match=r"is empty; .*, or leave it out \(skip_empty=True\)"):
            as_regions(found, SIZE)
        with pytest.raises(RegionError, match=r"background=-1"):
            regions_from_label_map(found["segmentation"])
        again = regions_from_label_map(found["segmentation"], background=-1)
        assert {region.value for region in again} == set(np.unique(values)) - {-1}
        (maps,) = post_process(outputs, **options, return_binary_maps=True)
        assert len(as_regions(maps, SIZE)) == len(maps["segments_info"])
        (runs,) = post_process(outputs, **options, return_coco_annotation=True)
        with pytest.raises(RegionError, match="leave out return_coco_annotation"):
            as_regions(runs, SIZE)


@pytest.mark.parametrize("subtask", ["panoptic", "instance", "semantic"])
def test_the_pipeline_image_segmentation(
    subtask: str, mask2former: Any, outputs: Any, transformers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, processor = mask2former
    monkeypatch.setattr(model, "forward", lambda **_: outputs)
    pipeline = transformers.pipeline("image-segmentation", model=model, image_processor=processor, device="cpu")
    found = pipeline(Image.fromarray(PHOTO), subtask=subtask, threshold=0.1, overlap_mask_area_threshold=0.0)
    assert found
    regions = as_regions(found, SIZE, skip_empty=True)
    left = [(i, one) for i, one in enumerate(found) if np.asarray(one["mask"]).any()]
    np.testing.assert_array_equal([region.mask for region in regions], [np.asarray(one["mask"]) > 0 for _, one in left])
    assert [region.name for region in regions] == [f"mask {i} ({one['label']})" for i, one in left]


def test_a_semantic_map_is_a_label_map(mask2former: Any, outputs: Any) -> None:
    (found,) = mask2former[1].post_process_semantic_segmentation(outputs, target_sizes=[SIZE])
    regions = regions_from_label_map(found, background=255)  # class 0 is one like any other
    assert {region.value for region in regions} == set(np.unique(found.numpy()).tolist())
    assert sum(region.area for region in regions) == SIZE[0] * SIZE[1]
