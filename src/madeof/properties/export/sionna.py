"""Radio materials for Sionna RT: JSON with the arguments of a `sionna.rt.RadioMaterial` for each region.

A scene takes them by `scene.add(RadioMaterial(name, **arguments))`. A Mitsuba scene file would not do: Sionna RT keeps
of it only the materials that a shape has.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator

from madeof.properties.export.values import Values, digits, identifiers

NOTES = (
    "the radio materials hold at one frequency: Sionna RT does not change them when the scene's frequency changes",
    "thickness and scattering are not known: Sionna RT's defaults hold",
)


def write(values: Values) -> Iterator[str]:
    """`{name: {"relative_permittivity", "conductivity"}}`, S/m; regions that lack one of them are left out."""
    mark = "{"
    permittivities, conductivities = values.number("permittivity"), values.number("radio_conductivity")
    rows = zip(identifiers(values.names), permittivities, conductivities, strict=True)
    for name, permittivity, conductivity in rows:
        if math.isnan(permittivity) or math.isnan(conductivity):
            continue
        arguments = {
            "relative_permittivity": float(digits(permittivity)),
            "conductivity": float(digits(conductivity)),
        }
        yield f"{mark}\n{json.dumps(name)}: {json.dumps(arguments)}"
        mark = ","
    yield "{}\n" if mark == "{" else "\n}\n"
