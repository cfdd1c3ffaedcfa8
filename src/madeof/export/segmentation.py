"""The files of a dense map: label map, scores, legend and picture, in the layout of a data set."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from madeof._util import files
from madeof.inference.segmentation import MaterialMap, MaterialShare
from madeof.regions.components import at_size

if TYPE_CHECKING:
    from PIL import Image

LEGEND = "materials.csv"
FOLDERS = {"labels": ".png", "scores": ".png", "overlays": ".jpg"}
"""The folders of a map's files, each with the suffix of what is in it."""

_FILL = 0.5  # of a material's colour over the photo
_COLOURS = 7  # of the picture; where there are more materials, those with the least area share the last


def write_legend(folder: Path, materials: Sequence[str]) -> Path:
    """Write `materials.csv` (id,name): what the values of all label maps in the folder mean; 0 is unlabelled."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["id", "name"])
    writer.writerows((number, name) for number, name in enumerate(materials, start=1))
    path = folder / LEGEND
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


def draw_map(found: MaterialMap, pixels: NDArray[np.uint8]) -> Image.Image:
    """The photo, (h, w, 3) uint8 RGB at any size, under the colours of its materials, each with its share; RGB."""
    from madeof.viz import overlay

    labels = at_size(found.labels(), (pixels.shape[0], pixels.shape[1]))
    groups: list[tuple[str, tuple[MaterialShare, ...]]] = [(one.material, (one,)) for one in found.shares]
    if len(groups) > _COLOURS:
        rest = found.shares[_COLOURS - 1 :]
        groups = [*groups[: _COLOURS - 1], (f"{len(rest)} others", rest)]
    regions = []
    for name, shares in groups:
        inside = np.isin(labels, [found.materials.index(one.material) + 1 for one in shares])
        if inside.any():
            regions.append((inside, f"{name} {_percent(sum(one.share for one in shares))}"))
    return overlay.draw(pixels, regions, fill=_FILL)


def _percent(share: float) -> str:
    return "<1%" if share < 0.005 else f"{share:.0%}"


def _write_png(values: NDArray[Any], path: Path) -> None:
    from PIL import Image

    with files.atomic(path) as file:
        Image.fromarray(values).save(file, "PNG", compress_level=4)
