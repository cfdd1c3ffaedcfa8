"""Regions to look at: which answers a report shows, and small pictures of them, read again from the data set."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from madeof._util.text import show
from madeof.errors import DatasetError, InputError
from madeof.evaluation.result import Evaluation
from madeof.materials.lists import positions
from madeof.viz.crop import HEIGHT, WIDTH, frame

if TYPE_CHECKING:
    from madeof.datasets import RegionDataset

_logger = logging.getLogger("madeof")


class Picture(NamedTuple):
    """A part of a photo with a region's outline."""

    jpeg: bytes
    width: int
    height: int
    source: str
    """Source of the photo; "" if not stated."""
    licence: str
    """The photo's, "" where it is not stated: who passes the report on passes the photo on."""


class Pair(NamedTuple):
    """A mistake that is made often."""

    truth: str
    predicted: str
    regions: int
    """How often."""
    shown: list[int]
    """Some of these regions, positions in the evaluation, the surest answer first."""


def surest_errors(evaluation: Evaluation, limit: int) -> list[int]:
    """The wrong answers with the best scores, at most one of each photo; positions in the evaluation.

    Materials that the model cannot name are left out: `unnameable` has them.
    """
    truth, called, order = _answers(evaluation)
    return _first_of_each(evaluation.photo, order[(truth != called)[order] & (truth >= 0)[order]], limit)


def confused_pairs(evaluation: Evaluation, limit: int, each: int) -> list[Pair]:
    """The most frequent mistakes among the model's materials, with up to `each` regions of different photos."""
    truth, called, order = _answers(evaluation)
    wrong = np.flatnonzero((truth != called) & (truth >= 0))
    pairs, counts = np.unique(truth[wrong] * len(evaluation.materials) + called[wrong], return_counts=True)
    found = []
    for place in np.argsort(-counts, kind="stable")[:limit]:
        row, column = divmod(int(pairs[place]), len(evaluation.materials))
        these = order[(truth == row)[order] & (called == column)[order]]
        shown = _first_of_each(evaluation.photo, these, each)
        found.append(Pair(evaluation.materials[row], evaluation.materials[column], int(counts[place]), shown))
    return found


def unnameable(evaluation: Evaluation, limit: int) -> list[int]:
    """A region of each material that the model cannot name, the surest answer first; positions in the evaluation."""
    truth, _, order = _answers(evaluation)
    names = list(evaluation.metrics.unpredictable)
    number = np.array(positions(evaluation.truth, names), dtype=np.int64)
    return _first_of_each(number, order[(truth < 0)[order]], limit)


def read_pictures(dataset: RegionDataset, evaluation: Evaluation, shown: Iterable[int]) -> dict[int, Picture | str]:
    """A picture of each of these regions (positions in the evaluation), or the reason why there is none.

    Args:
        dataset: the data set, or split, that was evaluated.
        evaluation: what was found.
        shown: any order, repeats are read once.

    Raises:
        DatasetError: the data set is another one.
    """
    if dataset.digest != evaluation.digest:
        raise DatasetError(
            f"the data set {dataset.digest[:16]} is not the one that was evaluated, {evaluation.digest[:16]}; "
            "give write_report the data set, or the split, that evaluate got"
        )
    found: dict[int, Picture | str] = {}
    for position in sorted(set(shown)):
        try:
            region = int(evaluation.region[position])
            sample = dataset.read_region(region)
            photo = int(dataset.regions.photo[region])
            origin = dataset.photos.source[photo], dataset.photos.licence[photo]
            found[position] = Picture(*_draw(sample.image, sample.masks[0]), *origin)
        except (DatasetError, InputError, OSError) as error:
            found[position] = " ".join(str(error).split())
            _logger.warning("a report without a picture: %s", show(str(found[position])))
    return found


def _answers(evaluation: Evaluation) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """(N,) each: the true material's position or -1, the called one's, and all regions, the best score first."""
    scores = evaluation.scores
    truth = evaluation.outputs
    if not len(scores):
        return truth, truth, truth
    return truth, scores.argmax(axis=1), np.argsort(-scores.max(axis=1), kind="stable")


def _first_of_each(kinds: NDArray[np.int64], order: Sequence[int] | NDArray[np.int64], limit: int) -> list[int]:
    """The first `limit` of `order`, at most one of each kind; `kinds` is (N,)."""
    found: dict[int, int] = {}
    for position in order:
        if len(found) == limit:
            break
        found.setdefault(int(kinds[position]), int(position))
    return list(found.values())


def _draw(image: NDArray[np.uint8], mask: NDArray[np.bool_]) -> tuple[bytes, int, int]:
    """A JPEG of the region with what is around it, its width and its height."""
    from madeof.viz import overlay

    rows, columns = frame(mask)
    part = np.ascontiguousarray(image[rows, columns])
    height, width = part.shape[:2]
    side = round(max(width, height) * min(WIDTH / width, HEIGHT / height))
    drawn = overlay.draw(part, [(mask[rows, columns], "")], max_side=side, min_side=side, fill=0.0)
    data = io.BytesIO()
    drawn.save(data, "JPEG", quality=80, optimize=True, progressive=True)
    return data.getvalue(), *drawn.size
