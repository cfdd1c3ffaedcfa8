"""What several tests of datasets/annotated share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from madeof.datasets.annotations import AnnotatedPhoto, Annotations

SIZE = (12, 16)


def save_photo(path: Path, size: tuple[int, int] = SIZE, **more: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((*size, 3), 90, dtype=np.uint8)).save(path, **more)
    return path


def annotations(
    folder: Path, *photos: AnnotatedPhoto, materials: tuple[str, ...] = ("Brick", "Wood"), **more: Any
) -> Any:
    return Annotations(folder / "file.json", folder, photos, materials, **more)
