"""The charts of a report's page: SVG that is read on a phone too and turns dark with the page.

They hold no names, only numbers, so that nothing of the user's can break them.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from madeof.evaluation.result import Evaluation
from madeof.metrics.bootstrap import Interval

# What is drawn in these colours takes the page's (below).
_INK, _GRID, _BLUE, _ORANGE, _GREY = "#010203", "#010204", "#010205", "#010206", "#010207"
_STYLE = """<style>
svg { --ink: #24292f; --grid: #dfe3e8; --blue: #0072b2; --orange: #c24a00; --grey: #6b7480; }
@media screen and (prefers-color-scheme: dark) {
  svg { --ink: #dde2e8; --grid: #333b45; --blue: #56b4e9; --orange: #f0a35e; --grey: #96a0ac; }
}
</style>"""
_NAMES = {_INK: "--ink", _GRID: "--grid", _BLUE: "--blue", _ORANGE: "--orange", _GREY: "--grey"}
_FONTS = "system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', 'DejaVu Sans', sans-serif"
_WIDTH = 4.6  # inches: at this width its 9-point letters are readable on a phone


def charts(evaluation: Evaluation) -> dict[str, str]:
    """Name -> data URI of an SVG; none without matplotlib, or without regions."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError:
        return {}
    found = evaluation.metrics
    if not found.regions:
        return {}
    drawn = {"reliability": _reliability(evaluation), "risk": _risk(evaluation)}
    sizes = [row for row in found.by_size if row.regions]
    drawn["size"] = _accuracies(
        [f"{row.label} ({row.regions})" for row in sizes],
        [row.accuracy for row in sizes],
        [row.accuracy_interval for row in sizes],
        [row.mean_class_accuracy for row in sizes],
    )
    if qualities := [row for row in found.by_quality if row.regions]:
        drawn["quality"] = _accuracies(
            [f"{row.label} ({row.regions})" for row in qualities],
            [row.accuracy for row in qualities],
            [row.accuracy_interval for row in qualities],
            [row.mean_class_accuracy for row in qualities],
        )
    return drawn


def _reliability(evaluation: Evaluation) -> str:
    """Accuracy in bins of the score, and under it how many regions lie in each."""
    figure = _figure(4.4)
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
    return _svg(figure, grid="y")


def _risk(evaluation: Evaluation) -> str:
    """The error rate of the surest answers by their share, beside the best and the random order."""
    found, risk = evaluation.metrics, evaluation.metrics.risk
    figure = _figure(4.4)
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
    certain = evaluation.certain
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
    return _svg(figure, grid="both")


def _accuracies(
    labels: Sequence[str],
    accuracy: Sequence[float | None],
    intervals: Sequence[Interval | None],
    by_class: Sequence[float | None],
) -> str:
    """One line for each group of regions: accuracy with its interval, and the mean class accuracy."""
    figure = _figure(1.15 + 0.29 * len(labels))
    axes = figure.add_subplot()
    places = np.arange(len(labels))
    for place, interval in zip(places, intervals, strict=True):
        if interval is not None:
            axes.plot((interval.low, interval.high), [place - 0.12] * 2, color=_BLUE, linewidth=3, alpha=0.45)
    axes.plot(accuracy, places - 0.12, "o", color=_BLUE, markersize=7, clip_on=False, label="accuracy")
    axes.plot(by_class, places + 0.18, "D", color=_ORANGE, markersize=5, clip_on=False, label="mean class accuracy")
    axes.set_yticks(places, labels)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    _share_axis(axes.xaxis, axes.set_xlim)
    _legend(figure, axes)
    return _svg(figure, grid="both")


def _figure(height: float) -> Any:
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_WIDTH, height), layout="compressed")
    FigureCanvasSVG(figure)
    return figure


def _legend(figure: Any, axes: Any) -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside lower center", ncols=2, frameon=False, fontsize=9, labelcolor=_INK,
        columnspacing=1.2, handletextpad=0.6,
    )  # fmt: skip


def _share_axis(axis: Any, limits: Any) -> None:
    axis.set_ticks(np.linspace(0, 1, 6), labels=[f"{value}%" for value in range(0, 101, 20)])
    limits(0, 1.02)  # a marker at 100% is whole


def _svg(figure: Any, grid: str) -> str:
    import matplotlib

    for axes in figure.axes:
        axes.set_facecolor("none")
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(_GREY)
        axes.tick_params(labelsize=9, color=_GREY, labelcolor=_INK)
        axes.xaxis.label.set_color(_INK)
        axes.yaxis.label.set_color(_INK)
        axes.grid(axis=grid, color=_GRID, linewidth=0.8)
        axes.set_axisbelow(True)
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
