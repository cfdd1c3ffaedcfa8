"""The kernel of a batch: one photo with its regions in, its rows out. Each process has one, which loads the model once.

    kernel = Kernel(model=None, options=Options())
    rows = kernel.answer(Task("a.jpg", "photos/a.jpg"))

A kernel can be pickled and sent to other processes; the model is loaded at the first photo, or by `load`. It runs on
one thread: several kernels at once use a machine's cores better than one on all of them, and the last bits of its
answers do not depend on how many cores there are.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from madeof._util.stopwatch import Stopwatch
from madeof._util.text import pluralize, show
from madeof.batch.remote import Unreachable, is_url, read_bytes
from madeof.batch.requests import fetched, requests_of
from madeof.batch.tasks import Answered, Options, Row, Task
from madeof.errors import MadeofError, PhotoError, RegionError
from madeof.export.tables import table_rows
from madeof.images.photo import Photo
from madeof.inference.answer import answer_photo
from madeof.inference.photo_result import PhotoResult, Unanswered
from madeof.inference.predictor import Predictor, load


class Kernel:
    """Answers tasks with one model.

    Args:
        model: see `madeof.load`.
        options: what decides the answers besides.
    """

    def __init__(self, model: str | Path | None = None, options: Options | None = None) -> None:
        self.model = model
        self.options = options or Options()
        self._predictor: Predictor | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_predictor": None}

    def load(self) -> Predictor:
        """The model, loaded once.

        Raises:
            ModelError, MissingExtraError, InputError: see `madeof.load`.
        """
        if self._predictor is None:
            predictor = load(self.model, threads=1, engine=self.options.engine, zoom=self.options.zoom)
            if self.options.coverage is not None:
                predictor.check_sets()
            self._predictor = predictor
        return self._predictor

    def answer(self, task: Task) -> list[Row]:
        """The rows of one photo: for "parquet" one for each region, for "jsonl" one object for the photo.

        What is wrong with the photo or a region stands in its row's `error`: nothing is raised once the model is there.
        """
        return self.answered(task).rows

    def answered(self, task: Task) -> Answered:
        """As `answer`, with counts, and where the time went."""
        predictor = self.load()
        watch = Stopwatch()
        unreachable = ""
        try:
            result = self._result(predictor, task, watch)
        except Exception as error:  # one photo of a million must not stop the others
            unreachable = str(error) if isinstance(error, Unreachable) else ""
            found, regions, errors = Unanswered(task.image, _reason(error)).to_dict(), 0, 1
        else:
            found = result.to_dict(self.options.top)
            errors = sum(answer.prediction is None for answer in result.answers)
            regions = len(result.answers) - errors
        rows = [found] if self.options.to == "jsonl" else table_rows(found)
        return Answered(rows, regions, errors, unreachable, watch.seconds)

    def _result(self, predictor: Predictor, task: Task, watch: Stopwatch) -> PhotoResult:
        if task.error:
            raise PhotoError(task.error)
        with watch("decode"):
            photo = self._read(predictor, task)
        with watch("regions"):
            requests = requests_of(task, photo)
        options = self.options
        result = answer_photo(
            predictor, photo, fetched(requests), options.reading, coverage=options.coverage, timed=watch
        )
        if not result.answers:
            count = pluralize(len(requests), "region")
            what = f"none of its {count} has {options.min_area} pixels" if requests else "no region"
            raise RegionError(f"{show(task.image)}: {what}; expected at least one")
        return result

    def _read(self, predictor: Predictor, task: Task) -> Photo:
        source = read_bytes(task.photo) if isinstance(task.photo, str) and is_url(task.photo) else task.photo
        try:
            photo = predictor.read(source, self.options.reading)
        except PhotoError as error:
            if isinstance(source, str):
                raise
            raise PhotoError(f"{show(task.image)}: {error}") from error  # bytes have no name
        return dataclasses.replace(photo, name=task.image)


def _reason(error: Exception) -> str:
    """The error text of a row, on one line."""
    if isinstance(error, MadeofError):
        return " ".join(str(error).split())
    if isinstance(error, MemoryError):
        return "not enough memory for it; give a smaller photo, or fewer workers"
    return f"failed in a way that nobody foresaw ({type(error).__name__}: {show(str(error))[:200]}); please report it"
