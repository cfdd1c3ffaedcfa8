"""The properties that the table knows: unit, range, and the conditions under which each has a value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from madeof._util.text import show
from madeof.errors import InputError

BANDS = ("125 Hz", "250 Hz", "500 Hz", "1000 Hz", "2000 Hz", "4000 Hz", "8000 Hz")
"""The octave bands of sound absorption."""

CHANNELS = ("r", "g", "b")
"""The channels of a base colour, linear, with the primaries of sRGB."""


class Kind(NamedTuple):
    """One property."""

    name: str
    unit: str
    """SI; "1" for a plain number, "" for a name."""
    least: float
    """The smallest value that can be."""
    most: float
    """The largest value that can be."""
    what: str
    """What exactly the number stands for."""
    conditions: tuple[str, ...] = ("",)
    """Each has a value of its own; ("",) where there is only one."""
    by_frequency: bool = False
    """Whether it is asked for at a radio frequency: the rows hold the coefficients of ITU-R P.2040."""

    @property
    def is_name(self) -> bool:
        """Whether its values are names rather than numbers."""
        return self.unit == ""


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("density", "kg/m3", 0.1, 25_000, "mass per volume, pores included"),
        Kind("thermal_conductivity", "W/m/K", 0.001, 3000, "at room temperature, dry"),
        Kind("specific_heat", "J/kg/K", 50, 6000, "at room temperature"),
        Kind("emissivity", "1", 0, 1, "thermal emissivity of the surface, 8 to 14 um"),
        Kind("absorption", "1", 0, 1, "energy absorption of sound, random incidence, with its build-up", BANDS),
        Kind("permittivity", "1", 1, 100, "real part of the relative permittivity, a f^b, f in GHz", by_frequency=True),
        Kind("radio_conductivity", "S/m", 0, 1e8, "conductivity, c f^d, f in GHz", by_frequency=True),
        Kind("static_friction", "1", 0, 5, "coefficient against itself or the surface that the row names"),
        Kind("dynamic_friction", "1", 0, 5, "coefficient against itself or the surface that the row names"),
        Kind("restitution", "1", 0, 1, "ratio of speeds after and before a bounce on a hard floor"),
        Kind("refractive_index", "1", 1, 4, "of visible light"),
        Kind("base_color", "1", 0, 1, "diffuse albedo, or colour of a metal, linear sRGB primaries", CHANNELS),
        Kind("roughness", "1", 0, 1, "perceptual roughness of rendering"),
        Kind("metalness", "1", 0, 1, "0 for dielectrics, 1 for metals"),
        Kind("recycling", "", 0, 0, "entry of the European List of Waste that it goes under"),
        Kind("combustible", "1", 0, 1, "1 where it burns, 0 where it does not; the answer is a probability"),
    )
}
"""All properties by name, in the order of the table."""


def kind_of(name: str) -> Kind:
    """The property of that name.

    Raises:
        InputError: there is none; the message names the nearest.
    """
    if name in KINDS:
        return KINDS[name]
    import difflib  # where it is needed: it takes longer to import than all of this

    near = difflib.get_close_matches(name.strip().lower().replace("-", "_").replace(" ", "_"), KINDS, 3, 0.5)
    known = f"did you mean {' or '.join(near)}" if near else f"expected one of {', '.join(KINDS)}"
    raise InputError(f"there is no property {show(name)!r}; {known}")


def names_of(text: str | Sequence[str]) -> tuple[str, ...]:
    """The properties that a comma-separated list or a sequence names, each once; "all" is all of them.

    Raises:
        InputError: one is not known, or none is named.
    """
    asked = [part.strip() for part in text.split(",")] if isinstance(text, str) else list(text)
    asked = [part for part in asked if part]
    if not asked:
        raise InputError(f"no property is named; expected some of {', '.join(KINDS)}, or all")
    if "all" in asked:
        return tuple(KINDS)
    return tuple(dict.fromkeys(kind_of(name).name for name in asked))
