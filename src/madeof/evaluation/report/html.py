"""An evaluation as one page for people: everything in one file, without scripts, and nothing from a network."""

from __future__ import annotations

import base64
import logging
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from madeof._util.text import show
from madeof._version import __version__
from madeof.errors import MissingExtraError
from madeof.evaluation.report.answer_tables import set_rows
from madeof.evaluation.report.charts import charts
from madeof.evaluation.report.gallery import (
    EvaluatedDataset,
    Picture,
    confused_pairs,
    read_pictures,
    surest_errors,
    unnameable,
)
from madeof.evaluation.report.pictures import by_regions, count, shown_confusion
from madeof.evaluation.result import Evaluation, percent, percent_range
from madeof.materials.lists import positions
from madeof.metrics.bootstrap import Interval, of_share

_logger = logging.getLogger("madeof")
_TEMPLATES = Path(__file__).parent / "templates"

SUREST_ERRORS, PAIRS, OF_EACH_PAIR, UNNAMEABLE = 24, 8, 4, 8
"""How many regions the galleries show at most."""


class Figure(NamedTuple):
    """A headline figure."""

    name: str
    value: float | None
    interval: Interval | None
    note: str


class Score(NamedTuple):
    """One of an answer's scores."""

    material: str
    score: float
    right: bool


@dataclass(frozen=True)
class Card:
    """A region of a gallery."""

    photo: str
    area: int
    quality: float | None
    truth: str
    predicted: str
    score: float
    scores: tuple[Score, ...]
    """The best three, and the label's own where it is not among them."""
    rank: int | None
    """How the label's score ranks, from 1; None for a material that the model cannot name."""
    picture: Picture | None
    missing: str
    """Why there is no picture, "" where none was asked for."""


def page(evaluation: Evaluation, dataset: EvaluatedDataset | None = None) -> str | None:
    """The page as HTML; None without Jinja2, and a warning that says how to install it.

    Without matplotlib it has tables in place of the charts.

    Args:
        evaluation: what to show.
        dataset: the data set, or split, that was evaluated: some of its photos are read again for the galleries,
            which have no pictures without it. A photo that cannot be read now leaves a note in place of its picture.

    Raises:
        DatasetError: the data set is another one.
    """
    try:
        import jinja2
    except ImportError:
        _logger.warning("%s", MissingExtraError("A report as one page", "report"))
        return None
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_printable,
    )
    environment.filters.update(percent=percent, percent_range=percent_range, number=_number, address=_address)
    return environment.get_template("report.html.j2").render(_content(evaluation, dataset))


def _content(evaluation: Evaluation, dataset: EvaluatedDataset | None) -> dict[str, Any]:
    """What the template shows."""
    found = evaluation.metrics
    errors = surest_errors(evaluation, SUREST_ERRORS)
    pairs = confused_pairs(evaluation, PAIRS, OF_EACH_PAIR)
    unnamed = unnameable(evaluation, UNNAMEABLE)
    shown = [*errors, *unnamed, *(position for pair in pairs for position in pair.shown)]
    pictures = {} if dataset is None else read_pictures(dataset, evaluation, shown)
    cards = {position: _card(evaluation, position, pictures.get(position, "")) for position in shown}
    return {
        "evaluation": evaluation,
        "found": found,
        "version": __version__,
        "figures": _figures(evaluation),
        "facts": _facts(evaluation),
        "materials": by_regions(found.by_material),
        "mistaken": _mistaken(found.confusion.truth, found.confusion.counts),
        "confusion": _confusion(evaluation),
        "charts": charts(evaluation),
        "sets": set_rows(evaluation),
        "errors": [cards[position] for position in errors],
        "wrong": int(found.regions - np.count_nonzero(evaluation.correct)),
        "pairs": [(pair, [cards[position] for position in pair.shown]) for pair in pairs],
        "unnamed": [cards[position] for position in unnamed],
        "with_pictures": dataset is not None,
    }


def _figures(evaluation: Evaluation) -> list[Figure]:
    found = evaluation.metrics
    figures = [
        Figure("Accuracy", found.accuracy, found.accuracy_interval, "of the regions are named right"),
        Figure(
            "Mean class accuracy",
            found.mean_class_accuracy,
            found.mean_class_accuracy_interval,
            "the same, every material weighing alike",
        ),
        Figure("In the best 5", found.top_k[5], of_share(_in_best(evaluation, 5), evaluation.photo), "have the label"),
    ]
    certain = evaluation.certain
    if certain is not None and evaluation.confident is not None:
        figures.append(
            Figure(
                "Right when certain",
                certain.accuracy,
                of_share(evaluation.correct, evaluation.photo, among=evaluation.confident),
                f"of the {percent(certain.coverage)} of the answers with a score of "
                f"{evaluation.calibration.uncertain_below:.3f} or more",
            )
        )
    chance = percent(found.calibration_error.by_chance)
    return [
        *figures,
        Figure("Calibration error", found.calibration_error.ece, None, f"perfectly honest scores would show {chance}"),
        Figure(
            "Mean risk (AURC)",
            found.risk.area,
            None,
            f"wrong, over all shares of answers kept; the best order has {percent(found.risk.best)}",
        ),
    ]


