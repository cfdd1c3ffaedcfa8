""""""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import logging
import re
from pathlib import Path

import numpy as np
import pytest
from report_markdown import PICTURES
from small_evaluations import ODD, make, without_matplotlib

from madeof._util import files
from madeof.errors import WriteError
from madeof.evaluation.report import write_report
from madeof.evaluation.run import Evaluation, Failure
from madeof.model.calibration import Calibration

TEXTS = ["evaluation.json", "evaluation.md", "predictions.csv", "report.html"]


def rows_of(path: Path) -> list[list[str]]:
    return list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"))))


def table_after(text: str, head: str) -> list[list[str]]:
    """The cells of the first Markdown table after the line `head`, as Markdown splits them."""
    after = text.split(f"\n{head}\n", 1)[1]
    lines = after[after.index("\n|") + 1 :].split("\n\n", 1)[0].splitlines()
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def test_a_report_is_all_its_files(tmp_path: Path) -> None:
    evaluation = make(unknown=("Sand",))
    written = write_report(evaluation, tmp_path / "new" / "folder")
    assert [path.name for path in written] == TEXTS + PICTURES
    assert sorted(path.name for path in (tmp_path / "new" / "folder").iterdir()) == sorted(TEXTS + PICTURES)
    assert json.loads(written[0].read_text(encoding="utf-8")) == evaluation.summary()


def test_the_markdown_says_the_figures(tmp_path: Path) -> None:
    evaluation = make(unknown=("Sand", "Snow / ice"), failures=(Failure("a|b", "a|b.jpg is <torn>"),))
    write_report(evaluation, str(tmp_path))
    text = (tmp_path / "evaluation.md").read_text(encoding="utf-8")
    found = evaluation.metrics
    assert text.startswith(
        "# Evaluation of fake 1\n\n60 regions of 12 photos; **1 photo could not be evaluated** (below)"
    )
    assert found.accuracy is not None
    assert found.accuracy_interval is not None
    ends = f"{100 * found.accuracy_interval.low:.1f}-{100 * found.accuracy_interval.high:.1f}%"
    assert f"| accuracy | {100 * found.accuracy:.1f}% | {ends} | of the regions are named right |" in text
    materials = table_after(text, "## By material")[2:]
    assert [int(row[1]) for row in materials] == sorted((row.regions for row in found.by_material), reverse=True)
    assert ["Sand", "6", "0.0%", "-", "0.0%"] in [row[:5] for row in materials]
    assert found.calibration_error.ece is not None
    assert f"| calibration error | {100 * found.calibration_error.ece:.1f}% |  | perfectly honest" in text
    bins = table_after(text, "## By score")[2:]
    assert [int(row[1]) for row in bins] == [row.regions for row in found.by_score if row.regions]
    assert "## By source" not in text
    assert "certain answers" not in text
    sizes = table_after(text, "## By size")[2:]
    assert [row[0] for row in sizes] == [row.label for row in found.by_size if row.regions]
    assert sum(int(row[1]) for row in sizes) == 60
    assert [tuple(row) for row in table_after(text, "## Most confused")[2:]] == [
        (truth, called, str(count)) for truth, called, count in found.confusion.pairs()
    ]
    unnameable = table_after(text, "## Not in the model's list")[2:]
    assert [row[:2] for row in unnameable] == [["Sand", "6"], ["Snow / ice", "6"]]
    assert table_after(text, "## Not evaluated")[2:] == [["a\\|b", "a\\|b.jpg is &lt;torn&gt;"]]
    assert [name for name in PICTURES if f"]({name})" in text] == PICTURES


def test_the_markdown_says_the_sources_and_what_the_threshold_brings(tmp_path: Path) -> None:
    evaluation = dataclasses.replace(make(), sources=("a|b", "street") * 6, calibration=Calibration(1.0, 0.6))
    assert len(write_report(evaluation, tmp_path / "marked")) == 8
    text = (tmp_path / "marked" / "evaluation.md").read_text(encoding="utf-8")
    rows = table_after(text, "## By source")
    assert rows[0][:3] == ["source", "regions", "accuracy"]
    assert [row[:2] for row in rows[2:]] == [["a\\|b", "30"], ["street", "30"]]
    accuracies = [f"{100 * (part.metrics.accuracy or 0):.1f}%" for part in evaluation.by_source.values()]
    assert [row[2] for row in rows[2:]] == accuracies
    assert evaluation.confident_answers is not None
    coverage = f"{100 * (evaluation.confident_answers.coverage or 0):.1f}%"
    assert f"| certain answers | {coverage} |  | have a score of 0.600 or more |" in text
    assert f"| right when certain | {100 * (evaluation.confident_answers.accuracy or 0):.1f}% |" in text
    write_report(make(), tmp_path / "plain")
    plain, marked = (folder / "reliability.png" for folder in (tmp_path / "plain", tmp_path / "marked"))
    assert plain.read_bytes() != marked.read_bytes()  # the threshold is drawn


def test_a_perfect_model_has_no_empty_tables(tmp_path: Path) -> None:
    evaluation = make(("Brick", "Glass"), 1, photos=1)
    write_report(evaluation, tmp_path)
    text = (tmp_path / "evaluation.md").read_text(encoding="utf-8")
    assert "1 region of 1 photo.\n" in text
    assert "## Most confused\n\nNone.\n" in text
    assert "Not in the model's list" not in text
    assert "Not evaluated" not in text
    assert "nan" not in text.lower()


