"""What is true of all formats: of labels that are none, of attributes, of stray pieces, and of parts for pixels."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from format_cases import regions_of, save_photo
from PIL import Image

from madeof.cli.main import main
from madeof.datasets import open_dataset, read_annotations
from madeof.errors import DatasetError

SIZE = 48, 64
SQUARE = [(5, 10), (25, 10), (25, 30), (5, 30)]
"""400 pixels."""


def coco(label: str | None, points: list[tuple[float, float]], material: str | None = None) -> str:
    flat = [side for point in points for side in point]
    one: dict[str, Any] = {"id": 1, "image_id": 1, "segmentation": [flat]}
    one |= {} if label is None else {"category_id": 1}
    one |= {} if material is None else {"attributes": {"occluded": False, "material": material}}
    categories = [] if label is None else [{"id": 1, "name": label}]
    return json.dumps({"images": [{"id": 1, "file_name": "a.png"}], "categories": categories, "annotations": [one]})


def labelme(label: str | None, points: list[tuple[float, float]], material: str | None = None) -> str:
    shape: dict[str, Any] = {"label": label, "points": points, "shape_type": "polygon"}
    shape |= {} if material is None else {"attributes": {"material": material}}
    return json.dumps({"version": "4.0.2", "imagePath": "a.png", "shapes": [shape]})


def cvat(label: str | None, points: list[tuple[float, float]], material: str | None = None) -> str:
    texts = ";".join(f"{x},{y}" for x, y in points)
    inner = "" if material is None else f'<attribute name="material">{material}</attribute>'
    label = "" if label is None else f'label="{label}"'
    polygon = f'<polygon {label} points="{texts}">{inner}</polygon>'
    return f'<annotations><image id="0" name="a.png" width="64" height="48">{polygon}</image></annotations>'


def voc(label: str | None, points: list[tuple[float, float]], material: str | None = None) -> str:
    texts = "".join(f"<x{at}>{x}</x{at}><y{at}>{y}</y{at}>" for at, (x, y) in enumerate(points, start=1))
    inner = "" if label is None else f"<name>{label}</name>"
    if material is not None:
        value = f"<name>material</name><value>{material}</value>"
        inner += f"<attributes><attribute>{value}</attribute></attributes>"
    thing = f"<object>{inner}<polygon>{texts}</polygon></object>"
    return f"<annotation><filename>a.png</filename>{thing}</annotation>"


def via(label: str | None, points: list[tuple[float, float]], material: str | None = None) -> str:
    xs, ys = zip(*points, strict=True)
    shape = {"name": "polygon", "all_points_x": xs, "all_points_y": ys}
    attributes = {} if label is None else {"label": label}
    attributes |= {} if material is None else {"material": material}
    region = {"shape_attributes": shape, "region_attributes": attributes}
    return json.dumps({"a.png1": {"filename": "a.png", "regions": [region]}})


def label_studio(label: str | None, points: list[tuple[float, float]], material: str | None = None) -> str:
    drawn = {"id": "r", "original_width": 64, "original_height": 48}
    percents = [(x / 0.64, y / 0.48) for x, y in points]
    labels = {} if label is None else {"polygonlabels": [label]}
    results = [{**drawn, "from_name": "label", "type": "polygonlabels", "value": {"points": percents, **labels}}]
    if material is not None:
        results.append({**drawn, "from_name": "material", "type": "choices", "value": {"choices": [material]}})
    return json.dumps([{"id": 1, "data": {"image": "a.png"}, "annotations": [{"result": results}]}])


FORMATS: dict[str, tuple[str, Callable[..., str]]] = {
    "coco": ("f.json", coco),
    "labelme": ("a.json", labelme),
    "cvat": ("annotations.xml", cvat),
    "voc": ("a.xml", voc),
    "via": ("f.json", via),
    "label_studio": ("f.json", label_studio),
}
each = pytest.mark.parametrize(("name", "make"), FORMATS.values(), ids=FORMATS)


def areas(path: Path) -> list[tuple[str, int]]:
    return regions_of(read_annotations(path), SIZE).get("a.png", [])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_photo(tmp_path, "a.png", SIZE)
    return tmp_path


@each
@pytest.mark.parametrize("label", ["__ignore__", "_background_", "Unlabeled", "void"])
def test_a_label_of_what_has_no_material(name: str, make: Callable[..., str], label: str, folder: Path) -> None:
    (folder / name).write_text(make(label, SQUARE))
    found = read_annotations(folder / name)
    assert [len(photo.annotations) for photo in found.photos] == [0]
    assert found.left_out == {f"regions labelled {label}": 1}
    assert label not in found.materials


def test_a_class_of_yolo_that_is_none(folder: Path) -> None:
    (folder / "classes.txt").write_text("Wood\nbackground\n")
    (folder / "a.txt").write_text("0 0.5 0.5 0.25 0.25\n1 0.2 0.2 0.1 0.1\n")
    found = read_annotations(folder)
    assert regions_of(found, SIZE) == {"a.png": [("Wood", 192)]}
    assert found.materials == ("Wood",)
    assert found.left_out == {"regions labelled background": 1}


@each
def test_an_attribute_named_material_is_the_material(name: str, make: Callable[..., str], folder: Path) -> None:
    (folder / name).write_text(make("region", SQUARE, "Wood"))
    assert areas(folder / name) == [("Wood", 400)]
    dataset = open_dataset(folder / name)
    assert [dataset.materials[one] for one in dataset.regions.material] == ["Wood"]
    if make is cvat:  # what CVAT writes for an attribute that nobody chose
        (folder / name).write_text(make("Brick", SQUARE, "__undefined__"))
        assert areas(folder / name) == [("Brick", 400)]


@each
def test_a_region_without_a_label_can_be_asked_about(
    name: str, make: Callable[..., str], folder: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / name).write_text(make(None, SQUARE))
    assert main(["predict", "--model", str(tiny_model), "--annotations", str(folder / name), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["regions"]
    assert [(one["area"], one.get("truth")) for one in found] == [(400, None)]
    with pytest.raises(DatasetError, match="it has no material"):
        open_dataset(folder / name)
    assert main(["convert", str(folder / name), str(folder / "out.json"), "--to", "coco"]) == 1
    assert "it has no material" in capsys.readouterr().err


@each
def test_coordinates_that_are_parts_of_the_photo(name: str, make: Callable[..., str], folder: Path) -> None:
    if make is label_studio:
        pytest.skip("its coordinates are percents")
    (folder / name).write_text(make("Wood", [(0.08, 0.21), (0.39, 0.21), (0.39, 0.62), (0.08, 0.62)]))
    with pytest.raises(DatasetError, match="all from 0 to 1, parts of the photo's size as it seems; expected pixels"):
        open_dataset(folder / name)
    # The first pixel is a region all the same.
    (folder / name).write_text(make("Wood", [(0, 0), (1, 0), (1, 1), (0, 1)]))
    assert open_dataset(folder / name).regions.area.tolist() == [1]


@pytest.mark.parametrize(
    ("strays", "told"),
    [
        ([[32.0, 24.0]], 1),
        ([[], [1, 1, 2, 2]], 2),
        ([[40, 40, 40, 40, 40, 40]], 0),  # a click three times: no pixel
        ([[40, 40, 44, 44, 48, 48]], 0),  # a line
        ([[100, 100, 120, 100, 120, 120]], 0),  # outside the photo
    ],
)
def test_stray_outlines_beside_a_good_one(strays: list[list[float]], told: int, folder: Path) -> None:
    content = json.loads(coco("Wood", SQUARE))
    content["annotations"][0]["segmentation"] += strays
    (folder / "f.json").write_text(json.dumps(content))
    assert open_dataset(folder / "f.json").regions.area.tolist() == [400]
    assert read_annotations(folder / "f.json").left_out == (
        {"stray outlines of one or two points": told} if told else {}
    )


def test_stray_shapes_of_a_group(folder: Path) -> None:
    content = json.loads(labelme("Wood", SQUARE))
    far = [[100, 100], [120, 100], [120, 120]]
    content["shapes"] += [{"label": "Wood", "points": far, "shape_type": "polygon"}]
    content["shapes"] += [{"label": "Wood", "points": far[::2], "shape_type": "rectangle"}]
    for shape in content["shapes"]:
        shape["group_id"] = 1
    (folder / "a.json").write_text(json.dumps(content))
    assert areas(folder / "a.json") == [("Wood", 400)]


def test_a_photo_that_is_not_there_and_has_no_region(folder: Path) -> None:
    content = json.loads(coco("Wood", SQUARE))
    content["images"].append({"id": 2, "file_name": "b.png"})
    (folder / "f.json").write_text(json.dumps(content))
    assert open_dataset(folder / "f.json").regions.area.tolist() == [400]
    assert read_annotations(folder / "f.json").left_out == {"photos without a region, which are not there": 1}


def test_a_box_around_the_outlines_of_its_group(folder: Path) -> None:
    """As datumaro 1.13 writes instances with several outlines in CVAT's XML."""
    outlines = ["5,10;25,10;25,30;5,30", "40,35;60,35;60,45;40,45"]
    shapes = "".join(f'<polygon label="Wood" group_id="7" points="{one}"/>' for one in outlines)
    box = '<box label="Wood" group_id="7" xtl="{}" ytl="10" xbr="60" ybr="45"/>'
    for left, area in ((5, 600), (30, 950)):  # the second is a box of its own, of 30 x 35
        text = f'<annotations><image id="0" name="a.png">{box.format(left)}{shapes}</image></annotations>'
        (folder / "annotations.xml").write_text(text)
        assert areas(folder / "annotations.xml")[0][1] == (area if left == 5 else 30 * 35 + 400)


