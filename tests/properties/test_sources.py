"""The copied figures are still those of their sources (pytest -m properties, the extra `properties-check`)."""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Callable, Sequence

import pytest

from madeof.properties import KINDS, Row, bundled, sources
from madeof.properties.kinds import BANDS

pytestmark = [
    pytest.mark.properties,
    # These packages warn of their own making.
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning"),
]


def rows_of(source: str) -> list[Row]:
    rows = [row for row in bundled().rows if row.source == source]
    assert rows
    return rows


def compare(rows: Sequence[Row], value: Callable[[Row, str], float]) -> None:
    """Each row runs from the least to the largest value of its keys."""
    for row in rows:
        found = [value(row, key) for key in row.key.split(" | ")]
        assert (row.low, row.high) == pytest.approx((min(found), max(found)), rel=1e-9), (row.material, row.property)


def test_ht_en12524() -> None:
    from ht.insulation import building_materials

    column = {"density": 0, "thermal_conductivity": 1, "specific_heat": 2}
    compare(rows_of("ht-en12524"), lambda row, key: building_materials[key][column[row.property]])


def test_ht_ashrae() -> None:
    from ht.insulation import ASHRAE

    column = {"density": 0, "specific_heat": 1, "thermal_conductivity": 2}
    compare(rows_of("ht-ashrae"), lambda row, key: ASHRAE[key][column[row.property]])


def test_the_cork_tile_of_ht_is_still_a_slip() -> None:
    """So it is left out; where it is mended it can come back."""
    from ht.insulation import ASHRAE, building_materials

    assert building_materials["Floor covering, tiles, cork"][1] == 65
    _, _, _, resistance, thickness = ASHRAE["Linoleum/cork tile"]
    assert thickness / 1000 / resistance == pytest.approx(0.071, abs=0.001)
    used = [row for row in rows_of("ht-en12524") if row.property == "thermal_conductivity" and "cork" in row.key]
    assert [row.key for row in used] == ["Floor covering, underlay, cork"]


def test_pyroomacoustics() -> None:
    import pyroomacoustics as pra

    table = pra.materials_absorption_table

    def value(row: Row, key: str) -> float:
        return float(table[key]["coeffs"][BANDS.index(row.condition)])

    compare(rows_of("pyroomacoustics"), value)
    for row in rows_of("pyroomacoustics"):
        for key in row.key.split(" | "):
            centres = table[key]["center_freqs"]
            assert centres[BANDS.index(row.condition)] == int(row.condition.removesuffix(" Hz"))


def test_sionna() -> None:
    from sionna.rt.radio_materials.itu import ITU_MATERIALS_PROPERTIES, itu_material

    for row in rows_of("itu-p2040"):
        ranges = {f"{low:g}-{high:g} GHz": each for (low, high), each in ITU_MATERIALS_PROPERTIES[row.key].items()}
        a, b, c, d = ranges[row.condition]
        assert (row.low, row.exponent) == ((a, b) if row.property == "permittivity" else (c, d))
    for material, name in (
        ("Brick", "brick"),
        ("Concrete", "concrete"),
        ("Glass", "glass"),
        ("Plaster", "plasterboard"),
    ):
        for frequency in (1.0, 28.0, 100.0, 105.0, 150.0, 300.0, 400.0):
            ours = [
                bundled().interval(material, KINDS[kind], frequency_ghz=frequency)
                for kind in ("permittivity", "radio_conductivity")
            ]
            try:
                theirs = itu_material(name, frequency * 1e9)
            except ValueError:
                assert ours == [None, None]
                continue
            for interval, value in zip(ours, theirs, strict=True):
                assert interval == pytest.approx((float(value), float(value)), rel=1e-4)


def test_physically_based() -> None:
    """As the package materialxmaterials carries it; only its data are read."""
    files = importlib.metadata.files("materialxmaterials") or []
    path = next(each for each in files if each.name == "PhysicallyBasedMaterial.json")
    materials = {each["name"]: each for each in json.loads(path.read_text(encoding="utf-8"))}
    keys = {"refractive_index": "ior", "roughness": "roughness", "metalness": "metalness"}

    def values(row: Row, key: str) -> list[float]:
        material = materials[key]
        if row.property == "density":  # [value], or [least, largest] and perhaps a typical one
            return list(material["density"][:2])
        if row.property == "base_color":
            linear = next(each["color"] for each in material["color"] if each["colorSpace"] == "srgb-linear")
            return [linear["rgb".index(row.condition)]]
        return [material[keys[row.property]]]

    for row in rows_of("physicallybased"):
        found = [each for key in row.key.split(" | ") for each in values(row, key)]
        assert (row.low, row.high) == pytest.approx((min(found), max(found)), rel=1e-9), (row.material, row.property)


def test_the_editions_are_those_installed() -> None:
    for source, package in (
        ("ht-en12524", "ht"), ("ht-ashrae", "ht"), ("pyroomacoustics", "pyroomacoustics"), ("itu-p2040", "sionna-rt"),
        ("physicallybased", "materialxmaterials"),
    ):  # fmt: skip
        assert importlib.metadata.version(package) in sources()[source].edition
