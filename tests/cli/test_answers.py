"""Answers and sets in everything that comes out: JSON, CSV, Parquet, text, pictures, service, commands."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from serving import BOX, make_app, photo, problem_of, regions, running, test_client

from madeof.cli.main import main
from madeof.datasets import open_dataset
from madeof.errors import ModelError
from madeof.evaluation.report import write_report
from madeof.evaluation.run import Evaluation, evaluate
from madeof.export import tables as outputs
from madeof.images.photo import Photo
from madeof.inference.photo_result import Answer, PhotoResult, Predicted, csv_text, label
from madeof.inference.prediction import Prediction
from madeof.inference.predictor import Predictor
from madeof.metrics.conformal import Band, Sets
from madeof.model.calibration import Calibration
from madeof.model.record import RECORD, Record
from madeof.properties import Properties
from madeof.serve.client import Client

LEAST = (*(round(0.5 - i / 100, 2) for i in range(49)), None)


SETS = Sets((Band(0.05, 40, LEAST), Band(None, 60, (0.0,) * 50)))


STONES = ("Stone", "Concrete", "Metal")


def prediction(scores: Any, share: float = 0.01, sets: Sets | None = SETS) -> Prediction:
    return Prediction(STONES, np.array(scores, np.float32), 31.0, (0, 0, 6, 6), Calibration(1.0, 0.5, sets), share)


def result(*predictions: Prediction, coverage: float | None = None) -> PhotoResult:
    answers = tuple(Answer(f"box {i}", each) for i, each in enumerate(predictions))
    return PhotoResult(Photo(np.zeros((48, 64, 3), np.uint8), "a.jpg", (48, 64)), "tiny 3", answers, coverage)


SURE, UNSURE, NOTHING = prediction([0.8, 0.15, 0.05]), prediction([0.48, 0.46, 0.06]), prediction([0.4, 0.2, 0.4])


@pytest.fixture(scope="module")
def model_with_sets(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder that knows a threshold and sets."""
    from madeof.model.record import copy_model

    record = dataclasses.replace(Record.read(tiny_model), calibration=Calibration(1.0, 0.6, SETS))
    out = tmp_path_factory.mktemp("answers") / "model"
    copy_model(tiny_model, record, out)
    return out


@pytest.fixture(scope="module")
def predictor_with_sets(model_with_sets: Path) -> Predictor:
    return Predictor(model_with_sets, threads=1)


def test_json() -> None:
    sure, unsure, nothing = result(SURE, UNSURE, NOTHING, coverage=0.85).to_dict()["regions"]
    assert (sure["answer"], sure["uncertain"]) == ("Stone", False)
    assert (unsure["answer"], unsure["uncertain"], unsure["material"]) == (None, True, "Stone")
    assert nothing["answer"] is None
    assert sure["set"] == {"coverage": 0.85, "materials": ["Stone", "Concrete"]}
    assert nothing["set"]["materials"] == ["Stone", "Metal", "Concrete"]
    (plain,) = result(SURE).to_dict()["regions"]
    assert "set" not in plain
    old = Prediction(STONES, SURE.scores, 31.0, (0, 0, 6, 6))
    assert not {"answer", "set", "uncertain"} & set(result(old).to_dict()["regions"][0])


def test_a_coverage_that_no_set_has_is_noted_everywhere() -> None:
    found = result(SURE, coverage=0.99)
    note = "no set has the coverage 0.99: this one holds all materials"
    (region,) = found.to_dict()["regions"]
    assert region["set"]["materials"] == ["Stone", "Concrete", "Metal"]
    assert note in region["notes"]
    assert note in found.text()
    assert note in csv_text([found])
    assert "no set" not in csv_text([result(prediction([0.8, 0.15, 0.05], share=0.5), coverage=0.99)])


