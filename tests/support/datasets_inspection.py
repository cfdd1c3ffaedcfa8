"""What several tests of datasets/inspection share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Inspect = Callable[..., tuple[int, str, str]]


def square(id: int, image: int, category: int, side: int = 10) -> dict[str, Any]:
    return {"id": id, "image_id": image, "category_id": category, "bbox": [2, 3, side, side]}
