"""Label Studio's JSON files."""

from __future__ import annotations

import base64
import io
import json
import tempfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from format_cases import SIZE, answered, broken, mask_of, reasons, regions_of, round_trip, save_photo, survives
from format_cases import write_json as save
from hypothesis import given, settings
from PIL import Image

from madeof.datasets.formats import label_studio
from madeof.datasets.formats.brush import encode
from madeof.datasets.writing import Answered, AnsweredRegion
from madeof.errors import DatasetError
from madeof.regions.shapes import Polygons

HEIGHT, WIDTH = SIZE
PIECES = np.zeros(SIZE, dtype=bool)
PIECES[3:5, 2:5] = [[1, 0, 1], [1, 1, 1]]


def percents(x: float, y: float) -> list[float]:
    return [x / WIDTH * 100, y / HEIGHT * 100]


def result(kind: str, value: dict[str, Any], label: Any = "Wood", mark: str = "", **more: Any) -> dict[str, Any]:
    labels = label if isinstance(label, list) else [label]
    return {
        **({"id": mark} if mark else {}),
        "type": kind,
        "value": {**value, **({kind: labels} if label is not None else {})},
        "from_name": "label",
        "to_name": "image",
        "image_rotation": 0,
        "original_width": WIDTH,
        "original_height": HEIGHT,
        **more,
    }


def box(x: float, y: float, width: float, height: float, rotation: float = 0) -> dict[str, Any]:
    left, top = percents(x, y)
    across, down = percents(width, height)
    return {"x": left, "y": top, "width": across, "height": down, "rotation": rotation}


def ellipse(x: float, y: float, radius_x: float, radius_y: float, rotation: float = 0) -> dict[str, Any]:
    sides = box(x, y, radius_x, radius_y, rotation)
    return {"radiusX": sides.pop("width"), "radiusY": sides.pop("height"), **sides}


def brush(mask: np.ndarray[Any, Any] = PIECES) -> dict[str, Any]:
    return {"format": "rle", "rle": encode(mask)}


