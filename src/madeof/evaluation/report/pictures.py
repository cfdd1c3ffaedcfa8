"""The pictures of a report. Only matplotlib's objects, never pyplot: that has state which belongs to the caller."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from madeof._util.text import show
from madeof.errors import MissingExtraError
from madeof.evaluation.result import Evaluation, percent
from madeof.metrics.classification import Confusion, MaterialFigures

_logger = logging.getLogger("madeof")

MOST_MATERIALS = 50
"""How many materials a picture shows, those with the most regions."""

# Okabe and Ito's colours, which the colour-blind can tell apart too.
_BLUE, _ORANGE, _GREY = "#0072B2", "#D55E00", "#767676"


def by_regions(rows: Iterable[MaterialFigures]) -> list[MaterialFigures]:
    """The materials with the most regions first."""
    return sorted(rows, key=lambda row: row.regions, reverse=True)


def count(number: int, noun: str) -> str:
    """A number with its noun: "1 region", "2 regions"."""
    return f"{number} {noun}" + ("" if number == 1 else "s")


def pictures(evaluation: Evaluation) -> dict[str, bytes]:
    """File name -> PNG; none without matplotlib, or without regions."""
    try:
        import matplotlib.backends.backend_agg
        import matplotlib.figure  # noqa: F401
    except ImportError:
        _logger.warning("%s", MissingExtraError("A report with pictures", "report"))
        return {}
    if not evaluation.metrics.regions:
        return {}
    return {name: draw(evaluation) for name, draw in PICTURES.items()}


def _figure(width: float, height: float) -> Any:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=130, layout="compressed", facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def _png(figure: Any) -> bytes:
    from matplotlib.text import Text

    for text in figure.findobj(Text):  # a name is never a formula
        text.set_parse_math(False)
        text.set_usetex(False)
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
    data = io.BytesIO()
    figure.canvas.print_png(data)
    return data.getvalue()


def _label(text: str, limit: int = 30) -> str:
    """Text for a picture: short, and with a box for each character that the font lacks."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    text = show(text)
    text = text if len(text) <= limit else text[: limit - 1] + "…"
    known = get_font(findfont(FontProperties())).get_charmap()
    return "".join(character if ord(character) in known else "□" for character in text)


def _title(evaluation: Evaluation, what: str) -> str:
    return f"{what}\n{_label(evaluation.model, 40)}, {count(evaluation.metrics.regions, 'region')}"


def _percent_axis(axis: Any) -> None:
    axis.set_ticks(np.linspace(0, 1, 6), labels=[f"{value}%" for value in range(0, 101, 20)], fontsize=8)


def shown_confusion(confusion: Confusion) -> tuple[list[int], list[int], NDArray[np.int64]]:
    """What a page shows of a confusion matrix: materials in order of their regions, unnameable ones last.

    Returns:
        the rows (positions in `confusion.truth`), at most 50; the columns (positions in `confusion.predicted`), which
        are the nameable ones of the rows; and the numbers of regions, (rows, columns), with one more column for all
        other answers where there are some.
    """
    support, named = confusion.counts.sum(axis=1), len(confusion.predicted)
    occurring = np.flatnonzero(support)
    rows = occurring[np.argsort(-support[occurring], kind="stable")][:MOST_MATERIALS]
    rows = np.concatenate([rows[rows < named], rows[rows >= named]])
    columns = rows[rows < named]
    counts = confusion.counts[np.ix_(rows, columns)]
    rest = support[rows] - counts.sum(axis=1)
    return rows.tolist(), columns.tolist(), np.column_stack([counts, rest]) if rest.any() else counts