def test_the_predictions_are_one_line_a_region(tmp_path: Path) -> None:
    evaluation = make()
    write_report(evaluation, tmp_path)
    head, *rows = rows_of(tmp_path / "predictions.csv")
    assert head == ["photo", "region", "area", "truth", "predicted", "score", "uncertain", "quality"]
    assert len(rows) == 60
    for index, (photo, region, area, truth, predicted, score, uncertain, quality) in enumerate(rows):
        assert photo == evaluation.photos[index % 12]
        assert (int(region), int(area)) == (100 + index, evaluation.area[index])
        assert (truth, predicted) == (evaluation.truth[index], evaluation.predicted[index])
        assert float(score) == pytest.approx(evaluation.scores[index].max(), abs=1e-6)
        assert (uncertain, quality) == ("", "")  # neither is known


def test_the_predictions_say_what_is_uncertain_and_how_good_the_mask_is(tmp_path: Path) -> None:
    quality = np.linspace(0, 1, 60, dtype=np.float32)
    quality[3] = np.nan
    evaluation = dataclasses.replace(make(), calibration=Calibration(1.0, 0.6), quality=quality)
    write_report(evaluation, tmp_path)
    _, *rows = rows_of(tmp_path / "predictions.csv")
    assert [row[6] for row in rows] == [f"{scores.max() < 0.6}".lower() for scores in evaluation.scores]
    assert {row[6] for row in rows} == {"true", "false"}
    assert [rows[i][7] for i in (0, 3, 59)] == ["0.000", "", "1.000"]
    text = (tmp_path / "evaluation.md").read_text(encoding="utf-8")
    table = table_after(text, "## By mask quality")[2:]
    assert [row[0] for row in table] == [row.label for row in evaluation.metrics.by_quality]
    assert [int(row[1]) for row in table] == [row.regions for row in evaluation.metrics.by_quality]
    assert f"| mean risk (AURC) | {100 * (evaluation.metrics.risk.area or 0):.1f}% |" in text


def test_hostile_names_are_harmless_everywhere(tmp_path: Path) -> None:
    evaluation = make(ODD, 200, unknown=("+unknown|<b>", "\x00"), model="$m^$ <b>|\n")
    written = write_report(evaluation, tmp_path)
    assert len(written) == 8  # the pictures are there; any warning of a glyph or a layout is an error in our tests

    rows = rows_of(tmp_path / "predictions.csv")
    assert len(rows) == 201
    cells = [cell for row in rows for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert {"'=cmd()|'calc'!A0", "'-1+2", "'@sum", "'+unknown|<b>", "\\x00", "\\t=tab"} <= set(cells)
    assert "two\\nlines\\x1b[31m\\u2028" in cells
    assert "木材 🪵 \\u202etxt.exe" in cells
    assert (tmp_path / "predictions.csv").read_text(encoding="utf-8").count("\n") == 201

    text = (tmp_path / "evaluation.md").read_text(encoding="utf-8")
    assert text.startswith("# Evaluation of $m^$ &lt;b&gt;\\|\\\\n\n")
    assert not re.search(r"[<>\x00-\x09\x0b-\x1f\u2028\u202e]", text)
    materials = table_after(text, "## By material")
    assert {len(row) for row in materials} == {6}
    assert len(materials) == 2 + len(ODD) + 2
    assert "=cmd()\\|'calc'!A0" in {row[0] for row in materials}
    assert "\\*bold\\* \\_under\\_ \\`code\\` \\[link\\](x) back\\\\slash" in {row[0] for row in materials}

    names = json.loads((tmp_path / "evaluation.json").read_text(encoding="utf-8"))["by_material"]
    assert set(ODD) <= set(names)


@pytest.mark.parametrize("evaluation", [make(regions=0), make(regions=0, failures=(Failure("a", "a.jpg is torn"),))])
def test_without_regions_there_is_a_report_without_pictures(evaluation: Evaluation, tmp_path: Path) -> None:
    written = write_report(evaluation, tmp_path)
    assert [path.name for path in written] == TEXTS
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(TEXTS)
    text = (tmp_path / "evaluation.md").read_text(encoding="utf-8")
    assert "| accuracy | - |  | of the regions are named right |" in text
    assert "\n\nNone.\n" in text.partition("## By material")[2].partition("\n## ")[0]
    assert "Pictures" not in text
    assert len(rows_of(tmp_path / "predictions.csv")) == 1


def test_without_matplotlib_everything_else_is_written_and_one_warning_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    without_matplotlib(monkeypatch)
    with caplog.at_level(logging.WARNING, logger="madeof"):
        written = write_report(make(), tmp_path)
    assert [path.name for path in written] == TEXTS
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(TEXTS)
    assert caplog.messages == [
        "A report with pictures needs packages that are not installed: run  pip install 'madeof[report]'"
    ]
    assert ".png" not in (tmp_path / "evaluation.md").read_text(encoding="utf-8")


def test_a_report_that_cannot_be_written_is_an_error_that_names_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("not a folder")
    for place, what in (("file", "there already"), ("", "a folder with files in it")):
        with pytest.raises(WriteError) as caught:
            write_report(make(), tmp_path / place)
        message = f"{tmp_path / place} is {what}; give another name, or take it away: nothing is overwritten"
        assert str(caught.value) == message
    with pytest.raises(WriteError, match="cannot make the folder"):
        write_report(make(), tmp_path / "file" / "below")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "write_bytes", full)
    with pytest.raises(WriteError, match="cannot write .*out: No space left on device; nothing was changed"):
        write_report(make(), tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
