"""The page: whole in one file, safe with any name, and showing what was found."""

from __future__ import annotations

import dataclasses
import json
import logging
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from report_html import Page, from_dataset, pictures, written
from small_evaluations import ODD, make

from madeof.cli import main as cli
from madeof.datasets import RegionDataset
from madeof.evaluation.comparison import Comparison, LeftOut
from madeof.evaluation.report import write_report
from madeof.evaluation.report.html import page
from madeof.evaluation.run import Evaluation, Failure
from madeof.materials.crosswalk import Compared
from madeof.model.calibration import Calibration


def test_the_page_is_whole_and_asks_nothing_of_any_network(report_dataset: RegionDataset) -> None:
    found = written(from_dataset(report_dataset), report_dataset)
    assert found.source.startswith('<!doctype html>\n<html lang="en">')
    around = re.sub(r"data:[\w/+;,=]*", "data:", found.source)
    assert not re.search(r"https?:|//[a-z]|<script|javascript:|@import|url\(", around)
    addresses = [(name, value) for _, tag in found.tags for name, value in tag.items() if name in {"src", "href"}]
    assert len(addresses) > 10
    assert not [value for _, value in addresses if not value.startswith(("#", "data:"))]
    targets = {tag["id"] for _, tag in found.tags if "id" in tag}
    assert {value[1:] for name, value in addresses if name == "href" and value.startswith("#")} <= targets
    assert not [tag for _, tag in found.tags if any(name.startswith("on") for name in tag)]
    policy = found.of("meta", **{"http-equiv": "Content-Security-Policy"})
    assert policy[0]["content"] == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    assert found.of("meta", name="viewport")
    assert all(image["alt"] for image in found.of("img"))
    assert len(found.of("h1")) == 1
    assert page(from_dataset(report_dataset), report_dataset) == found.source  # the same again


def test_the_page_says_what_was_found() -> None:
    evaluation = dataclasses.replace(
        make(unknown=("Sand",), failures=(Failure("lost", "lost.jpg is torn"),)),
        sources=("home", "street") * 6,
        calibration=Calibration(1.0, 0.6),
        quality=np.linspace(0, 1, 60, dtype=np.float32),
    )
    found, text = evaluation.metrics, written(evaluation).text
    assert found.accuracy is not None
    assert found.accuracy_interval is not None
    assert found.risk.area is not None
    assert found.calibration_error.ece is not None
    assert found.calibration_error.by_chance is not None
    assert evaluation.confident_answers is not None
    assert evaluation.confident_answers.accuracy is not None
    ends = f"{100 * found.accuracy_interval.low:.1f}-{100 * found.accuracy_interval.high:.1f}%"
    for said in (
        "Evaluation of fake 1",
        "60 regions of 12 photos",
        f"Accuracy {100 * found.accuracy:.1f}% 95% interval {ends}",
        f"Right when certain {100 * evaluation.confident_answers.accuracy:.1f}%",
        f"Mean risk (AURC) {100 * found.risk.area:.1f}%",
        f"expected calibration error, is {100 * found.calibration_error.ece:.1f}%",
        f"honest would show {100 * found.calibration_error.by_chance:.1f}%",
        "1 photo could not be evaluated",
        "lost lost.jpg is torn",
        "Sand not in its list 12",
        "By source",
        "home (6), street (6)",
        "under 50%",
        "no picture",
    ):
        assert said in text, said
    for row in found.by_material:
        if row.recall is not None and row.precision is not None:
            assert f"{row.name} {row.regions} {100 * row.recall:.1f}% {100 * row.precision:.1f}%" in text


def test_a_confusion_cell_is_right_or_wrong_and_says_its_number() -> None:
    evaluation = make(unknown=("Sand",))
    counts, names = evaluation.metrics.confusion.counts, evaluation.metrics.confusion
    found = written(evaluation)
    cells = {cell["title"]: cell["class"].split()[0] for cell in found.of("td") if "title" in cell}
    assert len(cells) == np.count_nonzero(counts)
    for row, column in zip(*np.nonzero(counts), strict=True):
        title = f"{names.truth[row]} called {names.predicted[column]}: {counts[row, column]} of {counts[row].sum()}"
        assert cells[title] == ("right" if row == column else "wrong")


def test_no_name_becomes_markup() -> None:
    hostile = ('"><img src=x onerror=alert(1)>', "'; x='", "{{ 7*7 }}", "</style><b>", *ODD)
    evaluation = dataclasses.replace(
        make(
            hostile, 300, unknown=('<svg onload="x">', "\x00"), model='<i>"m"</i>\n', failures=(Failure("<u>", "<s>"),)
        ),
        sources=("<script>s</script>", '"><p>') * 6,
    )
    evaluation = dataclasses.replace(evaluation, photos=tuple(f'"{i}<em>\u202e' for i in range(12)))
    found, plain = written(evaluation), written(make())
    assert {tag for tag, _ in found.tags} - {tag for tag, _ in plain.tags} <= {"strong", "b", "br"}
    assert not {name for _, tag in found.tags for name in tag if name.startswith("on")}
    for name in (*hostile[:4], "<script>alert(1)</script>", '<i>"m"</i>\\n', "two\\nlines\\x1b[31m\\u2028", "\\x00"):
        assert name in found.text
    assert not re.search("[\x00-\x09\x0b-\x1f\u2028\u202e]", found.source)
    found.source.encode("utf-8")


