"""Write an evaluation as files for people and for programs: Markdown, JSON, CSV and pictures."""

from __future__ import annotations

import csv
import io
import logging
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from madeof import files
from madeof.errors import MissingExtraError, WriteError
from madeof.evaluation import Evaluation, percent, percent_range
from madeof.metrics import MaterialFigures
from madeof.text import show

_logger = logging.getLogger("madeof")

MOST_MATERIALS = 50
"""How many materials a picture shows, those with the most regions."""

# Okabe and Ito's colours, which the colour-blind can tell apart too.
_BLUE, _ORANGE, _GREY = "#0072B2", "#D55E00", "#767676"


def write_report(evaluation: Evaluation, folder: str | Path) -> list[Path]:
    """Write evaluation.json, evaluation.md, predictions.csv and, with matplotlib, four pictures.

    Without matplotlib a warning is logged that says how to install it. A picture that an earlier report left in
    the folder and that is not written now is removed, so that all files there speak of this evaluation.

    Args:
        evaluation: what to write.
        folder: where to; it is made if it is not there.

    Returns:
        the paths of the files written.

    Raises:
        WriteError: the folder cannot be made, or a file cannot be written or removed.
    """
    folder = files.make_folder(folder)
    pictures = _pictures(evaluation)
    written = []
    for name in _PICTURES:
        if name in pictures:
            files.write_bytes(folder / name, pictures[name])
            written.append(folder / name)
        else:
            _remove(folder / name)
    files.write_json(folder / "evaluation.json", evaluation.summary())
    files.write_text(folder / "evaluation.md", _markdown(evaluation, list(pictures)))
    files.write_text(folder / "predictions.csv", _predictions(evaluation))
    return [folder / "evaluation.json", folder / "evaluation.md", folder / "predictions.csv", *written]


def _remove(picture: Path) -> None:
    try:
        picture.unlink(missing_ok=True)
    except OSError as error:
        reason = error.strerror or error
        raise WriteError(f"cannot remove {picture}, which is of an earlier report: {reason}; remove it") from error


