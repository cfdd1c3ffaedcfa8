"""What a material is good for: density, sound absorption, how it reflects radio, and so on, with their uncertainty."""

from __future__ import annotations

from madeof.properties.answer import COVERAGE, MOST_WITHOUT, Estimate, Properties, PropertyAnswer
from madeof.properties.kinds import KINDS, Kind
from madeof.properties.own import read_own
from madeof.properties.table import Row, Source, Table, bundled, sources

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