def test_a_stray_byte_in_a_photos_licence_can_be_written(report_dataset: RegionDataset) -> None:
    photos = SimpleNamespace(source=["caf\udce9"] * len(report_dataset), licence=["<b>free</b>"] * len(report_dataset))
    evaluation = from_dataset(report_dataset)
    stray = SimpleNamespace(
        digest=report_dataset.digest,
        photos=photos,
        regions=report_dataset.regions,
        read_region=report_dataset.read_region,
    )
    source = written(evaluation, stray).source
    assert "caf\\udce9, &lt;b&gt;free&lt;/b&gt;" in source
    source.encode("utf-8")


PERFECT = dataclasses.replace(make(("Brick", "Glass"), 1, photos=1), scores=np.array([[0.5, 0.5]], dtype=np.float32))


@pytest.mark.parametrize(
    ("evaluation", "said", "drawn"),
    [
        (make(regions=0), "There are no regions.", 0),
        (make(regions=0, failures=(Failure("a", "a.jpg is torn"),)), "a a.jpg is torn", 0),
        (dataclasses.replace(PERFECT, truth=("Brick",)), "No region was called wrong.", 3),
        (dataclasses.replace(PERFECT, truth=("Sand",)), "no regions of materials that the model can name", 3),
        (dataclasses.replace(PERFECT, truth=("Glass",)), "Of 1 wrong answer, those", 3),
        (dataclasses.replace(PERFECT, quality=np.full(1, np.nan, dtype=np.float32)), "no border to judge", 4),
        (dataclasses.replace(PERFECT, calibration=Calibration(1.0, 0.9)), "of the 0.0% of the answers", 3),
        (make(tuple(f"M {i}" for i in range(70)), 700), "20 more are in the table above", 3),
    ],
    ids=["nothing", "failures only", "no error", "unnameable", "one error", "no quality", "nothing certain", "many"],
)
def test_whatever_there_is_makes_a_page(evaluation: Evaluation, said: str, drawn: int) -> None:
    found = written(evaluation)
    assert said in found.text
    assert len(found.of("img")) == drawn
    assert "nan" not in found.text.lower().split()
    assert "None" not in found.text.replace("None.", "")


def test_without_jinja_there_is_no_page_and_one_warning_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with caplog.at_level(logging.WARNING, logger="madeof"):
        names = [path.name for path in write_report(make(), tmp_path)]
    assert "report.html" not in names
    assert "evaluation.md" in names
    assert not (tmp_path / "report.html").exists()
    assert caplog.messages == [
        "A report as one page needs packages that are not installed: run  pip install 'madeof[report]'"
    ]


def test_a_comparison_is_shown() -> None:
    comparison = Comparison(
        through="OpenSurfaces to <FMD>",
        compared=(Compared("Stone", ("Granite", "Marble"), ("Stone",), "narrower", ("no <brick>",)),),
        left_out=(LeftOut("Foliage", 7, "no word"),),
        regions_left_out=7,
        without_word=(LeftOut("Sky", 3, "not there"),),
        accuracy_among_compared=0.625,
    )
    text = written(dataclasses.replace(make(), comparison=comparison)).text
    assert "compared through OpenSurfaces to <FMD>" in text
    assert "Stone Granite; Marble Stone narrower no <brick>" in text
    assert "7 regions of these materials are in no figure. Material Regions Why Foliage 7 no word" in text
    assert "materials compared, its accuracy is 62.5%. Material Regions Why Sky 3 not there" in text


def test_the_command_writes_the_page_with_photos(tiny_dataset: Path, tiny_model: Path, tmp_path: Path) -> None:
    arguments = ["evaluate", str(tiny_dataset), "--model", str(tiny_model), "--out", str(tmp_path), "--threads", "1"]
    assert cli.main(arguments) == 0
    found = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert "Evaluation of tiny 3" in found.text
    judged = json.loads((tmp_path / "evaluation.json").read_text(encoding="utf-8"))["judged"]
    assert judged == {"dataset": str(tiny_dataset), "split": "val", "sources": [], "passed_over": 8}
    said = f"Data set {tiny_dataset} Judged the split val; 8 photos are passed over"
    assert said in found.text
    text = (tmp_path / "evaluation.md").read_text(encoding="utf-8")
    assert "- Judged: the split val; 8 photos are passed over" in text
    assert cli.main(arguments) == 1  # nothing is overwritten
    assert "median edge agreement" in found.text
    assert pictures(found)
