"""A folder or a glob of photos, local or at an URL, perhaps with a folder of label maps."""

from __future__ import annotations

import glob
import hashlib
import logging
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from madeof._util.text import join_some, pluralize, show
from madeof.batch.remote import file_system, is_url, join
from madeof.batch.tasks import Task
from madeof.datasets.listing import list_files, stem
from madeof.datasets.problems import Problem
from madeof.errors import DatasetError
from madeof.images.photo import PHOTO_SUFFIXES, UNREAD_SUFFIXES
from madeof.regions.request import LabelMapFile, RegionRequest

_MAP_SUFFIXES = (".png", ".tif", ".tiff", ".bmp", ".gif", ".webp")
_WILD = re.compile(r"[*?\[]")
_BRACES = re.compile(r"\{([^{}]*)\}")
_RANGE = re.compile(r"(\d+)\.\.(\d+)")
_MOST_NAMES = 1_000_000

_logger = logging.getLogger("madeof")


class Photos:
    """Photos, each a task; see `madeof.batch.sources.Source`."""

    kind = "photos"

    def __init__(
        self,
        root: str,
        files: Sequence[tuple[str, int]],
        problems: Sequence[Problem] = (),
        label_maps: str | None = None,
    ) -> None:
        """Take what was listed.

        Args:
            root: the folder that the paths are relative to; "" where they stand alone.
            files: the path and the bytes of each photo, in order.
            problems: what could not be listed; each becomes a row of its own, at the end.
            label_maps: a folder with a label map of each photo's path and stem.
        """
        self._root, self._label_maps = root, label_maps
        self._paths = [path for path, _ in files]
        self._problems = list(problems)
        digest = hashlib.sha256()
        for path, size in files:
            digest.update(f"{path}\0{size}\n".encode("utf-8", "surrogatepass"))
        self.total: int | None = len(self._paths) + len(self._problems)
        self.stamp: dict[str, Any] = {"photos": self.total, "sha256": digest.hexdigest()}

    def tasks(self, wanted: Callable[[int], bool]) -> Iterator[tuple[int, Task]]:
        """See `Source`."""
        for number, path in enumerate(self._paths):
            if wanted(number):
                place = join(self._root, path) if self._root else path
                yield number, Task(place, place, self._maps(path), whole=self._label_maps is None)
        for number, problem in enumerate(self._problems, start=len(self._paths)):
            if wanted(number):
                yield number, Task(problem.file, error=problem.reason)

    def _maps(self, path: str) -> tuple[RegionRequest, ...]:
        if self._label_maps is None:
            return ()
        files = tuple(join(self._label_maps, stem(path) + suffix) for suffix in _MAP_SUFFIXES)
        return (RegionRequest("label map", LabelMapFile(files)),)


def list_photos(place: str, label_maps: str | None = None) -> Photos:
    """The photos of a folder and of those in it, sorted by path.

    Raises:
        DatasetError: it cannot be listed, or there are none.
    """
    problems: list[Problem] = []
    if is_url(place):
        files = _remote(place)
    else:
        there, problems = list_files(Path(place), PHOTO_SUFFIXES + UNREAD_SUFFIXES)
        files = [(file.path, file.size) for file in there]
    files, unread = _told_apart(place, files)
    if not files and not problems:
        beside = f" but {unread}" if unread else ""
        raise DatasetError(
            f"{show(place)} has no photo{beside}; expected files that end in {', '.join(PHOTO_SUFFIXES)}"
        )
    return Photos(place, files, problems, label_maps)


def photos_of(pattern: str, places: Sequence[tuple[str, int]], label_maps: str | None = None) -> Photos:
    """The photos among the files that a pattern matches, as `matches` gives them.

    Raises:
        DatasetError: there are none.
    """
    root = fixed_part(pattern)
    start = len(root.rstrip("/")) + 1 if root else 0
    found, _ = _told_apart(pattern, [(place[start:], size) for place, size in places])
    if not found:
        raise DatasetError(
            f"{show(pattern)} matches {len(places)} files, none of which is named like a photo; expected "
            f"{', '.join(PHOTO_SUFFIXES)}"
        )
    return Photos(root, found, label_maps=label_maps)


