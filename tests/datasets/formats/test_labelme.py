"""LabelMe's JSON files."""

from __future__ import annotations

import base64
import io
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from format_cases import SIZE, answered, broken, mask_of, reasons, regions_of, round_trip, save_photo, survives
from format_cases import write_json as save
from hypothesis import given, settings
from PIL import Image

from madeof.datasets.formats import labelme
from madeof.datasets.formats.finding import MissingPhoto
from madeof.datasets.writing import Answered
from madeof.errors import DatasetError


def png(mask: list[list[int]]) -> str:
    """As LabelMe writes a mask: 8 bits, 0 and 1."""
    file = io.BytesIO()
    Image.fromarray(np.array(mask, dtype=np.uint8)).save(file, format="PNG")
    return base64.b64encode(file.getvalue()).decode()


def shape(kind: str | None, points: Any, label: Any = "Wood", **more: Any) -> dict[str, Any]:
    return {"label": label, "points": points, "shape_type": kind, "group_id": None, "flags": {}, "mask": None, **more}


def content(*shapes: Any, photo: Any = "a.png", size: tuple[Any, Any] = SIZE) -> dict[str, Any]:
    return {
        "version": "5.5.0",
        "flags": {},
        "shapes": list(shapes),
        "imagePath": photo,
        "imageData": None,
        "imageHeight": size[0],
        "imageWidth": size[1],
    }


EVERYTHING = content(
    shape("polygon", [[1, 1], [5, 1], [5, 4], [1, 4]]),
    shape(None, [[0, 0], [3, 0], [0, 3]], "Glass"),
    shape("rectangle", [[9, 8], [6, 5]]),
    shape("oriented_rectangle", [[4, 2], [6, 4], [4, 6], [2, 4]]),
    shape("circle", [[8, 6], [8, 10]]),
    shape("mask", [[2, 3], [4, 4]], mask=png([[1, 0, 1], [1, 1, 1]])),
    shape("line", [[1, 1], [2, 2]]),
    shape("linestrip", [[1, 1], [2, 2], [3, 3]]),
    shape("point", [[1, 1]]),
    shape("points", [[1, 1], [2, 2]]),
)


def test_all_shapes(tmp_path: Path) -> None:
    save_photo(tmp_path, "a.png")
    found = labelme.read(save(tmp_path / "a.json", EVERYTHING))
    assert not found.problems
    assert found.photos[0].size == SIZE
    assert found.materials == ("Glass", "Wood")
    assert found.left_out == {"lines": 2, "points": 2}
    polygon, triangle, rectangle, turned, circle, mask = (one.shape for one in found.photos[0].annotations)
    assert mask_of(polygon).sum() == 12
    assert mask_of(triangle).sum() == 3
    expected = np.zeros(SIZE, dtype=bool)
    expected[5:8, 6:9] = True
    assert np.array_equal(mask_of(rectangle), expected)
    assert mask_of(turned).sum() == 8
    assert mask_of(circle).sum() == pytest.approx(np.pi * 16, abs=4)
    expected[:] = False
    expected[3:5, 2:5] = [[1, 0, 1], [1, 1, 1]]
    assert np.array_equal(mask_of(mask), expected)
    assert [one.place for one in found.photos[0].annotations] == [f"shape {number}" for number in range(1, 7)]


def test_shapes_of_one_group_and_label_are_one_region(tmp_path: Path) -> None:
    save_photo(tmp_path, "a.png")
    parts = [shape("rectangle", [[x, 0], [x + 2, 2]], label, group_id=1) for x, label in ((0, "a"), (4, "a"), (8, "b"))]
    other = shape("rectangle", [[1, 1], [3, 3]], "a", group_id=2)
    triangles = [shape("polygon", [[x, 5], [x + 4, 5], [x, 9]], "c", group_id=1) for x in (0, 6)]
    found = labelme.read(save(tmp_path / "a.json", content(*parts, other, *triangles)))
    assert regions_of(found) == {"a.png": [("a", 8), ("b", 4), ("a", 4), ("c", 12)]}
    assert found.photos[0].annotations[0].place == "shape 1, shape 2"


