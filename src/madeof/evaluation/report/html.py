"""An evaluation as one page for people: everything in one file, without scripts, and nothing from a network."""

from __future__ import annotations

import base64
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from madeof._util.text import show
from madeof._version import __version__
from madeof.errors import MissingExtraError
from madeof.evaluation.report.charts import charts, shown_confusion
from madeof.evaluation.report.gallery import Picture, confused_pairs, read_pictures, surest_errors, unnameable
from madeof.evaluation.report.tables import Cell, facts, figures, tables
from madeof.evaluation.result import Evaluation, percent, percent_range
from madeof.materials.lists import positions
from madeof.metrics.bootstrap import Interval

if TYPE_CHECKING:
    from madeof.datasets import RegionDataset

_logger = logging.getLogger("madeof")
_TEMPLATES = Path(__file__).parent / "templates"

SUREST_ERRORS, PAIRS, OF_EACH_PAIR, UNNAMEABLE = 24, 8, 4, 8
"""How many regions the galleries show at most."""


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


def page(evaluation: Evaluation, dataset: RegionDataset | None = None) -> str | None:
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
    environment.filters.update(
        percent=percent, percent_range=percent_range, number=_number, address=_address, shown=_shown, first_up=_first_up
    )
    return environment.get_template("report.html.j2").render(_content(evaluation, dataset))


def _content(evaluation: Evaluation, dataset: RegionDataset | None) -> dict[str, Any]:
    """Variables of the template."""
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
        "figures": [row for row in figures(evaluation) if row.headline],
        "facts": facts(evaluation),
        "tables": tables(evaluation),
        "confusion": _confusion(evaluation),
        "charts": charts(evaluation),
        "errors": [cards[position] for position in errors],
        "wrong": int(found.regions - np.count_nonzero(evaluation.correct)),
        "pairs": [(pair, [cards[position] for position in pair.shown]) for pair in pairs],
        "unnamed": [cards[position] for position in unnamed],
        "with_pictures": dataset is not None,
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


def _shown(cell: Cell) -> str:
    """A cell of a table."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, Interval):
        return percent_range(cell)
    return _number(cell) if isinstance(cell, int) else percent(cell)


def _first_up(text: str) -> str:
    return text[:1].upper() + text[1:]


def _printable(value: Any) -> Any:
    """All that the template shows passes here: names stand on one line, without control characters."""
    return value if not isinstance(value, str) or hasattr(value, "__html__") else show(value)