def _draw_confusion(evaluation: Evaluation) -> bytes:
    """The table of `shown_confusion` as a picture, in percent of each row."""
    confusion = evaluation.metrics.confusion
    rows, columns, counts = shown_confusion(confusion)
    support, named = counts.sum(axis=1), len(confusion.predicted)
    names = [_label(confusion.truth[column]) for column in columns]
    table = counts / support[:, None]
    if counts.shape[1] > len(columns):
        names.append("(any other)")
    height, width = table.shape
    figure = _figure(max(3.2 + 0.26 * width, 6.5), max(2.8 + 0.26 * height, 4))
    axes = figure.add_subplot()
    # Dark is much: white to dark blue is even in lightness, so it survives grey printing too.
    shown = axes.imshow(table, cmap="Blues", vmin=0, vmax=1, aspect="equal")
    stars = ["" if row < named else " *" for row in rows]
    labels = [
        f"{_label(confusion.truth[row])}{star} ({regions})"
        for row, star, regions in zip(rows, stars, support, strict=True)
    ]
    axes.set_yticks(range(height), labels, fontsize=8)
    axes.set_xticks(range(width), names, fontsize=8, rotation=90)
    for row, column in zip(*np.nonzero(table >= 0.05), strict=True):
        ink = "white" if table[row, column] > 0.55 else "black"
        axes.text(column, row, f"{100 * table[row, column]:.0f}", ha="center", va="center", fontsize=6, color=ink)
    axes.set_xticks(np.arange(width + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(height + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="#E4E4E4", linewidth=0.5)
    axes.tick_params(which="both", length=0)
    axes.set_ylabel("true material (regions)", fontsize=9)
    axes.set_xlabel("called" + (" (* is not in the model's list)" if any(stars) else ""), fontsize=9)
    occurring = np.count_nonzero(confusion.counts.any(axis=1))
    more = f", the {len(rows)} with the most regions" if occurring > len(rows) else ""
    figure.suptitle(_title(evaluation, f"What each material is called, in % of its regions{more}"), fontsize=10)
    bar = figure.colorbar(shown, ax=axes, shrink=0.5, aspect=25, pad=0.02)
    _percent_axis(bar)
    bar.outline.set_visible(False)
    return _png(figure)


def _draw_by_material(evaluation: Evaluation) -> bytes:
    rows = [row for row in by_regions(evaluation.metrics.by_material) if row.regions]
    more = f", the {MOST_MATERIALS} with the most regions" if len(rows) > MOST_MATERIALS else ""
    rows = rows[:MOST_MATERIALS]
    figure = _figure(7.5, 1.8 + 0.25 * max(len(rows), 3))
    axes = figure.add_subplot()
    places = np.arange(len(rows))
    axes.barh(places, [row.recall or 0.0 for row in rows], height=0.68, color=_BLUE, label="recall")
    called = [(row.precision, place) for place, row in enumerate(rows) if row.precision is not None]
    if called:
        axes.plot(
            *zip(*called, strict=True),
            "D",
            color=_ORANGE,
            markersize=5,
            clip_on=False,
            zorder=3,
            markeredgecolor="white",
            label="precision",
        )
    for place, row in enumerate(rows):
        if row.name in evaluation.metrics.unpredictable:
            axes.text(0.01, place, "not in the model's list", va="center", fontsize=8, color=_GREY)
    axes.set_yticks(places, [f"{_label(row.name)} ({row.regions})" for row in rows], fontsize=8)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    _score_axis(axes.xaxis, axes.set_xlim)
    axes.grid(axis="x", color="#E4E4E4")
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)
    axes.set_title(_title(evaluation, f"Recall and precision by material (regions){more}"), fontsize=10)
    figure.legend(loc="outside lower right", ncols=2, frameon=False, fontsize=8)
    return _png(figure)


def _draw_by_size(evaluation: Evaluation) -> bytes:
    sizes = evaluation.metrics.by_size
    figure = _figure(8.5, 4.2)
    axes = figure.add_subplot()
    there = [(place, row) for place, row in enumerate(sizes) if row.accuracy is not None]
    for place, row in there:
        if row.accuracy_interval is not None:
            ends = row.accuracy_interval.low, row.accuracy_interval.high
            axes.plot([place - 0.1] * 2, ends, color=_BLUE, linewidth=2, alpha=0.55, solid_capstyle="butt")
    places = np.array([place for place, _ in there])
    accuracy, by_class = ([getattr(row, name) for _, row in there] for name in ("accuracy", "mean_class_accuracy"))
    axes.plot(
        places - 0.1,
        accuracy,
        "o",
        color=_BLUE,
        markersize=7,
        clip_on=False,
        zorder=3,
        label="accuracy (with its 95% interval)",
    )
    axes.plot(
        places + 0.1, by_class, "D", color=_ORANGE, markersize=6, clip_on=False, zorder=3, label="mean class accuracy"
    )
    axes.set_xticks(range(len(sizes)), [f"{_short(row.under)}\nn = {row.regions}" for row in sizes], fontsize=8)
    axes.set_xlim(-0.6, len(sizes) - 0.4)
    _score_axis(axes.yaxis, axes.set_ylim)
    axes.grid(axis="y", color="#E4E4E4")
    axes.set_axisbelow(True)
    axes.set_xlabel("area of the region in pixels", fontsize=9)
    axes.set_title(_title(evaluation, "Accuracy by the region's size"), fontsize=10)
    figure.legend(loc="outside lower right", ncols=2, frameon=False, fontsize=8)
    return _png(figure)


def draw_reliability(evaluation: Evaluation) -> bytes:
    """The reliability diagram as PNG: accuracy in 15 equal bins of the top score, and how many regions lie in each."""
    found = evaluation.metrics
    figure = _figure(6.2, 6.6)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    width = 1 / len(found.by_score)
    there = [row for row in found.by_score if row.accuracy is not None]
    lows, scores = [row.low + 0.03 * width for row in there], [row.mean_score for row in there]
    bars = {"width": 0.94 * width, "align": "edge"}
    upper.bar(lows, [row.accuracy for row in there], color=_BLUE, alpha=0.75, label="accuracy", **bars)
    several = [row for row in there if row.accuracy_interval is not None]
    ends = [(row.accuracy_interval.low, row.accuracy_interval.high) for row in several if row.accuracy_interval]
    middles = [row.low + width / 2 for row in several]
    if ends:
        upper.vlines(middles, *zip(*ends, strict=True), color="black", linewidth=1, label="95% interval")
    upper.plot([0, 1], [0, 1], "--", color="black", linewidth=1, label="as sure as right")
    upper.plot(
        scores,
        scores,
        "D",
        color=_ORANGE,
        markersize=6,
        clip_on=False,
        zorder=3,
        markeredgecolor="white",
        label="mean score",
    )
    _score_axis(upper.yaxis, upper.set_ylim)
    error, chance = percent(found.calibration_error.ece), percent(found.calibration_error.by_chance)
    upper.set_title(
        _title(evaluation, f"Is a score to be believed? Calibration error {error} (by chance alone {chance})"),
        fontsize=10,
    )
    upper.legend(loc="upper left", fontsize=8, frameon=False)
    lower.bar(lows, [row.regions for row in there], color=_GREY, **bars)
    for row in there:
        lower.annotate(
            f"{row.regions}",
            (row.low + width / 2, row.regions),
            (0, 2),
            textcoords="offset points",
            ha="center",
            fontsize=7,
        )
    lower.margins(y=0.18)
    lower.set_ylabel("regions", fontsize=9)
    lower.tick_params(axis="y", labelsize=8)
    lower.set_xlabel("score of the predicted material", fontsize=9)
    below = evaluation.calibration.uncertain_below
    if below is not None:
        for axes in (upper, lower):
            axes.axvline(below, color=_ORANGE, linewidth=1, linestyle=":")
        lower.annotate(
            "uncertain below", (below, 1), (-3, -9), xycoords=("data", "axes fraction"),
            textcoords="offset points", ha="right", fontsize=7, color=_ORANGE,
        )  # fmt: skip
    _score_axis(lower.xaxis, lower.set_xlim)
    for axes in (upper, lower):
        axes.grid(axis="y", color="#E4E4E4")
        axes.set_axisbelow(True)
    return _png(figure)


def _score_axis(axis: Any, limits: Callable[[float, float], object]) -> None:
    _percent_axis(axis)
    limits(0, 1.02)  # a marker at 100% is whole


def _short(under: int | None) -> str:
    return "≥ 1M" if under is None else "< 1M" if under == 1_000_000 else f"< {under // 1000}k"


PICTURES: dict[str, Callable[[Evaluation], bytes]] = {
    "confusion.png": _draw_confusion,
    "by-material.png": _draw_by_material,
    "by-size.png": _draw_by_size,
    "reliability.png": draw_reliability,
}
