"""Metadata of photos: `photos.csv`, and the table of a data set."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from madeof._util.csv_rows import read_rows
from madeof._util.text import show
from madeof.datasets.splits import SPLITS
from madeof.errors import DatasetError

_logger = logging.getLogger("madeof")

COLUMNS = ("split", "group", "source", "licence")
SPELLINGS = {"license": "licence"}


class Details(NamedTuple):
    """Metadata of one photo; "" if not stated."""

    split: str = ""
    group: str = ""
    source: str = ""
    licence: str = ""


NOTHING_KNOWN = Details()


@dataclass(frozen=True, eq=False)
class PhotoTable:
    """The P photos of a data set, a column each."""

    name: tuple[str, ...]
    """The path without its suffix, relative to the folder of photos; in a table of masks the path as written there."""
    split: tuple[str, ...]
    """"train", "val" or "test"."""
    group: tuple[str, ...]
    """Photos of one group (a house, an object) are in one split; "" is a group of its own."""
    source: tuple[str, ...]
    licence: tuple[str, ...]
    height: NDArray[np.int32]
    """(P,) pixels, after the EXIF turn."""
    width: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.name)

    def select(self, rows: NDArray[np.int64]) -> PhotoTable:
        """The table of the photos at `rows`, in that order."""
        picked = {
            column: tuple(getattr(self, column)[row] for row in rows.tolist())
            for column in ("name", "split", "group", "source", "licence")
        }
        return PhotoTable(**picked, height=self.height[rows], width=self.width[rows])


def details_of(path: Path, line: int, row: Mapping[str, str]) -> Details:
    """The details in a row of `path`.

    Raises:
        DatasetError: the split is not one that we know.
    """
    split = row.get("split", "")
    if split and split.casefold() not in SPLITS:
        raise DatasetError(f"{show(path)} line {line}: the split {show(split)!r} is not one of {', '.join(SPLITS)}")
    # The same few words are in every row: intern them.
    values = (split.casefold(), *(row.get(column, "") for column in COLUMNS[1:]))
    return Details(*(sys.intern(value) for value in values))


def read_photos(path: Path) -> dict[str, Details]:
    """Read `photos.csv` (name and optionally split, group, source, licence): metadata by photo name.

    Raises:
        DatasetError: the file is broken, or a name is there twice, or a split is unknown.
    """
    found: dict[str, Details] = {}
    lines: dict[str, int] = {}
    for line, row in read_rows(path, ["name"], COLUMNS, also=SPELLINGS, file_names=["name"]):
        name = row["name"]
        if not name:
            raise DatasetError(f"{show(path)} line {line}: the name is missing")
        if name in found:
            raise DatasetError(
                f"{show(path)} line {line}: {show(name)} is on line {lines[name]} already; keep one of them"
            )
        found[name] = details_of(path, line, row)
        lines[name] = line
    return found


def details_in(path: Path, stems: Sequence[str], paths: Sequence[str]) -> list[Details]:
    """The details of each photo, which `photos.csv` may name without or with its suffix.

    Raises:
        DatasetError: the file is broken, or names none of the photos.
    """
    known = read_photos(path)
    found = [known.get(stem, known.get(file)) for stem, file in zip(stems, paths, strict=True)]
    missing = found.count(None)
    if found and missing == len(found):
        raise DatasetError(
            f"{show(path)} names none of the {len(found)} photos; expected names such as {show(stems[0])}"
        )
    if missing:
        _logger.warning("%s does not name %d of the %d photos", show(path), missing, len(found))
    return [one or Details() for one in found]
