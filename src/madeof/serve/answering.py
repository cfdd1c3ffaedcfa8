"""Answers: regions of one photo, asked by one request or several at once, through the predictor.

A call of the classifier costs some milliseconds however few its regions are, and a tenth of that for each further one;
so the regions of several requests that wait for the same photo go through it together.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from madeof.errors import MadeofError, RegionError
from madeof.inference.photo_result import Answer, PhotoResult, answers_for
from madeof.inference.predictor import Encoded, Predictor
from madeof.regions.region import Region
from madeof.serve.asking import Maker
from madeof.serve.effort import Effort
from madeof.serve.problems import ProblemError

_REGIONS_AT_ONCE = 64
_PIXELS_AT_ONCE = 64_000_000  # of the masks that are held at once: a thousand of a large photo would fill the memory


@dataclass
class Question:
    """The regions that one request asks of a photo."""

    makers: Sequence[Maker]
    check: Callable[[], None]
    """Raises where nobody waits for the answer any more."""
    coverage: float | None = None
    """Of the sets that are asked for."""
    most_pixels: float = math.inf
    """What all its regions together may have; see `effort`."""
    answers: list[Answer | None] = field(init=False)
    error: Exception | None = None
    """What ended it before its end."""

    def __post_init__(self) -> None:
        self.answers = [None] * len(self.makers)

    def result(self, predictor: Predictor, encoded: Encoded) -> PhotoResult:
        """The answers.

        Raises:
            ProblemError: none of the regions can be used.
        """
        if self.error is not None:
            raise self.error
        answers = tuple(answer for answer in self.answers if answer is not None)
        if answers and all(answer.error for answer in answers):
            first = answers[0]
            raise ProblemError(
                "region",
                f"none of the {len(answers)} regions can be used: {first.region}: {first.error}",
                errors=[{"region": answer.region, "error": answer.error or ""} for answer in answers],
            )
        return PhotoResult(encoded.photo, f"{predictor.record.name} {predictor.record.version}", answers, self.coverage)


def answer(predictor: Predictor, encoded: Encoded, questions: Sequence[Question]) -> None:
    """Fill in the answers of questions about one photo. A region's error is its answer."""
    batch = _Batch(predictor, encoded)
    for question in questions:
        try:
            effort = Effort(question.most_pixels, [make for _, make in question.makers], encoded.photo.size)
            for place, (name, make) in enumerate(question.makers):
                question.check()
                try:
                    region = make(encoded.photo)
                    effort.made(make, region)
                    batch.add(question, place, region)
                except RegionError as error:
                    question.answers[place] = Answer(name, error=str(error))
        except (ProblemError, MadeofError) as error:
            question.error = error
    batch.flush()


class _Batch:
    """Regions that go through the classifier together."""

    def __init__(self, predictor: Predictor, encoded: Encoded) -> None:
        self._predictor = predictor
        self._encoded = encoded
        self._waiting: list[tuple[Question, int, Region]] = []
        self._pixels = 0

    def add(self, question: Question, place: int, region: Region) -> None:
        self._waiting.append((question, place, region))
        self._pixels += region.cut.size
        if len(self._waiting) >= _REGIONS_AT_ONCE or self._pixels >= _PIXELS_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        waiting = [each for each in self._waiting if each[0].error is None]
        self._waiting, self._pixels = [], 0
        regions = [region for _, _, region in waiting]
        predictions = self._predictor.predict(regions, encoded=self._encoded)
        for (question, place, _), found in zip(waiting, answers_for(regions, predictions), strict=True):
            question.answers[place] = found
