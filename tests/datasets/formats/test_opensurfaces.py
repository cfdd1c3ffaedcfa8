"""The OpenSurfaces release: label maps in the red channel, polygons in JSON, and its CSV that has none."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from small_pictures import opened, photo, regions, save, squares

from madeof.datasets import open_dataset
from madeof.datasets.formats import opensurfaces
from madeof.datasets.formats.map_regions import MapRegions, Values
from madeof.datasets.formats.opensurfaces import Triangles
from madeof.datasets.listing import File
from madeof.errors import DatasetError, RegionError
from madeof.regions.components import Components, connected_components
from madeof.regions.raster import cut_polygon

COLOURS = "substance_id,substance_name,red_color\n16,Brick,1\n17,Carpet/rug,3\n"


def coloured(red: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """As the release has them: red is the substance, green the object and blue the scene."""
    return np.stack([red, np.full_like(red, 7), np.full_like(red, 9)], axis=2)


def maps(root: Path) -> Path:
    photo(root / "photos/10.jpg")
    photo(root / "photos/11.jpg", (25, 33))
    save(root / "photos-labels/10.png", coloured(squares((1, 0, 0, 4, 4), (3, 8, 2, 12, 6))))
    # 1024 high in the release whatever the photo's size, and int(1024 * aspect ratio) wide.
    save(root / "photos-labels/11.png", coloured(squares((1, 0, 0, 132, 50), size=(100, 132))))
    (root / "label-substance-colors.csv").write_text(COLOURS)
    (root / "photos.csv").write_text("photo_id,license_name\n10,CC BY 2.0\n11,All Rights Reserved\n")
    return root


def test_label_maps_are_stretched_to_their_photos(tmp_path: Path) -> None:
    dataset = opened(maps(tmp_path), "opensurfaces")
    assert dataset.materials == ("Brick", "Carpet/rug")
    assert regions(dataset) == {
        ("10.jpg", "Brick", 16, (0, 0, 4, 4)),
        ("10.jpg", "Carpet/rug", 16, (8, 2, 12, 6)),
        ("11.jpg", "Brick", 33 * 12, (0, 0, 33, 12)),
    }
    assert dataset.photos.licence == ("CC BY 2.0", "All Rights Reserved")


def test_a_map_of_another_shape_is_an_error(tmp_path: Path) -> None:
    root = maps(tmp_path)
    save(root / "photos-labels/11.png", coloured(squares((1, 0, 0, 9, 9), size=(100, 140))))
    with pytest.raises(DatasetError, match=r"photos-labels/11\.png is 140 x 100 but its photo 11\.jpg is 33 x 25"):
        open_dataset(root)


def test_a_map_of_the_photo_before_its_turn_is_told(tmp_path: Path) -> None:
    root = maps(tmp_path)
    exif = Image.Exif()
    exif[0x0112] = 6
    photo(root / "photos/10.jpg", exif=exif)
    with pytest.raises(DatasetError, match="it fits only the photo before its EXIF turn"):
        open_dataset(root)


class Known(MapRegions):
    """The regions of a label map that is in memory."""

    def __init__(self, values: NDArray[np.uint8]) -> None:
        super().__init__(Path(), File("map.png", 0, 0), Path(), Values({1: "A", 2: "B"}, stretch=True))
        self._blobs = connected_components(values)

    def blobs(self) -> Components:
        return self._blobs


@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 30), st.integers(1, 30), st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_a_stretched_map_has_the_values_at_the_centres_of_pixels(
    height: int, width: int, tall: int, wide: int, seed: int
) -> None:
    values = np.random.default_rng(seed).integers(0, 3, (height, width)).astype(np.uint8)
    at = [
        [
            values[int(Fraction(2 * y + 1, 2) * height / tall), int(Fraction(2 * x + 1, 2) * width / wide)]
            for x in range(wide)
        ]
        for y in range(tall)
    ]
    found = np.zeros((tall, wide), dtype=np.uint8)
    for annotation in Known(values):
        part, (x, y) = annotation.shape.cut((tall, wide))
        inside = found[y : y + part.shape[0], x : x + part.shape[1]]
        # What shrinks to nothing is a pixel where it was: it may lie on another's.
        inside[part & ((inside == 0) | (part.size > 1))] = "_AB".index(annotation.material)
    expected = np.array(at, dtype=np.uint8)
    if tall >= height and wide >= width:
        np.testing.assert_array_equal(found, expected)
    else:
        assert (found[expected > 0] > 0).all()


def dump(path: Path, model: str, entries: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([{"pk": one.pop("pk"), "model": model, "fields": one} for one in entries]))


SQUARE = {"vertices": "0.25,0.25,0.75,0.25,0.75,0.75,0.25,0.75", "triangles": "0,1,2,0,2,3"}


def shape(pk: int, **fields: Any) -> dict[str, Any]:
    return {"pk": pk, "photo": 5, "substance": 16, "special": False, "high_quality": True, **SQUARE, **fields}


def polygons(root: Path, shapes: list[dict[str, Any]], photos: bool = True) -> Path:
    photo(root / "photos/5.jpg", (40, 80))
    dump(root / "opensurfaces/shapes.materialshape.json", "shapes.materialshape", shapes)
    names = [(16, "Brick", False), (17, "Carpet/rug", False), (30, "I can't tell", True)]
    dump(
        root / "opensurfaces/shapes.shapesubstance.json",
        "shapes.shapesubstance",
        [{"pk": pk, "name": name, "fail": fail} for pk, name, fail in names],
    )
    if photos:
        states = [{"pk": 5, "special": False, "scene_category_correct": True}]
        states += [{"pk": 6, "special": False, "scene_category_correct": None}]
        dump(root / "opensurfaces/photos.photo.json", "photos.photo", states)
    return root


def test_polygons_are_fractions_of_width_and_height(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    shapes = [
        shape(1),
        shape(2, substance=17, vertices="0,0,0.5,0,0,0.5,1,1,0.5,1,1,0.5", triangles="0,1,2,3,4,5"),
        shape(3, special=True),
        shape(4, high_quality=False),
        shape(5, substance=30),
        shape(6, substance=None),
        shape(7, photo=6),
    ]
    root = polygons(tmp_path, shapes)
    dataset = opened(root, "opensurfaces")
    found = {(material, box): area for _, material, area, box in regions(dataset)}
    assert found["Brick", (20, 10, 60, 30)] == 800
    assert found["Carpet/rug", (0, 0, 80, 40)] == 800  # two triangles, a quarter of an eighth each
    assert len(found) == 2
    read = opensurfaces.read(root)
    assert read.left_out == {
        "special shapes": 1,
        "shapes that are not of high quality": 1,
        "shapes without a substance": 2,
        "shapes of photos that are special or of a wrong scene": 1,
    }
    # Label maps come first in a folder; the file itself is what is meant where it is given.
    maps(tmp_path)
    assert len(opensurfaces.read(root).photos) == 2
    assert len(opensurfaces.read(root / "opensurfaces/shapes.materialshape.json").photos) == 1


def test_broken_shapes_are_named_with_their_number(tmp_path: Path) -> None:
    shapes = [
        shape(1),
        shape(21, vertices="0,0,1"),
        shape(22, vertices="0,0,x,1,1,1"),
        shape(23, vertices="0,0,1,0,1,1,0"),
        shape(24, triangles="0,1"),
        shape(25, triangles="0,1,9"),
        shape(26, triangles="0,1,1.5"),
        shape(27, vertices="nan,0,1,0,1,1"),
        shape(28, vertices="2,2,3,2,3,3", triangles="0,1,2"),
        shape(29, triangles="0,1,2,0,1,2"),
    ]
    root = polygons(tmp_path, [*shapes, shape(30, photo="five"), shape(31, photo=77)])
    with pytest.raises(DatasetError, match="11 problems"):
        open_dataset(root)
    dataset = open_dataset(root, skip_bad=True)
    assert len(dataset.regions) == 1
    told = " ".join(problem.reason for problem in dataset.skipped)
    for part in (
        "shape 21: its vertices are '0,0,1'; expected numbers with commas",
        "shape 22: its vertices are '0,0,x,1,1,1'",
        "shape 23: it has 7 numbers for its vertices; expected an even number",
        "shape 24: its triangles are '0,1'; expected numbers",
        "shape 25: its triangles are not threes of the numbers 0 to 3",
        "shape 26: its triangles are not threes",
        "shape 27: its vertices are 'nan,0,1,0,1,1'",
        "shape 28: the polygon lies outside the photo of 80 x 40",
        "shape 29: its triangles bound nothing",
        "shape 30: its photo is 'five'",
        "the photo '77.jpg' is not in",
    ):
        assert part in told


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[{"model": "shapes.materialshape", "pk": 1}]', "entry 0: .* expected pk and fields"),
        ('[{"model": "shapes.materialshape", "pk": 1, "fields": {', "line 1 column .*: not valid JSON: .*cut off"),
        ('{"model": "shapes.materialshape"}', "entry 0: None; expected pk and fields"),
    ],
)
def test_a_broken_file(tmp_path: Path, text: str, message: str) -> None:
    root = polygons(tmp_path, [])
    path = root / "opensurfaces/shapes.materialshape.json"
    path.write_text(text)
    assert opensurfaces.matches(path)
    with pytest.raises(DatasetError, match=message) as caught:
        opensurfaces.read(path)
    assert "shapes.materialshape.json" in str(caught.value)


def test_the_releases_csv_has_no_polygons_and_ours_may(tmp_path: Path) -> None:
    photo(tmp_path / "photos/5.jpg", (40, 80))
    path = tmp_path / "shapes.csv"
    path.write_text("shape_id,photo_id,substance_name,name_name\n1,5,Brick,wall\n")
    assert opensurfaces.matches(tmp_path)
    with pytest.raises(
        DatasetError, match=r"shapes\.csv has no column vertices: the release's shapes\.csv has no polyg"
    ):
        open_dataset(path)
    path.write_text(
        "shape_id,photo_id,substance_name,vertices,triangles\n"
        f'1,5,Brick,"{SQUARE["vertices"]}","{SQUARE["triangles"]}"\n2,5,Carpet/rug,"0,0,1,0,1,1",\n3,5,,"0,0,1,0,1,1",\n'
    )
    dataset = opened(path, "opensurfaces")
    assert {(material, area) for _, material, area, _ in regions(dataset)} == {("Brick", 800), ("Carpet/rug", 1600)}
    path.write_text('shape_id,photo_id,substance_name,vertices\n1,,Brick,"0,0,1,0,1,1"\n2,5,Brick,"0,0,1,1"\n')
    with pytest.raises(DatasetError) as caught:
        open_dataset(path)
    assert "shapes.csv: line 2: photo_id or vertices are missing" in str(caught.value)
    assert "shapes.csv: 5.jpg: line 3: its vertices are '0,0,1,1'" in str(caught.value)


corner = st.tuples(st.integers(-4, 24), st.integers(-4, 24))


@given(st.lists(corner, min_size=3, max_size=3, unique=True), corner)
@settings(max_examples=60, deadline=None)
def test_triangles_that_share_edges_lose_and_share_no_pixel(
    three: list[tuple[int, int]], middle: tuple[int, int]
) -> None:
    size = (20, 20)
    points = np.array([*three, middle]) + 0.5  # through pixel centres: the worst case
    text = ",".join(f"{value / 20!r}" for value in points.ravel().tolist())
    (a, b, c), m = points[:3], points[3]

    def left(p: NDArray[np.float64], q: NDArray[np.float64], r: NDArray[np.float64]) -> float:
        return float((q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0]))

    turns = [left(a, b, m), left(b, c, m), left(c, a, m)]
    if not (all(turn > 0 for turn in turns) or all(turn < 0 for turn in turns)):
        return  # the fourth is not within the first three
    try:
        whole, corner_of_whole = cut_polygon(points[:3], size)
    except RegionError:
        return
    part, corner_of_part = Triangles(text, "0,1,3,1,2,3,2,0,3").cut(size)
    assert corner_of_part == corner_of_whole
    np.testing.assert_array_equal(part, whole)
