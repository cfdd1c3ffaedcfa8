"""An evaluation as named figures and tables: what every report shows, in whatever form."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from madeof._util.text import pluralize
from madeof.evaluation.comparison import LeftOut
from madeof.evaluation.result import Evaluation, percent
from madeof.metrics.bootstrap import Interval, of_share
from madeof.metrics.classification import MaterialFigures

Cell = str | int | float | Interval | None
"""Text, a number of regions, a fraction, the interval of one; None where there is nothing to divide by."""


class Figure(NamedTuple):
    """A figure of the whole evaluation."""

    name: str
    value: float | None
    interval: Interval | None = None
    note: str = ""
    headline: bool = False
    """Whether it is one of the few that a reader sees first."""


@dataclass(frozen=True)
class Table:
    """A table with a head."""

    name: str
    """Such as "by-size": unique among the tables of an evaluation."""
    title: str
    head: tuple[str, ...]
    rows: list[tuple[Cell, ...]]
    note: str = ""
    """Explanation below the table."""
    texts: tuple[int, ...] = (0,)
    """The columns that hold text; numbers are aligned on the right."""
    marks: Mapping[str, str] = field(default_factory=dict)
    """Remarks beside the rows' names."""


def facts(evaluation: Evaluation) -> list[tuple[str, str]]:
    """The evaluated data and the model."""
    found, area, judged = evaluation.metrics, evaluation.area, evaluation.judged
    below, strata = evaluation.calibration.uncertain_below, evaluation.calibration.by_size
    threshold = "none" if below is None else f"answers with a score under {below:.3f} are uncertain"
    occurring = sum(row.regions > 0 for row in found.by_material)
    rows = [
        ("Model", evaluation.model),
        ("Its materials", f"{len(evaluation.materials)}"),
        ("Its threshold", f"one for each of {len(strata)} sizes" if strata else threshold),
    ]
    if judged is not None:
        rows += [("Data set", judged.dataset), ("Judged", judged.text())]
    rows += [
        ("Digest of the data", evaluation.digest[:16] or "not stated"),
        ("Photos", f"{len(evaluation.photos):,}"),
        ("Regions", f"{found.regions:,} of {occurring} materials"),
    ]
    if len(area):
        low, middle, high = (f"{int(value):,}" for value in np.quantile(area, (0, 0.5, 1)))
        rows.append(("Region sizes", f"{low} to {high} pixels, half of them under {middle}"))
    if evaluation.quality is not None and not np.isnan(evaluation.quality).all():
        rows.append(("Mask quality", f"{percent(float(np.nanmedian(evaluation.quality)))} (median edge agreement)"))
    sources = Counter(source or "not stated" for source in evaluation.sources).most_common()
    if len(sources) > 1:
        rows.append(("Sources", ", ".join(f"{name} ({photos:,})" for name, photos in sources)))
    if evaluation.comparison is not None:
        rows.append(("Compared through", evaluation.comparison.through))
    if evaluation.failures:
        rows.append(("Left out", f"{pluralize(len(evaluation.failures), 'photo')} that could not be evaluated"))
    return rows


def figures(evaluation: Evaluation) -> list[Figure]:
    """The figures over all regions."""
    found, error, certain = evaluation.metrics, evaluation.metrics.calibration_error, evaluation.confident_answers
    in_best = _in_best(evaluation)
    rows = [
        Figure("accuracy", found.accuracy, found.accuracy_interval, "of the regions are named right", True),
        Figure(
            "mean class accuracy", found.mean_class_accuracy, found.mean_class_accuracy_interval,
            "the same, every material weighing alike", True,
        ),
        Figure("accuracy, nameable regions only", found.accuracy_nameable),
        Figure("mean class accuracy, nameable only", found.mean_class_accuracy_nameable),
        *(Figure(f"in the best {k}", value) for k, value in found.top_k.items() if 1 < k < 5),
        Figure("in the best 5", found.top_k[5], of_share(in_best, evaluation.photo), "have the label", True),
        Figure("macro F1", found.macro_f1),
    ]  # fmt: skip
    if certain is not None:
        kept, below = evaluation.confident, evaluation.calibration.uncertain_below
        least = "of its size's threshold" if evaluation.calibration.by_size or below is None else f"of {below:.3f}"
        rows += [
            Figure("certain answers", certain.coverage, None, f"have a score {least} or more"),
            Figure(
                "right when certain", certain.accuracy, of_share(evaluation.correct, evaluation.photo, among=kept),
                f"of the {percent(certain.coverage)} of the answers with a score {least} or more", True,
            ),
        ]  # fmt: skip
    return [
        *rows,
        Figure("mean score", error.mean_score),
        Figure(
            "calibration error", error.ece, None, f"perfectly honest scores would show {percent(error.by_chance)}", True
        ),
        Figure(
            "mean risk (AURC)", found.risk.area, None,
            f"wrong, over all shares of answers kept; the best order has {percent(found.risk.best)}", True,
        ),
    ]  # fmt: skip


