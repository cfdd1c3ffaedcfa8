"""Defaults for MuJoCo: a `<default class>` for each region, to include in a model and to name in its geoms."""

from __future__ import annotations

import math
from collections.abc import Iterator
from xml.sax.saxutils import quoteattr

from madeof.properties.export.values import Values, digits

NOTES = (
    "MuJoCo has one sliding friction, of which the larger of a pair counts: the dynamic one is written, or where it is "
    "not known the static one",
)


def write(values: Values) -> Iterator[str]:
    """Density in kg/m3 and sliding friction; where one is not known MuJoCo's own default holds (1000, 1)."""
    yield '<mujoco model="madeof">\n  <default>\n'
    densities, dynamic, static = (values.number(n) for n in ("density", "dynamic_friction", "static_friction"))
    for name, density, moving, resting in zip(values.names, densities, dynamic, static, strict=True):
        friction = resting if math.isnan(moving) else moving
        attributes = "" if math.isnan(density) else f' density="{digits(density)}"'
        attributes += "" if math.isnan(friction) else f' friction="{digits(friction)}"'
        yield f"    <default class={_attribute(name)}><geom{attributes}/></default>\n"
    yield "  </default>\n</mujoco>\n"


def _attribute(text: str) -> str:
    """A quoted attribute without the characters that no XML holds."""
    plain = text if text.isprintable() else "".join(c if c.isprintable() else "_" for c in text)
    return quoteattr(plain)
