"""A user's own table of properties: a CSV that adds materials and values, or overrides those of the package."""

from __future__ import annotations

import csv
import math
from pathlib import Path

from madeof._util.text import join_some, show
from madeof.errors import InputError
from madeof.properties.kinds import KINDS, Kind, kind_of
from madeof.properties.table import PLACES, Row, frequency_range

_NEEDED = ("material", "property", "unit")
_KNOWN = (
    *_NEEDED, "low", "high", "place", "condition", "exponent", "text", "what", "source", "key", "licence",
)  # fmt: skip


def read_own(path: str | Path) -> list[Row]:
    """The rows of a CSV with the columns material, property, low, high, unit, and more (docs/properties.md).

    Raises:
        InputError: it cannot be read, or a line is not right: an unknown property, a unit that is not the property's, a
            value out of its range, a condition or place that does not exist. The message names the line.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"cannot read {show(path)}: {getattr(error, 'strerror', None) or 'it is not UTF-8'}"
        ) from error
    lines = csv.DictReader(text.splitlines())
    columns = [name.strip() for name in lines.fieldnames or ()]
    if missing := [name for name in _NEEDED if name not in columns]:
        raise InputError(f"{show(path)} has no column {' or '.join(missing)}; expected {', '.join(_KNOWN)}")
    if unknown := [name for name in columns if name not in _KNOWN]:
        raise InputError(f"{show(path)} has the column {show(unknown[0])!r}; expected some of {', '.join(_KNOWN)}")
    lines.fieldnames = columns
    rows = []
    for number, line in enumerate(lines, 2):
        if None in line or None in line.values():
            raise InputError(f"{show(path)}, line {number}: it has not as many cells as the header has columns")
        try:
            rows.append(_row({name: (cell or "").strip() for name, cell in line.items()}))
        except InputError as error:
            raise InputError(f"{show(path)}, line {number}: {error}") from error
    if not rows:
        raise InputError(f"{show(path)} has no values; expected a line for each under its header")
    return rows


def _row(line: dict[str, str]) -> Row:
    if not line["material"]:
        raise InputError("the material has no name")
    kind = kind_of(line["property"])
    unit = line["unit"]
    if unit.replace("-", "") != kind.unit.replace("-", "") and not (kind.unit in ("", "1") and unit in ("", "1", "-")):
        expected = kind.unit or "no unit"
        raise InputError(f"{kind.name} in {show(unit)!r}; expected {expected}: convert the values")
    place = line.get("place") or "surface"
    if place not in PLACES:
        raise InputError(f"there is no place {show(place)!r}; expected one of {', '.join(PLACES)}")
    low, high, exponent = _numbers(line, kind)
    return Row(
        line["material"], kind.name, place, _condition(line.get("condition", ""), kind), low, high, exponent,
        line.get("text", "") if kind.is_name else "", kind.unit, line.get("what", ""), line.get("source") or "own",
        line.get("key", ""),
    )  # fmt: skip


def _numbers(line: dict[str, str], kind: Kind) -> tuple[float, float, float]:
    if kind.is_name:
        if not line.get("text") or line.get("low") or line.get("high"):
            raise InputError(f"{kind.name} is a name; expected it in the column text, and no low or high")
        return math.nan, math.nan, 0.0
    low = _number(line.get("low", ""), "low")
    high = _number(line["high"], "high") if line.get("high") else low
    if not kind.least <= low <= high <= kind.most:
        raise InputError(
            f"{kind.name} from {low:g} to {high:g}; expected low <= high, both from {kind.least:g} to {kind.most:g}"
            + (f" {kind.unit}" if kind.unit not in ("", "1") else "")
        )
    if line.get("exponent") and not kind.by_frequency:
        raise InputError(f"{kind.name} has no exponent; expected one only with {join_some(_by_frequency())}")
    return low, high, _number(line["exponent"], "exponent") if line.get("exponent") else 0.0


def _number(text: str, column: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"{column} is {show(text)!r}; expected a number")
    return value


def _condition(text: str, kind: Kind) -> str:
    if kind.by_frequency:
        try:
            frequency_range(text)
        except ValueError:
            raise InputError(f"the condition is {show(text)!r}; expected a range such as 1-100 GHz") from None
        return text
    if kind.conditions == ("",):
        return text
    if text not in kind.conditions:
        raise InputError(f"{kind.name} under {show(text)!r}; expected one of {', '.join(kind.conditions)}")
    return text


def _by_frequency() -> list[str]:
    return [name for name, kind in KINDS.items() if kind.by_frequency]
