"""The tables that every report shows."""

from __future__ import annotations

import dataclasses

import pytest
from small_evaluations import make

from madeof.evaluation.report.tables import facts, figures, tables
from madeof.evaluation.result import Judged
from madeof.evaluation.run import Evaluation, Failure
from madeof.metrics.conformal import fit_sets
from madeof.model.calibration import Calibration, SizeStratum


def whole() -> Evaluation:
    evaluation = make(unknown=("Sand",), failures=(Failure("lost", "torn"),))
    share = (evaluation.area % 50 + 1) / 100
    sets = fit_sets(evaluation.scores, evaluation.outputs, share)
    return dataclasses.replace(evaluation, share=share, sources=("a", "b") * 6, calibration=Calibration(1.0, 0.6, sets))


def test_every_row_has_a_cell_for_each_column() -> None:
    found = tables(whole())
    assert [name for name, table in found.items() if not table.rows] == ["by-quality"]
    for table in found.values():
        assert {len(row) for row in table.rows} <= {len(table.head)}
        for row in table.rows:
            texts = {column for column, cell in enumerate(row) if isinstance(cell, str)}
            assert set(table.texts) <= texts


def test_rows_without_regions_are_left_out() -> None:
    found = tables(make(regions=3))
    assert sum(row[1] for row in found["by-size"].rows if isinstance(row[1], int)) == 3
    assert all(row[1] for name in ("by-size", "by-score") for row in found[name].rows)


def test_the_figures_are_those_of_the_evaluation() -> None:
    evaluation = whole()
    rows = {row.name: row.value for row in figures(evaluation)}
    assert rows["accuracy"] == evaluation.metrics.accuracy
    assert rows["in the best 2"] == evaluation.metrics.top_k[2]
    assert evaluation.confident_answers is not None
    assert rows["right when certain"] == evaluation.confident_answers.accuracy
    assert "certain answers" not in {row.name for row in figures(make())}
    assert len([row for row in figures(evaluation) if row.headline]) == 6


@pytest.mark.parametrize(
    ("judged", "said"),
    [
        (Judged("my-data", "val", (), 22), "the split val; 22 photos are passed over"),
        (Judged("my-data", "val", ("belt",), 1), "the split val, the sources belt; 1 photo is passed over"),
        (Judged("my-data", "all"), "all splits"),
    ],
)
def test_what_was_judged_is_said_everywhere(judged: Judged, said: str) -> None:
    evaluation = dataclasses.replace(whole(), judged=judged)
    assert ("Judged", said) in facts(evaluation)
    assert ("Data set", "my-data") in facts(evaluation)
    assert f"judged               my-data: {said}" in evaluation.text()
    assert evaluation.summary()["judged"]["passed_over"] == judged.passed_over
    assert "judged" not in whole().summary()


def test_thresholds_by_size_are_told() -> None:
    strata = (SizeStratum(5000, 100, None, 0.9), SizeStratum(None, 100, None, 0.2))
    evaluation = dataclasses.replace(
        whole(), area_seen=whole().area.astype(float), calibration=Calibration(1.0, 0.5, by_size=strata)
    )
    assert ("Its threshold", "one for each of 2 sizes") in facts(evaluation)
    (row,) = (row for row in figures(evaluation) if row.name == "certain answers")
    small, top = evaluation.area < 5000, evaluation.scores.max(axis=1)
    assert row.value == ((small & (top >= 0.9)) | (~small & (top >= 0.2))).mean()
    assert "of its size's threshold" in row.note
