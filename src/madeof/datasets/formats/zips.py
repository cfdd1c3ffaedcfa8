"""Zip files, as tools export annotations and photos: unpacked once, for as long as this process runs."""

from __future__ import annotations

import atexit
import os
import shutil
import stat
import tempfile
import time
import zipfile
from pathlib import Path, PurePosixPath

from madeof._util.text import show
from madeof.errors import DatasetError

_ENTRIES = 5_000_000
_unpacked: dict[tuple[str, int, int], Path] = {}


def is_zip(path: Path) -> bool:
    """Whether it is a zip file by its name and its first bytes."""
    try:
        with path.open("rb") as file:
            return path.suffix.lower() == ".zip" and file.read(2) == b"PK"
    except (OSError, ValueError):
        return False


def unpacked(path: Path) -> Path:
    """The folder with what is in a zip file; itself where `path` is none.

    The files have the times that the zip states, so that an index of them stays good. What is the only folder in it is
    what is given.

    Raises:
        DatasetError: it is damaged or encrypted, has a path that leads out of it or a link, or is larger than the disk.
    """
    if not is_zip(path):
        return path
    status = path.stat()
    mark = str(path.absolute()), status.st_size, status.st_mtime_ns
    if mark not in _unpacked:
        place = tempfile.mkdtemp(prefix="madeof-zip-")
        atexit.register(shutil.rmtree, place, ignore_errors=True)
        try:
            _unpack(path, Path(place))
        except BaseException as error:
            shutil.rmtree(place, ignore_errors=True)
            if isinstance(error, zipfile.BadZipFile | NotImplementedError | RuntimeError | OSError | EOFError):
                raise DatasetError(f"{show(path)} cannot be unpacked: {error}") from error
            raise
        _unpacked[mark] = Path(place)
    folder = _unpacked[mark]
    inner = [one for one in folder.iterdir() if one.name != "__MACOSX"]
    return inner[0] if len(inner) == 1 and inner[0].is_dir() else folder


def _unpack(path: Path, folder: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        size, free = sum(entry.file_size for entry in entries), shutil.disk_usage(folder).free
        if size > free or len(entries) > _ENTRIES:
            raise DatasetError(
                f"{show(path)} unpacks to {size / 1e9:.1f} GB in {len(entries)} files, but {show(folder.parent)} has "
                f"{free / 1e9:.1f} GB free: unpack it elsewhere and give the folder"
            )
        for entry in entries:
            parts = PurePosixPath(entry.filename.replace("\\", "/")).parts
            is_link = stat.S_ISLNK(entry.external_attr >> 16)
            if is_link or not parts or ".." in parts or parts[0] == "/" or ":" in parts[0]:
                what = "a link" if is_link else "a path that leads out of it"
                raise DatasetError(f"{show(path)} holds {show(entry.filename)}, {what}; unpack it and give the folder")
            target = folder.joinpath(*parts)
            if entry.is_dir():
                target.mkdir(parents=True, exist_ok=True)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(entry) as source, target.open("xb") as copy:
                shutil.copyfileobj(source, copy, 1 << 20)
            when = time.mktime((*entry.date_time, 0, 0, -1))
            os.utime(target, (when, when))