def _told_apart(place: str, files: list[tuple[str, int]]) -> tuple[list[tuple[str, int]], str]:
    """The photos that we read, and which others there are; those are logged too, for they get no row."""
    found = [each for each in files if each[0].lower().endswith(PHOTO_SUFFIXES)]
    suffixes = (Path(path).suffix.lower() for path, _ in files)
    others = Counter(suffix for suffix in suffixes if suffix in UNREAD_SUFFIXES)
    unread = join_some([f"{count} {suffix}" for suffix, count in sorted(others.items())], most=12)
    if unread:
        what = pluralize(sum(others.values()), "picture")
        _logger.warning("%s: %s left out, of kinds that are not read (%s): save as JPEG", show(place), what, unread)
    return found, unread


def is_pattern(source: str) -> bool:
    """Whether a source is a glob or has braces ({000..099}), and is no file of that name."""
    if not (_WILD.search(source) or _BRACES.search(source)):
        return False
    return is_url(source) or not Path(source).exists()


def matches(pattern: str) -> list[tuple[str, int]]:
    """The files that a pattern matches, sorted, with their bytes: *, ?, [], ** for any folders, {a,b} and {000..099}.

    Names that braces alone spell out are taken whether they are there or not; 0 bytes then.

    Raises:
        DatasetError: there are none.
    """
    found: dict[str, int] = {}
    for one in _spelled(pattern):
        if not _WILD.search(one):
            found[one] = 0
        elif is_url(one):
            system, path = file_system(one)
            try:
                details = system.glob(path, detail=True)
            except Exception as error:  # of the store's own client
                raise DatasetError(f"{show(one)} cannot be listed: {show(str(error))[:300]}") from error
            for name, about in details.items():
                if about["type"] == "file":
                    found[system.unstrip_protocol(name)] = int(about.get("size") or 0)
        else:
            files = ((path, Path(path)) for path in glob.iglob(one, recursive=True))  # noqa: PTH207  (as it is given)
            found.update((path, file.stat().st_size) for path, file in files if file.is_file())
    if not found:
        raise DatasetError(f"{show(pattern)} matches no file; check the pattern (and quote it in a shell)")
    return sorted(found.items())


def fixed_part(pattern: str) -> str:
    """The folder that all files of a pattern are in: what stands before its first wildcard.

    >>> fixed_part("photos/2024/*/a*.jpg"), fixed_part("*.jpg"), fixed_part("/x?.jpg")
    ('photos/2024', '', '/')
    """
    wild = re.search(r"[*?\[{]", pattern)
    folder, slash, _ = pattern[: wild.start() if wild else None].rpartition("/")
    return folder or slash


def _spelled(pattern: str) -> Iterator[str]:
    """The patterns that braces stand for."""
    braces = _BRACES.search(pattern)
    if braces is None:
        yield pattern
        return
    span = _RANGE.fullmatch(braces[1])
    if span:
        first, last, width = int(span[1]), int(span[2]), len(span[1])
        if last - first >= _MOST_NAMES:
            raise DatasetError(f"{show(pattern)} spells more than {_MOST_NAMES:,} names; use a wildcard")
        options = [f"{number:0{width}}" for number in range(first, last + 1)]
    else:
        options = braces[1].split(",")
    for option in options:
        yield from _spelled(pattern[: braces.start()] + option + pattern[braces.end() :])


def _remote(url: str) -> list[tuple[str, int]]:
    system, root = file_system(url)
    try:
        found = system.find(root, detail=True)
    except Exception as error:  # of the store's own client
        raise DatasetError(f"{show(url)} cannot be listed: {show(str(error) or type(error).__name__)[:300]}") from error
    start = len(root.rstrip("/")) + 1
    return sorted(
        (path[start:], int(about.get("size") or 0))
        for path, about in found.items()
        if path.lower().endswith(PHOTO_SUFFIXES + UNREAD_SUFFIXES)
        and not any(part.startswith(".") for part in path[start:].split("/"))
    )
