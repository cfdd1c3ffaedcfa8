"""Write an evaluation as files for people and for programs: Markdown, JSON, CSV and pictures."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from madeof._util import files
from madeof._util.text import show
from madeof.errors import WriteError
from madeof.evaluation.comparison import LeftOut
from madeof.evaluation.report.answer_tables import SETS_HEAD, set_rows
from madeof.evaluation.report.gallery import EvaluatedDataset
from madeof.evaluation.report.html import page
from madeof.evaluation.report.pictures import PICTURES, by_regions, count, pictures
from madeof.evaluation.result import Evaluation, percent, percent_range

PAGE = "report.html"


def write_report(evaluation: Evaluation, folder: str | Path, dataset: EvaluatedDataset | None = None) -> list[Path]:
    """Write evaluation.json, evaluation.md, predictions.csv; with Jinja2 report.html; with matplotlib four pictures.

    Without one of the two a warning is logged that says how to install it. A page or picture that an earlier report
    left in the folder and that is not written now is removed, so that all files there speak of this evaluation.

    Args:
        evaluation: what to write.
        folder: where to; it is made if it is not there.
        dataset: the data set, or split, that was evaluated: the page shows some of its photos. Without it the page
            has no photos.

    Returns:
        the paths of the files written.

    Raises:
        DatasetError: the data set is not the one that was evaluated.
        WriteError: the folder cannot be made, or a file cannot be written or removed.
    """
    folder = files.make_folder(folder)
    drawn = pictures(evaluation)
    html = page(evaluation, dataset)
    written = []
    if html is None:
        _remove(folder / PAGE)
    else:
        files.write_text(folder / PAGE, html)
        written.append(folder / PAGE)
    for name in PICTURES:
        if name in drawn:
            files.write_bytes(folder / name, drawn[name])
            written.append(folder / name)
        else:
            _remove(folder / name)
    files.write_json(folder / "evaluation.json", evaluation.summary())
    files.write_text(folder / "evaluation.md", _markdown(evaluation, list(drawn)))
    files.write_text(folder / "predictions.csv", _predictions(evaluation))
    return [folder / "evaluation.json", folder / "evaluation.md", folder / "predictions.csv", *written]


def _remove(file: Path) -> None:
    try:
        file.unlink(missing_ok=True)
    except OSError as error:
        reason = error.strerror or error
        raise WriteError(f"cannot remove {file}, which is of an earlier report: {reason}; remove it") from error


def _predictions(evaluation: Evaluation) -> str:
    """One line for each region."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["photo", "region", "area", "truth", "predicted", "score", "uncertain", "quality"])
    count = len(evaluation.truth)
    qualities = np.full(count, np.nan) if evaluation.quality is None else evaluation.quality
    columns = (evaluation.photo, evaluation.region, evaluation.area, evaluation.truth, evaluation.predicted, qualities)
    sure = evaluation.confident
    unsure = [""] * count if sure is None else [f"{not one}".lower() for one in sure]
    for photo, region, area, truth, predicted, quality, scores, doubt in zip(
        *columns, evaluation.scores, unsure, strict=True
    ):
        name, score = evaluation.photos[photo], scores.max()
        known = "" if np.isnan(quality) else f"{quality:.3f}"
        writer.writerow([_cell(name), region, area, _cell(truth), _cell(predicted), f"{score:.6f}", doubt, known])
    return text.getvalue()


def _markdown(evaluation: Evaluation, drawn: Sequence[str]) -> str:
    found = evaluation.metrics
    lost = len(evaluation.failures)
    parts = [
        f"# Evaluation of {markdown_text(evaluation.model)}",
        f"{count(found.regions, 'region')} of {count(len(evaluation.photos), 'photo')}"
        + (f"; **{count(lost, 'photo')} could not be evaluated** (below)" if lost else "")
        + f". Data set `{evaluation.digest[:16]}`.",
        markdown_table(
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
                ["mean score", percent(found.calibration_error.mean_score), ""],
                ["expected calibration error", percent(found.calibration_error.ece), ""],
                ["the same of perfectly honest scores, by chance", percent(found.calibration_error.by_chance), ""],
                ["log loss, nameable regions only", _number(found.log_loss), ""],
                ["mean risk over all coverages (AURC)", percent(found.risk.area), ""],
                ["the same in the best order of these answers", percent(found.risk.best), ""],
                *_certain(evaluation),
            ],
        ),
        "## By material",
        markdown_table(
            ["material", "regions", "recall", "precision", "F1"],
            (
                [
                    markdown_text(row.name),
                    f"{row.regions}",
                    percent(row.recall),
                    percent(row.precision),
                    percent(row.f1),
                ]
                for row in by_regions(found.by_material)
            ),
        ),
        "## By size",
        markdown_table(
            [
                "area in pixels",
                "regions",
                "accuracy",
                "95% interval",
                "mean class accuracy",
                "mean score",
                "calibration error",
                "by chance",
            ],
            (
                [
                    row.label,
                    f"{row.regions}",
                    percent(row.accuracy),
                    percent_range(row.accuracy_interval),
                    percent(row.mean_class_accuracy),
                    percent(row.calibration_error.mean_score),
                    percent(row.calibration_error.ece),
                    percent(row.calibration_error.by_chance),
                ]
                for row in found.by_size
            ),
        ),
        *_by_quality(evaluation),
        *_by_source(evaluation),
        *_sets(evaluation),
        "## By score",
        markdown_table(
            ["score", "regions", "mean score", "accuracy", "95% interval"],
            (
                [
                    f"{percent(row.low)} to {percent(row.high)}",
                    f"{row.regions}",
                    percent(row.mean_score),
                    percent(row.accuracy),
                    percent_range(row.accuracy_interval),
                ]
                for row in found.by_score
                if row.regions
            ),
        ),
        "## Most confused",
        markdown_table(
            ["material", "called", "regions"],
            (
                [markdown_text(truth), markdown_text(called), f"{count}"]
                for truth, called, count in found.confusion.pairs()
            ),
            words=2,
        ),
    ]
    parts += _comparison(evaluation)
    if found.unpredictable:
        parts += [
            "## Not in the model's list",
            "These materials of the data are not among the model's; each of their regions counts as wrong.",
            markdown_table(
                ["material", "regions"], ([markdown_text(name), f"{n}"] for name, n in found.unpredictable.items())
            ),
        ]
    if lost:
        parts += [
            "## Not evaluated",
            markdown_table(
                ["photo", "reason"],
                ([markdown_text(f.name), markdown_text(f.reason)] for f in evaluation.failures),
                words=2,
            ),
        ]
    if drawn:
        parts += ["## Pictures", *(f"![{Path(name).stem}]({name})" for name in drawn)]
    return "\n\n".join(parts) + "\n"


