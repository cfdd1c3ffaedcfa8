"""New materials from a few examples: `madeof.learn` and `madeof learn`."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from few_shot_learning import ASKED, EXAMPLES, scores_of, stripes
from made import MATERIALS, photo_and_label_map
from PIL import Image

import madeof
from madeof.errors import InputError, ModelError, WriteError
from madeof.evaluation.run import evaluate
from madeof.few_shot.exemplars import read_memory
from madeof.few_shot.fitting import COST
from madeof.metrics.conformal import Band, Sets
from madeof.model.calibration import Calibration
from madeof.model.record import LEARNED, MEMORY, Record
from madeof.regions.region import Region


def test_a_new_material_is_named(learning_taught: tuple[Path, madeof.LearningResult]) -> None:
    folder, result = learning_taught
    predictor = madeof.load(folder, threads=1)
    named = []
    for photo, mask in ASKED:
        predictor.set_image(photo)
        (prediction,) = predictor.predict([mask])
        named.append(prediction.material == "Terrazzo")
        assert prediction.scores.sum() == pytest.approx(1, abs=1e-5)
    assert np.mean(named) >= 0.8
    assert predictor.materials == (*MATERIALS, "Terrazzo")
    found = result.learned["Terrazzo"]
    assert (found.examples, found.photos) == (5, 5)
    assert found.named is not None
    assert found.named >= 0.6


def test_the_net_alone_calls_it_something_else(learning_model: Path) -> None:
    """Or the test above would prove nothing."""
    assert "Terrazzo" not in madeof.load(learning_model).materials


def test_old_materials_keep_their_accuracy(
    learning_taught: tuple[Path, madeof.LearningResult], learning_model: Path, learning_places: Path
) -> None:
    folder, result = learning_taught
    assert result.before is not None
    assert result.after is not None
    assert result.before > 0.9
    assert result.before - result.after <= COST + 1e-9
    dataset = madeof.datasets.open_dataset(learning_places / "data").split("val")
    before, after = (evaluate(madeof.load(f, threads=1), dataset).metrics.accuracy for f in (learning_model, folder))
    assert before == pytest.approx(result.before, abs=0.02)  # the memory's 8 bits and 16 bits
    assert after >= before - 0.02


def test_what_the_folder_holds(learning_taught: tuple[Path, madeof.LearningResult], learning_model: Path) -> None:
    folder, result = learning_taught
    record = Record.read(folder)
    assert sorted(path.name for path in folder.iterdir()) == [
        "classifier.onnx", "encoder.onnx", "learned.npz", "memory.npz", "model.json",
    ]  # fmt: skip
    assert (record.name, record.version) == ("tiny", "3+1")
    assert record == result.record
    assert record.net_materials == MATERIALS
    assert record.columns == ((0,), (1,), (2,), (3,), (4,))
    assert record.training["lessons"] == [{"add": {"Terrazzo": 5}}]
    assert record.metrics["remembered"]["regions"] == len(
        read_memory(learning_model, Record.read(learning_model)).truth
    )
    assert record.calibration.uncertain_below is not None  # made anew, for the model had one


def test_learning_twice_is_learning_at_once(learning_model: Path, learning_places: Path) -> None:
    """In any order, and the same example twice counts once."""
    first, second = EXAMPLES[:2], EXAMPLES[2:]
    brown = [(np.full((40, 50, 3), (90, 60, 20), np.uint8), np.ones((40, 50), bool))]
    madeof.learn(learning_places / "a", add={"Terrazzo": first}, model=learning_model, threads=1)
    madeof.learn(learning_places / "b", add={"Mud": brown}, model=learning_places / "a", threads=1)
    result = madeof.learn(
        learning_places / "c", add={"terrazzo": [*first, *second]}, model=learning_places / "b", threads=1
    )
    madeof.learn(learning_places / "d", add={"Terrazzo": EXAMPLES, "Mud": brown}, model=learning_model, threads=1)
    assert result.learned["Terrazzo"].examples == 5
    assert result.learned["Mud"].named is None  # one photo says nothing of another
    photo, masks = stripes()
    once, twice = (scores_of(learning_places / name, photo, masks) for name in ("d", "c"))
    assert once.keys() == twice.keys()
    for name, values in once.items():
        np.testing.assert_allclose(twice[name], values, atol=2e-3)  # examples are kept in 16 bits
    assert Record.read(learning_places / "c").version == "3+3"


def test_removed_materials_leave_their_share_to_the_others(learning_model: Path, learning_places: Path) -> None:
    photo, masks = stripes()
    madeof.learn(learning_places / "less", remove=["foliage"], model=learning_model, threads=1)
    before, after = scores_of(learning_model, photo, masks), scores_of(learning_places / "less", photo, masks)
    assert tuple(after) == ("Brick", "Sky", "Wood")
    rest = 1 - before.pop("Foliage")
    for name, values in before.items():
        np.testing.assert_allclose(after[name], values / rest, rtol=1e-4, atol=1e-7)


def test_removing_what_was_learned_gives_the_old_model(
    learning_taught: tuple[Path, madeof.LearningResult], learning_model: Path, learning_places: Path
) -> None:
    madeof.learn(learning_places / "back", remove=["Terrazzo"], model=learning_taught[0], threads=1)
    photo, masks = stripes()
    before, after = scores_of(learning_model, photo, masks), scores_of(learning_places / "back", photo, masks)
    assert before.keys() == after.keys()
    for name, values in before.items():
        np.testing.assert_allclose(after[name], values, rtol=1e-6)
    assert not (learning_places / "back" / LEARNED).exists()


def test_merge_adds_and_rename_renames(
    learning_taught: tuple[Path, madeof.LearningResult], learning_places: Path
) -> None:
    photo, masks = stripes()
    out = learning_places / "merged"
    madeof.learn(
        out, rename={"Sky": "Heaven"}, merge={"Hard": ["Brick", "Terrazzo"]}, model=learning_taught[0], threads=1
    )
    before, after = scores_of(learning_taught[0], photo, masks), scores_of(out, photo, masks)
    assert tuple(after) == ("Hard", "Foliage", "Heaven", "Wood")
    np.testing.assert_allclose(
        after["Hard"], before["Brick"] + before["Terrazzo"], atol=2e-3
    )  # examples are in 16 bits
    np.testing.assert_allclose(after["Heaven"], before["Sky"], atol=2e-3)
    result = madeof.learn(learning_places / "more", add={"Hard": ASKED[:1]}, model=out, threads=1)
    assert result.learned["Hard"].examples == 6


def test_a_known_material_can_be_replaced(learning_model: Path, learning_places: Path) -> None:
    photo, labels = photo_and_label_map(50)
    sky = [(photo, labels == 3)] if (labels == 3).any() else []
    photos = [photo_and_label_map(seed) for seed in range(60, 66)]
    sky += [(p, m == 3) for p, m in photos if (m == 3).any()]
    result = madeof.learn(
        learning_places / "replaced", remove=["Sky"], add={"Sky": sky}, model=learning_model, threads=1
    )
    assert result.record.columns == ((0,), (1,), (3,), (4,))


def test_examples_in_every_form(learning_places: Path, learning_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = learning_places / "forms"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for i, (photo, mask) in enumerate(EXAMPLES[:3]):
        Image.fromarray(photo).save(f"p{i}.png")
        Image.fromarray(mask.astype(np.uint8) * 255).save(f"m{i}.png")
    box = Region.from_box("box", (10, 10, 40, 40), (64, 80))
    result = madeof.learn(
        "out", model=learning_model, threads=1,
        add={"Terrazzo": [("p0.png", "m0.png"), (Path("p1.png").read_bytes(), Path("m1.png").read_bytes()),
                          (Path("p2.png"), box), (lambda: EXAMPLES[3][0], lambda size: np.ones(size, bool))]},
    )  # fmt: skip
    assert result.learned["Terrazzo"][:2] == (4, 4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "nothing to learn"),
        ({"add": {"Terrazzo": []}}, "no region of 'Terrazzo'"),
        ({"add": {"brick": EXAMPLES}}, "has a material 'Brick' already"),
        ({"add": {" ": EXAMPLES}}, "expected a name"),
        ({"add": {"a\nb": EXAMPLES}}, r"got the name 'a\\\\nb'"),
        ({"remove": ["Gold"]}, "no material 'Gold'; it has Brick, Foliage, Sky, Wood"),
        ({"remove": MATERIALS[:3]}, "too little would be left"),
        ({"rename": {"Sky": "wood"}}, "has a material 'Wood' already"),
        ({"merge": {"Hard": ["Brick", "brick"]}}, "got 1 material"),
        ({"merge": {"Wood": ["Brick", "Sky"]}}, "has a material 'Wood' already"),
        ({"add": {"Terrazzo": EXAMPLES}, "cost": 2}, "cost is 2"),
        ({"add": {"Terrazzo": [(EXAMPLES[0][0], np.zeros((64, 80), bool))]}}, "mask 0"),
        ({"add": {"Terrazzo": [(EXAMPLES[0][0], np.ones((3, 4), bool))]}}, "mask 0"),
        ({"add": {"Terrazzo": [("nowhere.jpg", EXAMPLES[0][1])]}}, "nowhere.jpg"),
    ],
)
def test_refused(arguments: dict, message: str, learning_model: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message) as caught:
        madeof.learn(tmp_path / "out", model=learning_model, threads=1, **arguments)
    assert "\n" not in str(caught.value)
    assert not any(tmp_path.iterdir())


def test_models_that_cannot_learn(learning_model: Path, tiny_model: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"has no memory.npz, .*export it again with --memory"):
        madeof.learn(tmp_path / "out", add={"Terrazzo": EXAMPLES}, model=tiny_model)
    few = shutil.copytree(learning_model, tmp_path / "few")
    memory = read_memory(few, Record.read(few))
    part = {f.name: getattr(memory, f.name) for f in dataclasses.fields(memory)}
    part.update({name: value[:20] for name, value in part.items() if name != "names"})
    (few / MEMORY).write_bytes(type(memory)(**part).to_bytes())
    Record.read(few).write(few)
    with pytest.raises(ModelError, match="has 20 exemplars of its materials, from 7 photos; expected 50 and 10"):
        madeof.learn(tmp_path / "out", add={"Terrazzo": EXAMPLES}, model=few)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    with pytest.raises(WriteError, match="folder with files in it"):
        madeof.learn(tmp_path / "full", add={"Terrazzo": EXAMPLES}, model=learning_model)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["few", "full"]


def test_models_without_a_memory_can_be_renamed(tiny_model: Path, tmp_path: Path) -> None:
    """Their thresholds go, for nothing says what they would be."""
    folder = shutil.copytree(tiny_model, tmp_path / "tiny")
    dataclasses.replace(Record.read(folder), calibration=Calibration(1.0, 0.5)).write(folder)
    result = madeof.learn(tmp_path / "out", rename={"Sky": "Heaven"}, model=folder)
    assert result.record.materials == ("Brick", "Foliage", "Heaven", "Wood")
    assert result.record.calibration.uncertain_below is None
    assert madeof.load(tmp_path / "out").materials == result.record.materials
    assert not (tmp_path / "out" / "weights.safetensors").exists()


def test_a_model_with_a_background(learning_model: Path, tmp_path: Path) -> None:
    """The columns count it; it stays out of every answer."""
    record = dataclasses.replace(Record.read(learning_model), materials=MATERIALS[1:], background=0)
    folder = shutil.copytree(learning_model, tmp_path / "model")
    record.write(folder)
    result = madeof.learn(tmp_path / "out", add={"Terrazzo": EXAMPLES}, model=folder, threads=1)
    assert result.record.columns == ((1,), (2,), (3,), (4,))
    photo, masks = stripes()
    found, before = scores_of(tmp_path / "out", photo, masks), scores_of(folder, photo, masks)
    assert tuple(found) == (*MATERIALS[1:], "Terrazzo")
    for values in zip(*found.values(), strict=True):
        assert sum(values) <= 1 + 1e-5
    for name, values in before.items():
        np.testing.assert_allclose(found[name], values * (1 - found["Terrazzo"]), rtol=1e-3, atol=1e-6)


def test_learning_imports_no_torch(learning_model: Path, tmp_path: Path) -> None:
    code = (
        "import sys, numpy as np, madeof\n"
        f"madeof.learn({str(tmp_path / 'out')!r}, model={str(learning_model)!r}, threads=1,\n"
        "    add={'New': [(np.zeros((64, 80, 3), np.uint8), np.ones((64, 80), bool))]})\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_sets_and_thresholds_are_made_anew(learning_model: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(learning_model, tmp_path / "model")
    sets = Sets((Band(None, 100, (0.5,) * 50),))
    dataclasses.replace(Record.read(folder), calibration=Calibration(1.0, 0.123, sets)).write(folder)
    record = madeof.learn(tmp_path / "out", add={"Terrazzo": EXAMPLES}, model=folder, threads=1).record
    assert record.calibration.uncertain_below not in (None, 0.123)
    assert record.calibration.prediction_sets is not None
    assert (
        record.calibration.prediction_sets.bands[-1].regions
        + sum(b.regions for b in record.calibration.prediction_sets.bands[:-1])
        == 90 + 5
    )
    predictor = madeof.load(tmp_path / "out", threads=1)
    predictor.set_image(ASKED[0][0])
    (prediction,) = predictor.predict([ASKED[0][1]])
    assert "Terrazzo" in prediction.set(0.9)
    assert prediction.answer is not None
