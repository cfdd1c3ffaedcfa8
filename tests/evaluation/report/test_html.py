"""The page: whole in one file, safe with any name, and showing what was found."""

from __future__ import annotations

import base64
import dataclasses
import io
import json
import logging
import re
import sys
import xml.etree.ElementTree
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from small_evaluations import ODD, make, without_matplotlib

from madeof.cli import main as cli
from madeof.datasets import RegionDataset, open_dataset
from madeof.errors import DatasetError, PhotoError
from madeof.evaluation.comparison import Comparison, LeftOut
from madeof.evaluation.report import write_report
from madeof.evaluation.report.charts import charts
from madeof.evaluation.report.gallery import confused_pairs, surest_errors, unnameable
from madeof.evaluation.report.html import page
from madeof.evaluation.run import Evaluation, Failure
from madeof.materials.crosswalk import Compared
from madeof.model.calibration import Calibration

VOID = {"meta", "link", "img", "br"}


class Page(HTMLParser):
    """A page's text, tags and attributes; every tag must be closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.source = text
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def of(self, tag: str, **wanted: str) -> list[dict[str, str]]:
        return [found for name, found in self.tags if name == tag and wanted.items() <= found.items()]


def written(evaluation: Evaluation, dataset: Any = None) -> Page:
    text = page(evaluation, dataset)
    assert text is not None
    return Page(text)


def from_dataset(dataset: RegionDataset, *, materials: tuple[str, ...] | None = None) -> Evaluation:
    """An evaluation of every region that is wrong in every second one; random scores."""
    regions = dataset.regions
    random = np.random.default_rng(0)
    names = materials or dataset.materials
    truth = [dataset.materials[number] for number in regions.material]
    scores = random.dirichlet(np.ones(len(names)), len(truth)).astype(np.float32)
    for row, name in enumerate(truth):
        if row % 2 and name in names:
            scores[row] = np.roll(np.sort(scores[row])[::-1], names.index(name))
    return Evaluation(
        model="made 1",
        materials=names,
        digest=dataset.digest,
        photos=tuple(dataset.photos.name),
        photo=regions.photo.astype(np.int64),
        region=np.arange(len(truth)),
        area=np.full(len(truth), 900),
        box=np.zeros((len(truth), 4), dtype=np.int64),
        truth=tuple(truth),
        scores=scores,
        quality=random.random(len(truth)).astype(np.float32),
    )


@pytest.fixture(scope="module")
def dataset(tiny_dataset: Path) -> RegionDataset:
    return open_dataset(tiny_dataset).split("val")


def test_the_page_is_whole_and_asks_nothing_of_any_network(dataset: RegionDataset) -> None:
    found = written(from_dataset(dataset), dataset)
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
    assert page(from_dataset(dataset), dataset) == found.source  # the same again


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
    assert evaluation.certain is not None
    assert evaluation.certain.accuracy is not None
    ends = f"{100 * found.accuracy_interval.low:.1f}-{100 * found.accuracy_interval.high:.1f}%"
    for said in (
        "Evaluation of fake 1",
        "60 regions of 12 photos",
        f"Accuracy {100 * found.accuracy:.1f}% 95% interval {ends}",
        f"Right when certain {100 * evaluation.certain.accuracy:.1f}%",
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


def test_a_stray_byte_in_a_photos_licence_can_be_written(dataset: RegionDataset) -> None:
    photos = SimpleNamespace(source=["caf\udce9"] * len(dataset), licence=["<b>free</b>"] * len(dataset))
    evaluation = from_dataset(dataset)
    stray = SimpleNamespace(
        digest=dataset.digest, photos=photos, regions=dataset.regions, read_region=dataset.read_region
    )
    source = written(evaluation, stray).source
    assert "caf\\udce9, &lt;b&gt;free&lt;/b&gt;" in source
    source.encode("utf-8")


def test_the_galleries_show_the_surest_first_and_one_of_a_photo() -> None:
    evaluation = make(unknown=("Sand", "Snow"))
    top, correct = evaluation.scores.max(axis=1), evaluation.correct
    nameable = np.array([name in evaluation.materials for name in evaluation.truth])
    shown = surest_errors(evaluation, 5)
    assert len(shown) == 5
    assert not correct[shown].any()
    assert nameable[shown].all()
    assert (np.diff(top[shown]) <= 0).all()
    assert len(set(evaluation.photo[shown].tolist())) == 5
    assert top[shown[0]] == top[~correct & nameable].max()
    pairs = confused_pairs(evaluation, 3, 2)
    expected = [pair for pair in evaluation.metrics.confusion.pairs() if pair[0] in evaluation.materials][:3]
    assert [pair[:3] for pair in pairs] == expected
    for pair in pairs:
        assert {evaluation.truth[i] for i in pair.shown} == {pair.truth}
        assert {evaluation.predicted[i] for i in pair.shown} == {pair.predicted}
        assert 1 <= len(pair.shown) <= 2
    assert {evaluation.truth[i] for i in unnameable(evaluation, 8)} == {"Sand", "Snow"}
    assert len(unnameable(evaluation, 1)) == 1


def pictures(found: Page) -> list[Image.Image]:
    kind = "data:image/jpeg;base64,"
    sources = [image["src"] for image in found.of("img") if image["src"].startswith(kind)]
    return [Image.open(io.BytesIO(base64.b64decode(source.removeprefix(kind)))) for source in sources]


def test_pictures_show_the_photos_with_the_regions_outline(dataset: RegionDataset) -> None:
    evaluation = from_dataset(dataset, materials=("Brick", "Foliage", "Sky"))
    found = written(evaluation, dataset)
    images = pictures(found)
    assert len(images) == len(found.of("li", **{"class": "card"}))
    assert all(image.width <= 400 and image.height <= 300 for image in images)
    assert all(max(image.width / 400, image.height / 300) > 0.95 for image in images)  # small photos are enlarged
    declared = [(int(tag["width"]), int(tag["height"])) for tag in found.of("img", loading="lazy")]
    assert declared == [image.size for image in images]
    blue = (np.abs(np.asarray(images[0], dtype=int) - (86, 180, 233)).max(axis=2) < 60).mean()
    assert 0.005 < blue < 0.4
    assert "made, MIT" in found.text
    name = evaluation.photos[evaluation.photo[surest_errors(evaluation, 1)[0]]]
    assert f"Part of the photo {name} with the region outlined" in found.of("img", loading="lazy")[0]["alt"]
    assert "labelled Wood" in found.text
    assert "not in its list" in found.text


def test_a_photo_that_cannot_be_read_again_leaves_a_note(
    dataset: RegionDataset, caplog: pytest.LogCaptureFixture
) -> None:
    evaluation = from_dataset(dataset)
    first = surest_errors(evaluation, 1)[0]
    whole = len(pictures(written(evaluation, dataset)))

    def read_region(region: int) -> Any:
        if region == first:
            raise PhotoError("p8.png is <gone>")
        return dataset.read_region(region)

    broken = SimpleNamespace(
        digest=dataset.digest, photos=dataset.photos, regions=dataset.regions, read_region=read_region
    )
    with caplog.at_level(logging.WARNING, logger="madeof"):
        found = written(evaluation, broken)
    assert "no picture: p8.png is <gone>" in found.text
    assert 0 < len(pictures(found)) < whole
    assert caplog.messages == ["a report without a picture: p8.png is <gone>"]


def test_another_data_set_is_refused(dataset: RegionDataset, tiny_dataset: Path) -> None:
    with pytest.raises(DatasetError) as caught:
        page(from_dataset(dataset), open_dataset(tiny_dataset))
    assert re.fullmatch(
        r"the data set [0-9a-f]{16} is not the one that was evaluated, [0-9a-f]{16}; "
        "give write_report the data set, or the split, that evaluate got",
        str(caught.value),
    )


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


def test_charts_are_drawings_that_follow_the_pages_colours() -> None:
    evaluation = dataclasses.replace(
        make(ODD), calibration=Calibration(1.0, 0.5), quality=np.linspace(0, 1, 60, dtype=np.float32)
    )
    found = charts(evaluation)
    assert list(found) == ["reliability", "risk", "size", "quality"]
    assert charts(evaluation) == found
    other = charts(dataclasses.replace(make(ODD, seed=1), quality=evaluation.quality))
    for name, source in found.items():
        text = base64.b64decode(source.removeprefix("data:image/svg+xml;base64,")).decode()
        root = xml.etree.ElementTree.fromstring(text)
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert "prefers-color-scheme: dark" in text
        assert not re.search(r"#0102\w\w", text)
        assert other[name] != source
    words = " ".join(base64.b64decode(source.split(",")[1]).decode() for source in found.values())
    assert "the model's threshold" in words
    assert "90% and more (6)" in words


def test_without_matplotlib_the_numbers_take_the_charts_place(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not written(make()).of("details", open="")
    without_matplotlib(monkeypatch)
    found = written(make())
    assert not found.of("img")
    assert len(found.of("details", open="")) == len(found.of("details")) == 3


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
    assert "- Judged: the split val; 8 photos are passed over" in (tmp_path / "evaluation.md").read_text(
        encoding="utf-8"
    )
    assert cli.main(arguments) == 1  # nothing is overwritten
    assert "median edge agreement" in found.text
    assert pictures(found)
