"""Where the photos of an annotation file are: in the folder that the user gives, or beside the file.

No region may land on another photo than its own. A photo goes by its path; else by the file of its base name whose path
shares the longest ending with what the annotation file says. Where two files fit as well, or one file is claimed for
two photos, none is taken for them.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote

from madeof._util.text import join_some, show
from madeof.datasets.listing import File, check_file, list_files, spelling
from madeof.datasets.problems import Problem
from madeof.errors import DatasetError
from madeof.images.photo import PHOTO_SUFFIXES

BESIDE = ("", "images", "photos", "JPEGImages", "data")
"""Folders that are looked through: the annotation file's own first."""

SPLIT_FOLDERS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}
"""The split that a folder says by its name, without the digits at its end."""

PLAIN_FOLDERS = {"image", "images", "img", "imgs", "photo", "photos", "jpegimages", "data", "upload", "uploads"}
PLAIN_FOLDERS |= {"label", "labels", "annotation", "annotations", "ann", "masks", "default"}
"""Folders whose names say nothing of the photos in them."""
_LINK = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://[^/?#]*")
_ABSOLUTE = re.compile(r"[A-Za-z]:|/")  # a Windows drive, the root
_EXACT = 1 << 20  # more than any path has folders

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


class _Name(NamedTuple):
    parts: tuple[str, ...]
    """Folders and base name; () of what names no file."""
    free: bool
    """It is absolute, a link, or has "..": which of its folders are in the folder of photos is not known."""


def _parse(name: str) -> _Name:
    path = name.strip()
    link = _LINK.match(path)
    if link:
        path, _, query = path[link.end() :].partition("#")[0].partition("?")
        path = unquote(path)
        if not path.lower().endswith(PHOTO_SUFFIXES):  # https://host/get?file=a.jpg
            path = next((value for _, value in parse_qsl(query) if value.lower().endswith(PHOTO_SUFFIXES)), path)
    path = path.replace("\\", "/")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if not parts or parts[-1] == "..":
        return _Name((), False)
    free = bool(link or _ABSOLUTE.match(path)) or ".." in parts
    if free:
        parts[0] = re.sub(r"^[A-Za-z]:", "", parts[0])
        last = max((at for at, part in enumerate(parts) if part == ".."), default=-1)
        parts = [part for part in parts[last + 1 :] if part not in ("", ".", "..")]
    return _Name(tuple(parts), free)


def relative_path(name: str) -> str:
    r"""A photo's path as a file has it, made one that stays within a folder: "/" between folders, no ".." in it.

    Of an absolute path, a link and a path with "..", the base name is left, of a link without its query; "" of what
    names no file.

    >>> relative_path("living\\room 1.jpg"), relative_path("C:\\photos\\a.jpg"), relative_path("../../a.jpg")
    ('living/room 1.jpg', 'a.jpg', 'a.jpg')
    """
    parts, free = _parse(name)
    return "/".join(parts[-1:] if free else parts)


