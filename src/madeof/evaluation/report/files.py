"""The files of a report: a page, Markdown, JSON, predictions, pictures; all of them, or none."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from madeof._util import files
from madeof._util.text import csv_safe
from madeof.evaluation.report.charts import pictures
from madeof.evaluation.report.html import page
from madeof.evaluation.report.markdown import markdown
from madeof.evaluation.result import Evaluation

if TYPE_CHECKING:
    from madeof.datasets import RegionDataset


def write_report(evaluation: Evaluation, folder: str | Path, dataset: RegionDataset | None = None) -> list[Path]:
    """Write evaluation.json, evaluation.md, predictions.csv; with Jinja2 report.html; with matplotlib four pictures.

    Without one of the two a warning is logged that says how to install it. The folder is there whole or not at all.

    Args:
        evaluation: what to write.
        folder: a new or empty folder: nothing is overwritten.
        dataset: the data set, or split, that was evaluated: the page shows some of its photos. Without it the page
            has no photos.

    Returns:
        the paths of the files written.

    Raises:
        DatasetError: the data set is not the one that was evaluated.
        WriteError: there are files in the folder, or it cannot be made or written.
    """
    folder = Path(folder)
    files.check_free(folder, folder=True)
    drawn, html = pictures(evaluation), page(evaluation, dataset)
    texts = {"evaluation.md": markdown(evaluation, list(drawn)), "predictions.csv": _predictions(evaluation)}
    texts |= {} if html is None else {"report.html": html}
    files.make_folder(folder.absolute().parent)
    with files.all_new(folder, folder=True) as place:
        files.write_json(place / "evaluation.json", evaluation.summary())
        for name, text in texts.items():
            files.write_text(place / name, text)
        for name, data in drawn.items():
            files.write_bytes(place / name, data)
    return [folder / name for name in ("evaluation.json", *texts, *drawn)]


def _predictions(evaluation: Evaluation) -> str:
    """One line for each region."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["photo", "region", "area", "truth", "predicted", "score", "uncertain", "quality"])
    count, sure = len(evaluation.truth), evaluation.confident
    unsure = [""] * count if sure is None else [f"{not one}".lower() for one in sure]
    qualities = np.full(count, np.nan) if evaluation.quality is None else evaluation.quality
    columns = (evaluation.photo, evaluation.region, evaluation.area, evaluation.truth, evaluation.predicted, qualities)
    for photo, region, area, truth, predicted, quality, scores, doubt in zip(
        *columns, evaluation.scores, unsure, strict=True
    ):
        known = "" if np.isnan(quality) else f"{quality:.3f}"
        names = (csv_safe(evaluation.photos[photo]), region, area, csv_safe(truth), csv_safe(predicted))
        writer.writerow([*names, f"{scores.max():.6f}", doubt, known])
    return text.getvalue()