def test_one_annotator_of_the_short_export(folder: Path) -> None:
    points = [[x / 0.64, y / 0.48] for x, y in SQUARE]
    drawn = {"points": points, "original_width": 64, "original_height": 48}
    rows = [
        {"image": "a.png", "id": task, "annotation_id": at, "updated_at": f"2024-01-0{day}T00:00:00Z", "tag": [one]}
        for at, (task, day, label) in enumerate([(1, 1, "Brick"), (1, 3, "Wood"), (1, 2, "Glass"), (2, 1, "Metal")])
        for one in [{**drawn, "polygonlabels": [label]}]
    ]
    (folder / "f.json").write_text(json.dumps(rows))
    assert areas(folder / "f.json") == [("Wood", 400), ("Metal", 400)]
    assert read_annotations(folder / "f.json").left_out == {"older annotations of a task": 2}


@pytest.mark.parametrize("kind", ["rectangle", "rotation", "quadrilateral", "oriented_rectangle"])
def test_rectangles_of_four_points(kind: str, folder: Path) -> None:
    content = json.loads(labelme("Wood", SQUARE))
    content["shapes"][0]["shape_type"] = kind
    (folder / "a.json").write_text(json.dumps(content))
    assert areas(folder / "a.json") == [("Wood", 400)]