def _certain(evaluation: Evaluation) -> list[list[str]]:
    """What the model's threshold brings, two rows of the first table."""
    found = evaluation.certain
    if found is None:
        return []
    below = evaluation.calibration.uncertain_below
    return [
        [
            f"certain answers (score of {below:.3f} or more)",
            percent(found.coverage),
            "",
        ],
        ["of these right", percent(found.accuracy), ""],
    ]


def _by_quality(evaluation: Evaluation) -> list[str]:
    """Where the masks' quality was measured: a table of it."""
    rows = [row for row in evaluation.metrics.by_quality if row.regions]
    if not rows:
        return []
    head = ["edge agreement of the mask", "regions", "accuracy", "95% interval", "mean class accuracy"]
    cells = (
        [
            row.label,
            f"{row.regions}",
            percent(row.accuracy),
            percent_range(row.accuracy_interval),
            percent(row.mean_class_accuracy),
        ]
        for row in rows
    )
    return ["## By mask quality", markdown_table(head, cells)]


def _by_source(evaluation: Evaluation) -> list[str]:
    """Where there are several sources: a table of them."""
    if not evaluation.by_source:
        return []
    rows = []
    for name, part in evaluation.by_source.items():
        found = part.metrics
        rows.append(
            [
                markdown_text(name),
                f"{found.regions}",
                percent(found.accuracy),
                percent_range(found.accuracy_interval),
                percent(found.mean_class_accuracy),
                percent(found.accuracy_nameable),
                percent(found.calibration_error.mean_score),
                percent(found.calibration_error.ece),
                percent(found.calibration_error.by_chance),
            ]
        )
    head = ["source", "regions", "accuracy", "95% interval", "mean class accuracy", "accuracy, nameable"]
    return ["## By source", markdown_table([*head, "mean score", "calibration error", "by chance"], rows)]


def _sets(evaluation: Evaluation) -> list[str]:
    """Where the model has sets: a table of what they bring."""
    rows = set_rows(evaluation)
    head = f"## Sets with a coverage of {percent(evaluation.coverage)}"
    return [head, markdown_table(SETS_HEAD, rows)] if rows else []


def _comparison(evaluation: Evaluation) -> list[str]:
    """Where the model's materials are not the data set's: what was compared with what, and what could not be."""
    found = evaluation.comparison
    if found is None:
        return []
    parts = [
        "## Compared through a crosswalk",
        f"The model's materials are not the data set's; they were compared through {markdown_text(found.through)}. "
        "Scores of the model's materials in one row are added; the data set's in one row count as one.",
        markdown_table(
            ["compared as", "the model's", "the data set's", "the model's are", "note"],
            (
                [markdown_text(text) for text in (one.name, _names(one.model), _names(one.data), one.relation)]
                + [markdown_text("; ".join(one.notes))]
                for one in found.compared
            ),
            words=5,
        ),
    ]
    if found.left_out:
        parts += [
            "### Not compared: the model has no word for it",
            f"{count(found.regions_left_out, 'region')} of these materials are in no figure.",
            _left_out(found.left_out),
        ]
    if found.without_word:
        share = percent(found.accuracy_among_compared)
        parts += [
            "### Answers that the data set has no word for",
            f"{count(found.answers_without_word, 'answer')} of these count as wrong. When the model may only choose "
            f"among the materials compared, its accuracy is {share}.",
            _left_out(found.without_word),
        ]
    return parts


def _left_out(materials: Sequence[LeftOut]) -> str:
    """A table of materials that could not be compared."""
    rows = ([markdown_text(one.material), markdown_text(one.reason), f"{one.regions}"] for one in materials)
    return markdown_table(["material", "why", "regions"], rows, words=2)


def _names(materials: Sequence[str]) -> str:
    return "; ".join(materials)


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]], *, words: int = 1) -> str:
    """A Markdown table; its first `words` columns are text, the others numbers, which stand at the right."""
    rule = ["---"] * words + ["---:"] * (len(head) - words)
    lines = ["| " + " | ".join(row) + " |" for row in (head, rule, *rows)]
    return "\n".join(lines) if len(lines) > 2 else "None."


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _cell(text: str) -> str:
    """A cell of a CSV that no spreadsheet takes for a formula."""
    text = show(text)
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def markdown_text(text: str) -> str:
    """Text that Markdown shows as it is."""
    text = show(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|~])", r"\\\1", text)
