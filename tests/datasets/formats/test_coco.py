"""COCO JSON: what is written is read back exactly, and alike by pycocotools; what is broken is told by its place."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from madeof.datasets import Problem, read_annotations
from madeof.datasets.annotations import Annotations
from madeof.datasets.formats import coco, recognise
from madeof.datasets.writing import Answered, AnsweredRegion, outlines, without_holes
from madeof.errors import DatasetError, RegionError, WriteError
from madeof.regions.rle import Runs, compress, cut_runs, decompress, runs_of
from madeof.regions.shapes import Box, Polygons

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools' own

FILES = ("a.jpg", "b c.png", "küche/写真 1.jpg", "deep/er/a.jpg")
SIZE = (12, 16)
Mask = np.ndarray

sizes = st.tuples(st.integers(1, 14), st.integers(1, 14))
masks = sizes.flatmap(lambda size: arrays.arrays(np.bool_, size)).filter(lambda mask: bool(mask.any()))


def whole(cut: Mask, corner: tuple[int, int], size: tuple[int, int]) -> Mask:
    mask = np.zeros(size, dtype=bool)
    mask[corner[1] : corner[1] + cut.shape[0], corner[0] : corner[0] + cut.shape[1]] = cut
    return mask


def region(mask: Mask, material: str = "Wood", **more: Any) -> AnsweredRegion:
    """The region of a mask, cut out of it with a margin or none."""
    ys, xs = np.nonzero(mask)
    top, left = max(int(ys.min()) - 1, 0), int(xs.min())
    return AnsweredRegion("one", mask[top : int(ys.max()) + 1, left : int(xs.max()) + 2], (left, top), material, **more)


def photos_in(folder: Path, *files: str) -> None:
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(b"not looked at")


def theirs(path: Path) -> COCO:
    with contextlib.redirect_stdout(io.StringIO()):
        return COCO(str(path))


def save(folder: Path, value: Any) -> Path:
    path = folder / "coco.json"
    path.write_text(json.dumps(value))
    return path


def base(annotations: list[Any], **more: Any) -> dict[str, Any]:
    """A COCO file of one photo, a.jpg."""
    return {
        "images": [{"id": 1, "file_name": "a.jpg", "width": SIZE[1], "height": SIZE[0]}],
        "annotations": annotations,
        "categories": [{"id": 5, "name": "Wood"}, {"id": 7, "name": " Gläser & <Tassen> "}],
    } | more


def one(**more: Any) -> dict[str, Any]:
    found = {"id": 17, "image_id": 1, "category_id": 5, "segmentation": [[1, 1, 6, 1, 6, 5]], "bbox": [1, 1, 5, 4]}
    return {key: value for key, value in (found | more).items() if value is not ...}


def read_one(folder: Path, *annotations: Any, **more: Any) -> Annotations:
    photos_in(folder, "a.jpg")
    return coco.read(save(folder, base(list(annotations), **more)))


def reasons(found: Annotations) -> list[str]:
    assert all(isinstance(problem, Problem) and "\n" not in problem.reason for problem in found.problems)
    return [problem.reason for problem in found.problems]


# Run lengths


@settings(deadline=None)
@given(masks)
def test_runs_are_those_of_pycocotools(mask: Mask) -> None:
    size = mask.shape
    text = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"]
    runs = runs_of(mask, (0, 0), size)
    assert compress(runs) == text
    assert decompress(text).tolist() == runs.tolist()
    for counts in (text, runs):
        cut, corner = Runs(counts, size).cut(size)
        assert (whole(cut, corner, size) == mask).all()
        assert cut.any(axis=0)[[0, -1]].all()  # no column more than there has to be
    assert runs_of(*cut_runs(runs, size), size).tolist() == runs.tolist()


@settings(deadline=None)
@given(st.lists(st.integers(0, 2**40), min_size=1, max_size=30))
def test_any_numbers_are_compressed_and_back(counts: list[int]) -> None:
    assert decompress(compress(np.array(counts, dtype=np.int64))).tolist() == counts


def test_runs_of_length_0() -> None:
    cut, corner = cut_runs(np.array([2, 1, 0, 1, 0, 0, 2]), (3, 2))
    assert (whole(cut, corner, (3, 2)).ravel(order="F") == [False, False, True, True, False, False]).all()


@pytest.mark.parametrize(
    ("counts", "size", "message"),
    [
        ([3, 4], SIZE, "its runs make 7 pixels; expected the photo's 16 x 12 = 192"),
        ([0, 192, 1], SIZE, "its runs make 193 pixels"),
        ([100, -8, 100], SIZE, "its runs make a negative number; expected"),
        ([2**62, 2**62, 2**62, 2**62, 192], SIZE, "its runs make 18446744073709551616 pixels"),
        ([192], SIZE, "its runs have nothing inside; expected at least one pixel"),
        ([], SIZE, "its runs make 0 pixels"),
        (
            [0, 192],
            (16, 12),
            "are of a photo of 12 x 16 but the photo is 16 x 12 (width x height): they seem to be turned",
        ),
        ([0, 192], (12, 12), "are of a photo of 12 x 12 but the photo is 16 x 12 (width x height)"),
        (b"0 0", SIZE, "its runs hold the character ' '; expected compressed runs of COCO"),
        (b"", SIZE, "its runs end within a number: they are cut off"),
        (b"P6o", SIZE, "its runs end within a number: they are cut off"),
        (b"o" * 20 + b"0", SIZE, "its runs hold a number of more than 60 bits"),
        (b"n" * 11 + b"?" + b"n" * 11 + b"?", SIZE, "its runs make"),
    ],
)
def test_runs_that_are_no_mask(counts: Any, size: tuple[int, int], message: str) -> None:
    with pytest.raises(RegionError) as caught:
        Runs(counts if isinstance(counts, bytes) else np.array(counts, dtype=np.int64), size).cut(SIZE)
    assert message in str(caught.value)


@settings(deadline=None)
@given(st.binary(max_size=12), sizes)
def test_any_text_is_a_mask_or_an_error(text: bytes, size: tuple[int, int]) -> None:
    try:
        cut, (x, y) = Runs(text, size).cut(size)
    except RegionError:
        return
    assert cut.any()
    assert x + cut.shape[1] <= size[1]
    assert y + cut.shape[0] <= size[0]


# Round trips

names = st.sampled_from(["Wood", "Gläser & <Tassen>", '5" tile', "石", "Paper / tissue"])
scores = st.none() | st.floats(0, 1)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_what_is_written_is_read_back(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("coco")
    photos_in(folder / "photos", *FILES)
    written = []
    for file in FILES[: data.draw(st.integers(0, len(FILES)))]:
        size = data.draw(sizes)
        some = data.draw(st.lists(arrays.arrays(np.bool_, size).filter(lambda mask: bool(mask.any())), max_size=3))
        regions = [region(mask, data.draw(names), score=data.draw(scores)) for mask in some]
        written.append((Answered(file, folder, size, tuple(regions)), some))
    (path,) = coco.write((photo for photo, _ in written), folder / "out.json")
    assert coco.is_it(path)
    assert recognise(path) == "coco"
    found = coco.read(path, folder / "photos")
    assert not found.problems
    assert not found.left_out
    assert [(photo.file, photo.size) for photo in found.photos] == [(photo.file, photo.size) for photo, _ in written]
    for photo, (answered, some) in zip(found.photos, written, strict=True):
        assert [one.material for one in photo.annotations] == [one.material for one in answered.regions]
        for annotation, mask in zip(photo.annotations, some, strict=True):
            assert (whole(*annotation.shape.cut(answered.size), answered.size) == mask).all()
    # pycocotools sees the same.
    other = theirs(path)
    for annotation, mask in zip(other.anns.values(), [mask for _, some in written for mask in some], strict=True):
        assert (other.annToMask(annotation) == mask).all()
        assert annotation["area"] == mask.sum() == coco_mask.area(annotation["segmentation"])
        assert annotation["bbox"] == coco_mask.toBbox(annotation["segmentation"]).tolist()


outline = arrays.arrays(np.float64, st.tuples(st.integers(3, 8), st.just(2)), elements=st.floats(-1, 13))


@settings(max_examples=200, deadline=None)
@given(parts=st.lists(outline, min_size=1, max_size=3))
def test_outlines_are_read_back_as_they_were(parts: list[Mask], tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("coco")
    photos_in(folder, "a.jpg")
    polygons = Polygons(parts)
    try:
        cut, corner = polygons.cut(SIZE)
    except RegionError:
        return
    answered = AnsweredRegion("one", cut, corner, "Wood", polygons=polygons)
    (path,) = coco.write([Answered("a.jpg", folder, SIZE, (answered,))], folder / "out.json")
    (photo,) = coco.read(path).photos
    shape = photo.annotations[0].shape
    assert isinstance(shape, Polygons)
    assert [part.tolist() for part in shape.parts] == [part.tolist() for part in parts]
    assert (whole(*shape.cut(SIZE), SIZE) == whole(cut, corner, SIZE)).all()


def test_an_outline_with_a_hole_is_written_as_runs(tmp_path: Path) -> None:
    mask = np.ones((9, 9), dtype=bool)
    mask[3:5, 3:5] = False
    photos_in(tmp_path, "a.jpg")
    answered = region(mask, polygons=outlines(mask))
    (path,) = coco.write([Answered("a.jpg", tmp_path, (9, 9), (answered,))], tmp_path)
    assert path == tmp_path / "labels.json"
    (photo,) = coco.read(path).photos
    assert (whole(*photo.annotations[0].shape.cut((9, 9)), (9, 9)) == mask).all()


def test_what_fiftyone_and_others_ask_for_is_there(tmp_path: Path) -> None:
    mask = np.eye(4, dtype=bool)
    photos = [Answered("x/a.jpg", tmp_path, (4, 4), (region(mask, "Wood", score=0.5), region(mask, "wood ")))]
    (path,) = coco.write(photos, tmp_path / "out.json")
    written = json.loads(path.read_text())
    assert written["images"] == [{"id": 1, "file_name": "x/a.jpg", "width": 4, "height": 4}]
    assert written["categories"] == [{"id": 1, "name": "Wood", "supercategory": "material"}]
    assert set(written["annotations"][0]) - {"score"} == set(written["annotations"][1])
    assert set(written["annotations"][1]) == {
        "id",
        "image_id",
        "category_id",
        "iscrowd",
        "bbox",
        "area",
        "segmentation",
    }
    assert written["annotations"][0]["score"] == 0.5
    assert [row["id"] for row in written["annotations"]] == [1, 2]
    assert written["annotations"][0]["bbox"] == [0, 0, 4, 4]
    assert written["annotations"][0]["segmentation"]["size"] == [4, 4]


def test_results_fit_the_file_that_they_are_of(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    truth = read_one(tmp_path, one(), one(id=18, category_id=7), images=[{"id": "x9", "file_name": "a.jpg"}])
    assert len(truth.problems) == 2  # their image_id is another
    source = tmp_path / "truth.json"
    source.write_text(
        json.dumps(base([one(image_id=40)], images=[{"id": 40, "file_name": "a.jpg", "width": 16, "height": 12}]))
    )
    some = [random.random(SIZE) < 0.5 for _ in range(3)]
    photos = [Answered("a.jpg", tmp_path, SIZE, tuple(region(mask, "wood", score=0.25) for mask in some))]
    (path,) = coco.write_results(photos, tmp_path / "results.json", like=source)
    rows = json.loads(path.read_text())
    assert [(row["image_id"], row["category_id"], row["score"]) for row in rows] == [(40, 5, 0.25)] * 3
    with contextlib.redirect_stdout(io.StringIO()):
        loaded = theirs(source).loadRes(str(path))
    for row, mask in zip(loaded.anns.values(), some, strict=True):
        assert row["area"] == mask.sum()
        truth_runs = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
        assert coco_mask.iou([row["segmentation"]], [truth_runs], [0]).tolist() == [[1.0]]
    # Without a file to fit, the ids are those of `write`.
    photos = [Answered("b.jpg", tmp_path, SIZE, ()), *photos]
    (path,) = coco.write_results(photos, tmp_path / "results.json")
    rows = json.loads(path.read_text())
    assert [(row["image_id"], row["category_id"]) for row in rows] == [(2, 1)] * 3
    with pytest.raises(DatasetError, match=r"truth\.json has no image 'b\.jpg', which the results need an id of"):
        coco.write_results(photos, tmp_path / "results.json", like=source)
    stone = [Answered("a.jpg", tmp_path, SIZE, (region(some[0], "Stone"),))]
    with pytest.raises(DatasetError, match=r"truth\.json has no category 'Stone'"):
        coco.write_results(stone, tmp_path / "results.json", like=source)
    assert json.loads(path.read_text()) == rows  # what stood there is whole
    with pytest.raises(WriteError, match="cannot write .*nowhere/x.json"):
        coco.write(photos, tmp_path / "nowhere" / "x.json")


def test_outlines_of_pixels_may_be_written_as_outlines() -> None:
    """A mask's outlines are the same mask in pycocotools; any outline is, but for pixels that it runs through."""
    random = np.random.default_rng(1)
    for _ in range(60):
        turn = np.sort(random.uniform(0, 2 * np.pi, 7))
        corners = np.stack([8 + 6 * np.cos(turn), 6 + 5 * np.sin(turn)], axis=1)
        try:
            ours = whole(*Polygons([corners]).cut(SIZE), SIZE)
        except RegionError:
            continue
        rings = [ring.ravel().tolist() for ring in without_holes(outlines(ours))]
        assert (coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(rings, *SIZE))) == ours).all()
        others = coco_mask.decode(coco_mask.frPyObjects([corners.ravel().tolist()], *SIZE))[..., 0]
        ends = np.roll(corners, -1, axis=0)
        along = np.linspace(0, 1, 200)[:, None, None]
        edge = (corners + along * (ends - corners)).reshape(-1, 2)
        for y, x in np.argwhere(others != ours):
            assert np.hypot(*(edge - (x + 0.5, y + 0.5)).T).min() < 0.8


