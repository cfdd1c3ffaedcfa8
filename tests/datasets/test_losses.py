"""What a format cannot hold is told."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from datasets_conversion import SIZE, Run, as_found, found_in, photos_of_masks, place
from format_cases import save_photo
from hypothesis import given, settings

from madeof.cli.arguments import WRITTEN
from madeof.datasets.conversion import convert
from madeof.datasets.formats import FORMATS
from madeof.datasets.writing import Answered, AnsweredRegion
from madeof.regions.shapes import Polygons


@settings(max_examples=25, deadline=None)
@given(photos_of_masks())
def test_what_a_label_map_loses_is_what_is_told(photos: list[Answered]) -> None:
    """Nothing is told exactly where the regions survive as they are."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photos = [Answered(one.file, folder / "photos", one.size, one.regions) for one in photos]
        for photo in photos:
            save_photo(photo.folder, photo.file, photo.size)
        FORMATS["coco"].writer.write(photos, folder / "coco.json")
        done = convert(folder / "coco.json", folder / "map", "label_map", images=folder / "photos")
        assert bool(done.lost) == (found_in(folder / "map") != as_found(photos))


def test_what_is_lost_is_told_in_a_line_each(formats_folder: Path, run_convert: Run, tmp_path: Path) -> None:
    ring = Polygons([np.array([[1.0, 1], [9, 1], [9, 9], [1, 9]])], [np.array([[3.0, 3], [3, 6], [6, 6], [6, 3]])])
    two = Polygons([np.array([[12.0, 1], [15, 1], [15, 4]]), np.array([[12.0, 8], [15, 8], [15, 12]])])
    over = np.zeros(SIZE, dtype=bool)
    over[5:14, 5:15] = True
    regions = (
        AnsweredRegion("", *ring.cut(SIZE), "Wood", polygons=ring),
        AnsweredRegion("", *two.cut(SIZE), "Glas", polygons=two),
        AnsweredRegion("", over, (0, 0), "Glas"),
        AnsweredRegion("", over[::-1], (0, 0), "Glas"),
    )
    FORMATS["cvat"].writer.write([Answered("küche/größe 1.png", formats_folder, SIZE, regions)], tmp_path / "in.xml")
    lost = {}
    for to in WRITTEN:
        out = place(Path("out"), to)
        out.parent.mkdir(exist_ok=True)
        status, err = run_convert("in.xml", out, "--to", to, "--images", formats_folder / "photos")
        assert status == 0
        *lines, wrote = err.splitlines()
        assert wrote == f"madeof: wrote {out}: 1 photo, 4 regions; the photos are in " + (
            f"{out / 'images'}" if to in ("label_map", "masks") else f"{formats_folder / 'photos'}"
        )
        assert all(line.startswith(f"madeof: not kept in {to}: ") for line in lines)
        lost[to] = [line.removeprefix(f"madeof: not kept in {to}: ") for line in lines]
    # CVAT has no holes: what comes out of it is pixels.
    assert lost == {
        "coco": [],
        "cvat": [],
        "labelme": [],
        "label_studio": ["outlines of several parts or with holes: they are pixels now (1 region)"],
        "yolo": ["holes and parts of their own: lines of no width join them (2 regions)"],
        "masks": ["outlines: they are pixels now (1 region)"],
        "label_map": [
            "outlines: they are pixels now (1 region)",
            "pixels of regions that overlap: the smallest region has them (2 regions)",
            "that several pieces are one region: each is a region now (1 region)",
            "that regions of one material which touch are several: they are one now (3 regions)",
        ],
    }