def bitmask(mask: np.ndarray[Any, Any]) -> dict[str, Any]:
    """As the page writes it: black, and transparent outside."""
    file = io.BytesIO()
    rgba = np.zeros((*mask.shape, 4), dtype=np.uint8)
    rgba[..., 3] = mask * 255
    Image.fromarray(rgba).save(file, format="PNG")
    return {"imageDataURL": "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()}


def task(*results: Any, photo: Any = "a.png", part: str = "annotations", **more: Any) -> dict[str, Any]:
    return {"id": 7, "data": {"image": photo}, part: [{"id": 1, "result": list(results), **more}]}


EVERYTHING = [
    task(
        result("rectanglelabels", box(6, 5, 3, 3), mark="r1"),
        result("rectanglelabels", box(8, 2, 6, 2, 90), mark="r2"),
        result("polygonlabels", {"points": [percents(*p) for p in ((1, 1), (5, 1), (5, 4), (1, 4))], "closed": True}),
        result("ellipselabels", ellipse(8, 6, 4, 2, 90)),
        result("brushlabels", brush()),
        result("bitmasklabels", bitmask(PIECES)),
        result("keypointlabels", {"x": 1, "y": 1, "width": 0.2}),
        result("choices", {"choices": ["indoors"]}, None),
        {"type": "relation", "from_id": "r1", "to_id": "r2", "direction": "right"},
    )
]


def read(tmp_path: Path, *tasks: Any, images: Path | None = None) -> Any:
    save_photo(tmp_path, "a.png")
    return label_studio.read(save(tmp_path / "tasks.json", list(tasks)), images)


def test_all_shapes(tmp_path: Path) -> None:
    found = read(tmp_path, *EVERYTHING)
    assert label_studio.matches(tmp_path / "tasks.json")
    assert not found.problems
    assert found.photos[0].size == SIZE
    assert found.left_out == {"key points": 1, "answers about whole photos": 1, "relations between regions": 1}
    rectangle, turned, polygon, oval, brushed, bits = (mask_of(one.shape) for one in found.photos[0].annotations)
    assert (np.argwhere(rectangle).min(axis=0).tolist(), rectangle.sum()) == ([5, 6], 9)
    # Around its upper left corner (8, 2), so that it hangs down to the left of it.
    assert (np.argwhere(turned).min(axis=0).tolist(), np.argwhere(turned).max(axis=0).tolist()) == ([2, 6], [7, 7])
    assert polygon.sum() == 12
    assert (np.argwhere(oval).min(axis=0).tolist(), np.argwhere(oval).max(axis=0).tolist()) == ([2, 6], [9, 9])
    assert np.array_equal(brushed, PIECES)
    assert np.array_equal(bits, PIECES)
    assert found.photos[0].annotations[0].place == "region r1"


def test_the_latest_annotation_counts_that_was_not_cancelled(tmp_path: Path) -> None:
    def annotation(label: str, **more: Any) -> dict[str, Any]:
        return {"result": [result("rectanglelabels", box(0, 0, 2, 2), label)], **more}

    one = {
        "data": {"image": "a.png"},
        "annotations": [
            annotation("second", updated_at="2025-05-02T08:50:00Z"),
            annotation("cancelled", updated_at="2026-01-01T00:00:00Z", was_cancelled=True),
            annotation("first", updated_at="2025-05-02T08:49:24Z"),
        ],
        "predictions": [annotation("guessed")],
    }
    found = read(tmp_path, one)
    assert regions_of(found) == {"a.png": [("second", 4)]}
    assert found.left_out == {"cancelled annotations": 1, "older annotations of a task": 1, "predictions": 1}
    assert regions_of(read(tmp_path, {**one, "annotations": []})) == {"a.png": [("guessed", 4)]}
    undated = {**one, "annotations": [annotation("first"), annotation("last")]}
    assert regions_of(read(tmp_path, undated)) == {"a.png": [("last", 4)]}
    old = {"data": {"image": "a.png"}, "completions": [annotation("old"), annotation("skipped", skipped=True)]}
    assert regions_of(read(tmp_path, old)) == {"a.png": [("old", 4)]}


def test_a_task_that_is_not_annotated_gives_no_predictions_beside_one_that_is(tmp_path: Path) -> None:
    save_photo(tmp_path, "b.png")
    guessed = task(result("rectanglelabels", box(0, 0, 2, 2)), photo="b.png", part="predictions")
    found = read(tmp_path, task(result("rectanglelabels", box(0, 0, 2, 2))), guessed)
    assert regions_of(found) == {"a.png": [("Wood", 4)], "b.png": []}
    assert found.left_out == {"predictions": 1}


def test_shape_and_label_in_two_results_of_one_region(tmp_path: Path) -> None:
    sides = box(0, 0, 2, 2)
    found = read(
        tmp_path,
        task(
            result("rectangle", sides, None, "r1"),
            result("labels", sides, "Wood", "r1"),
            result("choices", sides, "shiny", "r1"),
            result("brush", brush(), None, "r2"),
            result("choices", brush(), "Glass", "r2"),
            result("textarea", {**sides, "text": ["a note"]}, None, "r1"),
        ),
    )
    assert not found.problems
    assert regions_of(found) == {"a.png": [("Wood", 4), ("Glass", 5)]}


def test_the_short_export(tmp_path: Path) -> None:
    flat = {**box(0, 0, 2, 2), "rectanglelabels": ["Wood"], "original_width": WIDTH, "original_height": HEIGHT}
    brushed = {**brush(), "brushlabels": ["Glass"], "original_width": WIDTH, "original_height": HEIGHT}
    one = {"id": 1, "image": "a.png", "label": [flat, brushed], "annotator": 1, "annotation_id": 4, "lead_time": 3.5}
    found = read(tmp_path, one)
    assert label_studio.matches(tmp_path / "tasks.json")
    assert not found.problems
    assert regions_of(found) == {"a.png": [("Wood", 4), ("Glass", 5)]}


@pytest.mark.parametrize(
    ("photo", "file"),
    [
        ("/data/upload/3/0f3a9c1d-a_b.png", "a_b.png"),
        ("/data/upload/3/0f3a9c1d-a_b.png", "0f3a9c1d-a_b.png"),
        ("/data/local-files/?d=k%C3%BCche/a%20b.png", "küche/a b.png"),
        ("/data/local-files/?d=photos\\küche\\a.png", "küche/a.png"),
        ("s3://bucket/some/where/a.png", "a.png"),
        ("https://example.org/x/a.png?token=1", "a.png"),
        ("küche/a.png", "küche/a.png"),
        ("../../etc/a.png", "a.png"),
    ],
)
def test_how_photos_are_named(tmp_path: Path, photo: str, file: str) -> None:
    save_photo(tmp_path / "photos", file)
    tasks = save(tmp_path / "tasks.json", [task(result("rectanglelabels", box(0, 0, 2, 2)), photo=photo)])
    found = label_studio.read(tasks)
    assert [found.photos_folder / one.file for one in found.photos] == [tmp_path / "photos" / file]
    assert regions_of(label_studio.read(tasks, tmp_path / "photos")) == {file: [("Wood", 4)]}


def test_windows_line_ends_and_a_byte_order_mark(tmp_path: Path) -> None:
    save_photo(tmp_path, "a.png")
    path = tmp_path / "tasks.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(EVERYTHING, indent=1).replace("\n", "\r\n").encode())
    assert label_studio.matches(path)
    assert len(label_studio.read(path).photos[0].annotations) == 6


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (result("polygonlabels", {"points": [[1, 1], [2, 2]]}), "it has 2 points; expected 3 or more"),
        (result("polygonlabels", {"points": [[1, 1], [2, 2], [3, "x"]]}), "expected pairs of numbers x, y"),
        (result("rectanglelabels", box(0, 0, 2, 2), ["a", "b"]), "it has the labels a, b; expected one material"),
        (result("rectanglelabels", box(0, 0, 2, 2), [7]), "the label is 7; expected the name of a material"),
        (result("rectanglelabels", {**box(0, 0, 2, 2), "x": "left"}), "x is 'left'; expected a number"),
        (result("rectanglelabels", {"width": 1}), "x is None; expected a number"),
        (result("brushlabels", brush(PIECES[:, :5])), "its rle is of 240 values; expected 768, 16 x 12 pixels of 4"),
        (result("brushlabels", {"rle": [1, 2]}), "its rle is not a list of 7 or more whole numbers from 0 to 255"),
        (result("bitmasklabels", bitmask(PIECES[:, :5])), "its mask is 5 x 12; expected 16 x 12"),
        (result("bitmasklabels", {"imageDataURL": "data:,x"}), "its mask is not a PNG in Base64"),
        (result("rectanglelabels", box(0, 0, 2, 2), original_width=None, original_height=None), "it has no original_w"),
        (
            result("rectanglelabels", box(0, 0, 2, 2), image_rotation=90),
            "it was drawn on the photo turned by 90 degrees",
        ),
        (7, "it is 7; expected an object"),
    ],
)
def test_broken_regions_are_problems_that_say_where(tmp_path: Path, one: Any, expected: str) -> None:
    found = read(tmp_path, task(one, result("rectanglelabels", box(0, 0, 2, 2))))
    assert len(found.problems) == 1
    assert reasons(found)[0].startswith("tasks.json: task 7: region 1: ")
    assert expected in reasons(found)[0]
    assert regions_of(found) == {"a.png": [("Wood", 4)]}


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (7, "tasks.json: task 1: it is 7; expected an object"),
        ({"id": 3, "data": [1]}, "tasks.json: task 3: its data is [1]; expected an object"),
        (
            {"data": {"text": "hello"}},
            "tasks.json: task 1: its data is {'text': 'hello'}; expected the path of",
        ),
        (
            {"data": {"image": "a.png"}, "annotations": 7},
            "tasks.json: task 1: its annotations is 7; expected a list",
        ),
        (task(photo="b.png"), None),
        (task(result("rectanglelabels", box(0, 0, 2, 2)), photo="b.png"), "tasks.json: the photo 'b.png' is not in "),
    ],
)
def test_broken_tasks(tmp_path: Path, one: Any, expected: str | None) -> None:
    found = read(tmp_path, one, *EVERYTHING)
    assert len(found.photos) == 1
    if expected is None:
        assert not found.problems
    else:
        assert len(found.problems) == 1
        assert reasons(found)[0].startswith(expected)


