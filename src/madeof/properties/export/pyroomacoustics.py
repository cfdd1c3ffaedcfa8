"""Absorption for pyroomacoustics: JSON with a dictionary for each region, which `pyroomacoustics.Material` takes."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator

from madeof.properties.export.values import Values, digits
from madeof.properties.kinds import BANDS

NOTES = (
    "pyroomacoustics carries the outer bands on in a straight line, from 0 to 1, where a region lacks them",
    "pyroomacoustics needs scattering besides: none is written, its default is 0",
)


def write(values: Values) -> Iterator[str]:
    """`{region: {"description", "coeffs", "center_freqs"}}`; regions without any band are left out."""
    columns = [values.number("absorption", band) for band in BANDS]
    centres = [int(band.removesuffix(" Hz")) for band in BANDS]
    mark = "{"
    for number, name in enumerate(values.names):
        known = [
            (f, column[number]) for f, column in zip(centres, columns, strict=True) if not math.isnan(column[number])
        ]
        if not known:
            continue
        material = {
            "description": values.materials[number],
            "coeffs": [float(digits(min(max(value, 0.0), 1.0))) for _, value in known],
            "center_freqs": [f for f, _ in known],
        }
        yield f"{mark}\n{json.dumps(name)}: {json.dumps(material)}"
        mark = ","
    yield "{}\n" if mark == "{" else "\n}\n"