def test_a_folder_of_files_with_windows_paths(tmp_path: Path) -> None:
    box = shape("rectangle", [[0, 0], [2, 2]])
    for file in ("images/küche/a b.png", "images/c.png", "labels/flur/d.png"):
        save_photo(tmp_path, file)
    folder = tmp_path / "labels"
    (folder / "küche").mkdir()
    text = json.dumps(content(box, photo="..\\..\\images\\küche\\a b.png"), indent=2, ensure_ascii=False)
    (folder / "küche" / "a b.json").write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    save(folder / "c.json", content(box, photo="C:\\mine\\c.png"))
    save(folder / "flur" / "d.json", content(box, photo="d.png"))
    save(folder / "settings.json", {"theme": "dark"})
    assert labelme.matches(folder)
    found = labelme.read(folder, tmp_path / "images")
    assert regions_of(found) == {"c.png": [("Wood", 4)], "küche/a b.png": [("Wood", 4)]}
    assert found.left_out == {"JSON files that are not of LabelMe": 1}
    assert [type(problem) for problem in found.problems] == [MissingPhoto]  # d.png is in another folder
    assert reasons(found)[0].startswith("flur/d.json: labels: the photo 'flur/d.png' is not in")
    without = labelme.read(folder)
    assert {photo.file for photo in without.photos} >= {"c.png", "küche/a b.png"}


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (shape("polygon", [[1, 1], [2, 2]]), "shape 1: it has 2 points; expected 3 or more"),
        (shape("polygon", []), "shape 1: it has no points; expected 3 or more"),
        (shape("polygon", [[1, 1], [2, 2], [3]]), "shape 1: its points are [[1, 1], [2, 2], [3]]; expected pairs"),
        (shape("polygon", [[1, 1], [2, 2], [3, None]]), "expected pairs of numbers x, y"),
        (shape("polygon", "abc"), "shape 1: its points are 'abc'; expected pairs of numbers x, y"),
        (shape("polygon", [[1, 1], [2, 2], [3, 3]], 7), "shape 1: the label is 7; expected the name of a material"),
        (shape("rectangle", [[1, 1], [2, 2], [3, 3]]), "shape 1: it has 3 points; expected the 2 of a rectangle"),
        (shape("blob", [[1, 1]]), "shape 1: the shape_type is 'blob'; expected one of polygon, rectangle, "),
        (shape("circle", [[1, 1], [1, 1]]), "shape 1: its radii are 0 and 0; expected both above 0"),
        (shape("mask", [[1, 1], [2, 2]]), "shape 1: its mask is not a PNG in Base64; it may be cut off"),
        (shape("mask", [[1, 1], [2, 2]], mask=png([[1]])), "its mask is 1 x 1; expected 2 x 2, from its two points"),
        (7, "shape 1: it is 7; expected an object"),
    ],
)
def test_broken_shapes_are_problems_that_say_where(tmp_path: Path, one: Any, expected: str) -> None:
    save_photo(tmp_path, "a.png")
    good = shape("rectangle", [[0, 0], [2, 2]])
    found = labelme.read(save(tmp_path / "a.json", content(one, good)))
    assert [(problem.file, problem.reason.startswith("a.json: shape 1: ")) for problem in found.problems] == [
        ("a.json", True)
    ]
    assert expected in reasons(found)[0]
    assert regions_of(found) == {"a.png": [("Wood", 4)]}


def test_a_broken_file(tmp_path: Path) -> None:
    whole = json.dumps(EVERYTHING, indent=1)
    (tmp_path / "a.json").write_text(whole[:300])
    with pytest.raises(DatasetError, match=r"a\.json line \d+ column \d+: not valid JSON: .*cut off"):
        labelme.read(tmp_path / "a.json")
    save(tmp_path / "b.json", content(shape("rectangle", [[0, 0], [2, 2]]), photo="b.png"))
    save_photo(tmp_path, "b.png")
    found = labelme.read(tmp_path)  # the others of a folder can be used
    assert regions_of(found) == {"b.png": [("Wood", 4)]}
    assert "a.json" in reasons(found)[0]
    assert "not valid JSON" in reasons(found)[0]


@pytest.mark.parametrize(
    ("whole", "expected"),
    [
        ({"shapes": {}, "imagePath": "a.png"}, "shapes is {}; expected a list"),
        ({"shapes": []}, "imagePath is None; expected the path of the photo"),
        (content(photo="a.json"), "imagePath is 'a.json', which is no photo; save that of imageData as a file"),
        ([1], "is no file of LabelMe"),
        (content(size=("x", 1)), "the photo's height is 'x'; expected a number"),
    ],
)
def test_a_file_that_says_nothing(tmp_path: Path, whole: Any, expected: str) -> None:
    with pytest.raises(DatasetError) as raised:
        labelme.read(save(tmp_path / "a.json", whole))
    assert expected in str(raised.value)


def test_a_missing_photo(tmp_path: Path) -> None:
    found = labelme.read(save(tmp_path / "a.json", EVERYTHING))
    assert not found.photos
    assert reasons(found)[0].startswith("a.json: the photo 'a.png' is not in ")
    empty = labelme.read(save(tmp_path / "a.json", content()))
    assert not empty.problems
    assert empty.left_out == {"photos without a region, which are not there": 1}


def test_what_is_no_labelme_file(tmp_path: Path) -> None:
    others = {"coco": {"images": [], "annotations": []}, "list": [EVERYTHING], "via": {"_via_settings": {}}}
    for name, other in others.items():
        assert not labelme.matches(save(tmp_path / f"{name}.json", other))
    assert not labelme.matches(tmp_path)
    assert not labelme.matches(tmp_path / "none.json")
    (tmp_path / "zeros.json").write_bytes(bytes(100))
    assert not labelme.matches(tmp_path / "zeros.json")


@settings(max_examples=25, deadline=None)
@given(answered())
def test_round_trip(photos: list[Answered]) -> None:
    round_trip(labelme, photos, "folder")


def test_two_photos_of_one_name_have_two_files(tmp_path: Path) -> None:
    photos = [Answered(f"a{suffix}", tmp_path, SIZE, ()) for suffix in (".png", ".jpg")]
    written = labelme.write(photos, tmp_path / "out")
    assert [path.name for path in written] == ["a.json", "a.jpg.json"]
    assert json.loads(written[0].read_text())["imagePath"] == "../a.png"


@settings(max_examples=60, deadline=None)
@given(broken(EVERYTHING))
def test_any_broken_value_is_an_error_of_ours(whole: Any) -> None:
    with tempfile.TemporaryDirectory() as place:
        save_photo(Path(place), "a.png")
        survives(labelme, save(Path(place) / "a.json", whole))
