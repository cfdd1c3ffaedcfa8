"""Contact sheets of regions."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from datasets_inspection import Inspect
from PIL import Image

from madeof.datasets import open_dataset
from madeof.errors import DatasetError
from madeof.viz import contact_sheet
from madeof.viz.contact_sheet import draw_sheet


def shown(path: str) -> Any:
    with Image.open(path) as image:
        image.load()
        return image


def test_the_sheet(tiny_dataset: Path, run_inspect: Inspect, monkeypatch: pytest.MonkeyPatch) -> None:
    pasted = []
    paste = contact_sheet._paste

    def spy(sheet: Image.Image, picture: Image.Image, corner: tuple[int, int], name: str, area: int) -> None:
        paste(sheet, picture, corner, name, area)
        pasted.append((picture, corner, name, area, np.asarray(sheet).copy()))

    monkeypatch.setattr(contact_sheet, "_paste", spy)
    status, out, err = run_inspect(tiny_dataset, "--sheet", "sheet.png", "--each", "3")
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
    run_inspect(tiny_dataset, "--sheet", "again.png", "--each", "3")
    assert Path("again.png").read_bytes() == before
    run_inspect(tiny_dataset, "--sheet", "sheet.jpg")
    assert shown("sheet.jpg").format == "JPEG"
    status, out, err = run_inspect(tiny_dataset, "--sheet", "sheet.gif")
    assert (status, out) == (1, "")
    assert "expected a name that ends in .png, .jpg or .jpeg" in err


def test_a_photo_that_breaks_after_its_header(tiny_dataset: Path, run_inspect: Inspect, tmp_path: Path) -> None:
    shutil.copytree(tiny_dataset, "set")
    photo = Path("set/images/p0.png")
    photo.write_bytes(photo.read_bytes()[:2000])
    status, _, err = run_inspect("set", "--sheet", "sheet.png", "--each", "12")
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
