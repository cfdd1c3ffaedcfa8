"""Files of a batch: local paths, and URLs that fsspec opens (s3://, gs://, memory://)."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from madeof._util.text import show
from madeof.errors import DatasetError, InputError, MissingExtraError, PhotoError

_URL = re.compile(r"[A-Za-z][\w+.-]+(::[A-Za-z][\w+.-]*)*://")  # two letters: C:// is a drive
_MOST_BYTES = 1 << 30  # of one file that is read into memory whole
_TRIES, _PAUSE = 4, 1.0  # seconds, doubled each time


class Unreachable(InputError):
    """A store that does not answer, or answers nonsense: nothing that is wrong with the photo itself."""


def is_url(place: str) -> bool:
    """Whether a place is an URL and not a local path."""
    return _URL.match(place) is not None


def in_this_process(place: str) -> bool:
    """Whether no other process can see the place: fsspec's memory://."""
    return place.startswith("memory://")


def join(folder: str, path: str) -> str:
    """The place of `path` in a folder; "/" joins it to an URL."""
    return f"{folder.rstrip('/')}/{path}" if is_url(folder) else str(Path(folder) / path)


def file_system(url: str) -> tuple[Any, str]:
    """The fsspec file system of an URL, and the path in it.

    Raises:
        MissingExtraError: fsspec, or what it needs for this kind of URL, is not installed.
        DatasetError: there is no such kind of URL.
    """
    try:
        import fsspec
    except ImportError as error:
        raise MissingExtraError(f"reading {show(url)}", "batch") from error
    try:
        system, path = fsspec.core.url_to_fs(url)
    except ImportError as error:
        raise DatasetError(f"{show(url)}: a package is missing for this kind of URL: {_line(error)}") from error
    except Exception as error:  # each file system raises what it likes: no such protocol, no credentials
        raise DatasetError(f"{show(url)} cannot be opened: {_line(error)}") from error
    return system, path


def read_bytes(place: str) -> bytes:
    """All bytes of the file at an URL, tried a few times where its store does not answer.

    Raises:
        PhotoError: it is not there, may not be read, or is larger than a gigabyte.
        Unreachable: the store gave another error each time.
    """
    system, path = file_system(place)
    for attempt in range(_TRIES):
        try:
            with system.open(path, "rb") as file:
                data: bytes = file.read(_MOST_BYTES + 1)
        except FileNotFoundError:
            raise PhotoError(f"{show(place)} does not exist; expected a file: check its path") from None
        except (PermissionError, IsADirectoryError) as error:
            raise PhotoError(f"{show(place)} cannot be read: {_line(error)}") from error
        except Exception as error:  # of the store's own client
            if attempt == _TRIES - 1:
                raise Unreachable(f"{show(place)} cannot be read: {_line(error)}; tried {_TRIES} times") from error
            time.sleep(_PAUSE * 2**attempt)
            continue
        if len(data) > _MOST_BYTES:
            raise PhotoError(f"{show(place)} has more than {_MOST_BYTES >> 30} GB; expected a picture")
        return data
    raise AssertionError("the last attempt raises or returns")


@contextlib.contextmanager
def opened(place: str) -> Iterator[BinaryIO]:
    """A file to read from its beginning, local or not.

    Raises:
        DatasetError: it cannot be opened, or not be read on.
    """
    try:
        if is_url(place):
            system, path = file_system(place)
            with system.open(path, "rb") as file:
                yield file
        else:
            with Path(place).open("rb") as file:
                yield file
    except (DatasetError, MissingExtraError):
        raise
    except OSError as error:
        raise DatasetError(f"{show(place)} cannot be read: {error.strerror or _line(error)}") from error


def _line(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return show(lines[0][:300])
