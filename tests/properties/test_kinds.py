"""The properties: names, and what a wrong one gets."""

from __future__ import annotations

import pytest

from madeof.errors import InputError
from madeof.properties.kinds import KINDS, kind_of, names_of


def test_all_have_a_unit_a_range_and_a_meaning() -> None:
    assert len(KINDS) == 16
    for name, kind in KINDS.items():
        assert (kind.name, bool(kind.what)) == (name, True)
        assert kind.least < kind.most or kind.is_name


def test_names_of() -> None:
    assert names_of("density, absorption,density") == ("density", "absorption")
    assert names_of(["density"]) == ("density",)
    assert names_of("all") == tuple(KINDS)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("densty", "there is no property 'densty'; did you mean density"),
        ("Thermal Conductivity", "did you mean thermal_conductivity"),
        ("base-color", "did you mean base_color"),
        ("zzz", "there is no property 'zzz'; expected one of density, thermal_conductivity"),
    ],
)
def test_unknown(name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        kind_of(name)


def test_none_named() -> None:
    with pytest.raises(InputError, match="no property is named; expected some of density"):
        names_of(" , ")
