"""Answers: regions of one photo, asked by one request or several at once, through the predictor.

A call of the classifier costs some milliseconds however few its regions are, and a tenth of that for each further one;
so the regions of several requests that wait for the same photo go through it together.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from madeof.errors import MadeofError
from madeof.inference.answer import answer_regions
from madeof.inference.photo_result import Answer, PhotoResult
from madeof.inference.predictor import Encoded, Predictor
from madeof.regions.cost import OUTLINE
from madeof.regions.options import DEFAULT, ReadOptions
from madeof.regions.region import Region
from madeof.regions.request import RegionFailure, RegionRequest
from madeof.serve.problems import ProblemError
from madeof.serve.settings import MB

_REGIONS_AT_ONCE = 64
_PIXELS_AT_ONCE = 64_000_000  # of the masks that are held at once: a thousand of a large photo would fill the memory


@dataclass
class Question:
    """The regions that one request asks of a photo."""

    requests: Sequence[RegionRequest]
    check: Callable[[], None]
    """Raises if the client has gone."""
    coverage: float | None = None
    """Coverage of the requested prediction sets."""
    options: ReadOptions = DEFAULT
    most_pixels: float = math.inf
    """Most pixel cost of all regions together; see `regions.cost`."""
    answers: list[Answer] = field(default_factory=list)
    error: Exception | None = None
    """Error that ended the job early."""

    def result(self, predictor: Predictor, encoded: Encoded) -> PhotoResult:
        """The answers.

        Raises:
            ProblemError: none of the regions can be used.
        """
        if self.error is not None:
            raise self.error
        if self.answers and all(answer.error for answer in self.answers):
            first = self.answers[0]
            raise ProblemError(
                "region",
                f"none of the {len(self.answers)} regions can be used: {first.region}: {first.error}",
                errors=[{"region": answer.region, "error": answer.error or ""} for answer in self.answers],
            )
        return PhotoResult(encoded.photo, predictor.record.title, tuple(self.answers), self.coverage)


_Found = tuple[Question, Region | RegionFailure]


def answer(predictor: Predictor, encoded: Encoded, questions: Sequence[Question]) -> None:
    """Fill in the answers of questions about one photo. A region's error is its answer."""
    for some in _at_once(each for question in questions for each in _regions(question, encoded)):
        wanted = [(question, found) for question, found in some if question.error is None]
        answers = answer_regions(predictor, encoded, [found for _, found in wanted])
        for (question, _), found in zip(wanted, answers, strict=True):
            question.answers.append(found)


def _regions(question: Question, encoded: Encoded) -> Iterator[_Found]:
    """The regions of a question, made one by one. What ends it becomes its `error`."""
    try:
        costs = [request.cost(encoded.photo.size) for request in question.requests]
        spent = sum(cost for cost in costs if cost is not None)
        _check_cost(spent, question.most_pixels)
        for request, cost in zip(question.requests, costs, strict=True):
            question.check()
            for found in request.resolve(encoded.photo, question.options):
                if cost is None and isinstance(found, Region):
                    spent += found.cut.size
                    _check_cost(spent, question.most_pixels)
                yield question, found
    except (ProblemError, MadeofError) as error:
        question.error = error


def _check_cost(spent: float, most: float) -> None:
    if spent > most:
        raise ProblemError(
            "input",
            f"the regions have {spent / MB:.0f} megapixels, each counted for itself and a polygon's outline "
            f"{OUTLINE} times; expected {most / MB:g} at most: ask for fewer at once",
        )


def _at_once(regions: Iterator[_Found]) -> Iterator[list[_Found]]:
    """Batches of regions for the classifier."""
    waiting: list[_Found] = []
    count = pixels = 0
    for each in regions:
        waiting.append(each)
        if isinstance(each[1], Region):
            count += 1
            pixels += each[1].cut.size
        if count >= _REGIONS_AT_ONCE or pixels >= _PIXELS_AT_ONCE:
            yield waiting
            waiting, count, pixels = [], 0, 0
    if waiting:
        yield waiting
