"""CSV files row by row, with the line that each row stands on."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple, Protocol

from madeof._util.text import show
from madeof.errors import DatasetError

_SURROGATE = re.compile("[\ud800-\udfff]")


class Opens(Protocol):
    """Anything that opens like a path; `str()` of it is used in messages."""

    def open(self, **how: Any) -> IO[str]:
        """The file as text; the arguments are those of `open`."""
        ...


class Row(NamedTuple):
    """A row of a CSV."""

    line: int
    """The line on which it ends, from 1: what an editor shows."""
    values: dict[str, str]
    """One for each of the wanted columns that the file has; blanks around a value are gone."""


def read_rows(
    path: Path | Opens,
    needed: Sequence[str],
    optional: Sequence[str] = (),
    *,
    also: Mapping[str, str] | Callable[[list[str]], Mapping[str, str]] | None = None,
    file_names: Sequence[str] = (),
) -> Iterator[Row]:
    """The rows of a CSV with a header line, in UTF-8 with or without a byte order mark, with any line ends.

    Args:
        path: the file.
        needed: columns that must be there.
        optional: columns that are read where they are there; all others are ignored.
        also: other spellings of columns, {other: ours}, or what gives them for the names of the first line.
        file_names: columns that name files. They may hold bytes that are not UTF-8, as names of files can.

    Raises:
        DatasetError: the file cannot be read, is empty, lacks a column, or has a row with too few or too many values.
    """
    name = show(str(path))
    try:
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = next(reader, None)
            if header is None or not any(header):
                raise DatasetError(f"{name} is empty; expected the columns {','.join(needed)}")
            spellings = also(header) if callable(also) else also or {}
            columns = _columns(name, header, needed, optional, spellings)
            for values in reader:
                if not any(value.strip() for value in values):
                    continue
                if len(values) != len(header):
                    raise DatasetError(
                        f"{name} line {reader.line_num}: {len(values)} values for {len(header)} columns; "
                        "a value with a comma needs double quotes around it"
                    )
                row = {column: values[position].strip() for column, position in columns.items()}
                for column, value in row.items():
                    if column not in file_names and _SURROGATE.search(value):
                        raise DatasetError(f"{name} line {reader.line_num}: {column} is not UTF-8; save it as UTF-8")
                yield Row(reader.line_num, row)
    except csv.Error as error:
        raise DatasetError(f"{name} line {reader.line_num}: not a valid CSV row: {error}") from error
    except OSError as error:
        raise DatasetError(f"{name} cannot be read: {error.strerror or error}") from error


def _columns(
    name: str, header: list[str], needed: Sequence[str], optional: Sequence[str], also: Mapping[str, str]
) -> dict[str, int]:
    """Index of each wanted column."""
    found: dict[str, int] = {}
    wanted = {*needed, *optional}
    for position, text in enumerate(header):
        column = text.strip().casefold()
        column = also.get(column, column)
        if column in wanted:
            if column in found:
                raise DatasetError(f"{name}: the column {column} is there twice; keep one of them")
            found[column] = position
    missing = [column for column in needed if column not in found]
    if missing:
        hint = "; separate the columns by commas" if len(header) == 1 and re.search("[;\t]", header[0]) else ""
        raise DatasetError(
            f"{name}: the column {' and '.join(missing)} is missing from its first line, {show(','.join(header))!r}; "
            f"expected {','.join(needed)}{hint}"
        )
    return found