def _predictions(evaluation: Evaluation) -> str:
    """One line for each region."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["photo", "region", "area", "truth", "predicted", "score"])
    columns = (evaluation.photo, evaluation.region, evaluation.area, evaluation.truth, evaluation.predicted)
    for photo, region, area, truth, predicted, scores in zip(*columns, evaluation.scores, strict=True):
        name = evaluation.photos[photo]
        writer.writerow([_cell(name), region, area, _cell(truth), _cell(predicted), f"{scores.max():.6f}"])
    return text.getvalue()


def _markdown(evaluation: Evaluation, pictures: Sequence[str]) -> str:
    found = evaluation.metrics
    lost = len(evaluation.failures)
    parts = [
        f"# Evaluation of {_text(evaluation.model)}",
        f"{_count(found.regions, 'region')} of {_count(len(evaluation.photos), 'photo')}"
        + (f"; **{_count(lost, 'photo')} could not be evaluated** (below)" if lost else "")
        + f". Data set `{evaluation.digest[:16]}`.",
        _table(
            ["figure", "value", "95% interval"],
            [
                ["accuracy (mean over regions)", percent(found.accuracy), percent_range(found.accuracy_interval)],
                [
                    "mean class accuracy (mean over materials)",
                    percent(found.mean_class_accuracy),
                    percent_range(found.mean_class_accuracy_interval),
                ],
                ["accuracy, nameable regions only", percent(found.accuracy_nameable), ""],
                ["mean class accuracy, nameable only", percent(found.mean_class_accuracy_nameable), ""],
                *([f"in the best {k}", percent(value), ""] for k, value in found.top_k.items() if k > 1),
                ["macro F1", percent(found.macro_f1), ""],
                ["mean score", percent(found.mean_score), ""],
                ["expected calibration error", percent(found.calibration_error), ""],
                ["log loss, nameable regions only", _number(found.log_loss), ""],
            ],
        ),
        "## By material",
        _table(
            ["material", "regions", "recall", "precision", "F1"],
            (
                [
                    _text(row.name),
                    f"{row.regions}",
                    percent(row.recall),
                    percent(row.precision),
                    percent(row.f1),
                ]
                for row in _by_regions(found.by_material)
            ),
        ),
        "## By size",
        _table(
            ["area in pixels", "regions", "accuracy", "95% interval", "mean class accuracy"],
            (
                [
                    row.label,
                    f"{row.regions}",
                    percent(row.accuracy),
                    percent_range(row.accuracy_interval),
                    percent(row.mean_class_accuracy),
                ]
                for row in found.by_size
            ),
        ),
        "## Most confused",
        _table(
            ["material", "called", "regions"],
            ([_text(truth), _text(called), f"{count}"] for truth, called, count in found.confusion.pairs()),
            words=2,
        ),
    ]
    if found.unpredictable:
        parts += [
            "## Not in the model's list",
            "These materials of the data are not among the model's; each of their regions counts as wrong.",
            _table(["material", "regions"], ([_text(name), f"{n}"] for name, n in found.unpredictable.items())),
        ]
    if lost:
        parts += [
            "## Not evaluated",
            _table(["photo", "reason"], ([_text(f.name), _text(f.reason)] for f in evaluation.failures), words=2),
        ]
    if pictures:
        parts += ["## Pictures", *(f"![{Path(name).stem}]({name})" for name in pictures)]
    return "\n\n".join(parts) + "\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], *, words: int = 1) -> str:
    """A Markdown table; its first `words` columns are text, the others numbers, which stand at the right."""
    rule = ["---"] * words + ["---:"] * (len(head) - words)
    lines = ["| " + " | ".join(row) + " |" for row in (head, rule, *rows)]
    return "\n".join(lines) if len(lines) > 2 else "None."


def _by_regions(rows: Iterable[MaterialFigures]) -> list[MaterialFigures]:
    return sorted(rows, key=lambda row: row.regions, reverse=True)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _cell(text: str) -> str:
    """A cell of a CSV that no spreadsheet takes for a formula."""
    text = show(text)
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def _text(text: str) -> str:
    """Text that Markdown shows as it is."""
    text = show(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|~])", r"\\\1", text)


# Pictures. Only matplotlib's objects, never pyplot: that has state which belongs to the caller.


def _pictures(evaluation: Evaluation) -> dict[str, bytes]:
    """File name -> PNG; none without matplotlib, or without regions."""
    try:
        import matplotlib.backends.backend_agg
        import matplotlib.figure  # noqa: F401
    except ImportError:
        _logger.warning("%s", MissingExtraError("A report with pictures", "report"))
        return {}
    if not evaluation.metrics.regions:
        return {}
    return {name: draw(evaluation) for name, draw in _PICTURES.items()}


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
    return f"{what}\n{_label(evaluation.model, 40)}, {_count(evaluation.metrics.regions, 'region')}"


def _percent_axis(axis: Any) -> None:
    axis.set_ticks(np.linspace(0, 1, 6), labels=[f"{value}%" for value in range(0, 101, 20)], fontsize=8)


def _draw_confusion(evaluation: Evaluation) -> bytes:
    """Rows are fractions of one true material; materials in order of their regions, unnameable ones last."""
    confusion = evaluation.metrics.confusion
    support, named = confusion.counts.sum(axis=1), len(confusion.predicted)
    occurring = np.flatnonzero(support)
    rows = occurring[np.argsort(-support[occurring], kind="stable")][:MOST_MATERIALS]
    rows = np.concatenate([rows[rows < named], rows[rows >= named]])
    columns = rows[rows < named]
    shares = confusion.counts[rows] / support[rows, None]
    rest = 1 - shares[:, columns].sum(axis=1)
    table, names = shares[:, columns], [_label(confusion.truth[column]) for column in columns]
    if rest.max() > 1e-9:
        table, names = np.column_stack([table, rest]), [*names, "(any other)"]
    height, width = table.shape
    figure = _figure(max(3.2 + 0.26 * width, 6.5), max(2.8 + 0.26 * height, 4))
    axes = figure.add_subplot()
    # Dark is much: white to dark blue is even in lightness, so it survives grey printing too.
    shown = axes.imshow(table, cmap="Blues", vmin=0, vmax=1, aspect="equal")
    stars = ["" if row < named else " *" for row in rows]
    labels = [f"{_label(confusion.truth[row])}{star} ({support[row]})" for row, star in zip(rows, stars, strict=True)]
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
    more = f", the {len(rows)} with the most regions" if len(occurring) > len(rows) else ""
    figure.suptitle(_title(evaluation, f"What each material is called, in % of its regions{more}"), fontsize=10)
    bar = figure.colorbar(shown, ax=axes, shrink=0.5, aspect=25, pad=0.02)
    _percent_axis(bar)
    bar.outline.set_visible(False)
    return _png(figure)


def _draw_by_material(evaluation: Evaluation) -> bytes:
    rows = [row for row in _by_regions(evaluation.metrics.by_material) if row.regions]
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


def _draw_reliability(evaluation: Evaluation) -> bytes:
    found = evaluation.metrics
    figure = _figure(5.2, 6.2)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    there = [row for row in found.by_score if row.accuracy is not None]
    lows, scores = [row.low for row in there], [row.mean_score for row in there]
    bars = {"width": 0.94 / len(found.by_score), "align": "edge"}
    upper.bar(lows, [row.accuracy for row in there], color=_BLUE, alpha=0.75, label="accuracy", **bars)
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
    upper.set_title(
        _title(evaluation, f"Is a score to be believed? Calibration error {percent(found.calibration_error)}"),
        fontsize=10,
    )
    upper.legend(loc="upper left", fontsize=8, frameon=False)
    lower.bar(lows, [row.regions for row in there], color=_GREY, **bars)
    lower.set_ylabel("regions", fontsize=9)
    lower.tick_params(axis="y", labelsize=8)
    lower.set_xlabel("score of the predicted material", fontsize=9)
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


_PICTURES: dict[str, Callable[[Evaluation], bytes]] = {
    "confusion.png": _draw_confusion,
    "by-material.png": _draw_by_material,
    "by-size.png": _draw_by_size,
    "reliability.png": _draw_reliability,
}
