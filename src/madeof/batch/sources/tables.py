"""Tables of photos and regions: CSV and Parquet, one region a row.

| column | what it holds |
| --- | --- |
| image | the photo: a path or an URL; in Parquet also its bytes, or a struct of bytes and path |
| mask | a mask file, in the same ways |
| label_map | a label map, each blob of which is a region, in the same ways |
| box | x0,y0,x1,y1 in pixels, or a list of them; or the four columns x0, y0, x1, y1 |
| box_xywh | COCO's x,y,width,height, in the same ways |
| polygon | "x,y x,y x,y", or a list of points, or COCO's list of outlines |
| rle | COCO's run lengths: an object of size and counts, or its JSON |
| segmentation | COCO's outlines or run lengths |
| region | the region's name in the result; else the mask's path, or "line 7" |
| material | what it is made of, if that is known: `truth` in the result |

The names that other tools give to these are in `columns`. A row without a region means the whole photo. Rows of one
photo that stand together are encoded once. No more than a part of a table is in memory.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import IO, Any

from madeof._util.csv_rows import read_rows
from madeof._util.text import brief, join_some, show
from madeof.batch.remote import is_url, join, opened
from madeof.batch.sources.columns import CORNER_AND_SIZE, CORNERS, REGIONS, SHAPES, columns_of, parse_columns
from madeof.batch.tasks import Task
from madeof.errors import DatasetError, RegionError
from madeof.export.tables import pyarrow_of
from madeof.regions.parsing import shape_of
from madeof.regions.request import Broken, LabelMapFile, MaskFile, RegionRequest
from madeof.regions.shapes import Box, Whole

SUFFIXES = (".csv", ".parquet", ".pq")

_FILES = ("image", "mask", "label_map")
_OPTIONAL = (*REGIONS, *CORNERS, *CORNER_AND_SIZE, "region", "material")
_BATCH = 256  # rows of a Parquet file that are in memory at once; they may hold photos

_logger = logging.getLogger("madeof")


class Table:
    """Photos and regions of one table or of several, in order; see `madeof.batch.sources.Source`."""

    kind = "table"

    def __init__(self, tables: Sequence[str], images: str | None = None, columns: str | None = None) -> None:
        """Read the tables once, to count the photos and to know when a table changes.

        Args:
            tables: CSV or Parquet files, local or at URLs.
            images: what the paths are relative to; else each table's own folder.
            columns: what columns of other names hold; see `madeof.batch.sources.columns`.

        Raises:
            DatasetError: one cannot be read, has no column `image` or one that nobody knows how to read, or is empty.
            InputError: `columns` is none of ours.
        """
        self._tables, self._images, self._told = tables, images, parse_columns(columns)
        digest, photos = hashlib.sha256(), 0
        for table in tables:
            for _, rows in self._photos(table, digest):
                photos += 1
                for _ in rows:
                    pass
        if not photos:
            raise DatasetError(f"{show(tables[0])} has no row; expected at least one photo")
        self.total: int | None = photos
        self.stamp: dict[str, Any] = {"photos": photos, "sha256": digest.hexdigest()}

    def tasks(self, wanted: Callable[[int], bool]) -> Iterator[tuple[int, Task]]:
        """See `Source`."""
        number = 0
        for table in self._tables:
            file = _Below(table, self._images).file
            for image, rows in self._photos(table):
                if wanted(number):
                    yield number, _task(image, list(rows), file)
                number += 1

    def _photos(self, table: str, digest: Any = None) -> Iterator[tuple[Any, Iterator[_Row]]]:
        """The rows of each photo, those that stand together."""
        reading = _parquet_rows if table.lower().endswith((".parquet", ".pq")) else _csv_rows
        rows = reading(table, lambda names: self._columns(table, names, say=digest is not None), digest)
        numbered = enumerate(rows)
        # A photo that is given as bytes has no name by which its next row could be known.
        keyed = groupby(numbered, lambda each: _name_of(each[1][1].get("image")) or each[0])
        return ((name, (row for _, row in group)) for name, group in keyed)

    def _columns(self, table: str, names: Sequence[str], *, say: bool) -> dict[str, str]:
        """{theirs in lower case: ours, or "" for none}; `say` what is not used."""
        found, unused = columns_of(names, self._told, show(table))
        if unused and say:
            _logger.info("%s: not used: the column %s", show(table), show(join_some(unused)))
        return {name.strip().casefold(): "" for name in names} | found


_Row = tuple[str, dict[str, Any]]
"""What the row is called, and its values."""


class _Below:
    """Where the files lie that a table names: nowhere but where its user pointed to."""

    def __init__(self, table: str, images: str | None) -> None:
        folder = table.rpartition("/")[0] if is_url(table) else os.path.dirname(table)  # noqa: PTH120  (as it is given)
        self._root = images if images is not None else folder

    def file(self, value: Any) -> str | bytes:
        """The place of a file, or its bytes.

        Raises:
            DatasetError: the place is none that may be read.
        """
        if isinstance(value, dict):
            value = value.get("bytes") or value.get("path")
        if isinstance(value, bytes):
            return value
        path = str(value)
        if is_url(path):
            if not is_url(self._root) or not path.startswith(f"{self._root.rstrip('/')}/") or "/../" in path:
                store = "/".join(path.split("/")[:3])
                raise DatasetError(
                    f"{show(path)} is an URL outside of {show(self._root or 'the folder of the table')}; expected a "
                    f"path: to allow it, give --images {show(store)}"
                )
            return path
        if is_url(self._root) and (path.startswith("/") or ".." in path.split("/")):
            raise DatasetError(f"{show(path)} is not below {show(self._root)}; expected a path relative to it")
        place = join(self._root, path) if self._root else path
        if "\\" in path and (is_url(place) or not Path(place).exists()):  # as Windows writes it
            return place.replace("\\", "/")
        return place


def _task(image: Any, rows: list[_Row], file: Callable[[Any], str | bytes]) -> Task:
    """The task of one photo."""
    label, first = rows[0]
    name = image if isinstance(image, str) else label
    if first.get("image") in (None, "", b""):
        return Task(label, error=f"{label}: no image; expected a photo's path")
    try:
        photo = file(first["image"])
    except DatasetError as error:
        return Task(name, error=f"{label}: {error}")
    asked = [
        request_of(row_label, values, file)
        if row_label == label or not _other_bytes(first["image"], values.get("image"))
        else RegionRequest(row_label, Broken(f"{row_label}: its photo has the path of {label} and other bytes"))
        for row_label, values in rows
    ]
    return Task(name, photo, asked)


def _other_bytes(one: Any, other: Any) -> bool:
    return isinstance(one, dict) and isinstance(other, dict) and one.get("bytes") != other.get("bytes")


def request_of(label: str, values: dict[str, Any], file: Callable[[Any], str | bytes]) -> RegionRequest:
    """The region of a row, which messages call `label`; `file` gives the place or the bytes of a file that it names."""
    name, truth = str(values.get("region") or ""), str(values.get("material") or "")
    given = [kind for kind in REGIONS if values.get(kind) not in (None, "", b"")]
    for kind, names in (("box", CORNERS), ("box_xywh", CORNER_AND_SIZE)):
        sides = [values.get(side) for side in names]
        if any(side not in (None, "") for side in sides):
            given.append(kind)
            values = {**values, kind: ",".join("" if side is None else str(side) for side in sides)}
    if len(given) > 1:
        return RegionRequest(name or label, Broken(f"{label} has {' and '.join(given)}; expected one region a row"))
    if not given:
        return RegionRequest(name or "photo", Whole(), truth)
    kind, value = given[0], values[given[0]]
    try:
        if kind == "mask":
            return RegionRequest(name or _name_of(value) or label, MaskFile(file(value)), truth)
        if kind == "label_map":
            return RegionRequest(name or "label map", LabelMapFile((file(value),), name))
        assert kind in SHAPES
        shape = shape_of(kind, value)
        if isinstance(shape, Box) and max(shape) <= 1 and not all(float(side).is_integer() for side in shape):
            raise RegionError(f"the box is {brief(tuple(shape))}, fractions of the photo; expected pixels")
        return RegionRequest(name or label, shape, truth)
    except (RegionError, DatasetError) as error:
        return RegionRequest(name or label, Broken(f"{label}: {error}"))


def _name_of(value: Any) -> str:
    """The path of a file that a table names; "" where it holds only its bytes."""
    if isinstance(value, dict):
        value = value.get("path")
    return value if isinstance(value, str) else ""


class _Opener:
    """Opens a table that is at an URL as `read_rows` opens a path."""

    def __init__(self, place: str) -> None:
        self._place = place

    def __str__(self) -> str:
        return self._place

    def open(self, **how: Any) -> IO[str]:
        """The file as text."""
        import fsspec

        file: IO[str] = fsspec.open(self._place, "rt", **how).open()
        return file


_Naming = Callable[[Sequence[str]], dict[str, str]]


def _csv_rows(place: str, naming: _Naming, digest: Any) -> Iterator[_Row]:
    path = _Opener(place) if is_url(place) else Path(place)
    for line, values in read_rows(path, ["image"], _OPTIONAL, also=naming, file_names=_FILES):
        if digest is not None:
            digest.update(repr(values).encode("utf-8", "surrogatepass"))
        yield f"line {line}", values


def _parquet_rows(place: str, naming: _Naming, digest: Any) -> Iterator[_Row]:
    """The rows of a Parquet file; to know when it changes, its size and its own list of contents are enough."""
    pa, parquet = pyarrow_of("reading Parquet", "batch")
    with opened(place) as file:
        try:
            table = parquet.ParquetFile(file, buffer_size=1 << 20)
            ours = naming(table.schema_arrow.names)
            names = {ours[key]: name for name in table.schema_arrow.names if (key := name.strip().casefold()) in ours}
            if "image" not in names:
                found = show(", ".join(table.schema_arrow.names))[:200]
                raise DatasetError(f"{show(place)} has the columns {found}; expected image, and perhaps a region's")
            columns = {column: names[column] for column in ("image", *_OPTIONAL) if column in names}
            read = list(columns.values())
            if digest is not None:
                digest.update(json.dumps(table.metadata.to_dict(), default=str, sort_keys=True).encode())
                read = _enough_to_count(pa, table.schema_arrow.field(names["image"]))
                columns = {"image": names["image"]}
            if not read:
                yield from ((f"row {row}", {}) for row in range(1, table.metadata.num_rows + 1))
                return
            row = 0
            for batch in table.iter_batches(_BATCH, columns=read):
                for values in batch.to_pylist():
                    row += 1
                    yield f"row {row}", {column: values.get(name) for column, name in columns.items()}
        except pa.ArrowException as error:
            raise DatasetError(
                f"{show(place)} is not a Parquet file that can be read: {show(str(error))[:200]}"
            ) from error


def _enough_to_count(pa: Any, image: Any) -> list[str]:
    """The columns by which rows of one photo are known: none where photos are bytes alone."""
    if pa.types.is_struct(image.type):
        return [f"{image.name}.path"] if image.type.get_field_index("path") >= 0 else []
    return [] if pa.types.is_binary(image.type) or pa.types.is_large_binary(image.type) else [image.name]