def find_photos(
    names: Sequence[str | Sequence[str]], where: Path, images: Path | None = None, *, strict: bool = False
) -> tuple[Path, list[str | Problem]]:
    """Find the photos that an annotation file names.

    All are looked for in one folder: `images` if given, else that in which most of them are: the folder of the
    annotation file (`where` itself if it is a folder), images/, photos/, JPEGImages/ and data/ in it, and the same
    beside it. Base names are looked for in their folders too, but not in those of an annotation file's own folder.

    Args:
        names: the photos' paths as the file has them, of each one or several by which it may be found: the first is
            what it is called.
        where: the annotation file, or a folder of them.
        images: the folder of photos that the user gave.
        strict: the folders of the paths are certain, as where each photo has a file of its own that says where it is:
            a file of the same name in another folder is another photo.

    Returns:
        The folder, and for each photo its path in it, or what to say of it.

    Raises:
        DatasetError: `images` is not a folder.
    """
    if images is not None and not images.is_dir():
        raise DatasetError(f"{show(images)} is not a folder; expected the folder of the photos of {show(where.name)}")
    called = [name if isinstance(name, str) else name[0] if name else "" for name in names]
    if _anywhere.get():
        return Path(), [
            relative_path(name) or Problem(name, f"{show(where.name)}: {show(name)!r} names no photo")
            for name in called
        ]
    wanted = [[_parse(name)] if isinstance(name, str) else [_parse(one) for one in name] for name in names]
    folders = [images] if images is not None else _folders(where)
    shallow = None if images is not None or where.is_dir() else where.parent
    search, best = _Search(wanted, called, strict), -1
    for look in (search.by_path, search.by_name):
        # Of folders with as many photos the one that has them where the file says.
        for folder in sorted(folders, key=lambda folder: best >= 0 and folder != search.folder):
            if best == len(wanted):
                break
            best = max(best, look(folder, best, shallow=folder == shallow))
    place = show(folders[0])
    if images is None:
        place += f" nor in {', '.join(f'{name}/' for name in BESIDE[1:])} there or beside it"
    found: list[str | Problem] = []
    for name, file, why in zip(called, search.files, search.notes, strict=True):
        if file is not None:
            found.append(file)
            continue
        reason = f"{show(where.name)}: the photo {show(name)!r} is not in {place}"
        reason = f"{reason}{why}; give its folder (images=, --images)"
        found.append(MissingPhoto(name, reason))
    return search.folder or folders[0], found


def _folders(where: Path) -> list[Path]:
    """Those that are there of the folders that may hold the photos."""
    own = where if where.is_dir() else where.parent
    above = own.absolute().parent
    candidates = [own / name for name in BESIDE] + [above / name for name in BESIDE[1:]]
    return [folder for folder in candidates if folder.is_dir()]


class _Search:
    """The best that was found so far: each photo's path in one folder."""

    def __init__(self, wanted: list[list[_Name]], called: list[str], strict: bool) -> None:
        self._wanted, self._called, self._strict = wanted, called, strict
        self.folder: Path | None = None
        self.files: list[str | None] = [None] * len(wanted)
        self.notes: list[str] = [""] * len(wanted)

    def by_path(self, folder: Path, best: int, *, shallow: bool) -> int:
        """Look for the photos by their paths in a folder, and keep the result if more than `best` are found."""
        files = [_at(folder, some, shallow) for some in self._wanted]
        return self._keep(folder, files, [_EXACT] * len(files), [""] * len(files), best)

    def by_name(self, folder: Path, best: int, *, shallow: bool) -> int:
        """As `by_path`, else by the longest ending that a file's path shares, of all photos in the folder.

        Those in its folders count too, unless it is `shallow`: the folder of an annotation file may be anyone's home,
        and we do not go through all of that.
        """
        files = [_at(folder, some, shallow) for some in self._wanted]
        ranks, notes = [_EXACT] * len(files), [""] * len(files)
        # Where some photos are in the folders that the file says, the others are so too.
        settled = self._strict or any(file is not None and "/" in file for file in files)
        above = tuple(map(spelling, folder.absolute().parts))
        known = _by_base_name(folder, shallow)
        for at, some in enumerate(self._wanted):
            if files[at] is None:
                files[at], ranks[at], notes[at] = _closest(some, known, above, settled)
        return self._keep(folder, files, ranks, notes, best)

    def _keep(self, folder: Path, files: list[str | None], ranks: list[int], notes: list[str], best: int) -> int:
        """Take the result if it is better; a file that several photos claim is that of the one it fits best."""
        claims: dict[str, list[int]] = {}
        for at, file in enumerate(files):
            if file is not None:
                claims.setdefault(file, []).append(at)
        for file, claimed in claims.items():
            if len(claimed) < 2:
                continue
            marks = {at: tuple(map(spelling, self._wanted[at][0].parts)) for at in claimed}
            most = max(ranks[at] for at in claimed)
            first = [at for at in claimed if ranks[at] == most]
            owner = marks[first[0]] if len({marks[at] for at in first}) == 1 else None
            for at in claimed:
                if len(set(marks.values())) > 1 and marks[at] != owner:
                    other = next(one for one in (*first, *claimed) if marks[one] != marks[at])
                    files[at] = None
                    notes[at] = f": {show(file)!r} there fits {show(self._called[other])!r} "
                    notes[at] += "as well" if owner is None else "better"
        count = len(files) - files.count(None)
        if count > best or self.folder is None:
            self.folder, self.files, self.notes = folder, files, notes
        elif count == best and not any(self.notes):
            self.notes = notes
        return max(count, best)