def test_csv_text_and_label() -> None:
    found = result(SURE, UNSURE, NOTHING, coverage=0.6)
    rows = list(csv.DictReader(io.StringIO(csv_text([found]))))
    assert [(row["answer"], row["set"]) for row in rows] == [
        ("Stone", "Stone"), ("", "Stone; Concrete"), ("", "Stone; Metal"),
    ]  # fmt: skip
    lines = found.text(top=2).splitlines()[1:]
    assert lines[0].startswith("  box 0  Stone 0.80   (Concrete 0.15)   set: Stone")
    assert lines[1].startswith("  box 1  unsure: Stone 0.48   (Concrete 0.46)   set: Stone; Concrete")
    assert lines[2].startswith("  box 2  unsure: Stone 0.40   (Metal 0.40)   set: Stone; Metal")
    assert [label(each) for each in (SURE, UNSURE)] == ["Stone 80%", "unsure: Stone 48%"]
    assert [row["set"] for row in csv.DictReader(io.StringIO(csv_text([result(SURE)])))] == [""]


def test_parquet(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    found = [Predicted(result(SURE, UNSURE, coverage=0.6)), Predicted(result(NOTHING))]
    outputs.write_output("parquet", found, tmp_path / "a.parquet", materials=STONES)
    rows = parquet.read_table(tmp_path / "a.parquet").to_pylist()
    wanted = ("answer", "set", "coverage")
    assert [tuple(row[name] for name in wanted) for row in rows] == [
        ("Stone", "Stone", 0.6),
        (None, "Stone; Concrete", 0.6),
        (None, None, None),
    ]


def test_the_schema_in_the_docs_has_every_field() -> None:
    schema = json.loads((Path(__file__).parents[2] / "docs" / "answer.schema.json").read_text(encoding="utf-8"))
    found = result(UNSURE, coverage=0.99)
    answers = tuple(dataclasses.replace(answer, truth="Stone") for answer in found.answers)
    properties = Properties(STONES, "density,absorption,recycling", most_without=0.99)
    (region,) = dataclasses.replace(found, answers=answers, properties=properties).to_dict()["regions"]
    assert set(region) == set(schema["properties"])
    fields = {name for each in region["properties"].values() for name in each}
    assert fields == set(schema["$defs"]["property"]["properties"])
    assert set(schema["required"]) <= set(region)
    assert set(region["set"]) == set(schema["properties"]["set"]["properties"])


def test_the_command_line_tells_sets(model_with_sets: Path, tiny_model: Path, tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "a.png").write_bytes(photo())
    arguments = ["predict", str(tmp_path / "a.png"), "--box", "0,0,9,9", "--threads", "1", "--json"]
    assert main([*arguments, "--model", str(model_with_sets), "--coverage", "0.9"]) == 0
    (region,) = json.loads(capsys.readouterr().out)["regions"]
    assert region["set"]["coverage"] == 0.9
    assert region["set"]["materials"][0] == region["material"]
    assert main([*arguments, "--model", str(tiny_model), "--coverage", "0.9"]) == 1
    assert "the model tiny has no sets with a coverage: add them with  madeof calibrate" in capsys.readouterr().err
    for wrong in ("1", "0.4", "90%"):
        with pytest.raises(SystemExit):
            main([*arguments, "--coverage", wrong])
        assert f"got {wrong!r}; expected a number from 0.5 to 0.99, such as 0.9" in capsys.readouterr().err


def test_the_service_and_its_client_tell_what_the_predictor_does(
    predictor_with_sets: Predictor, tiny_predictor: Predictor
) -> None:
    client = test_client(make_app(predictor_with_sets))
    name = client.post("/v1/images", content=photo(), headers={"content-type": "image/png"}).json()["id"]
    told = client.post(f"/v1/images/{name}/regions?coverage=0.8", json=regions(BOX)).json()["regions"][0]
    assert told["set"]["coverage"] == 0.8
    assert told["set"]["materials"][0] == told["material"]
    assert told["answer"] in (None, told["material"])
    at_once = client.post("/v1/predict?coverage=0.8", files={"photo": ("a.png", photo())}).json()["regions"][0]
    assert at_once["set"]["coverage"] == 0.8
    for wrong in ("0.3", "1", "x", "nan"):
        assert problem_of(client.post(f"/v1/images/{name}/regions?coverage={wrong}", json=regions(BOX)))[0] == 422
    model = client.get("/v1/model").json()
    assert (model["uncertain_below"], Sets.from_json(model["sets"])) == (0.6, SETS)
    plain = test_client(make_app(tiny_predictor))
    assert plain.get("/v1/model").json()["sets"] is None
    refused = plain.post("/v1/predict?coverage=0.8", files={"photo": ("a.png", photo())})
    assert problem_of(refused)[1:] == ("input", "this model has no sets; expected a question without coverage")
    mask = np.zeros((60, 80), bool)
    mask[3:9, 4:20] = True
    with running(make_app(predictor_with_sets)) as (host, port), Client(f"http://{host}:{port}") as remote:
        remote.set_image(photo())
        (found,) = remote.predict([mask])
    (expected,) = predictor_with_sets.predict([mask], encoded=predictor_with_sets.encode(photo()))
    assert (found.answer, found.set(0.9), found.reaches(0.99)) == (
        expected.answer, expected.set(0.9), expected.reaches(0.99),
    )  # fmt: skip
    assert found.share == expected.share == 96 / 4800


def evaluation(predictor: Predictor, dataset: Path) -> Evaluation:
    return evaluate(predictor, open_dataset(dataset), coverage=0.8)


def test_an_evaluation_says_what_sets_bring(
    predictor_with_sets: Predictor, tiny_predictor: Predictor, tiny_dataset: Path, tmp_path: Path
) -> None:
    found = evaluation(predictor_with_sets, tiny_dataset)
    assert found.share == pytest.approx(found.area / (64 * 80))
    summary = found.summary()
    assert summary["sets"]["coverage"] == 0.8
    every, small, large = summary["sets"]["by_size"]
    assert (every["label"], small["label"], large["label"]) == ("all", "under 5%", "5% and more")
    assert (every["regions"], small["regions"], large["regions"]) == (36, 0, 36)
    assert large["covered"] == large["complete"] == 1  # its lowest score is 0
    assert "sets of 80%          all sizes: 100.0% hold the material, 4.0 materials on average" in found.text()
    part = found.part(np.arange(36) < 6)
    assert part.share is not None
    assert len(part.share) == 6
    json.dumps(summary, allow_nan=False)
    assert "sets" not in evaluation(tiny_predictor, tiny_dataset).summary()
    write_report(found, tmp_path)
    page, text = ((tmp_path / name).read_text(encoding="utf-8") for name in ("report.html", "evaluation.md"))
    assert "with a probability of 80.0%" in page
    assert "## Sets with a coverage of 80.0%" in text
    assert "| 5% and more | 36 | 100.0% | 4.0 | 100.0% |" in text


def test_a_record_keeps_them(model_with_sets: Path, tmp_path: Path) -> None:
    record = Record.read(model_with_sets)
    assert (record.calibration.uncertain_below, record.calibration.prediction_sets) == (0.6, SETS)
    assert dataclasses.replace(record, files={}).write(tmp_path) == Record.read(tmp_path)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("sets", [], "sets: expected a list of bands, or null"),
        ("sets", {"bands": []}, "sets: expected a list of bands, or null"),
        ("sets", [{"under": None, "regions": 5, "least": [0.1]}], "sets: a band has 1 scores; expected 50"),
        ("sets", "x" * 10_000, "sets: expected a list of bands, or null"),
    ],
)
def test_a_wrong_record_is_refused(model_with_sets: Path, tmp_path: Path, field: str, value: Any, message: str) -> None:
    values = json.loads((model_with_sets / RECORD).read_text())
    (tmp_path / RECORD).write_text(json.dumps({**values, field: value}))
    with pytest.raises(ModelError) as caught:
        Record.read(tmp_path)
    assert message in str(caught.value)
    assert len(str(caught.value)) < 600


def test_a_record_of_010_is_read(model_with_sets: Path, tmp_path: Path) -> None:
    """It may have no sets, and may have the threshold of groups, which went."""
    values = json.loads((model_with_sets / RECORD).read_text())
    del values["sets"]
    (tmp_path / RECORD).write_text(json.dumps({**values, "group_below": 0.9}))
    old = Record.read(tmp_path)
    assert (old.calibration.uncertain_below, old.calibration.prediction_sets) == (0.6, None)
    old.write(tmp_path)
    assert "group_below" not in json.loads((tmp_path / RECORD).read_text())
