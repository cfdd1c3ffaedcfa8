"""What `as_regions` takes, and what it refuses: the shapes of other libraries' results, without those libraries."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from madeof.errors import RegionError
from madeof.regions import Region, as_regions
from madeof.regions.as_regions import one_region
from madeof.regions.rle import compress, encode_rle

SIZE = (6, 9)
LEFT = np.zeros(SIZE, dtype=bool)
LEFT[1:4, 1:4] = True
RIGHT = np.zeros(SIZE, dtype=bool)
RIGHT[2:5, 5:9] = True
BOTH = np.stack([LEFT, RIGHT])
BITS = BOTH.astype(np.uint8)
COUNTS = [encode_rle(mask, (0, 0), SIZE) for mask in BOTH]
FROM_LEFT, FROM_RIGHT = [4, 1, 4, 4], [5, 2, 9, 5]  # x0, y0, x1, y1; see the boxes below


def grey(mask: NDArray[Any]) -> Image.Image:
    return Image.fromarray((mask * 255).astype(np.uint8))


class Tensor:
    """As a tensor of PyTorch behaves that has a gradient, on another device, in bfloat16."""

    def __init__(self, values: NDArray[Any], dtype: str = "torch.float32", steps: str = "") -> None:
        self.values, self.dtype, self.steps = values, dtype, steps
        self.ndim = values.ndim

    def detach(self) -> Tensor:
        return Tensor(self.values, self.dtype, self.steps + "detach ")

    def cpu(self) -> Tensor:
        return Tensor(self.values, self.dtype, self.steps + "cpu ")

    def float(self) -> Tensor:
        return Tensor(self.values.astype(np.float32), "torch.float32", self.steps)

    def __array__(self, dtype: Any = None, copy: Any = None) -> NDArray[Any]:
        if self.steps != "detach cpu ":
            raise RuntimeError("it has a gradient, and is elsewhere")
        if self.dtype == "torch.bfloat16":
            raise TypeError("Got unsupported ScalarType BFloat16")
        return self.values


MASKS = [
    pytest.param(BOTH, id="(N, H, W)"),
    pytest.param(BOTH[:, None], id="(N, 1, H, W)"),
    pytest.param(BOTH[..., None], id="(N, H, W, 1)"),
    pytest.param(np.asfortranarray(BOTH), id="Fortran"),
    pytest.param(list(BOTH), id="list"),
    pytest.param(iter(BOTH), id="iterator"),
    pytest.param([mask[None] for mask in BOTH], id="list of (1, H, W)"),
    pytest.param(BITS, id="0 and 1"),
    pytest.param(BITS * np.uint8(255), id="0 and 255"),
    pytest.param(BOTH.tolist(), id="nested lists"),
    pytest.param(Tensor(BITS), id="tensor"),
    pytest.param(Tensor(BITS[:, None].astype(np.float32), "torch.bfloat16"), id="bfloat16"),
    pytest.param([Tensor(mask) for mask in BITS], id="list of tensors"),
    pytest.param([grey(mask) for mask in BOTH], id="PIL images"),
    pytest.param([Region("a", LEFT), Region("b", RIGHT)], id="regions"),
    pytest.param([{"segmentation": mask, "bbox": [0, 0, 1, 1], "predicted_iou": 0.9} for mask in BOTH], id="SAM"),
    pytest.param([{"size": list(SIZE), "counts": compress(c)} for c in COUNTS], id="run lengths"),
    pytest.param([{"size": list(SIZE), "counts": compress(c).decode()} for c in COUNTS], id="run lengths as text"),
    pytest.param([{"size": list(SIZE), "counts": c.tolist()} for c in COUNTS], id="uncompressed run lengths"),
    pytest.param(
        [{"image_id": 3, "segmentation": {"size": list(SIZE), "counts": compress(c)}} for c in COUNTS], id="COCO"
    ),
    pytest.param(
        {"image": {"height": 6}, "annotations": [{"segmentation": {"size": SIZE, "counts": c}} for c in COUNTS]},
        id="SA-1B",
    ),
    pytest.param(
        [{"segmentation": [[1, 1, 4, 1, 4, 4, 1, 4]]}, {"segmentation": [[5, 2, 9, 2, 9, 5, 5, 5]]}], id="outlines"
    ),
    pytest.param({"masks": list(BOTH), "scores": Tensor(np.ones(2))}, id="mask-generation"),
    pytest.param({"masks": BOTH[:, None].astype(np.float32), "boxes": np.ones((2, 4))}, id="torchvision"),
    pytest.param([{"score": None, "label": "a", "mask": grey(mask)} for mask in BOTH], id="image-segmentation"),
    pytest.param(
        [
            {"score": 0.9, "label": "a", "box": {"xmin": 1, "ymin": 1, "xmax": 4, "ymax": 4}},
            {"score": 0.9, "label": "b", "box": {"xmin": 5, "ymin": 2, "xmax": 9, "ymax": 5}},
        ],
        id="object-detection",
    ),
    pytest.param(
        {"segmentation": Tensor(BITS[0] + BITS[1] * 2 - np.float32(1)), "segments_info": [{"id": 0}, {"id": 1}]},
        id="instances, -1 outside",
    ),
    pytest.param(
        [{"segmentation": BITS[0] * 4 + BITS[1] * 7, "segments_info": [{"id": 4, "label_id": 1}, {"id": 7}]}],
        id="panoptic, for one photo of a batch",
    ),
    pytest.param({"segmentation": BOTH, "segments_info": [{"id": 0}, {"id": 1}]}, id="a map for each segment"),
    pytest.param(SimpleNamespace(xyxy=np.ones((2, 4)), mask=BOTH, class_id=None, data={}), id="Detections"),
    pytest.param(
        SimpleNamespace(xyxy=np.array([[1, 1, 4, 4], [5, 2, 9, 5]]), mask=None, class_id=None, data={}),
        id="Detections without masks",
    ),
    pytest.param([(np.ones(4), mask, 0.9, 1, None, {"class_name": "cup"}) for mask in BOTH], id="iterated Detections"),
    pytest.param(SimpleNamespace(masks=SimpleNamespace(data=Tensor(BITS)), boxes=None), id="masks.data"),
    pytest.param(
        [
            SimpleNamespace(
                masks=SimpleNamespace(
                    data=np.ones((2, 3, 3)),
                    xy=[np.array([[1, 1], [4, 1], [4, 4], [1, 4.0]]), np.array([[5, 2], [9, 2], [9, 5], [5, 5.0]])],
                ),
                boxes=SimpleNamespace(cls=np.array([1.0, 0.0])),
                names={0: "cup", 1: "bowl"},
                orig_shape=SIZE,
            )
        ],
        id="masks.xy, where masks.data are of another size",
    ),
    pytest.param(
        (
            np.array([[[1, 1]], [[1, 3]], [[3, 3]], [[3, 1]]], dtype=np.int32),
            np.array([[[5, 2]], [[5, 4]], [[8, 4]], [[8, 2]]], dtype=np.int32),
        ),
        id="contours",
    ),
]


@pytest.mark.parametrize("thing", MASKS)
def test_every_convention_gives_the_same_two_masks(thing: Any) -> None:
    regions = as_regions(thing, SIZE)
    assert len(regions) == 2
    for region, mask in zip(regions, BOTH, strict=True):
        np.testing.assert_array_equal(region.mask > 0.5, mask)
        assert region.cut.shape == (3, 3 if region is regions[0] else 4)  # cut out to its box


@pytest.mark.parametrize(
    "thing",
    [LEFT, LEFT[None], LEFT[..., None], Tensor(BITS[0]), BITS[0].tolist(), grey(LEFT), [LEFT], [[LEFT[None]]][0]],
    ids=["(H, W)", "(1, H, W)", "(H, W, 1)", "tensor", "nested list", "PIL image", "list", "list of (1, H, W)"],
)
def test_one_mask_needs_no_list(thing: Any) -> None:
    np.testing.assert_array_equal(one_region(thing, SIZE).mask, LEFT)


@pytest.mark.parametrize(
    "thing",
    [[], (), np.zeros((0, *SIZE)), np.zeros((0, 1, *SIZE)), np.zeros(0), {"masks": [], "scores": []},
     {"segmentation": None, "segments_info": []}, ((), None)],
)  # fmt: skip
def test_nothing_found_is_no_region(thing: Any) -> None:
    assert as_regions(thing, SIZE) == []


def test_names_say_what_the_library_calls_the_region() -> None:
    mask = grey(LEFT)
    assert one_region([{"label": "cup", "score": 1.0, "mask": mask}], SIZE).name == "mask 0 (cup)"
    found = SimpleNamespace(
        xyxy=np.ones((1, 4)), mask=LEFT[None], class_id=None, data={"class_name": np.array(["cup"])}
    )
    assert one_region(found, SIZE).name == "mask 0 (cup)"
    segments = {"segmentation": BITS[0], "segments_info": [{"id": 1, "label_id": 17}]}
    assert one_region(segments, SIZE).name == "segment 1 (label 17)"
    assert one_region(Region("mine", LEFT), SIZE).name == "mine"


def test_a_file_and_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    grey(LEFT).save(path)
    assert [region.name for region in as_regions([path, str(path)], SIZE)] == [str(path)] * 2
    np.testing.assert_array_equal(one_region(path.read_bytes(), SIZE).mask, LEFT)


def test_a_mask_of_the_unturned_photo_is_told() -> None:
    with pytest.raises(RegionError, match="it fits only the unrotated photo"):
        as_regions(grey(LEFT.T), SIZE, raw_size=SIZE[::-1])


def test_soft_masks_of_integers() -> None:
    soft = np.linspace(0, 255, 54).astype(np.uint8).reshape(SIZE)
    with pytest.raises(RegionError, match=r"expected 0 and 1, or 0 and 255: give  mask / 255  or  soft=True"):
        as_regions(soft, SIZE)
    wide = soft.astype(np.uint16) * 257
    for thing in (soft, soft[None, None], Tensor(soft), Image.fromarray(soft), wide):
        region = one_region_of_soft(thing)
        np.testing.assert_allclose(region.mask, soft / 255, atol=1e-6)
    hard = as_regions([LEFT, grey(RIGHT)], SIZE, soft=True)
    assert [region.area for region in hard] == [9, 12]


def one_region_of_soft(thing: Any) -> Region:
    (region,) = as_regions(thing, SIZE, soft=True)
    assert region.cut.dtype == np.float32
    return region


def test_logits_are_halved_where_that_is_stated() -> None:
    logits = np.where(BOTH, 0.7, -0.2)
    with pytest.raises(RegionError, match=r"from -0.2 to 0.7; expected coverage .* logits_above=0  for logits"):
        as_regions(logits, SIZE)
    np.testing.assert_array_equal([r.mask for r in as_regions(logits[:, None], SIZE, logits_above=0)], BOTH)
    assert [r.area for r in as_regions(np.where(BOTH, 0.7, 0.9), SIZE, logits_above=0.8)] == [45, 42]


REFUSED = [
    (None, "the mask is None; expected a mask"),
    ([LEFT, None], "mask 1 is None"),
    (3, "the mask is of type int"),
    ("", "cannot be opened|is a folder"),
    (np.ones((6, 9, 3), np.uint8), r"a picture with channels; expected a mask \(H, W\)"),
    (np.ones((6, 9, 5), bool), r"give  masks.transpose\(2, 0, 1\)"),
    (np.ones((2, 3, 6, 9), bool), r"expected \(N, H, W\) or \(N, 1, H, W\): .* choose one of the candidates"),
    ([np.ones((3, 6, 9), bool)] * 2, "mask 0 is an array with 3 masks; expected one"),
    (np.ones((1, 1, 1, 6, 9), bool), "expected masks of"),
    (np.ones((2, 256, 256), bool), "mask 0 is 256 x 256 but the photo is 9 x 6"),
    (np.ones((3, 4)), r"give boxes as  boxes="),
    ([1, 2, 3, 4], "give boxes as  boxes="),
    ([[1, 1], [4, 1], [4, 4]], "polygons as  polygons="),
    ([[[1, 2], [3]]], "that NumPy cannot take"),
    (np.array(["a"]), "has the dtype <U1"),
    ({"a": 1}, "a dictionary has the keys 'a'"),
    ({"boxes": np.ones((1, 4)), "labels": [1]}, r"boxes and no mask: .* Give  boxes="),
    ([{"bbox": [1, 1, 3, 3], "category_id": 1}], r"x0, y0, x1, y1, or x, y, width, height\?"),
    ({"segmentation": None}, "has None for 'segmentation'"),
    ({"images": [], "annotations": []}, "is a COCO file"),
    ([{"image_id": 1, "segmentation": LEFT}, {"image_id": 2, "segmentation": LEFT}], "are of 2 photos"),
    ([{"masks": [LEFT]}, {"masks": [RIGHT]}], "a result; expected that of one photo"),
    ({"size": [6, 9], "counts": "~~"}, "mask 0: its runs hold the character"),
    ({"size": [6, 9], "counts": [1.5]}, "mask 0 has run lengths that are not COCO's"),
    ({"size": [9, 6], "counts": COUNTS[0]}, "turned by a quarter"),
    ({"size": [6], "counts": COUNTS[0]}, "not COCO's"),
    ({"segmentation": BITS[0], "segments_info": [{"id": 2}]}, "segment 2 is empty; .*, or leave it out"),
    ({"segmentation": BITS[0], "segments_info": 3}, 'segments_info is not a list of segments with an "id"'),
    ({"segmentation": BITS[0].T, "segments_info": [{"id": 1}]}, "give target_sizes"),
    ({"segmentation": [[1, 2]], "segments_info": [{"id": 1}]}, "leave out return_coco_annotation"),
    (SimpleNamespace(masks=None, boxes=1), "the result has no masks"),
    (SimpleNamespace(masks=SimpleNamespace(data=np.ones((1, 3, 3))), boxes=1), "mask 0 is 3 x 3"),
    ([np.array([[[1, 1]], [[1, 3]], [[30, 3]]], dtype=np.int32)], "contour 0 runs from"),
    ([{"segmentation": [[1, 1, 4, 1]]}], "mask 0 is not an outline"),
    (np.zeros(SIZE, bool), r"mask 0 is empty; expected .*, or leave it out \(skip_empty=True\)$"),
    ([{"label": "cup", "mask": grey(LEFT & False)}], r"mask 0 \(cup\): mask is empty; .*, or leave it out"),
]


@pytest.mark.parametrize(("thing", "message"), REFUSED)
def test_what_is_refused_says_why(thing: Any, message: str) -> None:
    with pytest.raises(RegionError, match=message) as caught:
        as_regions(thing, SIZE)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("thing", "options", "message"),
    [
        (LEFT, {"soft": True, "logits_above": 0.0}, "got both soft and logits_above"),
        (LEFT, {"logits_above": 0.0}, "has the dtype bool; expected float logits"),
        (np.full(SIZE, np.nan), {"logits_above": 0.0}, "NaN"),
        (BITS[0], {"soft": True}, "holds only 0 and 1, of 255"),
        (grey(LEFT).point(lambda v: v // 255), {"soft": True}, "holds only 0 and 1, of 255"),
        (BITS[0].astype(np.int64) * 9, {"soft": True}, "expected uint8 or uint16"),
    ],
)
def test_what_cannot_be_read_as_is_told(thing: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(RegionError, match=message):
        as_regions(thing, SIZE, **options)


def test_empty_masks_are_left_out_where_that_is_asked_for() -> None:
    empty = LEFT & False
    runs = {"size": SIZE, "counts": [54]}
    for things in (
        [empty, LEFT],
        [grey(empty), LEFT],
        [runs, LEFT],
        [{"segmentation": empty}, LEFT],
        BOTH & [[[0]], [[1]]],
    ):
        found = as_regions(things, SIZE, skip_empty=True)
        assert [region.name for region in found] == ["mask 1"]
    assert as_regions([empty], SIZE, skip_empty=True) == []
    with pytest.raises(RegionError, match="mask 0 has the values"):
        as_regions(np.arange(54).reshape(SIZE), SIZE, skip_empty=True)