def _at(folder: Path, some: list[_Name], shallow: bool) -> str | None:
    """The first path of a photo at which there is a file. Of a free one the ending counts, see `_Search.by_name`."""
    for parts, free in some:
        # In a folder that is not gone through, a free path's endings are tried, the longest first.
        starts = range(1, len(parts) - 1 if shallow else 0) if free else (0,)
        for path in ("/".join(parts[start:]) for start in starts if parts):
            if isinstance(check_file(folder, path), File):
                return path
    return None


def _by_base_name(folder: Path, shallow: bool) -> dict[str, list[str]]:
    """The paths of all photos in a folder by their base names."""
    paths: list[str] = []
    with contextlib.suppress(OSError, DatasetError):  # a folder that cannot be listed has none
        if shallow:
            paths = [path.name for path in folder.iterdir() if path.name.lower().endswith(PHOTO_SUFFIXES)]
        else:
            paths = [photo.path for photo in list_files(folder, PHOTO_SUFFIXES)[0]]
    found: dict[str, list[str]] = {}
    for path in paths:
        found.setdefault(spelling(path.rpartition("/")[2]), []).append(path)
    return found


def _closest(
    some: list[_Name], known: dict[str, list[str]], above: tuple[str, ...], settled: bool
) -> tuple[str | None, int, str]:
    """The file whose path shares the longest ending with a name, how long that is, and what to say if there is none."""
    note = ""
    for name in some:
        files = known.get(spelling(name.parts[-1]), []) if name.parts else []
        fitting = [file for file in files if not elsewhere(some[0].parts, file, settled and not some[0].free)]
        if not fitting:
            note = f": {show(files[0])!r} there is in another folder" if files else note
            continue
        parts = max((one.parts for one in some if one.parts[-1:] == name.parts[-1:]), key=len)
        ranks = [_shared(parts, above, file) for file in fitting]
        best = [file for file, rank in zip(fitting, ranks, strict=True) if rank == max(ranks)]
        if len(best) == 1:
            return best[0], max(ranks), ""
        note = f": it may be any of {join_some(map(show, best), most=3)} there"
    return None, 0, note


def elsewhere(parts: Sequence[str], file: str, certain: bool) -> bool:
    """Whether the folders of a file say that it is not the photo that an annotation file calls by its path `parts`.

    Args:
        parts: of the photo's path.
        file: the path of a file with the same base name.
        certain: whether the photo's folders are certain, so that any other folder is of another photo; else only other
            splits are: train/a.jpg is never val/a.jpg.
    """
    mine, theirs = (list(map(spelling, some[:-1])) for some in (parts, file.split("/")))
    splits = [{split for one in some if (split := split_of_folder(one))} for some in (mine, theirs)]
    if splits[0] and splits[1] and splits[0].isdisjoint(splits[1]):
        return True
    mine, theirs = ([one for one in some if one not in PLAIN_FOLDERS] for some in (mine, theirs))
    return certain and bool(mine and theirs) and mine[-1] != theirs[-1]


def split_of_folder(name: str) -> str:
    """The split that a folder's name says, "" for none.

    >>> split_of_folder("train2017"), split_of_folder("Valid"), split_of_folder("kitchen")
    ('train', 'val', '')
    """
    return SPLIT_FOLDERS.get(name.casefold().rstrip("0123456789"), "")


def _shared(parts: Sequence[str], above: Sequence[str], file: str) -> int:
    """How many parts at their ends a photo's path and that of a file share."""
    whole = (*above, *map(spelling, file.split("/")))
    count = 0
    for mine, theirs in zip(reversed(parts), reversed(whole), strict=False):
        if spelling(mine) != theirs:
            break
        count += 1
    return count
