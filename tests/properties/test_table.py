"""The reviewed table: complete, within its ranges, with a source for each value."""

from __future__ import annotations

import math

import pytest

from madeof.errors import InputError
from madeof.materials.lists import OPENSURFACES_PLUS, key
from madeof.properties import KINDS, Row, bundled, sources
from madeof.properties.table import PLACES, check_frequency, frequency_range


def test_every_value_is_within_its_range_and_has_a_source() -> None:
    for row in bundled().rows:
        kind = KINDS[row.property]
        assert row.material in OPENSURFACES_PLUS
        assert row.unit == kind.unit
        assert row.place in PLACES
        assert row.what
        assert row.key
        assert row.source in sources()
        if kind.is_name:
            assert row.text
            assert math.isnan(row.low)
        elif not kind.by_frequency:
            assert kind.least <= row.low <= row.high <= kind.most
            assert kind.conditions == ("",) or row.condition in kind.conditions
        else:
            low, high = frequency_range(row.condition)
            ends = [value * f**row.exponent for value in (row.low, row.high) for f in (low, high)]
            assert all(kind.least <= each <= kind.most for each in ends)


def test_every_source_is_used_and_says_its_licence() -> None:
    used = {row.source for row in bundled().rows}
    assert used == set(sources())
    assert all(each.title and each.edition and each.licence and each.address for each in sources().values())


def test_how_many_cells_are_filled() -> None:
    """The number that docs/properties.md states, and the bar of 45%."""
    cells = len(OPENSURFACES_PLUS) * len(KINDS)
    assert (bundled().filled(OPENSURFACES_PLUS), cells) == (400, 784)
    assert {name: bundled().filled(OPENSURFACES_PLUS, [name]) for name in KINDS} == {
        "density": 37, "thermal_conductivity": 31, "specific_heat": 31, "emissivity": 28, "absorption": 20,
        "permittivity": 17, "radio_conductivity": 17, "static_friction": 14, "dynamic_friction": 8, "restitution": 6,
        "refractive_index": 42, "base_color": 25, "roughness": 22, "metalness": 46, "recycling": 28, "combustible": 28,
    }  # fmt: skip


def test_what_no_source_supports_is_empty() -> None:
    """Constructions and likenesses that a guess would fill."""
    for material, name in (
        ("Sky", "density"), ("Leather", "absorption"), ("Metal", "absorption"), ("Water", "absorption"),
        ("Water", "permittivity"), ("Tile", "permittivity"), ("Foliage", "density"), ("Leather", "emissivity"),
        ("Plastic - opaque", "absorption"), ("Food", "density"),
    ):  # fmt: skip
        assert bundled().cell(material, name) == []
    used = {part for row in bundled().rows for part in row.key.split(" | ")}
    assert not used & {"brickwork", "brick_wall_rough", "facing_brick", "acoustical_plaster_25mm", "Cellular glass"}


def test_intervals() -> None:
    table, density = bundled(), KINDS["density"]
    assert table.interval("Brick", density) == (770, 2400)
    assert table.interval(" wood ", density) == (350, 705)
    assert table.interval("Sky", density) is None
    absorption = KINDS["absorption"]
    assert table.interval("Concrete", absorption, "4000 Hz") == (0.02, 0.07)
    assert table.interval("Concrete", absorption, "4000 Hz", "floor") == (0.02, 0.02)
    assert table.interval("Concrete", absorption, "4000 Hz", "wall") == (0.05, 0.07)
    assert table.interval("Concrete", absorption, "4000 Hz", "ceiling") is None
    assert table.interval("Wood", absorption, "8000 Hz", "floor") is None  # no source has this band
    assert table.interval("Brick", density, place="wall") == (770, 2400)  # bulk holds anywhere


def test_by_frequency() -> None:
    table, permittivity, conductivity = bundled(), KINDS["permittivity"], KINDS["radio_conductivity"]
    assert table.interval("Concrete", permittivity, frequency_ghz=28) == (5.24, 5.24)
    assert table.interval("Concrete", conductivity, frequency_ghz=28) == pytest.approx((0.62605,) * 2, rel=1e-4)
    assert table.interval("Concrete", permittivity, frequency_ghz=105) is None
    low, high = table.interval("Dirt", permittivity, frequency_ghz=4) or (0, 0)  # very dry to wet ground
    assert (low, high) == pytest.approx((3.0, 30 * 4**-0.4))
    assert table.interval("Plaster", permittivity, frequency_ghz=200) == (2.56, 2.56)  # the first that holds it


def test_a_frequency_that_nothing_is_for() -> None:
    check_frequency(bundled(), KINDS["permittivity"], 105)
    with pytest.raises(InputError, match=r"permittivity at 5000 GHz: the table has 0.001 to 450 GHz; give a frequency"):
        check_frequency(bundled(), KINDS["permittivity"], 5000)


@pytest.mark.parametrize("text", ["", "1 GHz", "1-2", "2-1 GHz", "a-b GHz", "0-1 GHz", "1-inf GHz"])
def test_no_frequency_range(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        frequency_range(text)


def test_own_rows_stand_in_for_ours() -> None:
    own = Row("wood", "density", "bulk", "", 1000, 1100, 0, "", "kg/m3", "bog oak", "own", "")
    table = bundled().with_own([own, own._replace(material="Terrazzo")])
    assert table.interval("Wood", KINDS["density"]) == (1000, 1100)
    assert table.interval("Terrazzo", KINDS["density"]) == (1000, 1100)
    assert table.interval("Wood", KINDS["specific_heat"]) == bundled().interval("Wood", KINDS["specific_heat"])
    assert key("Wood") == key("wood")
