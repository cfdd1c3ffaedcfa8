"""What could not be compared is told."""

from __future__ import annotations

import json
from pathlib import Path

from materials_crosswalk import through_fmd

from madeof.evaluation.report import write_report


def test_what_could_not_be_compared_is_in_text_json_and_markdown(tmp_path: Path) -> None:
    found = through_fmd(("stone", "water", "stone"), [[0.4, 0.3, 0.3, 0.0], [0.9, 0.1, 0, 0], [0.1, 0.2, 0.1, 0.6]])
    text = found.text()
    assert "compared through     opensurfaces-plus -> fmd: 2 materials" in text
    assert "compared as one      stone (Granite, Stone)" in text
    assert (
        "cannot be compared   water (1): the model has no word for them, their regions are left out; so are 7 more "
        "materials, of which there is no region"
    ) in text
    assert "no word in the data  Ceramic (1): these answers count as wrong" in text
    assert "the accuracy is 100.0%" in text
    summary = json.loads(json.dumps(found.summary()))["comparison"]
    assert summary["left_out"][0] == {"material": "water", "regions": 1, "reason": "the model has no word for it"}
    assert summary["compared"][0]["model"] == ["Granite", "Stone"]
    write_report(found, tmp_path)
    page = (tmp_path / "evaluation.md").read_text(encoding="utf-8")
    assert "| stone | Granite; Stone | stone | narrower |" in page
    assert "1 region of these materials are in no figure" in page
    assert "| water | 1 | the model has no word for it |" in page
    assert "| Ceramic | 1 | not in FMD |" in page
