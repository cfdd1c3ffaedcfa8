"""The photos of an annotation file or folder of another tool, of any format that we read."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from madeof._util.files import sha256
from madeof._util.text import pluralize, show
from madeof.batch.remote import is_url, join, opened
from madeof.batch.tasks import Task
from madeof.datasets.annotated import has_no_regions, left_out, read_annotations
from madeof.datasets.annotations import AnnotatedPhoto
from madeof.datasets.formats.coco_rows import RowsOf
from madeof.datasets.formats.finding import anywhere
from madeof.datasets.listing import list_files
from madeof.errors import DatasetError

_logger = logging.getLogger("madeof")


class Annotated:
    """Photos with the regions of an annotation file; see `madeof.batch.sources.Source`.

    Photos without a region are left out, as in `madeof predict`. What is broken in the file is a row of its own, at the
    end.
    """

    kind = "annotations"

    def __init__(self, place: str, *, images: str | None = None, format: str | None = None) -> None:
        """Read the annotations.

        Args:
            place: the file or folder; a file may be at an URL.
            images: the folder of the photos, where they are not beside it; it may be an URL.
            format: the format's name; None finds it out.

        Raises:
            DatasetError: they cannot be read, or no photo has a region.
        """
        with _here(place) as path:
            digest = sha256(path) if path.is_file() else _of_folder(path)
            if is_url(place) or (images is not None and is_url(images)):
                with anywhere():
                    annotations = read_annotations(path, format=format)
                self._folder = images if images is not None else place.rpartition("/")[0]
            else:
                annotations = read_annotations(path, images=images, format=format)
                self._folder = str(annotations.photos_folder)
        if message := left_out(annotations):
            _logger.info(message)
        self._photos = [photo for photo in annotations.photos if not has_no_regions(photo)]
        if without := len(annotations.photos) - len(self._photos):
            _logger.info("%s: %s without a region left out", show(place), pluralize(without, "photo"))
        self._problems = annotations.problems
        if not self._photos:
            reasons = "; ".join(problem.reason for problem in self._problems[:3]) or "its photos have no regions"
            raise DatasetError(f"{show(place)}: no photo to look at: {reasons}")
        self.total: int | None = len(self._photos) + len(self._problems)
        self.stamp: dict[str, Any] = {"photos": self.total, "sha256": digest}

    def tasks(self, wanted: Callable[[int], bool]) -> Iterator[tuple[int, Task]]:
        """See `Source`."""
        for number, photo in enumerate(self._photos):
            if wanted(number):
                place = join(self._folder, photo.file)
                yield number, Task(place, place, _regions(photo), whole=False, stated_size=photo.size)
        for number, problem in enumerate(self._problems, start=len(self._photos)):
            if wanted(number):
                yield number, Task(problem.file, error=problem.reason)


def _regions(photo: AnnotatedPhoto) -> Any:
    """The photo's regions, in a form that another process can take: those that read a file do so there."""
    regions = photo.annotations
    if isinstance(regions, RowsOf):
        return [one.request() for one in regions]
    return regions


@contextlib.contextmanager
def _here(place: str) -> Iterator[Path]:
    """The file or folder as a local path: of an URL a copy that goes again."""
    if not is_url(place):
        yield Path(place)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / (place.rpartition("/")[2] or "annotations")
        with opened(place) as source, path.open("wb") as copy:
            shutil.copyfileobj(source, copy, 1 << 20)
        yield path


def _of_folder(folder: Path) -> str:
    """What changes when a file of the folder comes, goes or gets another size."""
    files, _ = list_files(folder, ("",))
    text = "\n".join(f"{file.path}\0{file.size}" for file in files)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
