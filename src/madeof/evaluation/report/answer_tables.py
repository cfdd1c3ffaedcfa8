"""The table of a report about sets: what they hold."""

from __future__ import annotations

from madeof.evaluation.result import Evaluation, percent

SETS_HEAD = ("region, of the photo's area", "regions", "hold the material", "materials in a set", "hold all materials")


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
