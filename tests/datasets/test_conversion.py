"""`madeof convert`: from every format to every format and back, what is told to be lost, and nothing half-written."""

from __future__ import annotations

import csv
import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from datasets_conversion import (
    SIZE,
    Run,
    as_found,
    found_in,
    in_a_map,
    photos_of_masks,
    place,
    small_set,
)
from format_cases import save_photo
from hypothesis import given, settings

from madeof.cli.arguments import FORMATS as NAMES
from madeof.cli.arguments import WRITTEN
from madeof.datasets import open_dataset
from madeof.datasets.conversion import convert
from madeof.datasets.formats import FORMATS
from madeof.datasets.writing import Answered, AnsweredRegion
from madeof.regions.shapes import Polygons


def images_of(folder: Path, format: str) -> list[str]:
    """The option that names the photos; formats that copy them need none."""
    return [] if format in ("label_map", "masks") else ["--images", str(folder / "photos")]


def test_the_lists_of_formats_are_the_registry_s() -> None:
    assert set(NAMES) == set(FORMATS)
    assert set(WRITTEN) == {one.name for one in FORMATS.values() if one.writes}


@pytest.mark.parametrize("format", WRITTEN)
@pytest.mark.parametrize("to", WRITTEN)
def test_from_each_format_to_each_and_back(
    format: str, to: str, formats_folder: Path, run_convert: Run, tmp_path: Path
) -> None:
    there, back = place(tmp_path / "there", to), place(tmp_path / "back", format)
    there.parent.mkdir()
    back.parent.mkdir()
    status, err = run_convert(place(formats_folder, format), there, "--to", to, *images_of(formats_folder, format))
    assert status == 0, err
    status, err = run_convert(there, back, "--to", format, *images_of(formats_folder, to))
    assert status == 0, err
    assert f"wrote {back}: 3 photos, " in err
    images = images_of(formats_folder, to)
    found = found_in(there, Path(images[1]) if images else None)
    again = found_in(back, None if format in ("label_map", "masks") else formats_folder / "photos")
    meant = as_found(small_set(tmp_path / "photos"))
    if "label_map" not in (format, to):
        assert found == meant
        assert again == meant
    assert in_a_map(found) == in_a_map(meant)
    assert in_a_map(again) == in_a_map(meant)


@pytest.mark.parametrize("to", [format for format in WRITTEN if format != "label_map"])
@settings(max_examples=8, deadline=None)
@given(photos_of_masks())
def test_overlapping_regions_of_any_pixels_survive(to: str, photos: list[Answered]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photos = [Answered(one.file, folder / "photos", one.size, one.regions) for one in photos]
        for photo in photos:
            save_photo(photo.folder, photo.file, photo.size)
        FORMATS["coco"].writer.write(photos, folder / "from.json")
        convert(folder / "from.json", place(folder, to), to, images=folder / "photos")
        images = None if to == "masks" else folder / "photos"
        assert found_in(place(folder, to), images) == as_found(photos)
        convert(place(folder, to), folder / "again.json", "coco", images=images)
        assert found_in(folder / "again.json", folder / "photos") == as_found(photos)


def test_outlines_go_through_all_formats_that_have_them(run_convert: Run, tmp_path: Path) -> None:
    save_photo(tmp_path / "photos", "a.png", SIZE)
    points = np.array([[1.25, 2.5], [20.75, 3.0], [13.3, 17.1]])
    region = AnsweredRegion("", *Polygons([points]).cut(SIZE), "Wood", polygons=Polygons([points]))
    FORMATS["coco"].writer.write([Answered("a.png", tmp_path / "photos", SIZE, (region,))], tmp_path / "coco.json")
    last = Path("coco.json")
    for number, to in enumerate(("labelme", "cvat", "label_studio", "yolo", "coco")):
        out = place(Path(), to).with_stem(f"{number}")
        status, err = run_convert(last, out, "--to", to, "--images", "photos")
        assert status == 0
        assert "not kept" not in err
        last = out
    outline = json.loads(last.read_text())["annotations"][0]["segmentation"]
    np.testing.assert_allclose(np.array(outline).reshape(-1, 2), points, atol=1e-6)


def test_boxes_stay_boxes(run_convert: Run) -> None:
    """Where they are between pixels too."""
    save_photo(Path(), "a.png", SIZE)
    Path("data.yaml").write_text("names: [wood]\n")
    Path("a.txt").write_text("0 0.5 0.5 0.31 0.3\n0 0.05 0.05 0.2 0.2\n")  # the second hangs over the edge
    assert run_convert(".", "out.json", "--to", "coco")[0] == 0
    rows = json.loads(Path("out.json").read_text())["annotations"]
    np.testing.assert_allclose(rows[0]["segmentation"][0], [8.97, 7, 17.03, 7, 17.03, 13, 8.97, 13])
    np.testing.assert_allclose(rows[1]["segmentation"][0], [0, 0, 3.9, 0, 3.9, 3, 0, 3], atol=1e-9)


def test_our_own_layouts(tiny_dataset: Path, run_convert: Run, tmp_path: Path) -> None:
    """A folder, two folders and a table; what is known of the photos goes along where there is a place for it."""
    status, err = run_convert(tiny_dataset, "copy", "--to", "label-map")
    assert (status, "not kept" in err) == (0, False)
    before, after = open_dataset(tiny_dataset), open_dataset("copy")
    assert after.photos.name == before.photos.name
    assert after.photos.split == before.photos.split
    assert after.photos.licence == before.photos.licence
    assert after.materials == before.materials
    assert found_in(Path("copy")) == found_in(tiny_dataset)
    with Path("copy/photos.csv").open() as file:
        assert next(csv.reader(file)) == ["name", "split", "group", "source", "licence"]

    status, err = run_convert(tiny_dataset, "a.json", "--to", "coco")
    assert "madeof: not kept in coco: splits, groups, sources and licences (12 photos)" in err.splitlines()
    content = json.loads(Path("a.json").read_text())
    assert [row["name"] for row in content["categories"]] == list(before.materials)  # whether they occur or not

    command = (tiny_dataset / "images", "b", "--labels", tiny_dataset / "labels", "--to", "masks")
    status, err = run_convert(*command, "--materials", tiny_dataset / "materials.csv")
    assert status == 0
    assert found_in(Path("b")) == found_in(tiny_dataset)

    table = "".join(
        f'"b/images/{path.parent.name}.png","{path}",{path.stem.partition("-")[2]}\n'
        for path in Path("b/masks").rglob("*.png")
    )
    Path("table.csv").write_text("image,mask,material\n" + table)
    assert run_convert("table.csv", "c.xml", "--to", "cvat")[0] == 0
    assert {Path(file).name: some for file, some in found_in(Path("c.xml"), tmp_path).items()} == found_in(tiny_dataset)
    assert "b/images/p0.png" in Path("c.xml").read_text()
