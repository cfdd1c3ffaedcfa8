"""What several tests of formats/label_map share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from small_pictures import photo

from madeof.datasets.writing import Answered, AnsweredRegion
from madeof.regions.components import connected_components

NAMES = ("Wood", "Carpet / rug", "Grün, hell", '"quoted"')


def answered(root: Path, name: str, values: NDArray[np.uint8], names: tuple[str, ...] = NAMES) -> Answered:
    """A photo whose regions are the blobs of a label map."""
    photo(root / f"{name}.jpg", values.shape[:2])
    blobs = connected_components(values)
    found = []
    for number, (value, (x0, y0, x1, y1)) in enumerate(zip(blobs.values.tolist(), blobs.boxes.tolist(), strict=True)):
        cut = blobs.components[y0:y1, x0:x1] == number + 1
        found.append(AnsweredRegion(f"label {value}", cut, (x0, y0), names[value - 1]))
    return Answered(f"{name}.jpg", root, (values.shape[0], values.shape[1]), tuple(found))
