"""COCO JSON: what is written is read back exactly, and alike by pycocotools; what is broken is told by its place."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from formats_coco import SIZE, base, one, photos_in, read_one, reasons, save, whole
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from madeof.datasets import read_annotations
from madeof.datasets.formats import coco, recognise
from madeof.errors import DatasetError, RegionError
from madeof.regions.rle import encode_rle
from madeof.regions.shapes import Box

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools' own


def test_every_kind_of_region(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    mask = np.zeros(SIZE, dtype=np.uint8)
    mask[2:5, 3:9] = 1
    packed = coco_mask.encode(np.asfortranarray(mask))["counts"].decode()
    counts = encode_rle(mask.astype(bool), (0, 0), SIZE).tolist()
    caplog.set_level("INFO", "madeof")
    found = read_one(
        tmp_path,
        one(segmentation=[[1, 1, 6, 1, 6, 5, 1, 5], [10, 8, 12, 8, 12, 10, 10, 10]]),
        one(id=18, segmentation={"size": list(SIZE), "counts": packed}, iscrowd=1),
        one(id=19, segmentation={"size": list(SIZE), "counts": counts}, category_id=7, iscrowd=1),
        one(id=20, segmentation=[], bbox=[2, 3, 4, 5]),
        one(id=None, segmentation=..., bbox=[2, 3, 4.0, 5]),
        one(id=21, segmentation=..., bbox=..., caption="a cat"),
        one(id=22, segmentation=..., bbox=..., keypoints=[1, 2, 2], num_keypoints=1),
        one(id=23, segmentation=[], bbox=[0, 0, 0, 0], keypoints=[1, 2, 2], num_keypoints=1),
    )
    assert not found.problems
    assert found.left_out == {"keypoints": 2, "captions": 1}
    assert found.materials == ("Wood", "Gläser & <Tassen>")
    assert "coco.json: 2 regions are crowds (iscrowd); they are read as regions" in caplog.text
    (photo,) = found.photos
    assert (photo.file, photo.size) == ("a.jpg", SIZE)
    assert [one.place for one in photo.annotations] == [
        *(f"annotation {id}" for id in (17, 18, 19, 20)),
        "annotations[4]",
    ]
    assert [one.material for one in photo.annotations] == ["Wood", "Wood", "Gläser & <Tassen>", "Wood", "Wood"]
    areas = [int(np.count_nonzero(one.shape.cut(SIZE)[0])) for one in photo.annotations]
    assert areas == [24, 18, 18, 20, 20]
    assert photo.annotations[3].shape == Box(2, 3, 6, 8)
    for number in (1, 2):
        assert (whole(*photo.annotations[number].shape.cut(SIZE), SIZE) == mask).all()
    assert [one.place for one in photo.annotations[1:3]] == ["annotation 18", "annotation 19"]
    assert photo.annotations[-1].place == "annotations[4]"
    with pytest.raises(IndexError):
        photo.annotations[5]


def test_lists_in_any_order_with_ids_of_any_kind(tmp_path: Path) -> None:
    photos_in(tmp_path / "images", "ä b.jpg", "sub/c.jpg", "empty.jpg")
    value = {
        "info": {"images": ["none"], "annotations": [[1]]},
        "annotations": [
            {"image_id": "two", "category_id": "w", "segmentation": [[0, 0, 4, 0, 4, 4]]},
            {"image_id": 1.0, "category_id": "w", "segmentation": [[0, 0, 4, 0, 4, 4]]},
            {"image_id": "two", "category_id": "w", "bbox": [1, 1, 2, 2]},
        ],
        "licenses": [{"id": 3, "name": "CC BY 4.0"}, {"id": 4, "url": "https://x"}, {"nothing": 1}],
        "categories": [{"id": "w", "name": "Wood"}],
        "images": [
            {"id": 1, "file_name": "sub\\c.jpg", "license": 3},
            {"id": "two", "file_name": "C:\\data\\ä b.jpg", "license": 4, "width": 0, "height": 0},
            {"id": 9, "file_name": "./empty.jpg", "license": [1]},
        ],
    }
    path = tmp_path / "annotations.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(value, indent=1).replace("\n", "\r\n").encode())
    assert recognise(path) == "coco"
    found = read_annotations(path)
    assert not found.problems
    assert found.photos_folder == tmp_path / "images"
    assert [(photo.file, len(photo.annotations)) for photo in found.photos] == [
        ("sub/c.jpg", 1),
        ("ä b.jpg", 2),
        ("empty.jpg", 0),
    ]
    assert [photo.details.licence for photo in found.photos] == ["CC BY 4.0", "https://x", ""]
    assert [photo.size for photo in found.photos] == [None] * 3


@pytest.mark.parametrize(
    ("value", "matches"),
    [
        ({"images": [], "annotations": [], "categories": []}, True),
        ({"categories": [], "annotations": []}, True),
        ({"annotations": [{"id": 1, "image_id": 3}]}, True),
        ({"annotations": [{"id": 1}], "item": {}}, False),
        ({"categories": {}, "items": []}, False),
        ({"shapes": [], "imagePath": "a.jpg"}, False),
        ([{"image_id": 1, "category_id": 2}], False),
        ({}, False),
    ],
)
def test_is_it(value: Any, matches: bool, tmp_path: Path) -> None:
    assert coco.matches(save(tmp_path, value)) is matches
    assert coco.matches(tmp_path) is matches  # a folder with such a file
    assert not coco.matches(tmp_path / "nothing.json")


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"categories": [{"id": 5}]}, ["annotation 17: its category_id 5 has no usable name: the name is missing; "]),
        ({"categories": [{"id": 5, "name": 3}]}, ["its category_id 5 has no usable name: the name is 3; "]),
        (
            {"categories": ["Wood"]},
            ["categories[0]: it is 'Wood'; expected an object", "category_id 5 is none of its categories"],
        ),
        (
            {"categories": [{"id": 5, "name": "A"}, {"id": 5, "name": "B"}]},
            ["categories[1]: its id 5 is that of another category"],
        ),
        ({"images": [{"id": 1}]}, ["images[0]: its file_name is None; expected the photo's path"]),
        ({"images": [{"id": 1, "file_name": ""}]}, ["images[0]: its file_name is ''"]),
        ({"images": [{"file_name": "a.jpg"}]}, ["images[0]: its id is None; ", "its image_id 1 is none of its images"]),
        (
            {"images": [{"id": 1, "file_name": "a.jpg", "width": "x", "height": 2}]},
            ["images[0]: the photo's width is 'x'; "],
        ),
        ({"images": [{"id": 1, "file_name": "a.jpg"}] * 2}, ["images[1]: its id 1 is that of another image too"]),
        ({"images": [{"id": 1, "file_name": "gone.jpg"}]}, ["coco.json: the photo 'gone.jpg' is not in "]),
    ],
)
def test_broken_lists(more: dict[str, Any], told: list[str], tmp_path: Path) -> None:
    found = reasons(read_one(tmp_path, one(), **more))
    assert len(found) == len(told), found
    for reason, part in zip(found, told, strict=True):
        assert part in reason


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text[: len(text) // 2], "coco.json line 1 column "),
        (lambda text: text[: len(text) // 2], ": not valid JSON: the file ends too soon, as if it was cut off"),
        (lambda text: "", "coco.json line 1 column 1: not valid JSON: the file ends too soon"),
        (lambda text: f"[{text}]", "line 1 column 1: not valid JSON: expected a JSON object, which begins with {"),
        (
            lambda text: text.replace('"images": [', '"images": 3, "x": ['),
            "coco.json: its images are 3; expected a list",
        ),
        (
            lambda text: text.replace('"annotations": [', '"annotations": {}, "x": ['),
            "its annotations are {}; expected a list",
        ),
    ],
)
def test_a_file_that_cannot_be_read_at_all(change: Callable[[str], str], message: str, tmp_path: Path) -> None:
    path = save(tmp_path, base([one()]))
    path.write_text(change(path.read_text()))
    with pytest.raises(DatasetError) as caught:
        coco.read(path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_whatever_stands_in_a_file_is_read_or_told(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp() / "odd"
    photos_in(folder, "a.jpg")
    odd = st.sampled_from(
        [None, True, -1, 1, 1.5, "a.jpg", "", [], [1, 2, 3, 4], [[1, 1, 5, 1, 5, 5]], {}, float("nan"), 10**20]
    )
    value: Any = base([one(), one(id=18, segmentation={"size": [12, 16], "counts": "0"})])
    for _ in range(data.draw(st.integers(1, 3))):
        place = value[data.draw(st.sampled_from(["images", "annotations", "categories"]))]
        place = place[0]
        place[
            data.draw(
                st.sampled_from(["id", "image_id", "category_id", "segmentation", "bbox", "file_name", "name", "width"])
            )
        ] = data.draw(odd)
    try:
        found = coco.read(save(folder, value))
    except DatasetError:
        return
    for photo in found.photos:
        for annotation in photo.annotations:
            with contextlib.suppress(RegionError):
                annotation.shape.cut(SIZE)
