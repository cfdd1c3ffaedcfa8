"""`madeof inspect`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from datasets_inspection import Inspect

from madeof.datasets import open_dataset
from madeof.materials.lists import OPENSURFACES
from madeof.viz import contact_sheet


def test_our_own_layout(tiny_dataset: Path, run_inspect: Inspect) -> None:
    (status, out, _), dataset = run_inspect(tiny_dataset), open_dataset(tiny_dataset)
    assert status == 0
    assert out.splitlines()[:2] == [f"{tiny_dataset}: photos and label maps", "12 photos, 36 regions, 4 materials"]
    lines = out.splitlines()
    wanted = ("split  photos  regions", "train       8       24", "val         4       12", "made        12       36")
    assert set(wanted) <= set(lines)
    assert "problem" not in out
    assert "names" not in out
    for count in dataset.count_by_material():
        assert any(line.split()[:3] == [count.material, f"{count.photos}", f"{count.regions}"] for line in lines)
    found = json.loads(
        run_inspect("--images", tiny_dataset / "images", "--labels", tiny_dataset / "labels", "--json")[1]
    )
    assert found["form"] == "photos and label maps"
    assert [one["material"] for one in found["materials"]] == list(OPENSURFACES)
    table = Path(contact_sheet.__file__).parents[1] / "demo" / "regions.csv"
    assert json.loads(run_inspect(table, "--json")[1])["form"] == "a table of masks"


def test_what_cannot_be_read_at_all_is_an_error(run_inspect: Inspect) -> None:
    Path("set.json").write_text('{"images": [')
    status, out, err = run_inspect("set.json")
    assert (status, out) == (1, "")
    assert "set.json line 1" in err
    with pytest.raises(SystemExit) as ended:
        run_inspect()
    assert ended.value.code == 2