# What is read


def test_every_kind_of_region(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    mask = np.zeros(SIZE, dtype=np.uint8)
    mask[2:5, 3:9] = 1
    packed = coco_mask.encode(np.asfortranarray(mask))["counts"].decode()
    counts = runs_of(mask.astype(bool), (0, 0), SIZE).tolist()
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
    ("value", "is_it"),
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
def test_is_it(value: Any, is_it: bool, tmp_path: Path) -> None:
    assert coco.is_it(save(tmp_path, value)) is is_it
    assert coco.is_it(tmp_path) is is_it  # a folder with such a file
    assert not coco.is_it(tmp_path / "nothing.json")


# What is broken


@pytest.mark.parametrize(
    ("annotation", "reason"),
    [
        (one(segmentation=[[1, 1, 5, 5]]), "annotation 17: its outline has 2 points; expected three or more"),
        (
            one(segmentation=[[1, 1, 5, 5, 6]]),
            "annotation 17: its outline has 5 numbers; expected x and y of each point",
        ),
        (
            one(segmentation=[[1, 1, 5, 5, 6, "7"]]),
            "its outline is [1, 1, 5, 5, 6, '7']; expected numbers x, y, x, y, ...",
        ),
        (one(segmentation=[1, 1, 5, 5, 6, 7]), "its segmentation begins with 1; expected a list of outlines"),
        (one(segmentation=[[[1, 1], [5, 5], [6, 7]]]), "expected numbers x, y"),
        (one(segmentation=[[1, 1, 5, 5, 6, 10**400]]), "expected numbers x, y"),
        (one(segmentation="x"), "its segmentation is 'x'; expected outlines or run lengths"),
        (
            one(segmentation={"size": [3], "counts": ""}),
            "the size of its run lengths is [3]; expected height and width",
        ),
        (one(segmentation={"counts": ""}), "the size of its run lengths is None"),
        (one(segmentation={"size": ["1", 2], "counts": ""}), "the size of its run lengths is ['1', 2]"),
        (
            one(segmentation={"size": [12, 16], "counts": None}),
            "its run lengths are None; expected a text or whole numbers",
        ),
        (one(segmentation={"size": [12, 16], "counts": "é"}), "its run lengths are 'é'"),
        (one(segmentation={"size": [12, 16], "counts": [1.5]}), "its run lengths are [1.5]"),
        (one(segmentation={"size": [12, 16], "counts": [10**30]}), "its run lengths are [1000"),
        (one(segmentation=[], bbox=[1, 2, 3]), "its bbox is [1, 2, 3]; expected four numbers x, y, width, height"),
        (one(segmentation=[], bbox="1234"), "its bbox is '1234'"),
        (one(segmentation=..., bbox=...), "it has neither segmentation nor bbox"),
        (one(segmentation=..., bbox=..., segments_info=[]), "neither segmentation nor bbox; panoptic COCO is not read"),
        (one(image_id=99), "annotation 17: its image_id 99 is none of its images"),
        (one(image_id=None), "annotation 17: its image_id is None; expected a whole number"),
        (one(image_id=[1]), "annotation 17: its image_id is [1]; expected a whole number"),
        (one(category_id=99), "annotation 17: its category_id 99 is none of its categories"),
        (one(category_id=True), "annotation 17: its category_id is True; expected a whole number"),
        ("x", "annotations[1]: it is 'x'; expected an object"),
        (None, "annotations[1]: it is None; expected an object"),
    ],
)
def test_a_broken_annotation_is_a_problem_and_the_others_are_read(annotation: Any, reason: str, tmp_path: Path) -> None:
    found = read_one(tmp_path, one(id=16), annotation, one(id=18))
    (told,) = reasons(found)
    assert told.startswith("coco.json: ")
    assert reason in told
    assert found.problems[0].file == "coco.json"
    assert [one.place for one in found.photos[0].annotations] == ["annotation 16", "annotation 18"]


@pytest.mark.parametrize(
    ("segmentation", "message"),
    [
        ([[1, 1, float("nan"), 5, 6, 7]], "coordinates that are not finite"),
        ([[1, 1, float("inf"), 5, 6, 7]], "coordinates that are not finite"),
        ([[100, 100, 120, 100, 120, 120]], "lies outside the photo of 16 x 12"),
        ({"size": [12, 16], "counts": [100, 93]}, "its runs make 193 pixels; expected the photo's 16 x 12 = 192"),
        ({"size": [16, 12], "counts": [0, 192]}, "they seem to be turned by a quarter"),
        ({"size": [12, 16], "counts": "P6o"}, "its runs end within a number: they are cut off"),
        ([], "the box is nan, 1, nan, 4; expected four finite numbers"),
    ],
)
def test_a_shape_that_is_none_is_told_when_it_is_cut(segmentation: Any, message: str, tmp_path: Path) -> None:
    found = read_one(tmp_path, one(segmentation=segmentation, bbox=[float("nan"), 1, 2, 3]))
    assert not found.problems
    with pytest.raises(RegionError) as caught:
        found.photos[0].annotations[0].shape.cut(SIZE)
    assert message in str(caught.value)


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
