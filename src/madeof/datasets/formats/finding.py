"""Where the photos of an annotation file are: in the folder that the user gives, or beside the file."""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from functools import partial
from pathlib import Path, PurePosixPath

from madeof._util.text import show
from madeof.datasets.listing import File, check_file, list_files, spelling
from madeof.datasets.problems import Problem
from madeof.errors import DatasetError
from madeof.images.photo import PHOTO_SUFFIXES

BESIDE = ("", "images", "photos", "JPEGImages", "data")
"""Folders that are looked through: the annotation file's own first."""

_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|[A-Za-z]:|/")  # an URL, a Windows drive, the root


_anywhere = ContextVar("anywhere", default=False)


@contextlib.contextmanager
def anywhere() -> Iterator[None]:
    """Within it `find_photos` looks for no photo: they are not on this machine, and lie as the file says."""
    before = _anywhere.set(True)
    try:
        yield
    finally:
        _anywhere.reset(before)


class MissingPhoto(Problem):
    """A photo that an annotation file names and that is not found; `file` is its path as the file has it."""


def relative_path(name: str) -> str:
    r"""A photo's path as a file has it, made one that stays within a folder: "/" between folders, no ".." in it.

    Of an absolute path, an URL and a path with "..", the base name is left; "" of what names no file.

    >>> relative_path("living\\room 1.jpg"), relative_path("C:\\photos\\a.jpg"), relative_path("../../a.jpg")
    ('living/room 1.jpg', 'a.jpg', 'a.jpg')
    """
    path = name.strip().replace("\\", "/")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if not parts or parts[-1] == "..":
        return ""
    if _ABSOLUTE.match(path) or ".." in parts:
        base = re.sub(r"^[A-Za-z]:", "", parts[-1])
        return "" if base in (".", "..") else base
    return "/".join(parts)


def find_photos(names: Sequence[str], where: Path, images: Path | None = None) -> tuple[Path, list[str | Problem]]:
    """Find the photos that an annotation file names.

    A photo is looked for by its path, then by its base name if no other has that, here or there. All are looked for in
    one folder: `images` if given, else that in which most of them are: the folder of the annotation file (`where`
    itself if it is a folder), images/, photos/, JPEGImages/ and data/ in it, and the same beside it. Base names are
    looked for in their folders too, but not in those of an annotation file's own folder.

    Args:
        names: the photos' paths as the file has them; see `relative_path`.
        where: the annotation file, or a folder of them.
        images: the folder of photos that the user gave.

    Returns:
        The folder, and for each name the photo's path in it, or what to say of it.

    Raises:
        DatasetError: `images` is not a folder.
    """
    if images is not None and not images.is_dir():
        raise DatasetError(f"{show(images)} is not a folder; expected the folder of the photos of {show(where.name)}")
    wanted = [relative_path(name) for name in names]
    if _anywhere.get():
        return Path(), [
            path or Problem(name, f"{show(where.name)}: {show(name)!r} names no photo")
            for name, path in zip(names, wanted, strict=True)
        ]
    folders = [images] if images is not None else _folders(where)
    best, files = _best(folders, wanted, _by_path)
    if None in files:
        # Of folders with as many photos the one that has them where the file says.
        look = partial(_by_base_name, shallow=None if images is not None or where.is_dir() else where.parent)
        again, others = _best(sorted(folders, key=lambda folder: folder != best), wanted, look)
        if len(others) - others.count(None) > len(files) - files.count(None):
            best, files = again, others
    place = show(folders[0])
    if images is None:
        place += f" nor in {', '.join(f'{name}/' for name in BESIDE[1:])} there or beside it"
    found: list[str | Problem] = []
    for name, file in zip(names, files, strict=True):
        if file is not None:
            found.append(file)
            continue
        reason = f"{show(where.name)}: the photo {show(name)!r} is not in {place}; give its folder (images=, --images)"
        found.append(MissingPhoto(name, reason))
    return best, found


def _folders(where: Path) -> list[Path]:
    """Those that are there of the folders that may hold the photos."""
    own = where if where.is_dir() else where.parent
    above = own.absolute().parent
    candidates = [own / name for name in BESIDE] + [above / name for name in BESIDE[1:]]
    return [folder for folder in candidates if folder.is_dir()]


_Look = Callable[[Path, Sequence[str]], list[str | None]]


def _best(folders: Sequence[Path], wanted: Sequence[str], look: _Look) -> tuple[Path, list[str | None]]:
    """The folder in which most photos are, the first of equals, and each photo's path in it."""
    best, count = folders[0], 0
    found: list[str | None] = [None] * len(wanted)
    for folder in folders:
        files = look(folder, wanted)
        here = len(files) - files.count(None)
        if here > count:
            best, found, count = folder, files, here
        if count == len(wanted):
            break
    return best, found


def _by_path(folder: Path, wanted: Sequence[str]) -> list[str | None]:
    return [path if path and isinstance(check_file(folder, path), File) else None for path in wanted]


def _by_base_name(folder: Path, wanted: Sequence[str], shallow: Path | None) -> list[str | None]:
    """As `_by_path`, else by the base name among all photos in the folder and, unless it is `shallow`, its folders.

    The folder of an annotation file may be anyone's home: we do not go through all of that.
    """
    paths: list[str] = []
    with contextlib.suppress(OSError, DatasetError):  # a folder that cannot be listed has none
        if folder == shallow:
            paths = [path.name for path in folder.iterdir() if path.name.lower().endswith(PHOTO_SUFFIXES)]
        else:
            paths = [photo.path for photo in list_files(folder, PHOTO_SUFFIXES)[0]]
    by_name: dict[str, str | None] = {}
    for path in paths:
        name = _base_name(path)
        by_name[name] = None if name in by_name else path
    # Two paths with one base name are two photos: which one this is cannot be told.
    counts = Counter(_base_name(path) for path in set(wanted))
    return [
        by_path or (by_name.get(_base_name(path)) if counts[_base_name(path)] == 1 else None)
        for path, by_path in zip(wanted, _by_path(folder, wanted), strict=True)
    ]


def _base_name(path: str) -> str:
    return spelling(PurePosixPath(path).name)