def test_a_polygon_of_pascal_voc_beats_its_box(folder: Path) -> None:
    box = "<bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>45</xmax><ymax>40</ymax></bndbox></object>"
    text = voc("Wood", [(5, 5), (45, 5), (5, 40)])
    (folder / "a.xml").write_text(text.replace("</object>", box.format(6, 6)))
    assert areas(folder / "a.xml") == [("Wood", 700)]
    # supervision counts the pixels of both from 1: the middles of the first and the last are corners.
    (folder / "a.xml").write_text(text.replace("</object>", box.format(5, 5)))
    assert read_annotations(folder / "a.xml").photos[0].annotations[0].shape.parts[0].min() == 4.5  # type: ignore[attr-defined]


def test_png_masks_and_boxes_are_no_parts(folder: Path) -> None:
    """A mask of the first pixel, and a box in whole numbers, are what they are."""
    import io

    file = io.BytesIO()
    Image.new("1", (1, 1), 1).save(file, "PNG")
    content = json.loads(labelme("Wood", [(0, 0), (0, 0)]))
    content["shapes"][0] |= {"shape_type": "mask", "mask": base64.b64encode(file.getvalue()).decode()}
    (folder / "a.json").write_text(json.dumps(content))
    assert open_dataset(folder / "a.json").regions.area.tolist() == [1]
