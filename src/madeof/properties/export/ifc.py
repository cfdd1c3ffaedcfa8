"""Materials for IFC4: an IfcMaterial for each region, with Pset_MaterialCommon and Pset_MaterialThermal."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator

from madeof.properties.export.values import Values, digits

NOTES = ("the file is in SI units: merge it into a project in millimetres by a tool that converts densities",)

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_$"
_SETS = (
    ("Pset_MaterialCommon", (("density", "MassDensity", "IFCMASSDENSITYMEASURE"),)),
    (
        "Pset_MaterialThermal",
        (
            ("thermal_conductivity", "ThermalConductivity", "IFCTHERMALCONDUCTIVITYMEASURE"),
            ("specific_heat", "SpecificHeatCapacity", "IFCSPECIFICHEATCAPACITYMEASURE"),
        ),
    ),
)
_HEAD = """ISO-10303-21;
HEADER;
FILE_DESCRIPTION(('ViewDefinition [ReferenceView_V1.2]'),'2;1');
FILE_NAME('','',(''),(''),'madeof','madeof','');
FILE_SCHEMA(('IFC4'));
ENDSEC;
DATA;
#1=IFCSIUNIT(*,.LENGTHUNIT.,$,.METRE.);
#2=IFCSIUNIT(*,.MASSUNIT.,.KILO.,.GRAM.);
#3=IFCSIUNIT(*,.TIMEUNIT.,$,.SECOND.);
#4=IFCSIUNIT(*,.THERMODYNAMICTEMPERATUREUNIT.,$,.KELVIN.);
#5=IFCDERIVEDUNITELEMENT(#2,1);
#6=IFCDERIVEDUNITELEMENT(#1,-3);
#7=IFCDERIVEDUNIT((#5,#6),.MASSDENSITYUNIT.,$);
#8=IFCUNITASSIGNMENT((#1,#2,#3,#4,#7));
#9=IFCPROJECT('{guid}',$,'madeof',$,$,$,$,$,#8);
"""


def write(values: Values) -> Iterator[str]:
    """A STEP file. A set is written where one of its properties is known."""
    yield _HEAD.format(guid=_guid("madeof project"))
    columns = {name: values.number(name) for _, rows in _SETS for name, _, _ in rows}
    line = 10
    for number, name in enumerate(values.names):
        material = line
        yield f"#{line}=IFCMATERIAL({_text(name)},{_text(values.materials[number])},$);\n"
        line += 1
        for title, rows in _SETS:
            known = [row for row in rows if not math.isnan(columns[row[0]][number])]
            for source, target, measure in known:
                value = _real(columns[source][number])
                yield f"#{line}=IFCPROPERTYSINGLEVALUE('{target}',$,{measure}({value}),$);\n"
                line += 1
            if known:
                made = ",".join(f"#{line - len(known) + k}" for k in range(len(known)))
                yield f"#{line}=IFCMATERIALPROPERTIES('{title}',$,({made}),#{material});\n"
                line += 1
    yield "ENDSEC;\nEND-ISO-10303-21;\n"


def _real(value: float) -> str:
    """A REAL of STEP: it has a point."""
    text = digits(value)
    if "e" in text:
        head, _, tail = text.partition("e")
        return f"{head if '.' in head else head + '.'}E{int(tail)}"
    return text if "." in text else f"{text}."


def _text(text: str) -> str:
    r"""A STRING of STEP (ISO 10303-21, 6.4.3): other than printable ASCII as \X2\ or \X4\ code points."""
    parts = []
    for c in text:
        if c in "'\\":
            parts.append(c * 2)
        elif " " <= c <= "~":
            parts.append(c)
        else:
            point = ord(c) if not 0xD800 <= ord(c) < 0xE000 else 0xFFFD
            parts.append(f"\\X2\\{point:04X}\\X0\\" if point < 0x10000 else f"\\X4\\{point:08X}\\X0\\")
    return f"'{''.join(parts)}'"


def _guid(text: str) -> str:
    """An IfcGloballyUniqueId that is the same for the same text: 128 bits in 22 characters."""
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "big")
    found = ""
    for _ in range(22):
        found = _ALPHABET[number % 64] + found
        number //= 64
    return found
