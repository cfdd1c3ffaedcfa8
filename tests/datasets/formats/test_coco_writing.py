"""What is written as COCO is what others ask for, and is read back as it was."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from formats_coco import SIZE, Mask, base, one, photos_in, read_one, sizes, whole
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from madeof.datasets.formats import coco, recognise
from madeof.datasets.writing import Answered, AnsweredRegion, outlines, without_holes
from madeof.errors import DatasetError, RegionError, WriteError
from madeof.regions.shapes import Polygons

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools' own


FILES = ("a.jpg", "b c.png", "küche/写真 1.jpg", "deep/er/a.jpg")


def region(mask: Mask, material: str = "Wood", **more: Any) -> AnsweredRegion:
    """The region of a mask, cut out of it with a margin or none."""
    ys, xs = np.nonzero(mask)
    top, left = max(int(ys.min()) - 1, 0), int(xs.min())
    return AnsweredRegion("one", mask[top : int(ys.max()) + 1, left : int(xs.max()) + 2], (left, top), material, **more)


def theirs(path: Path) -> COCO:
    with contextlib.redirect_stdout(io.StringIO()):
        return COCO(str(path))


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
    assert coco.matches(path)
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