def test_regions_of_two_sizes(tmp_path: Path) -> None:
    other = result("rectanglelabels", box(0, 0, 2, 2), original_width=5)
    found = read(tmp_path, task(result("rectanglelabels", box(0, 0, 2, 2)), other))
    assert reasons(found) == ["tasks.json: task 7: its regions are of photos of 5 x 12 and 16 x 12; expected one size"]


def test_broken_files(tmp_path: Path) -> None:
    path = tmp_path / "tasks.json"
    path.write_text(json.dumps(EVERYTHING)[:500])
    with pytest.raises(DatasetError, match=r"tasks\.json line 1 column \d+: not valid JSON"):
        label_studio.read(path)
    with pytest.raises(DatasetError, match=r"tasks\.json is \{'a': 1\}; expected a list of tasks"):
        label_studio.read(save(path, {"a": 1}))


def test_what_is_no_label_studio_file(tmp_path: Path) -> None:
    others = {"coco": {"images": [], "annotations": []}, "results": [{"image_id": 1, "segmentation": []}], "empty": []}
    for name, other in others.items():
        assert not label_studio.matches(save(tmp_path / f"{name}.json", other))
    assert not label_studio.matches(tmp_path)


def is_exact(region: AnsweredRegion) -> bool:
    """Outlines are written in percents."""
    return region.polygons is None or len(region.polygons.parts) != 1 or bool(region.polygons.holes)


