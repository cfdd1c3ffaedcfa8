"""Files that are whole or not there: written under a temporary name, flushed, then renamed."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from madeof._util.text import show
from madeof.errors import WriteError

_CHUNK = 1 << 20


@contextlib.contextmanager
def atomic(path: str | Path) -> Iterator[BinaryIO]:
    """Open a temporary file that is renamed to `path` if the block succeeds, else removed.

    Raises:
        WriteError: the folder is missing or read-only, or the disk is full. The previous file is whole.
    """
    path = Path(path)
    temporary: Path | None = None
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name[:40]}.", suffix=".tmp", dir=path.parent)
        temporary = Path(name)
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
        temporary = None
        _sync_folder(path.parent)
    except OSError as error:
        if isinstance(error, WriteError):
            raise
        raise WriteError(f"cannot write {path}: {error.strerror or error}; nothing was changed") from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink()


@contextlib.contextmanager
def all_new(path: str | Path, *, folder: bool) -> Iterator[Path]:
    """Temporary place for a new file or folder: moved to `path` if the block succeeds, else removed.

    The block writes a folder, or a file and perhaps others beside it.

    Args:
        path: destination. It must not exist, or be an empty folder.
        folder: whether it is a folder.

    Yields:
        the place: for a folder an empty one beside `path`, so that relative paths from it stay right; for a file one of
        the same name in such a folder.

    Raises:
        WriteError: something is at `path`, or is beside it with the name of one of the other files; its folder is
            missing or cannot be written to.
    """
    path = Path(path)
    check_free(path, folder=folder)
    temporary: Path | None = None
    try:
        name = path.absolute().name
        temporary = Path(tempfile.mkdtemp(prefix=f".{name[:40]}.", suffix=".tmp", dir=path.parent))
        temporary.chmod(0o777 & ~_umask())
        yield temporary if folder else temporary / name
        if folder:
            check_free(path, folder=True)
            if path.is_dir():
                path.rmdir()
            temporary.rename(path)
            temporary = None
        else:
            # The file that was asked for comes last: where it is, all of it is.
            all_made = sorted(temporary.iterdir(), key=lambda made: made.name == name)
            for made in all_made:
                check_free(path.parent / made.name, folder=False)
            for made in all_made:
                made.rename(path.parent / made.name)
        _sync_folder(path.parent)
    except OSError as error:
        if isinstance(error, WriteError):
            raise
        raise WriteError(f"cannot write {show(path)}: {error.strerror or error}; nothing was changed") from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


def check_free(path: str | Path, *, folder: bool) -> None:
    """Raise a WriteError where `path` is there already: nothing is overwritten. An empty folder may be, for one."""
    path = Path(path)
    if os.path.lexists(path) and not (folder and path.is_dir() and not any(path.iterdir())):
        what = "a folder with files in it" if path.is_dir() else "there already"
        raise WriteError(f"{show(path)} is {what}; give another name, or take it away: nothing is overwritten")


def write_bytes(path: str | Path, data: bytes) -> None:
    """Write `data` to `path`, whole or not at all."""
    with atomic(path) as file:
        file.write(data)


def write_text(path: str | Path, text: str) -> None:
    """Write `text` in UTF-8 to `path`, whole or not at all."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: str | Path, value: Any) -> None:
    """Write `value` as indented JSON. NaN and infinity are refused: they are not JSON."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def make_folder(path: str | Path) -> Path:
    """Make the folder `path` and those above it; it may exist already.

    Raises:
        WriteError: it cannot be made, or something else has its name.
    """
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(f"cannot make the folder {path}: {error.strerror or error}") from error
    return path


def sha256(path: str | Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def remove_temporaries(folder: Path) -> None:
    """Remove what a killed `atomic` left in `folder`."""
    for path in folder.glob(".*.tmp"):
        with contextlib.suppress(OSError):
            path.unlink()


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable; where a folder cannot be opened (Windows) there is nothing to do."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
