"""ranges.json: the ranges of the encoder's activations, from which `openvino-int8` makes its 8-bit graph."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from madeof._util.text import show
from madeof.errors import ModelError
from madeof.model.record import RANGES, Record

Ranges = dict[str, tuple[float, float]]
"""The least and the greatest value of a tensor of the graph, by its name: low <= 0 <= high, low < high."""


def read_ranges(folder: Path, record: Record) -> Ranges:
    """Read and check the ranges of a model folder.

    Raises:
        ModelError: it has none, or they are not ranges.
    """
    if RANGES not in record.files:
        raise ModelError(
            f"{show(folder)} has no {RANGES}, which the engine openvino-int8 needs: export the model with --ranges, or "
            "use another engine"
        )
    path = folder / RANGES
    data = record.checked_bytes(folder, RANGES)
    try:
        values = json.loads(data.decode("utf-8"))
    except (RecursionError, ValueError) as error:
        raise ModelError(f"{show(path)} is not JSON ({show(str(error)[:300])}): export the model again") from error
    if not isinstance(values, dict) or not values:
        raise ModelError(f"{show(path)} holds no ranges; expected an object: export the model again")
    for name, bounds in values.items():
        if not _is_range(bounds):
            raise ModelError(
                f"{show(path)}: the range of {show(name[:80])} is {show(str(bounds)[:80])}; expected [low, high] "
                "around 0: export the model again"
            )
    return {name: (float(low), float(high)) for name, (low, high) in values.items()}


def _is_range(bounds: Any) -> bool:
    if not isinstance(bounds, list) or len(bounds) != 2 or any(type(b) not in (int, float) for b in bounds):
        return False
    low, high = bounds
    # Far beyond what a trained net gives, and far from where float32 ends.
    return bool(-1e9 < low <= 0 <= high < 1e9 and high - low > 1e-9)
