"""The report of an inspection, for people."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from datasets_inspection import Inspect, square
from format_cases import save_photo, write_json

from madeof.datasets.inspection import by_area, inspect, quantiles, unnameable
from madeof.datasets.inspection_text import text_of
from madeof.materials.lists import FMD, OPENSURFACES


def test_the_report_for_people(inspected_coco: Path, run_inspect: Inspect) -> None:
    status, out, _ = run_inspect(inspected_coco, "--min-area", "9")
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
    (left_out,) = [line for line in lines if line.startswith("left out: ")]
    assert set(left_out.removeprefix("left out: ").split(", 1 ")) == {
        "1 keypoints", "captions", "photos without a region, which are not there", "region under 9 px",
        "photo without a region",
    }  # fmt: skip
    assert "names: 'Wood' and 'wood' are taken for one material" in lines
    assert "names: 'Tile' and 'tiles' are two materials: are they meant to be one?" in lines
    assert "names that the model tiny 3 cannot say:" in lines
    assert "  Wax: the model has no such name" in lines
    assert "1 problem, which stops a training or evaluation unless with --skip-bad:" in lines
    assert not any(line.startswith("source") for line in lines)  # none is stated


def test_quantiles_and_areas() -> None:
    assert quantiles(np.zeros(0, dtype=np.int64)) == {}
    assert quantiles(np.arange(1, 102))["median"] == 51
    assert by_area(np.array([1, 999, 1000, 5_000_000])) == [(1000, 2), (2000, 1), (None, 1)]


def test_names_of_another_list_are_looked_up_in_the_crosswalk(run_inspect: Inspect) -> None:
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
