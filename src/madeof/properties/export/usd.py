"""Materials for USD: `PhysicsMaterialAPI` and a `UsdPreviewSurface` for each region, as readable .usda."""

from __future__ import annotations

import math
from collections.abc import Iterator

from madeof.properties.export.values import Values, digits, identifiers
from madeof.properties.kinds import CHANNELS

NOTES = (
    "densities are per stage unit cubed: the file is in metres and kilograms, keep metersPerUnit = 1 when composing",
)

_PHYSICS = (
    ("density", "density"),
    ("static_friction", "staticFriction"),
    ("dynamic_friction", "dynamicFriction"),
    ("restitution", "restitution"),
)
_SURFACE = (("roughness", "roughness"), ("metalness", "metallic"), ("refractive_index", "ior"))


def write(values: Values) -> Iterator[str]:
    """What is not known is not written: USD's own default holds."""
    yield (
        '#usda 1.0\n(\n    defaultPrim = "Materials"\n    metersPerUnit = 1\n    kilogramsPerUnit = 1\n'
        '    upAxis = "Z"\n)\n\ndef Scope "Materials"\n{\n'
    )
    physics = [(target, values.number(name)) for name, target in _PHYSICS]
    surface = [(target, values.number(name)) for name, target in _SURFACE]
    colours = [values.number("base_color", channel) for channel in CHANNELS]
    for number, name in enumerate(identifiers(values.names)):
        yield f'    def Material "{name}" (\n        prepend apiSchemas = ["PhysicsMaterialAPI"]\n    )\n    {{\n'
        yield f"        custom string madeof:region = {_string(values.names[number])}\n"
        yield f"        custom string madeof:material = {_string(values.materials[number])}\n"
        for target, column in physics:
            if not math.isnan(column[number]):
                yield f"        float physics:{target} = {digits(column[number])}\n"
        yield f"        token outputs:surface.connect = </Materials/{name}/Surface.outputs:surface>\n\n"
        yield '        def Shader "Surface"\n        {\n            uniform token info:id = "UsdPreviewSurface"\n'
        colour = [column[number] for column in colours]
        if not any(map(math.isnan, colour)):
            yield f"            color3f inputs:diffuseColor = ({', '.join(map(digits, colour))})\n"
        for target, column in surface:
            if not math.isnan(column[number]):
                yield f"            float inputs:{target} = {digits(column[number])}\n"
        yield "            token outputs:surface\n        }\n    }\n\n"
    yield "}\n"


def _string(text: str) -> str:
    r"""A string of .usda: UTF-8, in which quotes and backslashes are escaped.

    >>> _string('a "b"')
    '"a \\"b\\""'
    """
    plain = "".join(c if c.isprintable() else " " for c in text)
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'
