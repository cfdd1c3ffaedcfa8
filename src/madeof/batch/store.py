"""Output store of a batch: a local folder, or one at a URL that fsspec opens."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, BinaryIO, Protocol, cast

from madeof._util import files
from madeof._util.text import show
from madeof.batch.remote import file_system, is_url
from madeof.errors import BatchError, WriteError

LOCK = ".lock"


class Summed:
    """A file that is written from front to back, with its length and hash."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self.bytes = 0
        self.closed = False

    def write(self, data: Any) -> int:
        """Write bytes."""
        self._digest.update(data)
        length = memoryview(data).nbytes
        self.bytes += length
        self._file.write(data)
        return length

    def tell(self) -> int:
        """Bytes written."""
        return self.bytes

    def flush(self) -> None:
        """Nothing: the file is flushed when it is whole."""

    def close(self) -> None:
        """Nothing: the file is closed by who opened it."""

    @property
    def sha256(self) -> str:
        """The SHA-256 of what was written, in hexadecimal."""
        return self._digest.hexdigest()


class Store(Protocol):
    """A folder of files that are whole or not there."""

    def lock(self) -> contextlib.AbstractContextManager[None]:
        """Keep other batches out for the length of a block.

        Raises:
            BatchError: another one is at it.
        """
        ...

    def names(self, folder: str = "") -> list[str]:
        """Sorted files in the store or in one of its folders; empty if there is no such folder."""
        ...

    def read(self, name: str) -> bytes | None:
        """A file's bytes; None where there is no such file."""
        ...

    def is_whole(self, name: str, length: int, sha256: str) -> bool:
        """Whether a file is there and is that one."""
        ...

    def create(self, name: str) -> contextlib.AbstractContextManager[Summed]:
        """A file that has its name when the block ends well, and is gone when it does not.

        Raises:
            WriteError: it cannot be written; what stood there before is whole.
        """
        ...

    def remove(self, name: str) -> None:
        """Remove a file, or an empty folder; it need not be there."""
        ...


def open_store(out: str) -> Store:
    """The store at a place.

    Raises:
        WriteError: it cannot be made.
    """
    return Remote(out) if is_url(out) else Local(Path(out))


class Local:
    """A folder on this machine."""

    def __init__(self, path: Path) -> None:
        self._path = files.make_folder(path)

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """See `Store`. The system lets it go when the process ends, however it ends."""
        path = self._path / LOCK
        try:
            file = path.open("ab")
        except OSError as error:
            raise WriteError(f"cannot write {show(path)}: {error.strerror or error}; nothing was changed") from error
        with file:
            if not _locked(file):
                raise BatchError(f"{show(self._path)} is being written by another batch; wait for it, or end it")
            for folder in (self._path, self._path / "_progress"):
                files.remove_temporaries(folder)
            yield

    def names(self, folder: str = "") -> list[str]:
        """See `Store`."""
        place = self._path / folder
        if not place.is_dir():
            return []
        return sorted(entry.name for entry in os.scandir(place) if entry.is_file())

    def read(self, name: str) -> bytes | None:
        """See `Store`."""
        try:
            return (self._path / name).read_bytes()
        except OSError:
            return None

    def is_whole(self, name: str, length: int, sha256: str) -> bool:
        """See `Store`."""
        path = self._path / name
        try:
            return path.stat().st_size == length and files.sha256(path) == sha256
        except OSError:
            return False

    @contextlib.contextmanager
    def create(self, name: str) -> Iterator[Summed]:
        """See `Store`."""
        path = self._path / name
        if path.parent != self._path:
            files.make_folder(path.parent)
        with files.atomic(path) as file:
            yield Summed(file)

    def remove(self, name: str) -> None:
        """See `Store`."""
        path = self._path / name
        with contextlib.suppress(OSError):
            if path.is_dir():
                path.rmdir()
            else:
                path.unlink()


class Remote:
    """A folder at an URL. A file is uploaded when it is whole.

    It is not locked: two batches that write to it at once have the same settings, or the later one is refused, and they
    write the same files.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._system, self._root = file_system(url)

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """See `Store`."""
        yield

    def names(self, folder: str = "") -> list[str]:
        """See `Store`."""
        place = self._place(folder)
        try:
            self._system.invalidate_cache(place)
            found = self._system.ls(place, detail=True)
        except FileNotFoundError:
            return []
        except Exception as error:  # of the store's own client
            raise self._failed("list", folder, error) from error
        return sorted(about["name"].rpartition("/")[2] for about in found if about["type"] == "file")

    def read(self, name: str) -> bytes | None:
        """See `Store`."""
        try:
            return cast(bytes, self._system.cat_file(self._place(name)))
        except FileNotFoundError:
            return None
        except Exception as error:  # of the store's own client
            raise self._failed("read", name, error) from error

    def is_whole(self, name: str, length: int, sha256: str) -> bool:
        """See `Store`. By its length: to hash it would be to download it, and uploads are whole or not there."""
        try:
            return int(self._system.info(self._place(name))["size"]) == length
        except FileNotFoundError:
            return False
        except Exception as error:  # of the store's own client
            raise self._failed("read", name, error) from error

    @contextlib.contextmanager
    def create(self, name: str) -> Iterator[Summed]:
        """See `Store`."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "file"
            with path.open("wb") as file:
                yield Summed(file)
            try:
                self._system.makedirs(self._place(name).rpartition("/")[0], exist_ok=True)
                self._system.put_file(str(path), self._place(name))
            except Exception as error:  # of the store's own client
                raise self._failed("write", name, error) from error

    def remove(self, name: str) -> None:
        """See `Store`."""
        with contextlib.suppress(Exception):  # it may be no folder, or not there, in words of the store's own client
            self._system.rm(self._place(name), recursive=False)

    def _place(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}" if name else self._root

    def _failed(self, what: str, name: str, error: Exception) -> WriteError:
        reason = show(str(error) or type(error).__name__)[:300]
        return WriteError(f"cannot {what} {show(self._url)} {show(name)}: {reason}")


def _locked(file: BinaryIO | IO[bytes]) -> bool:
    """Lock an open file for this process; False where another has it."""
    try:
        import fcntl
    except ImportError:  # Windows
        return _locked_on_windows(file)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a network file system without locks: better unlocked than not at all
        return True
    return True


def _locked_on_windows(file: BinaryIO | IO[bytes]) -> bool:
    import msvcrt

    try:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined, unused-ignore]
    except OSError:
        return False
    return True
