"""A photo and the regions that are asked for in, answers out: the one way that every door goes.

photo = predictor.read("photo.jpg")
result = answer_photo(predictor, photo, [RegionRequest("cup", Box(10, 20, 110, 220))])
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

from madeof.images.photo import Photo
from madeof.inference.photo_result import Answer, PhotoResult
from madeof.inference.predictor import Encoded, Predictor
from madeof.regions.options import DEFAULT, ReadOptions
from madeof.regions.region import Region
from madeof.regions.request import RegionFailure, RegionRequest


def answer_photo(
    predictor: Predictor,
    image: Any,
    requests: Iterable[RegionRequest],
    options: ReadOptions = DEFAULT,
    *,
    coverage: float | None = None,
    timed: Callable[[str], AbstractContextManager[object]] = nullcontext,
) -> PhotoResult:
    """Answer for the regions of a photo, in the order asked. What is wrong with a region is its answer's `error`.

    A photo of which no region can be used is not encoded.

    Args:
        predictor: the model.
        image: what `Predictor.read` takes, or what it gave.
        requests: the regions.
        options: how photos and masks are read.
        coverage: of the set of materials that the result holds; None for no set.
        timed: called with "regions", "encode" and "classify"; what it gives is entered around that part of the work.

    Raises:
        PhotoError: the photo cannot be read.
        RegionError, DatasetError: a region that is `required` cannot be used.
    """
    photo = image if isinstance(image, Photo) else predictor.read(image, options)
    with timed("regions"):
        pairs = [(request, found) for request in requests for found in request.resolve(photo, options)]
    found = [each for _, each in pairs]
    answers = [_failed(each) for each in found if isinstance(each, RegionFailure)]
    if len(answers) < len(found):
        with timed("encode"):
            encoded = predictor.encode(photo)
        with timed("classify"):
            answers = answer_regions(predictor, encoded, found)
    told = tuple(
        replace(answer, truth=request.truth or None, asked=request, mask=each if isinstance(each, Region) else None)
        for answer, (request, each) in zip(answers, pairs, strict=True)
    )
    return PhotoResult(photo, predictor.record.title, told, coverage)


def answer_regions(predictor: Predictor, encoded: Encoded, found: Sequence[Region | RegionFailure]) -> list[Answer]:
    """The answers for some regions of an encoded photo, in their order."""
    predictions = iter(predictor.predict([each for each in found if isinstance(each, Region)], encoded=encoded))
    return [
        Answer(each.name, one := next(predictions), one.notes) if isinstance(each, Region) else _failed(each)
        for each in found
    ]


def _failed(failure: RegionFailure) -> Answer:
    return Answer(failure.name, error=failure.error)
