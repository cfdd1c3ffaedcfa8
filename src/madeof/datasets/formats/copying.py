"""Photos copied into a folder that is written, under names that have a stem of their own."""

from __future__ import annotations

import shutil
from pathlib import Path, PurePosixPath

from madeof._util.files import atomic, make_folder
from madeof._util.text import show
from madeof.datasets.listing import spelling, stem
from madeof.datasets.writing import Answered
from madeof.errors import WriteError


class Copies:
    """Photos that are copied into one folder."""

    def __init__(self, folder: Path) -> None:
        """Nothing is written yet."""
        self._folder = folder
        self._taken: set[str] = set()
        self.written: list[Path] = []

    def copy(self, photo: Answered) -> str:
        """Copy the photo's file and return its path in the folder without its suffix.

        That is the photo's own unless it is taken, or differs from one that is in case or Unicode spelling only: of
        a.jpg and a.png the second becomes a-2.png.

        Raises:
            WriteError: it cannot be read or written.
        """
        path = PurePosixPath(photo.file)
        plain, number = stem(photo.file), 1
        name = plain
        while spelling(name) in self._taken:
            number += 1
            name = f"{plain}-{number}"
        self._taken.add(spelling(name))
        source, target = photo.folder / photo.file, self._folder / f"{name}{path.suffix}"
        make_folder(target.parent)
        if target.exists() and target.samefile(source):
            return name
        try:
            with source.open("rb") as reader, atomic(target) as writer:
                shutil.copyfileobj(reader, writer)
        except OSError as error:
            if isinstance(error, WriteError):
                raise
            raise WriteError(f"cannot copy the photo {show(source)}: {error.strerror or error}") from error
        self.written.append(target)
        return name
