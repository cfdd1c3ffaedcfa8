"""The recipe that writes the measured part of a model's card."""

from __future__ import annotations

import csv
import dataclasses
import importlib.util
import json
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest
from made import MATERIALS

from madeof.datasets import open_dataset
from madeof.evaluation.run import evaluate
from madeof.inference.predictor import load
from madeof.model.calibration import Calibration
from madeof.model.record import Record

BLOCKS = ["facts", "accuracy", "materials", "weak", "calibration", "uncertain", "sets", "sources", "variants", "steps"]
CARD = "# A card\n\n" + "\n".join(f"About {b}:\n\n<!-- measured: {b} -->\nold {b}\n<!-- end -->\n" for b in BLOCKS)


@pytest.fixture(scope="module")
def card() -> ModuleType:
    path = Path(__file__).parents[2] / "recipes" / "card.py"
    spec = importlib.util.spec_from_file_location("card", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["card"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def data(tiny_dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data set, with two sources."""
    folder = shutil.copytree(tiny_dataset, tmp_path_factory.mktemp("card") / "data")
    rows = list(csv.DictReader((folder / "photos.csv").read_text().splitlines()))
    with (folder / "photos.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        for number, row in enumerate(rows):
            writer.writerow({**row, "source": "everyday" if number % 2 else "series"})
    return folder


def model_with(threshold: float | None, tiny_model: Path, folder: Path) -> Path:
    shutil.copytree(tiny_model, folder)
    dataclasses.replace(Record.read(folder), calibration=Calibration(1.0, threshold)).write(folder)
    return folder


def block(text: str, name: str) -> str:
    return text.split(f"<!-- measured: {name} -->\n")[1].split("<!-- end -->")[0]


def cells(text: str, row: str) -> list[str]:
    (line,) = [line for line in text.splitlines() if line.startswith(f"| {row} |")]
    return [cell.strip() for cell in line.strip("|").split("|")][1:]


def test_a_card_is_filled_with_what_was_measured(
    card: ModuleType, data: Path, tiny_model: Path, tmp_path: Path
) -> None:
    model = model_with(0.5, tiny_model, tmp_path / "model")
    out = tmp_path / "docs" / "card.md"
    out.parent.mkdir()
    out.write_text(CARD)
    more = tmp_path / "docs" / "more.md"
    more.write_text("<!-- measured: facts -->\nold facts\n<!-- end -->\n")
    card.main([str(model), str(data), str(out), str(more), "--variants", f"the same={model}"])
    assert "old facts" not in more.read_text()
    text = out.read_text()
    assert (out.parent / "pictures" / "reliability.png").read_bytes().startswith(b"\x89PNG")
    for name in BLOCKS:
        assert f"About {name}:\n\n<!-- measured: {name} -->\n" in text
        assert (f"old {name}\n" in text) is (name == "steps")  # there was no run: that one stays

    found = evaluate(load(model, threads=1), open_dataset(data).split("val"))
    everyday = found.by_source["everyday"]
    accuracy = [f"{part.metrics.accuracy:.3f}" for part in (found, everyday)]
    rows = cells(block(text, "accuracy"), "accuracy")
    assert [cell.split()[0] for cell in rows] == accuracy
    assert rows[0].count(" to ") == 1  # with its interval
    assert cells(block(text, "accuracy"), "regions") == ["12", "6"]
    materials = block(text, "materials")
    for row in found.metrics.by_material:
        assert cells(materials, row.name)[2] == f"{row.regions}"
        assert cells(materials, row.name)[3] == ("-" if row.recall is None else f"{row.recall:.3f}")
    train = open_dataset(data).split("train").count_by_material()
    assert [cells(materials, row.material)[:2] for row in train] == [[f"{r.photos}", f"{r.regions}"] for r in train]
    assert found.confident_answers is not None
    uncertain = block(text, "uncertain")
    assert "below 0.500" in uncertain
    assert cells(uncertain, "all of val")[:2] == ["12", f"{found.confident_answers.coverage:.3f}"]
    assert "too few to fit a threshold" in uncertain
    assert cells(block(text, "variants"), "this model") == cells(block(text, "variants"), "the same")
    assert cells(block(text, "sources"), "series")[-2:] == ["4", "2"]
    weak = block(text, "weak")
    assert "- **Absent, not in the data**: Cardboard, " in weak
    assert all(f"{name} (" in weak.splitlines()[2] for name in MATERIALS)  # fewer than ten regions each


def test_a_model_without_a_threshold_and_a_run_with_its_log(
    card: ModuleType, data: Path, tiny_model: Path, tmp_path: Path
) -> None:
    model = model_with(None, tiny_model, tmp_path / "model")
    head = "step,epoch,batch,lr,loss,train_accuracy,val_accuracy,val_mean_class_accuracy,seconds\n"
    rows = [
        "head,1,9,1,1,1,0.5,0.4,60",
        "head,2,18,1,1,1,0.4,0.9,120",
        "net,1,9,1,1,1,0.75,0.7,600",
        "net,2,9,1,1,1,0.6,0,60",
    ]
    (model / "metrics.csv").write_text(head + "\n".join(rows) + "\n")
    out = tmp_path / "card.md"
    out.write_text(CARD)
    card.main([str(model), str(data), str(out), "--source", "nowhere"])
    text = out.read_text()
    assert "never says that it is unsure" in block(text, "uncertain")
    assert "nowhere" not in text
    assert cells(block(text, "steps"), "head") == ["2", "2.0", "1", "0.500", "0.400"]
    assert cells(block(text, "steps"), "net") == ["2", "11.0", "1", "0.750", "0.700"]  # it was resumed in between


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# Nothing\n", "the card has no line <!-- measured: NAME --> with <!-- end --> after it: add some"),
        ("<!-- measured: colour -->\n<!-- end -->\n", "the card has a block 'colour'; expected facts"),
    ],
)
def test_a_card_that_cannot_be_filled(card: ModuleType, text: str, message: str) -> None:
    with pytest.raises(SystemExit, match=message):
        card.filled(text, {"facts": lambda: "new"})


def test_what_is_written_by_hand_stays(card: ModuleType) -> None:
    before = (
        "a\n<!-- measured: facts -->\nold\n\nold\n<!-- end -->\nb\n<!-- measured: steps -->\nby hand\n<!-- end -->\n"
    )
    wanted = before.replace("old\n\nold", r"new \1")
    assert card.filled(before, {"facts": lambda: r"new \1"}) == wanted
    assert card.filled(wanted, {"facts": lambda: r"new \1"}) == wanted


def test_the_block_of_few_shot_learning(card: ModuleType, tmp_path: Path) -> None:
    row = {"new": "unknown", "cost": 0.005, "examples": 5, "materials": 6, "accuracy": 0.7, "interval": [0.6, 0.8],
           "old lost": 0.004, "everyday lost": 0.012}  # fmt: skip
    rows = [row, {**row, "cost": 0.01, "accuracy": 0.9}, {**row, "examples": 20, "materials": 0}]
    (tmp_path / "few.json").write_text(json.dumps({"rows": rows}))
    lines = card.few_shot(tmp_path / "few.json").splitlines()
    assert lines[2:] == ["| unknown | 5 | 6 | 0.700 (0.600 to 0.800) | 0.4 points | 1.2 points |"]
    assert card.FEW_SHOT.is_file()
