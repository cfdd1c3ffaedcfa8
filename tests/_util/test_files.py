"""Files that are whole or not there, whatever fails in between."""

from __future__ import annotations

import errno
import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from madeof._util import files
from madeof.errors import WriteError

OLD, NEW = b"the old file", b"the new file, a longer one"


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def no_space(*_: Any, **__: Any) -> Any:
    raise OSError(errno.ENOSPC, "No space left on device")


class FullFile:
    """A file whose `step` finds no space."""

    def __init__(self, file: Any, step: str) -> None:
        self.file = file
        setattr(self, step, no_space)

    def __enter__(self) -> FullFile:
        return self

    def __exit__(self, *_: Any) -> None:
        self.file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)


def test_write_and_replace(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    for data in (OLD, NEW, b""):
        files.write_bytes(path, data)
        assert path.read_bytes() == data
    files.write_text(str(path), "Glas/ür\n")
    assert path.read_bytes() == "Glas/ür\n".encode()
    assert left_in(tmp_path) == ["a.bin"]


def test_rights_are_those_of_an_ordinary_file(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        files.write_bytes(tmp_path / "a", NEW)
        assert os.umask(0o027) == 0o027  # it was not changed
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("step", ["mkstemp", "fsync", "chmod", "replace", "write", "flush"])
@pytest.mark.parametrize("before", [OLD, None])
def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, before: bytes | None) -> None:
    path = tmp_path / "a.bin"
    if before is not None:
        path.write_bytes(before)
    if step == "mkstemp":
        monkeypatch.setattr(files.tempfile, "mkstemp", no_space)
    elif step == "fsync":
        monkeypatch.setattr(files.os, "fsync", no_space)
    elif step in ("chmod", "replace"):
        monkeypatch.setattr(files.Path, step, no_space)
    else:
        real = os.fdopen

        def full(*args: Any) -> Any:
            file = real(*args)
            return FullFile(file, step)

        monkeypatch.setattr(files.os, "fdopen", full)
    with pytest.raises(WriteError) as caught:
        files.write_bytes(path, NEW)
    assert str(caught.value) == f"cannot write {path}: No space left on device; nothing was changed"
    assert left_in(tmp_path) == (["a.bin"] if before is not None else [])
    if before is not None:
        assert path.read_bytes() == before


def test_an_error_in_the_block_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(OLD)

    def write_and_raise(error: BaseException) -> None:
        with files.atomic(path) as file:
            file.write(NEW)
            raise error

    for error in (ValueError("mine"), KeyboardInterrupt()):
        with pytest.raises(type(error)):
            write_and_raise(error)
        assert path.read_bytes() == OLD
        assert left_in(tmp_path) == ["a.bin"]


def test_no_such_folder_and_a_folder_in_the_way(tmp_path: Path) -> None:
    with pytest.raises(
        WriteError, match=f"cannot write {tmp_path}/no/a: No such file or directory; nothing was changed"
    ):
        files.write_bytes(tmp_path / "no" / "a", NEW)
    (tmp_path / "a").mkdir()
    with pytest.raises(WriteError, match=f"cannot write {tmp_path}/a: Is a directory"):
        files.write_bytes(tmp_path / "a", NEW)
    assert left_in(tmp_path) == ["a"]


def test_read_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(files.tempfile, "mkstemp", refuse)
    with pytest.raises(WriteError, match="Read-only file system; nothing was changed"):
        files.write_text(tmp_path / "a", "x")
    monkeypatch.setattr(files.Path, "mkdir", refuse)
    with pytest.raises(WriteError, match=f"cannot make the folder {tmp_path}/b: Read-only file system"):
        files.make_folder(tmp_path / "b")


@pytest.mark.parametrize("name", ["n" * 250, "\U0001f600" * 63, "-a", "a b\nc", os.fsdecode(b"\xff\xfe.png")])
def test_any_name_that_the_disk_takes(tmp_path: Path, name: str) -> None:
    files.write_bytes(tmp_path / name, NEW)
    assert left_in(tmp_path) == [name]


def test_json(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    files.write_json(path, {"material": "Glas/ür"})
    assert path.read_text(encoding="utf-8") == '{\n  "material": "Glas/ür"\n}\n'
    with pytest.raises(ValueError, match="JSON"):
        files.write_json(path, {"a": float("nan")})
    assert "Glas" in path.read_text(encoding="utf-8")


def test_make_folder(tmp_path: Path) -> None:
    assert files.make_folder(tmp_path / "a" / "b") == tmp_path / "a" / "b"
    files.make_folder(tmp_path / "a" / "b")
    (tmp_path / "file").touch()
    with pytest.raises(WriteError, match="cannot make the folder .*file: File exists"):
        files.make_folder(tmp_path / "file")


def test_sha256(tmp_path: Path) -> None:
    data = os.urandom((1 << 20) + 17)
    (tmp_path / "a").write_bytes(data)
    assert files.sha256(tmp_path / "a") == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("moment", ["before the data", "in the data", "before the rename"])
def test_killed(tmp_path: Path, moment: str) -> None:
    """A process that dies while it writes leaves the previous file whole; its temporary can be swept away."""
    path = tmp_path / "a.bin"
    path.write_bytes(OLD)
    kill = f"os.kill(os.getpid(), {int(signal.SIGKILL)})"
    steps = {
        "before the data": f"{kill}",
        "in the data": f"file.write(b'x' * 100000); file.flush(); {kill}",
        "before the rename": f"file.write(b'x'); files.Path.replace = lambda *_: {kill}",
    }
    code = f"import os\nfrom madeof._util import files\nwith files.atomic({str(path)!r}) as file:\n    {steps[moment]}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL
    assert path.read_bytes() == OLD
    assert len(left_in(tmp_path)) == 2
    (tmp_path / ".hidden").touch()
    (tmp_path / "mine.tmp").touch()
    files.remove_temporaries(tmp_path)
    assert left_in(tmp_path) == [".hidden", "a.bin", "mine.tmp"]


def test_a_folder_and_a_file_with_others_beside_it(tmp_path: Path) -> None:
    with files.all_new(tmp_path / "set", folder=True) as place:
        assert place.is_dir()
        assert place.parent == tmp_path  # as deep: relative paths from it stay right
        (place / "a").write_text("1")
        assert not (tmp_path / "set").exists()
    with files.all_new(tmp_path / "b.json", folder=False) as place:
        place.write_text("2")
        (place.parent / "b.xml").write_text("3")
    assert left_in(tmp_path) == ["b.json", "b.xml", "set"]
    assert (tmp_path / "set/a").read_text() == "1"
    (tmp_path / "empty").mkdir()
    with files.all_new(tmp_path / "empty", folder=True) as place:
        (place / "a").write_text("4")
    assert left_in(tmp_path / "empty") == ["a"]
    assert (tmp_path / "set").stat().st_mode & 0o777 == 0o777 & ~files._umask()


@pytest.mark.parametrize("folder", [True, False])
def test_what_is_there_stays(folder: bool, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/a").write_text("old")
    for name in ("file", "folder"):
        entered = False
        with (
            pytest.raises(WriteError, match=f"{name} is .*: nothing is overwritten"),
            files.all_new(tmp_path / name, folder=folder),
        ):
            entered = True
        assert not entered
    assert left_in(tmp_path) == ["file", "folder"]


@pytest.mark.parametrize("folder", [True, False])
@pytest.mark.parametrize("fault", [KeyboardInterrupt, ValueError, OSError])
def test_nothing_is_left_of_what_fails(folder: bool, fault: type[BaseException], tmp_path: Path) -> None:
    def work() -> None:
        with files.all_new(tmp_path / "new", folder=folder) as place:
            (place / "a" if folder else place).write_text("half")
            raise fault

    with pytest.raises(WriteError if fault is OSError else fault):
        work()
    assert left_in(tmp_path) == []


def test_what_comes_there_meanwhile_stays(tmp_path: Path) -> None:
    def work(name: str, folder: bool) -> None:
        with files.all_new(tmp_path / "new", folder=folder) as place:
            (place / "a" if folder else place).write_text("new")
            if not folder:
                (place.parent / "beside").write_text("new")
            (tmp_path / name).write_text("old")

    for name, folder in (("new", True), ("new", False), ("beside", False)):
        with pytest.raises(WriteError, match="is there already"):
            work(name, folder)
        assert left_in(tmp_path) == [name]
        assert (tmp_path / name).read_text() == "old"
        (tmp_path / name).unlink()
    with (
        pytest.raises(WriteError, match=r"cannot write .*gone/a: No such file or directory; nothing was changed"),
        files.all_new(tmp_path / "gone/a", folder=True),
    ):
        pass
