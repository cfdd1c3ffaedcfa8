"""Where the photos and regions of a batch come from: `open_source` finds out what is at a place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

from madeof._util.text import show
from madeof.batch.remote import file_system, is_url
from madeof.batch.sources import tables
from madeof.batch.sources import webdataset as tars
from madeof.batch.sources.annotations import Annotated
from madeof.batch.sources.photos import Photos, is_pattern, list_photos, matches, photos_of
from madeof.batch.sources.tables import Table
from madeof.batch.sources.webdataset import Tars
from madeof.batch.tasks import Task
from madeof.datasets.formats import recognise
from madeof.errors import DatasetError
from madeof.images.photo import PHOTO_SUFFIXES


class Source(Protocol):
    """Photos in an order that is the same each time."""

    @property
    def kind(self) -> str:
        """What it is: "photos", "table", "annotations" or "webdataset"."""
        ...

    @property
    def total(self) -> int | None:
        """How many tasks there are; None where that is not known before the end."""
        ...

    @property
    def stamp(self) -> dict[str, Any]:
        """What changes when photos or regions come, go or change."""
        ...

    def tasks(self, wanted: Callable[[int], bool]) -> Iterator[tuple[int, Task]]:
        """The tasks whose numbers, counted from 0, are `wanted`, in order; the others cost as little as can be.

        Raises:
            DatasetError: the source cannot be read to its end.
        """
        ...


def open_source(
    source: str,
    *,
    images: str | None = None,
    label_maps: str | None = None,
    format: str | None = None,
    columns: str | None = None,
) -> tuple[Source, str]:
    """Open what is at a place: a local path, a glob, or an URL.

    - a folder is a folder of photos (with `format`, one of annotations);
    - what ends in .csv, .parquet or .pq is a table, in .tar (.tar.gz, .tgz) WebDataset, with a photo's suffix a photo;
    - any other file is an annotation file;
    - a glob is taken for what all of its files are.

    Args:
        source: the place.
        images: the folder of the photos of a table or of annotations, where they are not beside it.
        label_maps: for photos, the folder of their label maps.
        format: the name of the annotations' format.
        columns: what a table's columns, or the keys of a WebDataset's JSON, hold: "box_xywh=bbox,ignore=label".

    Returns:
        The source, and a line to tell the user: "" for none.

    Raises:
        DatasetError: nothing is there, or it cannot be read.
    """
    found, hint = _open(source, images, label_maps, format, columns)
    if columns is not None and not isinstance(found, Table | Tars):
        raise DatasetError(f"{show(source)} is no table and no WebDataset, whose columns --columns names: leave it out")
    if label_maps is not None:
        if not isinstance(found, Photos):
            raise DatasetError(f"{show(source)} is no folder of photos, and label maps are for one: leave them out")
        if not (_is_folder(label_maps)):
            raise DatasetError(f"{show(label_maps)} is not a folder; expected the folder of label maps")
    if images is not None and not isinstance(found, Table | Annotated):
        raise DatasetError(f"{show(source)} holds its photos itself; leave --images {show(images)} out")
    return found, hint


def _open(
    source: str, images: str | None, label_maps: str | None, format: str | None, columns: str | None
) -> tuple[Source, str]:
    if format is not None:
        return Annotated(source, images=images, format=format), ""
    if is_pattern(source):
        files = matches(source)
        names = [place for place, _ in files]
        if _all(names, tars.SUFFIXES):
            return Tars(files, columns), ""
        if _all(names, tables.SUFFIXES):
            return Table(names, images, columns), ""
        return photos_of(source, files, label_maps), ""
    if _is_folder(source):
        other = None if is_url(source) or label_maps else recognise(Path(source))
        hint = f"{show(source)} is read as a folder of photos; for the regions of {other} in it give --format {other}"
        return list_photos(source, label_maps), hint if other else ""
    if not is_url(source) and not Path(source).is_file():
        raise DatasetError(
            f"{show(source)} does not exist; expected a folder, a glob, a table, an annotation file or a tar file"
        )
    if _all([source], tars.SUFFIXES):
        return Tars([(source, _size(source))], columns), ""
    if _all([source], tables.SUFFIXES):
        return Table([source], images, columns), ""
    if _all([source], PHOTO_SUFFIXES):
        return Photos("", [(source, _size(source))], label_maps=label_maps), ""
    return Annotated(source, images=images), ""


def _all(names: list[str], suffixes: tuple[str, ...]) -> bool:
    return all(name.lower().endswith(suffixes) for name in names)


def _is_folder(place: str) -> bool:
    if not is_url(place):
        return Path(place).is_dir()
    system, path = file_system(place)
    try:
        return bool(system.isdir(path))
    except Exception as error:  # of the store's own client: no such bucket, no credentials
        raise DatasetError(
            f"{show(place)} cannot be listed: {show(str(error) or type(error).__name__)[:300]}"
        ) from error


def _size(place: str) -> int:
    if not is_url(place):
        return Path(place).stat().st_size
    system, path = file_system(place)
    try:
        return int(system.info(path).get("size") or 0)
    except FileNotFoundError:
        raise DatasetError(f"{show(place)} does not exist; expected a file: check its path") from None
    except Exception as error:  # of the store's own client
        raise DatasetError(f"{show(place)} cannot be opened: {show(str(error))[:300]}") from error
