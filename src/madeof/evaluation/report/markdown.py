"""An evaluation as Markdown, and Markdown's tables and texts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from madeof._util.text import pluralize, show
from madeof.evaluation.report.tables import Cell, Table, facts, figures, tables
from madeof.evaluation.result import Evaluation, percent, percent_range
from madeof.metrics.bootstrap import Interval

_ALWAYS = ("by-material", "by-size", "by-score", "confused")  # the others only where they have rows


def markdown(evaluation: Evaluation, drawn: Sequence[str] = ()) -> str:
    """The evaluation as a page of Markdown that shows the pictures whose file names are `drawn`."""
    lost = len(evaluation.failures)
    parts = [
        f"# Evaluation of {markdown_text(evaluation.model)}",
        f"{pluralize(evaluation.metrics.regions, 'region')} of {pluralize(len(evaluation.photos), 'photo')}"
        + (f"; **{pluralize(lost, 'photo')} could not be evaluated** (below)" if lost else "")
        + ".",
        "\n".join(f"- {name}: {markdown_text(text)}" for name, text in facts(evaluation)),
        markdown_table(
            ["figure", "value", "95% interval", "note"],
            ([row.name, percent(row.value), percent_range(row.interval, ""), row.note] for row in figures(evaluation)),
            words=(0, 3),
        ),
    ]
    for table in tables(evaluation).values():
        if table.rows or table.name in _ALWAYS:
            parts += [f"## {table.title}", *([markdown_text(table.note)] if table.note else []), _table(table)]
    if drawn:
        parts += ["## Pictures", *(f"![{Path(name).stem}]({name})" for name in drawn)]
    return "\n\n".join(parts) + "\n"


def _table(table: Table) -> str:
    return markdown_table(table.head, ([_cell(cell) for cell in row] for row in table.rows), words=table.texts)


def _cell(cell: Cell) -> str:
    if isinstance(cell, str):
        return markdown_text(cell)
    if isinstance(cell, Interval):
        return percent_range(cell)
    return f"{cell}" if isinstance(cell, int) else percent(cell)


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]], *, words: int | Sequence[int] = 1) -> str:
    """A Markdown table; the columns `words` (or the first so many) are text, the others numbers, aligned right."""
    texts = range(words) if isinstance(words, int) else words
    rule = ["---" if column in texts else "---:" for column in range(len(head))]
    lines = ["| " + " | ".join(row) + " |" for row in (head, rule, *rows)]
    return "\n".join(lines) if len(lines) > 2 else "None."


def markdown_text(text: str) -> str:
    """Text that Markdown shows as it is."""
    text = show(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|~])", r"\\\1", text)
