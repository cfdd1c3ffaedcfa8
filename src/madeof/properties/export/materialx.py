"""Materials for MaterialX: a `standard_surface` for each region."""

from __future__ import annotations

import math
from collections.abc import Iterator

from madeof.properties.export.values import Values, digits, identifiers
from madeof.properties.kinds import CHANNELS

NOTES = ("colours are linear with Rec. 709 primaries: the document's colorspace is lin_rec709",)

_INPUTS = (("metalness", "metalness"), ("roughness", "specular_roughness"), ("refractive_index", "specular_IOR"))


def write(values: Values) -> Iterator[str]:
    """What is not known is not written: the default of standard_surface holds."""
    yield '<?xml version="1.0"?>\n<materialx version="1.39" colorspace="lin_rec709">\n'
    inputs = [(target, values.number(name)) for name, target in _INPUTS]
    colours = [values.number("base_color", channel) for channel in CHANNELS]
    for number, name in enumerate(identifiers(values.names)):
        yield f'  <standard_surface name="SR_{name}" type="surfaceshader">\n'
        colour = [column[number] for column in colours]
        if not any(map(math.isnan, colour)):
            yield f'    <input name="base_color" type="color3" value="{", ".join(map(digits, colour))}"/>\n'
        for target, column in inputs:
            if not math.isnan(column[number]):
                yield f'    <input name="{target}" type="float" value="{digits(column[number])}"/>\n'
        yield f'  </standard_surface>\n  <surfacematerial name="{name}" type="material">\n'
        yield f'    <input name="surfaceshader" type="surfaceshader" nodename="SR_{name}"/>\n  </surfacematerial>\n'
    yield "</materialx>\n"
