"""The arguments of properties, which several commands share."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from madeof.properties import Properties, Table

PLACES = ("bulk", "surface", "wall", "floor", "ceiling", "curtain", "seat")
"""Copy of the names in `madeof.properties.table`, so that `--help` need not import it."""


def add_properties(parser: argparse.ArgumentParser) -> None:
    """`--properties` and what belongs to it."""
    group = parser.add_argument_group("properties (docs/properties.md)")
    group.add_argument(
        "--properties",
        metavar="NAMES",
        help="add physical properties, such as density,absorption, with an interval; or all",
    )
    add_table(group)
    group.add_argument(
        "--property-coverage",
        type=_share(0.5, 0.99),
        metavar="C",
        help="coverage of the interval (default: 0.9)",
    )


def add_table(group: argparse._ArgumentGroup) -> None:
    """The settings of the values themselves."""
    group.add_argument(
        "--property-table", metavar="CSV", help="a table of your own: it adds values or overrides those of the package"
    )
    group.add_argument("--place", choices=PLACES, metavar="PLACE", help=f"take the values of {', '.join(PLACES)}")
    group.add_argument(
        "--frequency", type=_frequency, metavar="GHZ", help="for permittivity and radio_conductivity, in GHz"
    )
    group.add_argument(
        "--max-without",
        type=_share(0, 0.99),
        metavar="S",
        help="most score of materials without a value; beyond it no number is given (default: 0.1)",
    )


def asked_properties(options: argparse.Namespace) -> Callable[[Sequence[str]], Properties] | None:
    """Function that prepares the properties of a model's materials; None if none are requested.

    Raises:
        InputError: an unknown property, a table that is not right, a frequency that is missing or out of range.
    """
    if options.properties is None:
        for name in ("property_table", "place", "frequency", "max_without", "property_coverage"):
            if getattr(options, name) is not None:
                options.refuse(f"--{name.replace('_', '-')} goes with --properties NAMES")
        return None
    from madeof.properties import COVERAGE, MOST_WITHOUT, Properties

    table = table_of(options)

    def prepare(materials: Sequence[str]) -> Properties:
        return Properties(
            materials,
            options.properties,
            table=table,
            coverage=COVERAGE if options.property_coverage is None else options.property_coverage,
            most_without=MOST_WITHOUT if options.max_without is None else options.max_without,
            place=options.place,
            frequency_ghz=options.frequency,
        )

    prepare(())
    return prepare


def table_of(options: argparse.Namespace) -> Table | None:
    """The package's table with that of --property-table in it; None where there is none."""
    if options.property_table is None:
        return None
    from madeof.properties import bundled, read_own

    return bundled().with_own(read_own(options.property_table))


def _share(least: float, most: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"got {text!r}; expected a number from {least:g} to {most:g}")
        return value

    return parse


def _frequency(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"got {text!r}; expected a frequency in GHz, such as 2.4")
    return value
