"""Radio materials for Sionna RT: a Mitsuba scene that holds them and no object, to load or to take them from."""

from __future__ import annotations

import math
from collections.abc import Iterator
from xml.sax.saxutils import quoteattr

from madeof.properties.export.values import Values, digits, identifiers

NOTES = (
    "the radio materials hold at one frequency: Sionna RT does not change them when the scene's frequency changes",
    "thickness and scattering are not known: Sionna RT's defaults hold",
)


def write(values: Values) -> Iterator[str]:
    """One `radio-material` for each region that has a permittivity and a conductivity."""
    yield '<scene version="2.1.0">\n'
    yield f"  <!-- relative permittivity and conductivity (S/m) at {digits(values.frequency_ghz or 0)} GHz -->\n"
    permittivities, conductivities = values.number("permittivity"), values.number("radio_conductivity")
    rows = zip(identifiers(values.names), permittivities, conductivities, strict=True)
    for name, permittivity, conductivity in rows:
        if math.isnan(permittivity) or math.isnan(conductivity):
            continue
        yield (
            f'  <bsdf type="radio-material" id={quoteattr(name)}>\n'
            f'    <float name="relative_permittivity" value="{digits(permittivity)}"/>\n'
            f'    <float name="conductivity" value="{digits(conductivity)}"/>\n'
            "  </bsdf>\n"
        )
    yield "</scene>\n"
