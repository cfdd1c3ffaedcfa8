"""Which materials of one list are which of another: the reviewed table `crosswalk.csv`, or a user's own.

A row says that the material `from_name` of `from_list` is the same as `to_name` of `to_list`, or narrower (all of it is
that, and that is more), or broader; or that it has no counterpart. Each row holds backwards too. What the rows are, and
what is lost by them, is in docs/materials.md and docs/research/crosswalks.md.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from madeof._util.text import join_some, show
from madeof.errors import DatasetError
from madeof.materials.crosswalk_rows import (
    BACKWARDS,
    LISTS,
    NONE,
    Relations,
    between_lists,
    read_table,
    without_counterpart,
)
from madeof.materials.lists import key

_logger = logging.getLogger("madeof")


class Pair(NamedTuple):
    """A material of the model and one of the data set."""

    model: str
    data: str
    relation: str
    """"same", or how the model's is to the data set's: "narrower" or "broader"."""
    note: str = ""


class Compared(NamedTuple):
    """Materials that are compared as one: the scores of `model` are added, and a region of any of `data` is meant."""

    name: str
    model: tuple[str, ...]
    data: tuple[str, ...]
    relation: str
    """"same", or how the model's are to the data set's: "narrower", "broader" or "mixed"."""
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Crosswalk:
    """The materials of a model and of a data set that can be compared."""

    where: str
    """The lists, "opensurfaces-plus -> fmd", or the user's file."""
    pairs: tuple[Pair, ...]
    compared: tuple[Compared, ...]
    """In the order of the data set's materials. A material is in one of them at most."""
    model_only: dict[str, str]
    """The model's materials that the data set has no word for, and why."""
    data_only: dict[str, str]
    """The data set's materials that the model has no word for, and why."""

    @classmethod
    def between(cls, model: Sequence[str], data: Sequence[str], user_csv: str | Path | None = None) -> Crosswalk | None:
        """The crosswalk from a model's materials to a data set's.

        Args:
            model: the model's materials.
            data: the data set's materials.
            user_csv: the user's own table in place of ours, with the columns from_name,to_name and any of
                from_list,to_list,relation,note; a row goes from the model's material to the data set's or the other way
                round. Materials of one name that it does not mention are the same.

        Returns:
            None where the names can be compared as they are: the model has all of the data set's, or both are of one
            list, or one is of no list that we know. With `user_csv` never.

        Raises:
            DatasetError: `user_csv` is broken, or says nothing of these materials.
        """
        if user_csv is not None:
            relations, without = _of_user(Path(user_csv), model, data)
            return _build(show(Path(user_csv).name), model, data, relations, without)
        if {key(name) for name in data} <= {key(name) for name in model}:
            return None
        lists = _lists_of(model, data)
        if lists is None:
            return None
        mine, theirs = lists
        relations = between_lists(mine, theirs)
        without = {**without_counterpart(mine, theirs), **without_counterpart(theirs, mine)}
        return _build(f"{mine} -> {theirs}", model, data, relations, without)


def _build(
    where: str, model: Sequence[str], data: Sequence[str], relations: Relations, without: Mapping[str, str]
) -> Crosswalk:
    known = {one for one, _ in relations}
    ours, theirs = {key(name): name for name in model}, {key(name): name for name in data}
    pairs = [
        Pair(ours[one], theirs[other], relation, note)
        for (one, other), (relation, note) in relations.items()
        if one in ours and other in theirs
    ]
    # Of one name: the same, unless the table says something of it.
    pairs += [
        Pair(name, theirs[one], "same")
        for one, name in ours.items()
        if one in theirs and one not in known and one not in without
    ]
    order = {key(name): place for place, name in enumerate(model)}
    pairs.sort(key=lambda pair: order[key(pair.model)])
    compared = _joined(pairs, data)
    used = {key(name) for one in compared for name in (*one.model, *one.data)}
    return Crosswalk(
        where,
        tuple(pairs),
        tuple(compared),
        {name: without.get(one, "the data set has no word for it") for one, name in ours.items() if one not in used},
        {name: without.get(one, "the model has no word for it") for one, name in theirs.items() if one not in used},
    )