@settings(max_examples=25, deadline=None)
@given(answered())
def test_round_trip(photos: list[Answered]) -> None:
    if any(photo.model is None and photo.regions for photo in photos):  # predictions do not count beside annotations
        photos = [photo for photo in photos if photo.model is None]
    round_trip(label_studio, photos, "tasks.json", is_exact)


def test_what_is_written(tmp_path: Path) -> None:
    """Checked by hand with label_studio_sdk 2.1.2: LabelInterface(config).validate_prediction(prediction) is true."""
    triangle = Polygons([np.array([[0, 0], [8, 0], [0, 6]])])
    regions = (
        AnsweredRegion("r", PIECES[3:5, 2:5], (2, 3), "Wood & <b>", 0.75),
        AnsweredRegion("t", np.ones((1, 1), dtype=bool), (0, 0), "Glass", 0.5, polygons=triangle),
    )
    photo = Answered("küche/a b+1.png", tmp_path, SIZE, regions, "madeof 1.0")
    tasks, interface = label_studio.write([photo], tmp_path / "out.json")
    assert interface.name == "out.label_config.xml"
    (one,) = json.loads(tasks.read_text("utf-8"))
    assert one["data"] == {"image": "/data/local-files/?d=k%C3%BCche/a%20b%2B1.png"}
    (prediction,) = one["predictions"]
    assert (prediction["model_version"], prediction["score"]) == ("madeof 1.0", 0.5)
    brushed, outlined = prediction["result"]
    assert brushed["type"] == "brushlabels"
    assert brushed["score"] == 0.75
    assert brushed["value"] == {"format": "rle", "rle": encode(PIECES), "brushlabels": ["Wood & <b>"]}
    assert outlined["type"] == "polygonlabels"
    assert outlined["value"] == {
        **{"points": [[0, 0], [50, 0], [0, 50]], "closed": True, "polygonlabels": ["Glass"]},
    }
    view = ElementTree.parse(interface).getroot()
    controls = {control.get("name"): control for control in view}
    for region in (brushed, outlined):
        control = controls[region["from_name"]]
        assert control.tag.lower() == region["type"]
        assert control.get("toName") == region["to_name"] == "image"
        assert [label.get("value") for label in control] == ["Wood & <b>", "Glass"]
    assert controls["image"].get("value") == "$image"


def test_no_photos(tmp_path: Path) -> None:
    tasks, _ = label_studio.write([], tmp_path / "out.json")
    assert json.loads(tasks.read_text()) == []


@settings(max_examples=60, deadline=None)
@given(broken(EVERYTHING))
def test_any_broken_value_is_an_error_of_ours(content: Any) -> None:
    with tempfile.TemporaryDirectory() as place:
        save_photo(Path(place), "a.png")
        survives(label_studio, save(Path(place) / "tasks.json", content))
