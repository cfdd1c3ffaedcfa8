"""The figures of a report, each drawn once: as SVG for the page, as PNG for a file.

Only matplotlib's objects, never pyplot: that has state which belongs to the caller.
"""

from __future__ import annotations

import base64
import io
import logging
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from madeof._util.text import pluralize, show
from madeof.errors import MissingExtraError
from madeof.evaluation.report.tables import by_regions
from madeof.evaluation.result import Evaluation, percent
from madeof.metrics.boundary import QualityBin
from madeof.metrics.classification import Confusion, SizeFigures

_logger = logging.getLogger("madeof")

MOST_MATERIALS = 50
"""How many materials a figure shows, those with the most regions."""

# Blue and orange are near those of Okabe and Ito, which the colour-blind can tell apart too. The page replaces each.
_INK, _GRID, _BLUE, _ORANGE, _GREY = "#24292f", "#dfe3e8", "#0072b2", "#c24a00", "#6b7480"
_NAMES = {_INK: "--ink", _GRID: "--grid", _BLUE: "--blue", _ORANGE: "--orange", _GREY: "--grey"}
_STYLE = f"""<style>
svg {{ {" ".join(f"{name}: {colour};" for colour, name in _NAMES.items())} }}
@media screen and (prefers-color-scheme: dark) {{
  svg {{ --ink: #dde2e8; --grid: #333b45; --blue: #56b4e9; --orange: #f0a35e; --grey: #96a0ac; }}
}}
</style>"""
_FONTS = "system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', 'DejaVu Sans', sans-serif"
_WIDTH = 4.6  # inches: at this width its 9-point letters are readable on a phone


def charts(evaluation: Evaluation) -> dict[str, str]:
    """Name -> data URI of an SVG; none without matplotlib, or without regions. They hold no names, only numbers."""
    if not evaluation.metrics.regions or not _has_matplotlib():
        return {}
    drawn = {"reliability": _reliability(evaluation), "risk": _risk(evaluation), "size": _by_size(evaluation)}
    if qualities := [row for row in evaluation.metrics.by_quality if row.regions]:
        drawn["quality"] = _accuracies(qualities)
    return {name: _svg(figure) for name, figure in drawn.items()}


def pictures(evaluation: Evaluation) -> dict[str, bytes]:
    """File name -> PNG; none without matplotlib, and a warning that says how to install it, or without regions."""
    if not _has_matplotlib():
        _logger.warning("%s", MissingExtraError("A report with pictures", "report"))
        return {}
    if not evaluation.metrics.regions:
        return {}
    return {name: draw(evaluation) for name, draw in PICTURES.items()}


def draw_reliability(evaluation: Evaluation) -> bytes:
    """The reliability diagram as PNG: accuracy in 15 equal bins of the top score, and how many regions lie in each."""
    found = evaluation.metrics.calibration_error
    title = f"Reliability: calibration error {percent(found.ece)}, by chance {percent(found.by_chance)}"
    return _png(_reliability(evaluation), evaluation, title)