def _joined(pairs: Sequence[Pair], data: Sequence[str]) -> list[Compared]:
    """Connected pairs form one group: a model's Plastic is a data set's clear and opaque plastic together."""
    group: dict[tuple[str, str], list[Pair]] = {}
    for pair in pairs:
        mine, theirs = ("model", key(pair.model)), ("data", key(pair.data))
        merged = [pair]
        for other in {id(group[end]): group[end] for end in (mine, theirs) if end in group}.values():
            merged += other
        for one in merged:
            group["model", key(one.model)] = group["data", key(one.data)] = merged
    order = {key(name): place for place, name in enumerate(data)}
    place = {one: position for position, one in enumerate(dict.fromkeys(key(pair.model) for pair in pairs))}
    found = []
    for members in {id(some): some for some in group.values()}.values():
        mine_ = tuple(sorted({pair.model for pair in members}, key=lambda name: place[key(name)]))
        theirs_ = tuple(sorted({pair.data for pair in members}, key=lambda name: order[key(name)]))
        kinds = {pair.relation for pair in members} - ({"same"} if len(members) > 1 else set())
        relation = kinds.pop() if len(kinds) == 1 else "mixed" if kinds else "same"
        name = theirs_[0] if len(theirs_) == 1 else mine_[0] if len(mine_) == 1 else " + ".join(theirs_)
        notes = tuple(dict.fromkeys(pair.note for pair in members if pair.note))
        found.append(Compared(name, mine_, theirs_, relation, notes))
    return sorted(found, key=lambda one: order[key(one.data[0])])


def _lists_of(model: Sequence[str], data: Sequence[str]) -> tuple[str, str] | None:
    """The list that each is of; None where it is the same one, or none of ours.

    A list is the one with the most of the names. Of several the one that the names are all of, else one that the
    other side could be of as well, else the shortest.
    """
    sides = []
    for names in (model, data):
        keys = {key(name) for name in names}
        shared = {one: sum(key(name) in keys for name in known) for one, known in LISTS.items()}
        most = max(shared.values())
        if not most:
            return None
        best = [one for one, count in shared.items() if count == most]
        sides.append([one for one in best if len(LISTS[one]) == most] or best)
    if set(sides[0]) & set(sides[1]):
        return None
    mine, theirs = (min(side, key=lambda one: len(LISTS[one])) for side in sides)
    return mine, theirs


def _of_user(path: Path, model: Sequence[str], data: Sequence[str]) -> tuple[Relations, dict[str, str]]:
    """The relations that a user's table has for these materials, and those that it says have none."""
    ours, theirs = {key(name) for name in model}, {key(name) for name in data}
    relations: dict[tuple[str, str], tuple[str, str]] = {}
    without: dict[str, str] = {}
    unknown: list[str] = []
    lists = _lists_of(model, data)
    for row in read_table(path):
        if {row.from_list, row.to_list} <= set(LISTS) and lists and {row.from_list, row.to_list} != set(lists):
            continue  # as in a copy of ours: what is said of other lists
        one, other = key(row.from_name), key(row.to_name)
        if row.relation == NONE:
            if one in ours or one in theirs:
                without[one] = row.note or NONE
            elif not row.from_list:
                unknown.append(f"{show(row.from_name)} (line {row.line})")
        elif one in ours and other in theirs:
            relations[one, other] = row.relation, row.note
        elif other in ours and one in theirs:
            relations[other, one] = BACKWARDS[row.relation], row.note
        elif not row.from_list and not row.to_list:
            # Where the lists are named the table may well speak of more than these two.
            unknown += [
                f"{show(name)} (line {row.line})"
                for name in (row.from_name, row.to_name)
                if key(name) not in ours | theirs
            ] or [f"line {row.line}, both of whose materials are on one side"]
    if both := [pair for pair in relations if pair[0] in without or pair[1] in without]:
        raise DatasetError(
            f"{show(path)}: {both[0][0]!r} -> {both[0][1]!r} is there, and that one has {NONE}; keep one"
        )
    if not relations and not without:
        raise DatasetError(
            f"{show(path)} says nothing of these materials; the model's are {join_some(map(show, model))}, the data "
            f"set's {join_some(map(show, data))}"
        )
    if unknown:
        _logger.warning("%s: neither the model nor the data set has %s", show(path), join_some(unknown))
    return relations, without