def tables(evaluation: Evaluation) -> dict[str, Table]:
    """The tables by name, in the order in which they are read; one without rows says "None."."""
    found = evaluation.metrics
    wrong, unnameable = _mistaken(found.confusion.truth, found.confusion.counts), found.unpredictable
    parts = [
        Table(
            "by-material", "By material",
            ("material", "regions", "recall", "precision", "F1", "otherwise most often called"),
            [(row.name, row.regions, row.recall, row.precision, row.f1, wrong.get(row.name, ""))
             for row in by_regions(found.by_material)],
            "Recall: how many regions of the material are found. Precision: how many of those called so are it. F1: "
            "the harmonic mean of both.",
            texts=(0, 5), marks=dict.fromkeys(unnameable, "not in its list"),
        ),
        Table(
            "by-size", "By size",
            ("area in pixels", "regions", "accuracy", "95% interval", "mean class accuracy", *_ERROR),
            [(row.label, row.regions, row.accuracy, row.accuracy_interval, row.mean_class_accuracy, *_error(row))
             for row in found.by_size if row.regions],
        ),
        Table(
            "by-quality", "By mask quality",
            ("edge agreement of the mask", "regions", "accuracy", "95% interval", "mean class accuracy"),
            [(row.label, row.regions, row.accuracy, row.accuracy_interval, row.mean_class_accuracy)
             for row in found.by_quality if row.regions],
        ),
        Table(
            "by-source", "By source",
            ("source", "regions", "accuracy", "95% interval", "mean class accuracy", "accuracy, nameable", *_ERROR),
            [(name, its.regions, its.accuracy, its.accuracy_interval, its.mean_class_accuracy, its.accuracy_nameable,
              *_error(its)) for name, its in ((n, part.metrics) for n, part in evaluation.by_source.items())],
            "Series of similar photos are easier than photos of all kinds: look for the source most like your photos.",
        ),
        Table(
            "sets", f"Sets with a coverage of {percent(evaluation.coverage)}",
            ("region, of the photo's area", "regions", "hold the material", "materials in a set", "hold all materials"),
            [("all sizes" if row.label == "all" else row.label, row.regions, row.covered, f"{row.mean_size:.1f}",
              row.complete) for row in evaluation.covered if row.regions],
            f"Each set should hold the true material with a probability of {percent(evaluation.coverage)}, within each "
            "range of sizes.",
        ),
        Table(
            "by-score", "By score", ("score", "regions", "mean score", "right", "95% interval"),
            [(f"{percent(row.low)} to {percent(row.high)}", row.regions, row.mean_score, row.accuracy,
              row.accuracy_interval) for row in found.by_score if row.regions],
        ),
        Table(
            "risk", "Coverage and risk", ("answers kept", "wrong among them"),
            [(f"the surest {10 * tenth}%", found.risk.at(tenth / 10)) for tenth in range(1, 11) if found.regions],
        ),
        Table(
            "confused", "Most confused", ("material", "called", "regions"), list(found.confusion.pairs()), texts=(0, 1)
        ),
        *_comparison(evaluation),
        Table(
            "unnameable", "Not in the model's list", ("material", "regions", "most often called"),
            [(name, regions, wrong.get(name, "")) for name, regions in unnameable.items()],
            "These materials of the data are not among the model's; each of their regions counts as wrong. Without "
            f"them the accuracy is {percent(found.accuracy_nameable)}.", texts=(0, 2),
        ),
        Table("failures", "Not evaluated", ("photo", "reason"), [*evaluation.failures], texts=(0, 1)),
    ]  # fmt: skip
    return {part.name: part for part in parts}


def by_regions(rows: Iterable[MaterialFigures]) -> list[MaterialFigures]:
    """The materials with the most regions first."""
    return sorted(rows, key=lambda row: row.regions, reverse=True)


_ERROR = ("mean score", "calibration error", "by chance")


def _error(row: Any) -> tuple[Cell, ...]:
    found = row.calibration_error
    return found.mean_score, found.ece, found.by_chance


def _comparison(evaluation: Evaluation) -> list[Table]:
    """Material mapping between the model and the data set, if their lists differ."""
    found = evaluation.comparison
    if found is None:
        return []
    rows: list[tuple[Cell, ...]] = [
        (one.name, "; ".join(one.model), "; ".join(one.data), one.relation, "; ".join(one.notes))
        for one in found.compared
    ]
    return [
        Table(
            "compared", "Compared through a crosswalk",
            ("compared as", "the model's", "the data set's", "the model's are", "note"), rows,
            f"The model's materials are not the data set's; they were compared through {found.through}. Scores of the "
            "model's materials in one row are added; the data set's in one row count as one.", texts=(0, 1, 2, 3, 4),
        ),
        _left_out(
            "left-out", "Not compared: the model has no word for it", found.left_out,
            f"{pluralize(found.regions_left_out, 'region')} of these materials are in no figure.",
        ),
        _left_out(
            "without-word", "Answers that the data set has no word for", found.without_word,
            f"{pluralize(found.answers_without_word, 'answer')} of these count as wrong. When the model may only "
            f"choose among the materials compared, its accuracy is {percent(found.accuracy_among_compared)}.",
        ),
    ]  # fmt: skip


def _left_out(name: str, title: str, rows: Iterable[LeftOut], note: str) -> Table:
    """Materials that could not be compared."""
    return Table(name, title, ("material", "regions", "why"), [tuple(row) for row in rows], note, texts=(0, 2))


def _in_best(evaluation: Evaluation, k: int = 5) -> NDArray[np.bool_]:
    """(N,) whether the label is among the `k` best scores."""
    best = np.argsort(-evaluation.scores, axis=1, kind="stable")[:, :k]
    found: NDArray[np.bool_] = (best == evaluation.outputs[:, None]).any(axis=1)
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
