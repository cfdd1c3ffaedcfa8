"""Single annotations of a COCO file: what is broken is told, the others are read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from formats_coco import SIZE, one, read_one, reasons

from madeof.errors import RegionError

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools' own


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
