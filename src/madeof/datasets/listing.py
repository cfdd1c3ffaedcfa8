"""Files of a folder and its subfolders, each with a stamp that changes with the file."""

from __future__ import annotations

import os
import stat
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from madeof._util.text import show
from madeof.datasets.problems import Problem
from madeof.errors import DatasetError
from madeof.images.photo import PHOTO_SUFFIXES
from madeof.regions.files import ARRAY_SUFFIXES


class File(NamedTuple):
    """A file as it stood when it was listed."""

    path: str
    """Relative to its root, "/" between folders."""
    size: int
    """Bytes."""
    mtime_ns: int


def stem(path: str) -> str:
    """The path without its suffix: what pairs a photo with its label map."""
    folder, slash, name = path.rpartition("/")
    return folder + slash + (name.rpartition(".")[0] or name)


def list_files(root: Path, suffixes: Sequence[str]) -> tuple[list[File], list[Problem]]:
    """The files under `root` with one of `suffixes` (in any case), sorted by path; names that start with a dot are out.

    The paths of the files are relative to `root`, those of the problems to the folder above it. Links are followed. A
    folder that is reached twice, as in a loop of links, is listed once: by its own path where that lies under `root`.

    Raises:
        DatasetError: `root` is not a folder or cannot be listed.
    """
    files: list[File] = []
    problems: list[Problem] = []
    seen: set[tuple[int, int]] = set()
    folders, links = [""], list[str]()
    while folders or links:
        folder = folders.pop() if folders else links.pop()
        place = root / folder
        try:
            status = place.stat()
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(place) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            if not folder:
                raise DatasetError(f"{show(root)}: the folder cannot be listed: {error.strerror or error}") from error
            problems.append(_problem(f"{root.name}/{folder}", f"cannot be listed: {error.strerror or error}"))
            continue
        for entry in entries:
            if entry.name.startswith("."):
                continue
            path = f"{folder}/{entry.name}" if folder else entry.name
            if entry.is_dir():
                (links if entry.is_symlink() else folders).append(path)
            elif entry.name.lower().endswith(tuple(suffixes)):
                file = check_file(root, path)
                if isinstance(file, File):
                    files.append(file)
                else:
                    problems.append(_problem(f"{root.name}/{path}", file))
    return sorted(files), problems


def _problem(file: str, reason: str) -> Problem:
    return Problem(file, f"{show(file)}: {reason}")


def check_file(root: Path, path: str) -> File | str:
    """The file at `path` under `root`, or the reason why it cannot be read."""
    try:
        status = (root / path).stat()
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"
    except ValueError as error:  # a NUL in a path that a table gave
        return f"cannot be read: {error}"
    if not stat.S_ISREG(status.st_mode):
        return "is not a file"
    return File(path, status.st_size, status.st_mtime_ns)


def by_stem(files: Sequence[File], folder: str) -> tuple[dict[str, File], list[Problem], set[str]]:
    """One file for each stem.

    Returns:
        The files by stem; the problems, with `folder` before each path, of files that share a stem or whose stems
        differ only in case or in the Unicode spelling, so that some file systems cannot tell them apart; and the
        `spelling` of the stems of those.
    """
    groups: dict[str, list[File]] = {}
    for file in files:
        groups.setdefault(spelling(stem(file.path)), []).append(file)
    found: dict[str, File] = {}
    problems: list[Problem] = []
    bad: set[str] = set()
    for key, group in groups.items():
        if len(group) == 1:
            found[stem(group[0].path)] = group[0]
            continue
        bad.add(key)
        names = ", ".join(show(f"{folder}/{file.path}") for file in group)
        same = len({stem(file.path) for file in group}) == 1
        why = "share a name: keep one" if same else "differ only in case or Unicode spelling: rename one"
        problems.append(Problem(f"{folder}/{group[0].path}", f"{names} {why}"))
    return found, problems, bad


def spelling(name: str) -> str:
    """Key that is equal for names that a file system may not distinguish."""
    return unicodedata.normalize("NFC", name).casefold()


def pair_files(images: Path, labels: Path) -> tuple[list[tuple[File, File]], list[Problem]]:
    """Each photo with the label map of the same name, and the files that have no clear partner."""
    problems: list[Problem] = []
    sides: list[dict[str, File]] = []
    unclear: set[str] = set()
    for folder in (images, labels):
        files, unreadable = list_files(folder, PHOTO_SUFFIXES + (ARRAY_SUFFIXES if folder == labels else ()))
        problems += unreadable
        unclear |= {spelling(stem(problem.file.removeprefix(f"{folder.name}/"))) for problem in unreadable}
        found, shared, bad = by_stem(files, folder.name)
        problems += shared
        unclear |= bad
        sides.append(found)
    photos, label_maps = sides
    for own, other, side, missing in (
        (photos, label_maps, images.name, f"no label map {labels.name}/NAME.png"),
        (label_maps, photos, labels.name, f"no photo {images.name}/NAME.jpg"),
    ):
        alike = {spelling(name): file.path for name, file in other.items()}
        for name in sorted(own.keys() - other.keys()):
            if spelling(name) in unclear:
                continue
            file = f"{side}/{own[name].path}"
            reason = f"{show(file)}: {missing.replace('NAME', show(name))}"
            if spelling(name) in alike:
                reason += f" ({show(alike[spelling(name)])} differs in case or Unicode spelling: rename it)"
            problems.append(Problem(file, reason))
    clear = sorted(name for name in photos.keys() & label_maps.keys() if spelling(name) not in unclear)
    return [(photos[name], label_maps[name]) for name in clear], problems
