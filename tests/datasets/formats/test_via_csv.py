"""The CSV of VIA."""

from __future__ import annotations

import json
from pathlib import Path

from format_cases import save_photo
from small_formats import SIZE, SQUARE, check


def test_via_csv(tmp_path: Path) -> None:
    save_photo(tmp_path, "a.png", SIZE)
    xs, ys = zip(*SQUARE, strict=True)
    shape = json.dumps({"name": "polygon", "all_points_x": xs, "all_points_y": ys}).replace('"', '""')
    rect = json.dumps({"name": "rect", "x": 40, "y": 35, "width": 20, "height": 10}).replace('"', '""')
    head = "filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,region_attributes"
    rows = [f'a.png,9,"{{}}",2,{at},"{one}","{{""material"":""Wood""}}"' for at, one in enumerate((shape, rect))]
    path = tmp_path / "via_export_csv.csv"
    path.write_text("\n".join([head, *rows, 'b.png,9,"{}",0,0,"{}","{}"']))
    found = check(path, "via", "a.png", ("Wood", 400), ("Wood", 200))
    assert found.left_out == {"photos without a region, which are not there": 1}