def _facts(evaluation: Evaluation) -> list[tuple[str, str]]:
    """What was evaluated."""
    found, area = evaluation.metrics, evaluation.area
    threshold = evaluation.calibration.uncertain_below
    occurring = sum(row.regions > 0 for row in found.by_material)
    facts = [
        ("Model", evaluation.model),
        ("Its materials", f"{len(evaluation.materials)}"),
        ("Its threshold", "none" if threshold is None else f"answers with a score under {threshold:.3f} are uncertain"),
        ("Data set", evaluation.digest[:16] or "not stated"),
        ("Photos", _number(len(evaluation.photos))),
        ("Regions", f"{_number(found.regions)} of {occurring} materials"),
    ]
    if len(area):
        low, middle, high = (_number(int(value)) for value in np.quantile(area, (0, 0.5, 1)))
        facts.append(("Region sizes", f"{low} to {high} pixels, half of them under {middle}"))
    if evaluation.quality is not None and not np.isnan(evaluation.quality).all():
        facts.append(("Mask quality", f"{percent(float(np.nanmedian(evaluation.quality)))} (median edge agreement)"))
    sources = Counter(source or "not stated" for source in evaluation.sources).most_common()
    if len(sources) > 1:
        facts.append(("Sources", ", ".join(f"{name} ({_number(photos)})" for name, photos in sources)))
    if evaluation.comparison is not None:
        facts.append(("Compared through", evaluation.comparison.through))
    if evaluation.failures:
        facts.append(("Left out", f"{count(len(evaluation.failures), 'photo')} that could not be evaluated"))
    return facts


def _in_best(evaluation: Evaluation, k: int) -> NDArray[np.bool_]:
    """(N,) whether the label is among the `k` best scores."""
    scores = evaluation.scores
    truth = np.array(positions(evaluation.truth, evaluation.materials), dtype=np.int64)
    best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    found: NDArray[np.bool_] = (best == truth[:, None]).any(axis=1)
    return found


def _mistaken(names: tuple[str, ...], counts: NDArray[np.int64]) -> dict[str, str]:
    """For each material that was called something else: what most often, and how often."""
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    most = wrong.argmax(axis=1)
    return {
        name: f"{names[column]} ({row[column]})"
        for name, row, column in zip(names, wrong, most, strict=True)
        if row[column]
    }


def _confusion(evaluation: Evaluation) -> dict[str, Any]:
    """The table: for each row its name, number of regions, and the shares of its columns with their numbers."""
    confusion = evaluation.metrics.confusion
    rows, columns, counts = shown_confusion(confusion)
    names = [confusion.truth[column] for column in columns]
    if counts.shape[1] > len(columns):
        names.append("any other")
    table = []
    for row, numbers in zip(rows, counts.tolist(), strict=True):
        cells = [(number, number / sum(numbers), place < len(columns) and columns[place] == row)
                 for place, number in enumerate(numbers)]  # fmt: skip
        table.append((confusion.truth[row], sum(numbers), cells))
    return {"columns": names, "rows": table, "left_out": int(confusion.counts.any(axis=1).sum()) - len(rows)}


def _card(evaluation: Evaluation, position: int, picture: Picture | str) -> Card:
    scores = evaluation.scores[position]
    order = np.argsort(-scores, kind="stable")
    truth = positions([evaluation.truth[position]], evaluation.materials)[0]
    rank = None if truth < 0 else int(np.flatnonzero(order == truth)[0]) + 1
    shown = [*order[:3].tolist(), *([truth] if rank is not None and rank > 3 else [])]
    quality = float("nan") if evaluation.quality is None else float(evaluation.quality[position])
    return Card(
        photo=evaluation.photos[evaluation.photo[position]],
        area=int(evaluation.area[position]),
        quality=None if np.isnan(quality) else quality,
        truth=evaluation.truth[position] if truth < 0 else evaluation.materials[truth],
        predicted=evaluation.materials[order[0]],
        score=float(scores[order[0]]),
        scores=tuple(Score(evaluation.materials[i], float(scores[i]), i == truth) for i in shown),
        rank=rank,
        picture=picture if isinstance(picture, Picture) else None,
        missing="" if isinstance(picture, Picture) else picture,
    )


def _address(jpeg: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode('ascii')}"


def _number(value: int) -> str:
    """With commas: 1,346."""
    return f"{value:,}"


def _printable(value: Any) -> Any:
    """All that the template shows passes here: names stand on one line, without control characters."""
    return value if not isinstance(value, str) or hasattr(value, "__html__") else show(value)
