"""The full ADE20K, of 2017 and 2021."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from format_cases import save_photo, write_json
from small_formats import SIZE, found, picture, save

from madeof.datasets import open_dataset, read_annotations
from madeof.datasets.formats import recognise

BOTH = [("Brick", 200), ("Wood", 400)]


@pytest.mark.parametrize("year", [2017, 2021])
def test_the_full_ade20k(year: int, tmp_path: Path) -> None:
    folder = tmp_path / "training" / "kitchen"
    save_photo(folder, "ADE_train_1.jpg", SIZE)
    # Classes 2978 and 5, objects 17 and 90: R = class // 256 * 10, G = class % 256, B tells objects apart.
    save(folder / "ADE_train_1_seg.png", picture((2978 // 256 * 10, 2978 % 256, 17), (0, 5, 90)))
    save(folder / "ADE_train_1_parts_1.png", picture((0, 5, 90)))
    if year == 2017:
        lines = ["001 # 0 # 0 # Wood # wood, timber # ", "002 # 0 # 1 # Brick # brick # ", "003 # 1 # 0 # door # d # "]
        (folder / "ADE_train_1_atr.txt").write_text("\n".join(lines))
    else:
        objects: list[dict[str, Any]] = [{"id": 0, "name": "Wood", "name_ndx": 2978, "parts": {"part_level": 0}}]
        objects += [{"id": 1, "name": "Brick", "name_ndx": 5}, {"name_ndx": 9, "parts": {"part_level": 1}}]
        write_json(folder / "ADE_train_1.json", {"annotation": {"filename": "ADE_train_1.jpg", "object": objects}})
    assert recognise(tmp_path) == "ade_full"
    assert found(tmp_path) == {"training/kitchen/ADE_train_1.jpg": BOTH}
    assert read_annotations(tmp_path).photos[0].details.split == "train"
    assert len(open_dataset(tmp_path).regions) == 2
