"""What a material is good for: density, sound absorption, how it reflects radio, and so on, with their uncertainty."""

from __future__ import annotations

from typing import TYPE_CHECKING

from madeof.properties.answer import COVERAGE, MOST_WITHOUT, Estimate, Properties, PropertyAnswer
from madeof.properties.kinds import KINDS, Kind
from madeof.properties.table import Row, Source, Table, bundled, sources

if TYPE_CHECKING:
    from madeof.properties.own import read_own

__all__ = [
    "COVERAGE",
    "KINDS",
    "MOST_WITHOUT",
    "Estimate",
    "Kind",
    "Properties",
    "PropertyAnswer",
    "Row",
    "Source",
    "Table",
    "bundled",
    "read_own",
    "sources",
]


def __getattr__(name: str) -> object:
    """Import on first use what few ask for: `predict --properties` is to cost next to nothing."""
    if name != "read_own":
        raise AttributeError(f"module 'madeof.properties' has no attribute {name!r}")
    from madeof.properties.own import read_own

    return read_own
