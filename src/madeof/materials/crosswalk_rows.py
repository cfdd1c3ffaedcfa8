"""The rows of crosswalks: our own table, `crosswalk.csv`, and what follows from it for any two lists."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

from madeof._util.csv_rows import read_rows
from madeof._util.text import show
from madeof.errors import DatasetError
from madeof.materials.lists import ADE20K, COCO_STUFF, DMS, FMD, MINC, OPENSURFACES_PLUS, key

HUB = "opensurfaces-plus"
"""The list that all others are compared with. Two others meet through it, where they have no rows of their own."""

LISTS: dict[str, tuple[str, ...]] = {
    HUB: OPENSURFACES_PLUS,
    "minc": MINC,
    "fmd": FMD,
    "dms": DMS,
    "coco-stuff": COCO_STUFF,
    "ade20k": ADE20K,
}
"""The lists of `crosswalk.csv`. The original's and OpenSurfaces' own are parts of the first."""

NONE = "no counterpart"
BACKWARDS = {"same": "same", "narrower": "broader", "broader": "narrower", NONE: NONE}
Relations = Mapping[tuple[str, str], tuple[str, str]]
"""(key of one name, key of another) -> (how the one is related to the other, note)."""


class Row(NamedTuple):
    """A row of a crosswalk."""

    line: int
    """From 1."""
    from_list: str
    from_name: str
    to_list: str
    to_name: str
    relation: str
    note: str


def read_table(path: Path) -> list[Row]:
    """The rows of a crosswalk.

    Raises:
        DatasetError: a row is broken, or there twice.
    """
    rows: list[Row] = []
    lines: dict[tuple[str, ...], int] = {}
    optional = ["from_list", "to_list", "relation", "note"]
    for line, row in read_rows(path, ["from_name", "to_name"], optional):
        where = f"{show(path)} line {line}"
        relation = " ".join(row.get("relation", "").split()).casefold() or ("same" if row["to_name"] else NONE)
        if relation not in BACKWARDS:
            raise DatasetError(f"{where}: the relation {show(relation)!r} is not one of {', '.join(BACKWARDS)}")
        if not row["from_name"] or bool(row["to_name"]) == (relation == NONE):
            raise DatasetError(
                f"{where}: expected from_name and to_name, or from_name alone with the relation {NONE!r}"
            )
        found = Row(
            line,
            row.get("from_list", ""),
            row["from_name"],
            row.get("to_list", ""),
            row["to_name"],
            relation,
            row.get("note", ""),
        )
        mark = tuple(key(text) for text in found[1:5])
        if mark in lines:
            raise DatasetError(f"{where}: says what line {lines[mark]} says of the same materials; keep one of them")
        lines[mark] = line
        rows.append(found)
    return rows


@cache
def _table() -> tuple[Row, ...]:
    return tuple(read_table(Path(__file__).with_name("crosswalk.csv")))


def _direct(mine: str, theirs: str) -> dict[tuple[str, str], tuple[str, str]]:
    """The relations of the rows between two lists, in either direction."""
    found: dict[tuple[str, str], tuple[str, str]] = {}
    for row in _table():
        one, other = key(row.from_name), key(row.to_name)
        if row.relation == NONE:
            continue
        if (row.from_list, row.to_list) == (mine, theirs):
            found[one, other] = row.relation, row.note
        elif (row.to_list, row.from_list) == (mine, theirs):
            found[other, one] = BACKWARDS[row.relation], row.note
    return found


def without_counterpart(mine: str, theirs: str) -> dict[str, str]:
    """The materials of a list that have no counterpart in the other, or in the hub."""
    return {
        key(row.from_name): row.note or NONE
        for row in _table()
        if row.relation == NONE and row.from_list == mine and row.to_list in {theirs, HUB}
    }


def between_lists(mine: str, theirs: str) -> Relations:
    """The relations between two lists: their own rows, and where a material has none, what follows by the hub."""
    found = _direct(mine, theirs)
    if HUB in (mine, theirs):
        return found
    ours, others = _in_hub(mine), _in_hub(theirs)
    own = {end for pair in found for end in (("mine", pair[0]), ("theirs", pair[1]))}
    for one, (lower, upper) in ours.items():
        for other, (their_lower, their_upper) in others.items():
            if ("mine", one) in own or ("theirs", other) in own:
                continue
            # All of `one` is in a hub's material that is all in `other`; or each of its parts is.
            narrower = bool(upper & their_lower) or bool(lower and not upper and lower <= their_lower)
            broader = bool(their_upper & lower) or bool(their_lower and not their_upper and their_lower <= lower)
            if narrower or broader:
                relation = "same" if narrower and broader else "narrower" if narrower else "broader"
                found[one, other] = relation, f"by way of {HUB}"
    return found


def _in_hub(name: str) -> dict[str, tuple[set[str], set[str]]]:
    """For each material of a list, those of the hub that are within it and those that it is within."""
    found: dict[str, tuple[set[str], set[str]]] = defaultdict(lambda: (set(), set()))
    for (one, hub), (relation, _) in _direct(name, HUB).items():
        if relation in ("same", "broader"):
            found[one][0].add(hub)
        if relation in ("same", "narrower"):
            found[one][1].add(hub)
    return found
