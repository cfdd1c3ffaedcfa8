"""The files without their programs: what is in them, what is said, and that nothing is half-written."""

from __future__ import annotations

import json
import math
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from madeof.cli.export_properties import TARGETS as ON_THE_COMMAND_LINE
from madeof.cli.properties_arguments import PLACES as PLACES_OF_THE_COMMAND_LINE
from madeof.errors import WriteError
from madeof.properties import KINDS
from madeof.properties.export import TARGETS, export
from madeof.properties.export.values import Values
from madeof.properties.table import PLACES

NAN = math.nan


def values(**numbers: float) -> Values:
    """Two regions: one with these values, one without any."""
    every = {
        (name, condition): np.array([numbers.get(name, NAN), NAN])
        for name, kind in KINDS.items()
        for condition in kind.conditions
    }
    return Values(("a.jpg/0", "a.jpg/<1>"), ("Wood", "Sky"), every, 2.4)


def text_of(to: str, found: Values) -> str:
    return "".join(TARGETS[to].write(found))


def test_the_command_line_knows_them_all() -> None:
    assert tuple(TARGETS) == ON_THE_COMMAND_LINE
    assert PLACES == PLACES_OF_THE_COMMAND_LINE


def test_mujoco_leaves_out_what_is_not_known() -> None:
    tree = ElementTree.fromstring(text_of("mujoco", values(density=500, static_friction=0.4)))
    wood, sky = tree.findall("default/default")
    assert wood.attrib == {"class": "a.jpg/0"}
    assert wood.find("geom").attrib == {"density": "500", "friction": "0.4"}  # type: ignore[union-attr]
    assert sky.attrib == {"class": "a.jpg/<1>"}
    assert sky.find("geom").attrib == {}  # type: ignore[union-attr]
    tree = ElementTree.fromstring(text_of("mujoco", values(dynamic_friction=0.3, static_friction=0.4)))
    assert tree.find("default/default/geom").attrib == {"friction": "0.3"}  # type: ignore[union-attr]


def test_gltf_is_never_metal_by_default() -> None:
    found = json.loads(text_of("gltf", values(roughness=0.5)))
    assert [each["pbrMetallicRoughness"]["metallicFactor"] for each in found["materials"]] == [0, 0]
    assert "extensionsUsed" not in found
    assert found["materials"][0]["pbrMetallicRoughness"]["roughnessFactor"] == 0.5


def test_usd_is_in_metres_and_kilograms() -> None:
    text = text_of("usd", values(density=1800))
    assert "metersPerUnit = 1\n" in text
    assert "kilogramsPerUnit = 1\n" in text
    assert text.count("physics:density = 1800") == 1
    assert "restitution" not in text


def test_pyroomacoustics_and_sionna_leave_whole_regions_out() -> None:
    found = json.loads(text_of("pyroomacoustics", values(absorption=0.3)))
    assert found["a.jpg/0"]["coeffs"] == [0.3] * 7
    assert set(found) == {"a.jpg/0"}
    assert json.loads(text_of("pyroomacoustics", values())) == {}
    assert json.loads(text_of("sionna", values(permittivity=2))) == {}
    found = json.loads(text_of("sionna", values(permittivity=2, radio_conductivity=0)))
    assert found == {"a_jpg_0": {"relative_permittivity": 2, "conductivity": 0}}


def test_materialx_is_xml_with_a_node_for_each() -> None:
    tree = ElementTree.fromstring(text_of("materialx", values(refractive_index=1.5)))
    assert [each.get("name") for each in tree.findall("surfacematerial")] == ["a_jpg_0", "a_jpg__1"]
    assert [each.get("name") for each in tree.findall("standard_surface/input")] == ["specular_IOR"]


def test_ifc_writes_reals_with_a_point_and_text_as_step_does() -> None:
    found = values(density=1800, thermal_conductivity=0.5, specific_heat=1e7)
    text = text_of("ifc", Values(("it's Ü\U0001f600", "\\"), found.materials, found.numbers))
    assert "IFCMASSDENSITYMEASURE(1800.)" in text
    assert "IFCTHERMALCONDUCTIVITYMEASURE(0.5)" in text
    assert "IFCSPECIFICHEATCAPACITYMEASURE(10000000.)" in text
    assert r"IFCMATERIAL('it''s \X2\00DC\X0\\X4\0001F600\X0\'," in text
    assert r"IFCMATERIAL('\\'," in text
    numbers = [line.split("=")[0] for line in text.splitlines() if line.startswith("#")]
    assert numbers == [f"#{number}" for number in range(1, len(numbers) + 1)]


def test_what_cannot_be_held_is_said(tmp_path: Path) -> None:
    found = values(density=500)
    kept = {pair: column for pair, column in found.numbers.items() if pair[0] in TARGETS["ifc"].properties}
    lines = export(Values(found.names, found.materials, kept), "ifc", tmp_path / "out.ifc")
    assert lines[0].startswith("ifc has no place for emissivity, absorption, permittivity")
    assert "1 region of 2 without density, or a part of it" in lines
    assert "2 regions of 2 without specific_heat, or a part of it" in lines


def test_nothing_is_overwritten_or_half_written(tmp_path: Path) -> None:
    out = tmp_path / "out.xml"
    out.write_text("mine")
    with pytest.raises(WriteError, match="there already"):
        export(values(density=500), "mujoco", out)
    assert out.read_text() == "mine"
    broken = values(density=math.inf)
    with pytest.raises(AssertionError):
        export(broken, "mujoco", tmp_path / "other.xml")
    assert [each.name for each in tmp_path.iterdir()] == ["out.xml"]
