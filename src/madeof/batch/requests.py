"""The regions of a task as requests, with the files that lie at URLs read."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

from madeof._util.text import show
from madeof.batch.remote import is_url, read_bytes
from madeof.batch.tasks import Task
from madeof.datasets.annotations import Annotation
from madeof.datasets.layout import misfit
from madeof.errors import DatasetError, InputError, PhotoError, RegionError
from madeof.images.photo import Photo
from madeof.regions.request import WHOLE_PHOTO, Broken, File, LabelMapFile, MaskFile, RegionRequest


def requests_of(task: Task, photo: Photo) -> list[RegionRequest]:
    """The regions that a task asks for; the whole photo where it names none and may.

    Raises:
        RegionError: the source states another size for the photo, or its regions cannot be read.
    """
    if task.stated_size is not None and task.stated_size != photo.size:
        error = misfit("the photo in its annotations", task.stated_size, photo.size, Path(task.image))
        raise RegionError(f"{show(task.image)}: {error}")
    try:
        # Of a lazy list, its file is read now.
        found = [one.request() if isinstance(one, Annotation) else one for one in task.asked]
    except (InputError, DatasetError) as error:
        raise RegionError(f"{show(task.image)}: {error}") from error
    return found if found or not task.whole else [WHOLE_PHOTO]


def fetched(requests: list[RegionRequest]) -> Iterator[RegionRequest]:
    """The requests, each with the bytes of its file where that is at an URL, read when it is its turn."""
    for request in requests:
        source = request.source
        try:
            if isinstance(source, MaskFile) and _is_remote(source.file):
                request = dataclasses.replace(request, source=MaskFile(read_bytes(str(source.file))))
            elif isinstance(source, LabelMapFile) and _is_remote(source.files[0]):
                request = dataclasses.replace(request, source=source._replace(files=(_first(source.files),)))
        except (InputError, DatasetError) as error:
            request = dataclasses.replace(request, source=Broken(str(error)))
        yield request


def _is_remote(file: File) -> bool:
    return isinstance(file, str) and is_url(file)


def _first(urls: tuple[File, ...]) -> bytes:
    """The bytes of the first that is there."""
    for url in urls[:-1]:
        try:
            return read_bytes(str(url))
        except PhotoError:  # it is not there; `Unreachable` is none of these
            continue
    return read_bytes(str(urls[-1]))
