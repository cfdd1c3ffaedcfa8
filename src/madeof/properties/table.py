"""The reviewed table of material properties, and the interval that it gives for a material."""

from __future__ import annotations

import csv
import functools
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from madeof.errors import InputError
from madeof.materials.lists import key
from madeof.properties.kinds import KINDS, Kind

DATA = Path(__file__).parent / "data"

COLUMNS = (
    "material", "property", "place", "condition", "low", "high", "exponent", "text", "unit", "what", "source", "key",
)  # fmt: skip
"""The columns of `data/values.csv`, and of a table of one's own."""

PLACES = ("bulk", "surface", "wall", "floor", "ceiling", "curtain", "seat")
"""Where a value holds. "bulk" and "surface" hold anywhere."""

_ANYWHERE = ("bulk", "surface")


class Row(NamedTuple):
    """One line of the table: a value or a range for a material, a property and a condition."""

    material: str
    property: str
    place: str
    condition: str
    low: float
    """NaN where the value is a name."""
    high: float
    exponent: float
    """The value at f GHz is low f^exponent .. high f^exponent; 0 where the frequency does not matter."""
    text: str
    """The value, where it is a name."""
    unit: str
    what: str
    """What exactly it stands for."""
    source: str
    """The id in `data/sources.csv`."""
    key: str
    """Where in the source: exact keys or table entries, " | " between them."""


class Source(NamedTuple):
    """Where values come from."""

    id: str
    title: str
    edition: str
    licence: str
    """Of the figures."""
    address: str


class Table:
    """The values by material and property. Materials are matched by name, as everywhere."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self.rows = tuple(rows)
        self._cells: dict[tuple[str, str], list[Row]] = {}
        keys = {name: key(name) for name in {row.material for row in self.rows}}
        for row in self.rows:
            self._cells.setdefault((keys[row.material], row.property), []).append(row)

    def cell(self, material: str, name: str, place: str | None = None) -> list[Row]:
        """The rows of a material and property; with a `place` those of it, or else those that hold anywhere."""
        rows = self._cells.get((key(material), name), [])
        if place is None:
            return rows
        return [row for row in rows if row.place == place] or [row for row in rows if row.place in _ANYWHERE]

    def interval(
        self,
        material: str,
        kind: Kind,
        condition: str = "",
        place: str | None = None,
        frequency_ghz: float | None = None,
    ) -> tuple[float, float] | None:
        """The least and the largest value of a material, in `kind.unit`; None where no source gives one.

        Args:
            material: its name.
            kind: the property.
            condition: one of `kind.conditions`.
            place: see `cell`.
            frequency_ghz: for properties by frequency. Of the ranges of one key the first that holds it counts, as in
                sionna-rt.
        """
        rows = self.cell(material, kind.name, place)
        if kind.by_frequency:
            assert frequency_ghz is not None
            rows = _at_frequency(rows, frequency_ghz)
            scale = frequency_ghz
        else:
            rows = [row for row in rows if row.condition == condition or kind.conditions == ("",)]
            scale = 1.0
        if not rows:
            return None
        return min(row.low * scale**row.exponent for row in rows), max(row.high * scale**row.exponent for row in rows)

    def names(self, material: str, name: str, place: str | None = None) -> tuple[str, ...]:
        """The values of a property whose values are names."""
        return tuple(dict.fromkeys(row.text for row in self.cell(material, name, place) if row.text))

    def filled(self, materials: Sequence[str], names: Sequence[str] = tuple(KINDS)) -> int:
        """How many of the cells material x property have a value under some condition."""
        return sum((key(material), name) in self._cells for material in materials for name in names)

    def with_own(self, rows: Sequence[Row]) -> Table:
        """This table with one's own rows: where they have a material and property, ours are left out."""
        own = {(key(row.material), row.property) for row in rows}
        return Table((*(row for row in self.rows if (key(row.material), row.property) not in own), *rows))


def frequency_range(condition: str) -> tuple[float, float]:
    """The two ends of a condition such as "1-100 GHz", in GHz.

    Raises:
        ValueError: it is not of that form.
    """
    low, _, high = condition.removesuffix("GHz").strip().partition("-")
    ends = float(low), float(high)
    if not condition.endswith("GHz") or not 0 < ends[0] <= ends[1] < float("inf"):
        raise ValueError(condition)
    return ends


@functools.cache
def bundled() -> Table:
    """The table of the package."""
    with (DATA / "values.csv").open(encoding="utf-8", newline="") as file:
        lines = csv.reader(file)
        next(lines)
        return Table(_row(*line) for line in lines)


@functools.cache
def sources() -> dict[str, Source]:
    """The sources of the package's table by id."""
    with (DATA / "sources.csv").open(encoding="utf-8", newline="") as file:
        return {line["id"]: Source(**line) for line in csv.DictReader(file)}


def check_frequency(table: Table, kind: Kind, frequency_ghz: float) -> None:
    """Raise an InputError where no material at all has a value at a frequency."""
    ranges = [frequency_range(row.condition) for row in table.rows if row.property == kind.name]
    if not any(low <= frequency_ghz <= high for low, high in ranges):
        ends = f"{min(low for low, _ in ranges):g} to {max(high for _, high in ranges):g} GHz" if ranges else "no value"
        raise InputError(f"{kind.name} at {frequency_ghz:g} GHz: the table has {ends}; give a frequency within it")


def _at_frequency(rows: Sequence[Row], frequency_ghz: float) -> list[Row]:
    """For each key of a source the first row whose range holds the frequency."""
    found: dict[tuple[str, str], Row] = {}
    for row in rows:
        low, high = frequency_range(row.condition)
        if low <= frequency_ghz <= high:
            found.setdefault((row.source, row.key), row)
    return list(found.values())


def _row(
    material: str, name: str, place: str, condition: str, low: str, high: str, exponent: str, text: str, *rest: str
) -> Row:
    ends = (float(low), float(high)) if low else (math.nan, math.nan)
    return Row(material, name, place, condition, *ends, float(exponent) if exponent else 0.0, text, *rest)
