"""The tables of a report about answers and sets: what is relied on, and what the sets hold."""

from __future__ import annotations

from madeof.evaluation.result import Evaluation, percent
from madeof.metrics.thresholds import Answered

ANSWERS_HEAD = ("answer", "regions", "share of all", "right")
SETS_HEAD = ("region, of the photo's area", "regions", "hold the material", "materials in a set", "hold all materials")


def answer_rows(evaluation: Evaluation) -> list[list[str]]:
    """Rows under `ANSWERS_HEAD`; none where the model has no thresholds."""
    found = evaluation.answers
    if found is None:
        return []
    count = found.material.regions + found.group.regions + found.abstained
    given = count - found.abstained
    rows = {
        "a material": found.material,
        "a group": found.group,
        "either": Answered(given, given / count if count else None, found.accuracy),
        "none: it abstains": Answered(found.abstained, found.abstained / count if count else None, None),
    }
    return [[name, f"{row.regions:,}", percent(row.share), percent(row.precision)] for name, row in rows.items()]


def set_rows(evaluation: Evaluation) -> list[list[str]]:
    """Rows under `SETS_HEAD`, all sizes and then each band; none where the model has no sets."""
    return [
        [
            "all sizes" if row.label == "all" else row.label,
            f"{row.regions:,}",
            percent(row.covered),
            "-" if row.mean_size is None else f"{row.mean_size:.1f}",
            percent(row.complete),
        ]
        for row in evaluation.covered
    ]