def shown_confusion(confusion: Confusion) -> tuple[list[int], list[int], NDArray[np.int64]]:
    """The confusion matrix of a report: most frequent materials first, those without an output last.

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


def _reliability(evaluation: Evaluation) -> Any:
    """Accuracy in bins of the score, and under it how many regions lie in each."""
    figure = _figure(_WIDTH, 4.4)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3.2, 1))
    rows = [row for row in evaluation.metrics.by_score if row.accuracy is not None]
    width = 0.94 / len(evaluation.metrics.by_score)
    lows = [row.low for row in rows]
    upper.bar(lows, [row.accuracy for row in rows], width, align="edge", color=_BLUE, label="right")
    for row in rows:
        if row.accuracy_interval is not None:
            ends = row.accuracy_interval.low, row.accuracy_interval.high
            upper.plot([row.low + width / 2] * 2, ends, color=_INK, linewidth=1)
    upper.plot([0, 1], [0, 1], "--", color=_GREY, linewidth=1.2, label="as often as the score says")
    scores = [row.mean_score for row in rows]
    upper.plot(scores, scores, "D", color=_ORANGE, markersize=5, clip_on=False, label="mean score")
    lower.bar(lows, [row.regions for row in rows], width, align="edge", color=_GREY)
    if evaluation.calibration.uncertain_below is not None:
        for axes in (upper, lower):
            axes.axvline(evaluation.calibration.uncertain_below, color=_ORANGE, linewidth=1.2, linestyle=":")
    _share_axis(upper.yaxis, upper.set_ylim)
    _share_axis(lower.xaxis, lower.set_xlim)
    upper.set_ylabel("right", fontsize=9)
    lower.set_ylabel("regions", fontsize=9)
    lower.set_xlabel("score", fontsize=9)
    lower.locator_params(axis="y", nbins=3)
    _legend(figure, upper)
    return _dressed(figure, grid="y")


def _risk(evaluation: Evaluation) -> Any:
    """The error rate of the surest answers by their share, beside the best and the random order."""
    found, risk = evaluation.metrics, evaluation.metrics.risk
    figure = _figure(_WIDTH, 4.4)
    axes = figure.add_subplot()
    error = float(risk.risk[-1])
    coverage = np.linspace(0.005, 1, 200)
    best = np.maximum(coverage - (1 - error), 0) / coverage
    axes.fill_between(coverage, best, color=_GRID, linewidth=0)
    axes.plot(coverage, best, color=_GREY, linewidth=1.2, label="best order of these answers")
    axes.plot([0, 1], [error, error], "--", color=_GREY, linewidth=1.2, label="random order")
    # The first answers make leaps that mean nothing: with k of them the risk is a multiple of 1/k.
    shown = risk.coverage >= min(1.0, 10 / found.regions)
    axes.plot(risk.coverage[shown], risk.risk[shown], color=_BLUE, linewidth=2, label="in order of the score")
    certain = evaluation.confident_answers
    if certain is not None and certain.coverage and certain.accuracy is not None:
        axes.plot(
            certain.coverage, 1 - certain.accuracy, "D", color=_ORANGE, markersize=7, clip_on=False, zorder=3,
            label="the model's threshold",
        )  # fmt: skip
    _share_axis(axes.xaxis, axes.set_xlim)
    top = max(error, float(risk.risk[shown].max()), 0.01) * 1.12
    axes.set_ylim(0, min(top, 1.02))
    axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.3g}%")
    axes.set_xlabel("share of answers kept, the surest first", fontsize=9)
    axes.set_ylabel("wrong among them", fontsize=9)
    _legend(figure, axes)
    return _dressed(figure)


def _by_size(evaluation: Evaluation) -> Any:
    return _accuracies([row for row in evaluation.metrics.by_size if row.regions])


def _accuracies(rows: Sequence[SizeFigures | QualityBin]) -> Any:
    """One line for each part of the regions: accuracy with its interval, and the mean class accuracy."""
    figure = _figure(_WIDTH, max(2.4, 1.15 + 0.29 * len(rows)))
    axes = figure.add_subplot()
    places = np.arange(len(rows))
    for place, row in zip(places, rows, strict=True):
        if (ends := row.accuracy_interval) is not None:
            axes.plot((ends.low, ends.high), [place - 0.12] * 2, color=_BLUE, linewidth=3, alpha=0.45)
    accuracy, by_class = [row.accuracy for row in rows], [row.mean_class_accuracy for row in rows]
    axes.plot(accuracy, places - 0.12, "o", color=_BLUE, markersize=7, clip_on=False, label="accuracy")
    axes.plot(by_class, places + 0.18, "D", color=_ORANGE, markersize=5, clip_on=False, label="mean class accuracy")
    axes.set_yticks(places, [f"{row.label} ({row.regions})" for row in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    _share_axis(axes.xaxis, axes.set_xlim)
    _legend(figure, axes)
    return _dressed(figure)


def _by_material(evaluation: Evaluation) -> Any:
    rows = [row for row in by_regions(evaluation.metrics.by_material) if row.regions][:MOST_MATERIALS]
    figure = _figure(7.5, 1.8 + 0.25 * max(len(rows), 3))
    axes = figure.add_subplot()
    places = np.arange(len(rows))
    axes.barh(places, [row.recall or 0.0 for row in rows], height=0.68, color=_BLUE, label="recall")
    called = [(row.precision, place) for place, row in enumerate(rows) if row.precision is not None]
    if called:
        axes.plot(*zip(*called, strict=True), "D", color=_ORANGE, markersize=5, clip_on=False, label="precision")
    for place, row in enumerate(rows):
        if row.name in evaluation.metrics.unpredictable:
            axes.text(0.01, place, "not in the model's list", va="center", fontsize=8, color=_GREY)
    axes.set_yticks(places, [f"{_label(row.name)} ({row.regions})" for row in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    _share_axis(axes.xaxis, axes.set_xlim)
    _legend(figure, axes)
    return _dressed(figure, grid="x")


def _confusion(evaluation: Evaluation) -> Any:
    """The table of `shown_confusion`, in percent of each row."""
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
    axes.set_yticks(range(height), labels)
    axes.set_xticks(range(width), names, rotation=90)
    for row, column in zip(*np.nonzero(table >= 0.05), strict=True):
        ink = "white" if table[row, column] > 0.55 else "black"
        axes.text(column, row, f"{100 * table[row, column]:.0f}", ha="center", va="center", fontsize=6, color=ink)
    axes.set_xticks(np.arange(width + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(height + 1) - 0.5, minor=True)
    axes.tick_params(which="both", length=0, labelsize=8)
    axes.grid(which="minor", color=_GRID, linewidth=0.5)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_ylabel("true material (regions)", fontsize=9)
    axes.set_xlabel("called" + (" (* is not in the model's list)" if any(stars) else ""), fontsize=9)
    bar = figure.colorbar(shown, ax=axes, shrink=0.5, aspect=25, pad=0.02)
    _share_axis(bar, lambda *_: None)
    bar.outline.set_visible(False)
    return figure


def _drawn(draw: Callable[[Evaluation], Any], title: str) -> Callable[[Evaluation], bytes]:
    return lambda evaluation: _png(draw(evaluation), evaluation, title)


PICTURES: dict[str, Callable[[Evaluation], bytes]] = {
    "confusion.png": _drawn(_confusion, "What each material is called, in % of its regions"),
    "by-material.png": _drawn(_by_material, "Recall and precision by material (regions)"),
    "by-size.png": _drawn(_by_size, "Accuracy by the region's area in pixels"),
    "reliability.png": draw_reliability,
}


def _has_matplotlib() -> bool:
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError:
        return False
    return True


def _label(text: str, limit: int = 30) -> str:
    """Text for a picture: short, and with a box for each character that the font lacks."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    text = show(text)
    text = text if len(text) <= limit else text[: limit - 1] + "…"
    known = get_font(findfont(FontProperties())).get_charmap()
    return "".join(character if ord(character) in known else "□" for character in text)


