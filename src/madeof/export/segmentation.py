"""The files of a dense map: label map, scores, legend and picture, in the layout of a data set."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from madeof._util import files
from madeof._util.text import show
from madeof.errors import WriteError
from madeof.inference.region_picture import draw_map as draw_map
from madeof.inference.segmentation import MaterialMap

LEGEND = "materials.csv"
FOLDERS = {"labels": ".png", "scores": ".png", "overlays": ".jpg"}
"""The folders of a map's files, each with the suffix of what is in it."""


def write_legend(folder: Path, materials: Sequence[str]) -> Path:
    """Write `materials.csv` (id,name): what the values of all label maps in the folder mean; 0 is unlabelled.

    Raises:
        WriteError: it is there with other materials, whose label maps would change their meaning.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["id", "name"])
    writer.writerows((number, name) for number, name in enumerate(materials, start=1))
    path = folder / LEGEND
    if path.is_file() and path.read_bytes() != text.getvalue().encode():
        raise WriteError(
            f"{show(str(path))} lists other materials than this model, and the label maps beside it mean those; "
            "expected the folder of this model's maps: choose another"
        )
    files.write_text(path, text.getvalue())
    return path


def write_map(found: MaterialMap, folder: Path, stem: str, pixels: NDArray[np.uint8]) -> dict[str, Path]:
    """Write a map's files under their folders in `folder`, which exist.

    Args:
        found: the map.
        folder: where `write_legend` wrote too.
        stem: the name of the files without their suffix.
        pixels: the photo, (h, w, 3) uint8 RGB, at any size.

    Returns:
        the path of each of `FOLDERS`.

    Raises:
        WriteError: one cannot be written.
    """
    from madeof.viz import overlay

    paths = {kind: folder / kind / f"{stem}{suffix}" for kind, suffix in FOLDERS.items()}
    _write_png(found.labels(), paths["labels"])
    _write_png(np.rint(found.score_map() * 255).astype(np.uint8), paths["scores"])
    overlay.save(draw_map(found, pixels), paths["overlays"])
    return paths


def _write_png(values: NDArray[Any], path: Path) -> None:
    from PIL import Image

    with files.atomic(path) as file:
        Image.fromarray(values).save(file, "PNG", compress_level=4)
