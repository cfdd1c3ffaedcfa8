"""Copied photos."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from datasets_conversion import SIZE, Run, as_found, found_in, in_a_map, place, small_set
from format_cases import save_photo
from PIL import Image

from madeof.cli.arguments import WRITTEN


@pytest.mark.parametrize("to", WRITTEN)
def test_copied_photos_are_found_without_being_named(
    to: str, formats_folder: Path, run_convert: Run, tmp_path: Path
) -> None:
    out = place(tmp_path / "new", to)
    out.parent.mkdir()
    command = ("--to", to, "--copy-photos", "--images", formats_folder / "photos")
    assert run_convert(formats_folder / "coco.json", out, *command)[0] == 0
    meant = as_found(small_set(tmp_path / "photos"))
    shutil.rmtree(tmp_path / "photos")
    moved = (tmp_path / "new").rename(tmp_path / "moved") / out.name
    assert in_a_map(found_in(moved)) == in_a_map(meant)
    copy = next((tmp_path / "moved").rglob("größe 1.png"))
    assert copy.read_bytes() == (formats_folder / "photos/küche/größe 1.png").read_bytes()


def test_a_photo_elsewhere_stays_out_of_other_folders(run_convert: Run, tmp_path: Path) -> None:
    """A table may name photos by `..`; what is written must not follow."""
    for name in ("elsewhere", "here"):
        Path(name).mkdir()
    save_photo(Path("elsewhere"), "a.png", SIZE)
    mask = np.zeros(SIZE, dtype=np.uint8)
    mask[3:9, 3:9] = 255
    Image.fromarray(mask).save("here/m.png")
    Path("here/table.csv").write_text("image,mask,material\n../elsewhere/a.png,m.png,Wood\n")
    for to in WRITTEN:
        Path(f"out-{to}").mkdir()
        status, err = run_convert("here/table.csv", place(Path(f"out-{to}"), to), "--to", to, "--copy-photos")
        assert status == 0, err
        assert list(found_in(place(Path(f"out-{to}"), to))) == ["a.png"]
    assert sorted(path.name for path in Path().iterdir()) == sorted(
        ["elsewhere", "here", *(f"out-{to}" for to in WRITTEN)]
    )