def _figure(width: float, height: float) -> Any:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="compressed")


def _legend(figure: Any, axes: Any) -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside lower center", ncols=2, frameon=False, fontsize=9, labelcolor=_INK,
        columnspacing=1.2, handletextpad=0.6,
    )  # fmt: skip


def _share_axis(axis: Any, limits: Callable[[float, float], object]) -> None:
    axis.set_ticks(np.linspace(0, 1, 6), labels=[f"{value}%" for value in range(0, 101, 20)])
    limits(0, 1.02)  # a marker at 100% is whole


def _dressed(figure: Any, grid: str = "both") -> Any:
    for axes in figure.axes:
        axes.set_facecolor("none")
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(_GREY)
        axes.tick_params(labelsize=9, color=_GREY, labelcolor=_INK)
        axes.xaxis.label.set_color(_INK)
        axes.yaxis.label.set_color(_INK)
        axes.grid(axis=grid, color=_GRID, linewidth=0.8)
        axes.set_axisbelow(True)
    return figure


def _png(figure: Any, evaluation: Evaluation, title: str) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.text import Text

    number = len([row for row in evaluation.metrics.by_material if row.regions])
    more = f", of the {MOST_MATERIALS} materials with most" if number > MOST_MATERIALS else ""
    model = f"{_label(evaluation.model, 40)}, {pluralize(evaluation.metrics.regions, 'region')}"
    figure.suptitle(f"{title}\n{model}{more if 'material' in title else ''}", fontsize=10)
    for text in figure.findobj(Text):  # a name is never a formula
        text.set_parse_math(False)
        text.set_usetex(False)
    data = io.BytesIO()
    FigureCanvasAgg(figure).figure.savefig(data, format="png", dpi=130, facecolor="white", metadata={"Software": None})
    return data.getvalue()


def _svg(figure: Any) -> str:
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    FigureCanvasSVG(figure)
    data = io.StringIO()
    # Letters stay letters, and the same evaluation gives the same bytes.
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "madeof"}):
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(data, format="svg", transparent=True, metadata=nothing)
    text = data.getvalue()
    text = text[text.index("<svg") :].replace("'DejaVu Sans'", _FONTS, -1)
    for colour, name in _NAMES.items():
        text = text.replace(colour, f"var({name})")
    head = text.index(">") + 1
    text = text[:head] + _STYLE + text[head:]
    return "data:image/svg+xml;base64," + base64.b64encode(text.encode()).decode("ascii")
