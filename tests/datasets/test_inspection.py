"""`madeof inspect`: what it counts, what it finds wrong, and the contact sheet."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from format_cases import save_photo, write_json
from PIL import Image

from madeof.cli.main import main
from madeof.datasets import open_dataset
from madeof.datasets.inspection import Alike, alike, by_area, inspect, quantiles, unnameable
from madeof.datasets.inspection_text import text_of
from madeof.errors import DatasetError
from madeof.materials.lists import FMD, OPENSURFACES
from madeof.viz import contact_sheet
from madeof.viz.contact_sheet import draw_sheet

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Run:
    """Run `madeof inspect` in an empty folder -> status, standard output, standard error."""
    monkeypatch.chdir(tmp_path)

    def run(*command: object) -> tuple[int, str, str]:
        status = main(["inspect", "--model", str(tiny_model), *map(str, command)])
        return status, *capsys.readouterr()

    return run


def square(id: int, image: int, category: int, side: int = 10) -> dict[str, Any]:
    return {"id": id, "image_id": image, "category_id": category, "bbox": [2, 3, side, side]}


@pytest.fixture
def coco(run: Run) -> Path:
    """A COCO file with everything to find in it."""
    save_photo(Path("images"), "a.png", (30, 40))
    save_photo(Path("images"), "b.png", (60, 80))
    save_photo(Path("images"), "none.png", (30, 40))
    names = ["Wood", " wood", "Tile", "tiles", "Wax", "Nowhere"]
    content = {
        "licenses": [{"id": 1, "name": "CC0"}],
        "images": [
            {"id": 1, "file_name": "a.png", "license": 1},
            {"id": 2, "file_name": "b.png"},
            {"id": 3, "file_name": "gone.png"},
            {"id": 4, "file_name": "none.png"},
        ],
        "categories": [{"id": number, "name": name} for number, name in enumerate(names)],
        "annotations": [
            *(square(number, 1, number) for number in range(5)),
            *(square(10 + number, 2, number, 40) for number in range(3)),
            square(20, 2, 0, 2),
            {"id": 21, "image_id": 1, "category_id": 0, "segmentation": [[900, 900, 950, 900, 900, 950]]},
            {"id": 22, "image_id": 1, "category_id": 0, "keypoints": [1, 1, 2]},
            {"id": 23, "image_id": 1, "category_id": 0, "caption": "A chair."},
        ],
    }
    return write_json(Path("set.json"), content)


def test_all_that_is_found(coco: Path, run: Run) -> None:
    status, out, err = run(coco, "--min-area", "9", "--json")
    assert status == 0
    found = json.loads(out)
    assert (found["form"], found["photos"], found["regions"]) == ("COCO JSON", 2, 8)
    assert {one["material"]: (one["regions"], one["photos"]) for one in found["materials"]} == {
        "Wood": (4, 2), "Tile": (2, 2), "tiles": (1, 1), "Wax": (1, 1), "Nowhere": (0, 0),
    }  # fmt: skip
    assert found["splits_drawn"] is True
    assert sum(one["photos"] for one in found["by_split"].values()) == 2
    assert found["by_licence"] == {"CC0": {"photos": 1, "regions": 5}, "": {"photos": 1, "regions": 3}}
    assert found["areas"] == {
        "smallest": 100, "5%": 100, "25%": 100, "median": 100, "75%": 1600, "95%": 1600, "largest": 1600,
    }  # fmt: skip
    assert found["by_area"] == [{"under": 1000, "regions": 5}, {"under": 2000, "regions": 3}]
    assert found["photo_sizes"] == {
        "sizes": 2,
        "smallest": [40, 30],
        "largest": [80, 60],
        "most_frequent": {"width": 40, "height": 30, "photos": 1},
        "median_megapixels": 0.003,
    }
    assert found["left_out"] == {"keypoints": 1, "captions": 1}
    assert (found["too_small"], found["photos_without_regions"]) == (1, 1)
    problems = [one["reason"] for one in found["problems"]]
    assert len(problems) == 2
    assert "gone.png" in problems[0]
    assert problems[1].startswith("set.json: a.png: annotation 21: the polygon lies outside")
    assert found["alike"] == [
        {"names": ["Wood", "wood"], "one_material": True},
        {"names": ["Tile", "tiles"], "one_material": False},
    ]
    assert found["unnameable"]["model"] == "tiny 3"
    assert set(found["unnameable"]["materials"]) == {"Tile", "tiles", "Wax"}
    assert err == ""


def test_the_report_for_people(coco: Path, run: Run) -> None:
    status, out, _ = run(coco, "--min-area", "9")
    assert status == 0
    lines = out.splitlines()
    assert lines[:2] == ["set.json: COCO JSON", "2 photos, 8 regions, 4 of 5 materials"]
    assert "split (drawn where none is given)  photos  regions" in lines
    assert "licence     photos  regions" in lines
    assert "not stated       1        3" in lines
    assert "Wood           2        4  50.0%" in lines
    assert "without a region: Nowhere" in lines
    at = lines.index("area of a region (px)  regions")
    assert lines[at + 1 : at + 3] == ["under 1,000                  5", "1,000 to 2,000               3"]
    assert "areas: smallest 100, 5% 100, 25% 100, median 100, 75% 1,600, 95% 1,600, largest 1,600 px" in lines
    assert "photos: 40 x 30 to 80 x 60, median 0.00 megapixels; 2 sizes, most often 40 x 30 (1)" in lines
    assert "left out: 1 keypoints, 1 captions, 1 region under 9 px, 1 photo without a region" in lines
    assert "names: 'Wood' and 'wood' are taken for one material" in lines
    assert "names: 'Tile' and 'tiles' are two materials: are they meant to be one?" in lines
    assert "names that the model tiny 3 cannot say:" in lines
    assert "  Wax: the model has no such name" in lines
    assert "2 problems, which stop a training or evaluation unless with --skip-bad:" in lines
    assert not any(line.startswith("source") for line in lines)  # none is stated


def test_our_own_layout(tiny_dataset: Path, run: Run) -> None:
    (status, out, _), dataset = run(tiny_dataset), open_dataset(tiny_dataset)
    assert status == 0
    assert out.splitlines()[:2] == [f"{tiny_dataset}: photos and label maps", "12 photos, 36 regions, 4 materials"]
    lines = out.splitlines()
    wanted = ("split  photos  regions", "train       8       24", "val         4       12", "made        12       36")
    assert set(wanted) <= set(lines)
    assert "problem" not in out
    assert "names" not in out
    for count in dataset.count_by_material():
        assert any(line.split()[:3] == [count.material, f"{count.photos}", f"{count.regions}"] for line in lines)
    found = json.loads(run("--images", tiny_dataset / "images", "--labels", tiny_dataset / "labels", "--json")[1])
    assert found["form"] == "photos and label maps"
    assert [one["material"] for one in found["materials"]] == list(OPENSURFACES)
    table = Path(contact_sheet.__file__).parent / "demo" / "regions.csv"
    assert json.loads(run(table, "--json")[1])["form"] == "a table of masks"


def test_many_problems_are_counted(run: Run) -> None:
    """And a data set of which nothing can be used is a report too."""
    images = [{"id": number, "file_name": f"{number}.png"} for number in range(30)]
    path = write_json(Path("set.json"), {"images": images, "categories": [], "annotations": []})
    status, out, err = run(path)
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[:2] == ["set.json: COCO JSON", "0 photos, 0 regions, 0 materials"]
    assert lines[-1] == "  and 20 more; --json has all of them"
    assert sum("is not in" in line for line in lines) == 10
    assert len(json.loads(run(path, "--json")[1])["problems"]) == 30
    status, _, err = run(path, "--sheet", "a.png")
    assert (status, Path("a.png").exists()) == (1, False)
    assert err == "madeof: a contact sheet of no region at all; expected a data set with some\n"


def test_what_cannot_be_read_at_all_is_an_error(run: Run) -> None:
    Path("set.json").write_text('{"images": [')
    status, out, err = run("set.json")
    assert (status, out) == (1, "")
    assert "set.json line 1" in err
    with pytest.raises(SystemExit) as ended:
        run()
    assert ended.value.code == 2


def test_alike() -> None:
    assert alike(["Wood", "Glass", "Stone", "Paper / tissue", "Metal"]) == ()
    assert alike(["Wood-painted", "Stone", "wood painted", "Wood  - painted"]) == (
        Alike(("Wood-painted", "wood painted", "Wood  - painted"), one_material=False),
    )
    assert alike(["Größe", "GRÖSSE"]) == (Alike(("Größe", "GRÖSSE"), one_material=True),)
    assert alike(["Glass", "Glas"]) == ()  # no plural
    assert alike(["-", "?"]) == ()
    assert alike(OPENSURFACES) == ()


def test_quantiles_and_areas() -> None:
    assert quantiles(np.zeros(0, dtype=np.int64)) == {}
    assert quantiles(np.arange(1, 102))["median"] == 51
    assert by_area(np.array([1, 999, 1000, 5_000_000])) == [(1000, 2), (2000, 1), (None, 1)]


def test_names_of_another_list_are_looked_up_in_the_crosswalk(run: Run) -> None:
    save_photo(Path("images"), "a.png", (30, 40))
    content = {
        "images": [{"id": 1, "file_name": "a.png"}],
        "categories": [{"id": number, "name": name} for number, name in enumerate(FMD)],
        "annotations": [square(number, 1, number) for number in range(len(FMD))],
    }
    found = inspect(write_json(Path("set.json"), content))
    wanting = unnameable(found, "big 1", OPENSURFACES)
    assert wanting.crosswalk == "opensurfaces-plus -> fmd"
    assert wanting.materials == {}
    fewer = [name for name in OPENSURFACES if name not in ("Water", "Leather")]
    assert set(unnameable(found, "big 1", fewer).materials) == {"Water", "Leather"}
    text = text_of(replace(found, unnameable=unnameable(found, "big 1", fewer)))
    assert "names that the model big 1 cannot say (compared through the crosswalk opensurfaces-plus -> fmd):" in text


def shown(path: str) -> Any:
    with Image.open(path) as image:
        image.load()
        return image


def test_the_sheet(tiny_dataset: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    pasted = []
    paste = contact_sheet._paste

    def spy(sheet: Image.Image, picture: Image.Image, corner: tuple[int, int], name: str, area: int) -> None:
        paste(sheet, picture, corner, name, area)
        pasted.append((picture, corner, name, area, np.asarray(sheet).copy()))

    monkeypatch.setattr(contact_sheet, "_paste", spy)
    status, out, err = run(tiny_dataset, "--sheet", "sheet.png", "--each", "3")
    assert (status, err) == (0, "madeof: wrote sheet.png\n")
    assert out
    sheet = shown("sheet.png")
    dataset = open_dataset(tiny_dataset)
    counts = dataset.count_by_material()
    assert len(pasted) == sum(min(3, one.regions) for one in counts)
    boxes = []
    for picture, (x, y), name, area, _ in pasted:
        assert x >= 0
        assert x + contact_sheet._WIDTH <= sheet.width
        assert y >= 0
        assert y + contact_sheet._HEIGHT + contact_sheet._CAPTION <= sheet.height
        assert picture.width <= contact_sheet._WIDTH
        assert picture.height <= contact_sheet._HEIGHT
        assert name in dataset.photos.name
        assert area in dataset.regions.area
        assert all(abs(x - a) >= contact_sheet._WIDTH or abs(y - b) >= contact_sheet._HEIGHT for a, b in boxes)
        boxes.append((x, y))
    assert Counter(name for _, _, name, _, _ in pasted[:3]).most_common(1)[0][1] == 1  # of different photos
    # In colours is the region alone.
    picture = np.asarray(pasted[0][0]).astype(int)
    assert 0.05 < (np.ptp(picture, axis=2) > 40).mean() < 0.8
    before = Path("sheet.png").read_bytes()
    run(tiny_dataset, "--sheet", "again.png", "--each", "3")
    assert Path("again.png").read_bytes() == before
    run(tiny_dataset, "--sheet", "sheet.jpg")
    assert shown("sheet.jpg").format == "JPEG"
    status, out, err = run(tiny_dataset, "--sheet", "sheet.gif")
    assert (status, out) == (1, "")
    assert "expected a name that ends in .png, .jpg or .jpeg" in err


def test_a_photo_that_breaks_after_its_header(tiny_dataset: Path, run: Run, tmp_path: Path) -> None:
    shutil.copytree(tiny_dataset, "set")
    photo = Path("set/images/p0.png")
    photo.write_bytes(photo.read_bytes()[:2000])
    status, _, err = run("set", "--sheet", "sheet.png", "--each", "12")
    assert status == 0
    told = [line for line in err.splitlines() if line.startswith("madeof: not drawn: p0: ")]
    assert len(told) == 3
    assert Path("sheet.png").is_file()


@pytest.mark.parametrize("materials", [1, 2, 7, 38])
def test_sheets_have_the_shape_of_a_screen(materials: int, tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "labels").mkdir()
    labels = np.zeros((materials * 4, 40), dtype=np.uint8)
    for value in range(materials):
        labels[value * 4 : value * 4 + 3, :30] = value + 1
    for number in range(4):
        Image.fromarray(np.zeros((*labels.shape, 3), np.uint8)).save(tmp_path / f"images/{number}.png")
        Image.fromarray(labels).save(tmp_path / f"labels/{number}.png")
    rows = "".join(f"{number + 1},{'A very long name of a material ' * 5}{number}\n" for number in range(materials))
    (tmp_path / "materials.csv").write_text("id,name\n" + rows)
    dataset = open_dataset(tmp_path)
    sheet = draw_sheet(dataset, each=4).picture
    assert materials < 3 or 0.7 < sheet.width / sheet.height < 2.8
    with pytest.raises(DatasetError, match="no region at all"):
        draw_sheet(dataset.select([]))
