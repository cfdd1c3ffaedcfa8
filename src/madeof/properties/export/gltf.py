"""Materials for glTF 2.0: metallic-roughness factors for each region, each shown on a square of its own."""

from __future__ import annotations

import base64
import json
import math
import struct
from collections.abc import Iterator
from typing import Any

from madeof.properties.export.values import Values, digits
from madeof.properties.kinds import CHANNELS

NOTES = (
    "glTF's own default is metal (metallicFactor 1): regions whose metalness is not known are written with 0",
    "the refractive index is the extension KHR_materials_ior, which older viewers do not read",
)


def write(values: Values) -> Iterator[str]:
    """One JSON: materials, and a unit square for each, so that readers which keep only what is used keep them."""
    metals, roughs, iors = (values.number(name) for name in ("metalness", "roughness", "refractive_index"))
    colours = [values.number("base_color", channel) for channel in CHANNELS]
    count = len(values.names)
    materials = [
        _material(
            values.names[number],
            values.materials[number],
            [column[number] for column in colours],
            metals[number],
            roughs[number],
            iors[number],
        )
        for number in range(count)
    ]
    corners = struct.pack("<12f", 0, 0, 0, 1, 0, 0, 1, 1, 0, 0, 1, 0)
    faces = struct.pack("<6H", 0, 1, 2, 0, 2, 3)
    side = max(1, math.ceil(math.sqrt(count)))
    attributes = {"attributes": {"POSITION": 0}, "indices": 1}
    document = {
        "asset": {"version": "2.0", "generator": "madeof"},
        **({"extensionsUsed": ["KHR_materials_ior"]} if any(not math.isnan(each) for each in iors) else {}),
        "scene": 0,
        "scenes": [{"nodes": list(range(count))}],
        "nodes": [
            {"mesh": number, "translation": [1.5 * (number % side), 1.5 * (number // side), 0]}
            for number in range(count)
        ],
        "meshes": [{"primitives": [{**attributes, "material": number}]} for number in range(count)],
        "materials": materials,
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": 4, "type": "VEC3", "min": [0, 0, 0], "max": [1, 1, 0]},
            {"bufferView": 1, "componentType": 5123, "count": 6, "type": "SCALAR"},
        ],
        "bufferViews": [
            {"buffer": 0, "byteOffset": 0, "byteLength": len(corners), "target": 34962},
            {"buffer": 0, "byteOffset": len(corners), "byteLength": len(faces), "target": 34963},
        ],
        "buffers": [
            {
                "byteLength": len(corners) + len(faces),
                "uri": "data:application/octet-stream;base64," + base64.b64encode(corners + faces).decode("ascii"),
            }
        ],
    }
    yield json.dumps(document, allow_nan=False) + "\n"


def _material(name: str, material: str, colour: list[float], metal: float, rough: float, ior: float) -> dict[str, Any]:
    factors: dict[str, Any] = {"metallicFactor": 0.0 if math.isnan(metal) else float(digits(metal))}
    if not math.isnan(rough):
        factors["roughnessFactor"] = float(digits(rough))
    if not any(map(math.isnan, colour)):
        factors["baseColorFactor"] = [*(float(digits(min(max(each, 0.0), 1.0))) for each in colour), 1.0]
    found: dict[str, Any] = {"name": name, "pbrMetallicRoughness": factors, "extras": {"material": material}}
    if not math.isnan(ior):
        found["extensions"] = {"KHR_materials_ior": {"ior": float(digits(ior))}}
    return found
