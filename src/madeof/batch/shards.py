"""The files of a batch's result, `part-000000.parquet` and so on: each the rows of the same number of photos.

A shard is finished when it stands under its name and a file in `_progress` says what it is. That file is written after
it, so that a batch that is killed in between does the shard again, to the same bytes.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from madeof.batch.store import Store, Summed
from madeof.batch.tasks import Answered, Form, Row
from madeof.export.tables import json_line, parquet_schema, pyarrow_of

PROGRESS = "_progress"
"""Folder of markers of finished shards; removed at the end of the batch."""

_ROWS_AT_ONCE = 20_000  # of a Parquet file: a row group


@dataclass(frozen=True)
class Shard:
    """A finished shard."""

    name: str
    photos: int
    regions: int
    """Those that have an answer."""
    errors: int
    """Photos and regions that have none."""
    rows: int
    bytes: int
    sha256: str


def name_of(number: int, to: Form) -> str:
    """The name of a shard's file."""
    return f"part-{number:06}.{to}"


def write_shard(store: Store, number: int, answers: Iterable[Answered], to: Form) -> Shard:
    """Write a shard as its answers come, and what says that it is finished.

    Raises:
        WriteError: that is not possible.
    """
    photos = regions = errors = rows = 0
    name = name_of(number, to)
    with store.create(name) as file:
        writer = _Parquet(file) if to == "parquet" else _Lines(file)
        try:
            for answered in answers:
                writer.write(answered.rows)
                photos, regions, errors = photos + 1, regions + answered.regions, errors + answered.errors
                rows += len(answered.rows)
        except BaseException:
            with contextlib.suppress(Exception):  # it must not be closed later, when its file is gone
                writer.close()
            raise
        writer.close()
    shard = Shard(name, photos, regions, errors, rows, file.bytes, file.sha256)
    with store.create(f"{PROGRESS}/{name}.json") as file:
        file.write(json.dumps(dataclasses.asdict(shard)).encode())
    return shard


def finished_shards(store: Store, to: Form) -> tuple[dict[int, Shard], list[str]]:
    """The shards that are finished, by number, and the names of those that were and are damaged or gone."""
    found: dict[int, Shard] = {}
    damaged: list[str] = []
    for name in store.names(PROGRESS):
        shard = _read(store.read(f"{PROGRESS}/{name}") or b"")
        number = name.removeprefix("part-").removesuffix(f".{to}.json")
        if shard is None or not number.isdecimal() or shard.name != name_of(int(number), to):
            continue  # not ours, or cut off on a store whose files are not whole or not there
        if store.is_whole(shard.name, shard.bytes, shard.sha256):
            found[int(number)] = shard
        else:
            damaged.append(shard.name)
    return found, damaged


def shards_from(values: Iterable[dict[str, Any]]) -> list[Shard]:
    """Shards as a manifest lists them."""
    return [Shard(**value) for value in values]


def _read(data: bytes) -> Shard | None:
    try:
        return Shard(**json.loads(data))
    except (ValueError, TypeError):
        return None


class _Lines:
    def __init__(self, file: Summed) -> None:
        self._file = file

    def write(self, rows: list[Row]) -> None:
        for row in rows:
            self._file.write(json_line(row))

    def close(self) -> None:
        pass


class _Parquet:
    def __init__(self, file: Summed) -> None:
        self._pa, parquet = pyarrow_of("writing Parquet", "batch")
        self._schema = parquet_schema(self._pa)
        self._writer = parquet.ParquetWriter(file, self._schema, compression="zstd")
        self._rows: list[Row] = []

    def write(self, rows: list[Row]) -> None:
        self._rows += rows
        if len(self._rows) >= _ROWS_AT_ONCE:
            self._put()

    def close(self) -> None:
        self._put()
        self._writer.close()

    def _put(self) -> None:
        self._writer.write_table(self._pa.Table.from_pylist(self._rows, self._schema))
        self._rows = []
