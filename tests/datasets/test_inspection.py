"""`madeof inspect`: what it counts, what it finds wrong, and the contact sheet."""

from __future__ import annotations

import json
from pathlib import Path

from datasets_inspection import Inspect
from format_cases import write_json

from madeof.datasets.inspection import Alike, alike
from madeof.materials.lists import OPENSURFACES


def test_all_that_is_found(inspected_coco: Path, run_inspect: Inspect) -> None:
    status, out, err = run_inspect(inspected_coco, "--min-area", "9", "--json")
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
    assert found["left_out"] == {"keypoints": 1, "captions": 1, "photos without a region, which are not there": 1}
    assert (found["too_small"], found["photos_without_regions"]) == (1, 1)
    problems = [one["reason"] for one in found["problems"]]
    assert len(problems) == 1  # gone.png has no region: it is counted above
    assert problems[0].startswith("set.json: a.png: annotation 21: the polygon lies outside")
    assert found["alike"] == [
        {"names": ["Wood", "wood"], "one_material": True},
        {"names": ["Tile", "tiles"], "one_material": False},
    ]
    assert found["unnameable"]["model"] == "tiny 3"
    assert set(found["unnameable"]["materials"]) == {"Tile", "tiles", "Wax"}
    assert err == ""


def test_many_problems_are_counted(run_inspect: Inspect) -> None:
    """And a data set of which nothing can be used is a report too."""
    images = [{"id": number, "file_name": f"{number}.png"} for number in range(30)]
    annotations = [{"id": n, "image_id": n, "category_id": 1, "bbox": [0, 0, 9, 9]} for n in range(30)]
    path = write_json(
        Path("set.json"), {"images": images, "categories": [{"id": 1, "name": "Wood"}], "annotations": annotations}
    )
    status, out, err = run_inspect(path)
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[:2] == ["set.json: COCO JSON", "0 photos, 0 regions, 0 of 1 material"]
    assert lines[-1] == "  and 20 more; --json has all of them"
    assert sum("is not in" in line for line in lines) == 10
    assert len(json.loads(run_inspect(path, "--json")[1])["problems"]) == 30
    status, _, err = run_inspect(path, "--sheet", "a.png")
    assert (status, Path("a.png").exists()) == (1, False)
    assert err == "madeof: a contact sheet of no region at all; expected a data set with some\n"


def test_alike() -> None:
    assert alike(["Wood", "Glass", "Stone", "Paper / tissue", "Metal"]) == ()
    assert alike(["Wood-painted", "Stone", "wood painted", "Wood  - painted"]) == (
        Alike(("Wood-painted", "wood painted", "Wood  - painted"), one_material=False),
    )
    assert alike(["Größe", "GRÖSSE"]) == (Alike(("Größe", "GRÖSSE"), one_material=True),)
    assert alike(["Glass", "Glas"]) == ()  # no plural
    assert alike(["-", "?"]) == ()
    assert alike(OPENSURFACES) == ()
