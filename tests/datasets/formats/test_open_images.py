"""Open Images: masks that a CSV names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from format_cases import reasons, regions_of, save_photo
from small_formats import BOXES, SIZE, save

from madeof.datasets import read_annotations
from madeof.datasets.formats import recognise


def test_open_images(tmp_path: Path) -> None:
    save_photo(tmp_path / "images", "0a1b.jpg", SIZE)
    for name, box in zip(("0a1b_m083vt_11.png", "0a1b_m01xx_22.png"), BOXES, strict=True):
        mask = np.zeros(SIZE, dtype=bool)
        mask[box[1] : box[3], box[0] : box[2]] = True
        save(tmp_path / "masks" / name, mask)
    lines = [f"0a1b_{code}_{box}.png,0a1b,/m/{code[1:]},{box}" for code, box in (("m083vt", 11), ("m01xx", 22))]
    table = tmp_path / "validation-annotations-object-segmentation.csv"
    table.write_text("\n".join(["MaskPath,ImageID,LabelName,BoxID", *lines, "gone.png,0a1b,/m/083vt,33"]))
    (tmp_path / "oidv7-class-descriptions.csv").write_text("LabelName,DisplayName\n/m/083vt,Wood\n")
    assert recognise(tmp_path) == "open_images"
    annotations = read_annotations(tmp_path)
    assert regions_of(annotations, SIZE) == {"0a1b.jpg": [("Wood", 400)]}
    assert annotations.photos[0].details.split == "val"
    told = [reason.partition(": ")[2] for reason in reasons(annotations)]
    assert told == [
        "line 3: no class-descriptions CSV here names the class '/m/01xx'",
        "line 4: the mask gone.png is not there",
    ]
    # A mask of another size is stretched.
    half = np.zeros((24, 32), dtype=bool)
    half[5:15, 3:13] = True
    save(tmp_path / "masks" / "0a1b_m083vt_11.png", half)
    assert regions_of(read_annotations(table), SIZE)["0a1b.jpg"] == [("Wood", 400)]
