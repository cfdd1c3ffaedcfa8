"""New materials from a few examples: `madeof.learn` and `madeof learn`."""

from __future__ import annotations

import csv
import dataclasses
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from learning_models import terrazzo, write_learning_model
from made import MATERIALS, photo_and_label_map
from PIL import Image

import madeof
from madeof._util.npz import array_bytes, read_arrays
from madeof.cli.main import main
from madeof.errors import InputError, ModelError, WriteError
from madeof.evaluation.run import evaluate
from madeof.few_shot.exemplars import read_memory
from madeof.few_shot.fitting import COST
from madeof.few_shot.lda import Discriminant
from madeof.metrics.conformal import Band, Sets
from madeof.model.calibration import Calibration
from madeof.model.record import LEARNED, MEMORY, Record
from madeof.regions.region import Region

EXAMPLES = [terrazzo(i) for i in range(5)]
ASKED = [terrazzo(i) for i in range(20, 30)]


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("learning")


@pytest.fixture(scope="module")
def model(places: Path) -> Path:
    return write_learning_model(places / "model", places / "data")


@pytest.fixture(scope="module")
def taught(model: Path, places: Path) -> tuple[Path, madeof.Lesson]:
    return places / "taught", madeof.learn(places / "taught", add={"Terrazzo": EXAMPLES}, model=model, threads=1)


def scores_of(folder: Path, photo: np.ndarray, masks: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Each material's scores."""
    predictor = madeof.load(folder, threads=1)
    predictor.set_image(photo)
    return dict(zip(predictor.materials, predictor.scores(masks).T, strict=True))


def stripes() -> tuple[np.ndarray, list[np.ndarray]]:
    photo, labels = photo_and_label_map(3)
    return photo, [labels == value for value in np.unique(labels[labels > 0])]


def test_a_new_material_is_named(taught: tuple[Path, madeof.Lesson]) -> None:
    folder, lesson = taught
    predictor = madeof.load(folder, threads=1)
    named = []
    for photo, mask in ASKED:
        predictor.set_image(photo)
        (prediction,) = predictor.predict([mask])
        named.append(prediction.material == "Terrazzo")
        assert prediction.scores.sum() == pytest.approx(1, abs=1e-5)
    assert np.mean(named) >= 0.8
    assert predictor.materials == (*MATERIALS, "Terrazzo")
    found = lesson.taught["Terrazzo"]
    assert (found.examples, found.photos) == (5, 5)
    assert found.named is not None
    assert found.named >= 0.6


def test_the_net_alone_calls_it_something_else(model: Path) -> None:
    """Or the test above would prove nothing."""
    assert "Terrazzo" not in madeof.load(model).materials


def test_old_materials_keep_their_accuracy(taught: tuple[Path, madeof.Lesson], model: Path, places: Path) -> None:
    folder, lesson = taught
    assert lesson.before is not None
    assert lesson.after is not None
    assert lesson.before > 0.9
    assert lesson.before - lesson.after <= COST + 1e-9
    dataset = madeof.datasets.open_dataset(places / "data").split("val")
    before, after = (evaluate(madeof.load(f, threads=1), dataset).metrics.accuracy for f in (model, folder))
    assert before == pytest.approx(lesson.before, abs=0.02)  # the memory's 8 bits and 16 bits
    assert after >= before - 0.02


def test_what_the_folder_holds(taught: tuple[Path, madeof.Lesson], model: Path) -> None:
    folder, lesson = taught
    record = Record.read(folder)
    assert sorted(path.name for path in folder.iterdir()) == [
        "classifier.onnx", "encoder.onnx", "learned.npz", "memory.npz", "model.json",
    ]  # fmt: skip
    assert (record.name, record.version) == ("tiny", "3+1")
    assert record == lesson.record
    assert record.net_materials == MATERIALS
    assert record.columns == ((0,), (1,), (2,), (3,), (4,))
    assert record.training["lessons"] == [{"add": {"Terrazzo": 5}}]
    assert record.metrics["remembered"]["regions"] == len(read_memory(model, Record.read(model)).truth)
    assert record.calibration.uncertain_below is not None  # made anew, for the model had one


def test_learning_twice_is_learning_at_once(model: Path, places: Path) -> None:
    """In any order, and the same example twice counts once."""
    first, second = EXAMPLES[:2], EXAMPLES[2:]
    brown = [(np.full((40, 50, 3), (90, 60, 20), np.uint8), np.ones((40, 50), bool))]
    madeof.learn(places / "a", add={"Terrazzo": first}, model=model, threads=1)
    madeof.learn(places / "b", add={"Mud": brown}, model=places / "a", threads=1)
    lesson = madeof.learn(places / "c", add={"terrazzo": [*first, *second]}, model=places / "b", threads=1)
    madeof.learn(places / "d", add={"Terrazzo": EXAMPLES, "Mud": brown}, model=model, threads=1)
    assert lesson.taught["Terrazzo"].examples == 5
    assert lesson.taught["Mud"].named is None  # one photo says nothing of another
    photo, masks = stripes()
    once, twice = (scores_of(places / name, photo, masks) for name in ("d", "c"))
    assert once.keys() == twice.keys()
    for name, values in once.items():
        np.testing.assert_allclose(twice[name], values, atol=2e-3)  # examples are kept in 16 bits
    assert Record.read(places / "c").version == "3+3"


def test_removed_materials_leave_their_share_to_the_others(model: Path, places: Path) -> None:
    photo, masks = stripes()
    madeof.learn(places / "less", remove=["foliage"], model=model, threads=1)
    before, after = scores_of(model, photo, masks), scores_of(places / "less", photo, masks)
    assert tuple(after) == ("Brick", "Sky", "Wood")
    rest = 1 - before.pop("Foliage")
    for name, values in before.items():
        np.testing.assert_allclose(after[name], values / rest, rtol=1e-4, atol=1e-7)


def test_removing_what_was_learned_gives_the_old_model(
    taught: tuple[Path, madeof.Lesson], model: Path, places: Path
) -> None:
    madeof.learn(places / "back", remove=["Terrazzo"], model=taught[0], threads=1)
    photo, masks = stripes()
    before, after = scores_of(model, photo, masks), scores_of(places / "back", photo, masks)
    assert before.keys() == after.keys()
    for name, values in before.items():
        np.testing.assert_allclose(after[name], values, rtol=1e-6)
    assert not (places / "back" / LEARNED).exists()


def test_merge_adds_and_rename_renames(taught: tuple[Path, madeof.Lesson], places: Path) -> None:
    photo, masks = stripes()
    out = places / "merged"
    madeof.learn(out, rename={"Sky": "Heaven"}, merge={"Hard": ["Brick", "Terrazzo"]}, model=taught[0], threads=1)
    before, after = scores_of(taught[0], photo, masks), scores_of(out, photo, masks)
    assert tuple(after) == ("Hard", "Foliage", "Heaven", "Wood")
    np.testing.assert_allclose(
        after["Hard"], before["Brick"] + before["Terrazzo"], atol=2e-3
    )  # examples are in 16 bits
    np.testing.assert_allclose(after["Heaven"], before["Sky"], atol=2e-3)
    lesson = madeof.learn(places / "more", add={"Hard": ASKED[:1]}, model=out, threads=1)
    assert lesson.taught["Hard"].examples == 6


def test_a_known_material_can_be_replaced(model: Path, places: Path) -> None:
    photo, labels = photo_and_label_map(50)
    sky = [(photo, labels == 3)] if (labels == 3).any() else []
    photos = [photo_and_label_map(seed) for seed in range(60, 66)]
    sky += [(p, m == 3) for p, m in photos if (m == 3).any()]
    lesson = madeof.learn(places / "replaced", remove=["Sky"], add={"Sky": sky}, model=model, threads=1)
    assert lesson.record.columns == ((0,), (1,), (3,), (4,))


def test_examples_in_every_form(places: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = places / "forms"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for i, (photo, mask) in enumerate(EXAMPLES[:3]):
        Image.fromarray(photo).save(f"p{i}.png")
        Image.fromarray(mask.astype(np.uint8) * 255).save(f"m{i}.png")
    box = Region.from_box("box", (10, 10, 40, 40), (64, 80))
    lesson = madeof.learn(
        "out", model=model, threads=1,
        add={"Terrazzo": [("p0.png", "m0.png"), (Path("p1.png").read_bytes(), Path("m1.png").read_bytes()),
                          (Path("p2.png"), box), (lambda: EXAMPLES[3][0], lambda size: np.ones(size, bool))]},
    )  # fmt: skip
    assert lesson.taught["Terrazzo"][:2] == (4, 4)


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
def test_refused(arguments: dict, message: str, model: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message) as caught:
        madeof.learn(tmp_path / "out", model=model, threads=1, **arguments)
    assert "\n" not in str(caught.value)
    assert not any(tmp_path.iterdir())


def test_models_that_cannot_learn(model: Path, tiny_model: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"has no memory.npz, .*export it again with --memory"):
        madeof.learn(tmp_path / "out", add={"Terrazzo": EXAMPLES}, model=tiny_model)
    few = shutil.copytree(model, tmp_path / "few")
    memory = read_memory(few, Record.read(few))
    part = {f.name: getattr(memory, f.name) for f in dataclasses.fields(memory)}
    part.update({name: value[:20] for name, value in part.items() if name != "names"})
    (few / MEMORY).write_bytes(type(memory)(**part).to_bytes())
    Record.read(few).write(few)
    with pytest.raises(ModelError, match="remembers 20 regions of its materials, of 7 photos; expected 50 and 10"):
        madeof.learn(tmp_path / "out", add={"Terrazzo": EXAMPLES}, model=few)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    with pytest.raises(WriteError, match="folder with files in it"):
        madeof.learn(tmp_path / "full", add={"Terrazzo": EXAMPLES}, model=model)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["few", "full"]


def test_models_without_a_memory_can_be_renamed(tiny_model: Path, tmp_path: Path) -> None:
    """Their thresholds go, for nothing says what they would be."""
    folder = shutil.copytree(tiny_model, tmp_path / "tiny")
    dataclasses.replace(Record.read(folder), calibration=Calibration(1.0, 0.5)).write(folder)
    lesson = madeof.learn(tmp_path / "out", rename={"Sky": "Heaven"}, model=folder)
    assert lesson.record.materials == ("Brick", "Foliage", "Heaven", "Wood")
    assert lesson.record.calibration.uncertain_below is None
    assert madeof.load(tmp_path / "out").materials == lesson.record.materials
    assert not (tmp_path / "out" / "weights.safetensors").exists()


def test_a_model_with_a_background(model: Path, tmp_path: Path) -> None:
    """The columns count it; it stays out of every answer."""
    record = dataclasses.replace(Record.read(model), materials=MATERIALS[1:], background=0)
    folder = shutil.copytree(model, tmp_path / "model")
    record.write(folder)
    lesson = madeof.learn(tmp_path / "out", add={"Terrazzo": EXAMPLES}, model=folder, threads=1)
    assert lesson.record.columns == ((1,), (2,), (3,), (4,))
    photo, masks = stripes()
    found, before = scores_of(tmp_path / "out", photo, masks), scores_of(folder, photo, masks)
    assert tuple(found) == (*MATERIALS[1:], "Terrazzo")
    for values in zip(*found.values(), strict=True):
        assert sum(values) <= 1 + 1e-5
    for name, values in before.items():
        np.testing.assert_allclose(found[name], values * (1 - found["Terrazzo"]), rtol=1e-3, atol=1e-6)


def test_the_discriminant_is_what_scipy_would_say() -> None:
    """Differences of log-densities, written out."""
    random = np.random.default_rng(0)
    x, material = random.normal(size=(200, 6)).astype(np.float32), random.integers(0, 3, 200)
    x += 2 * np.eye(3, 6)[material]
    found = Discriminant.fit(x, material, 3)
    means = np.stack([x[material == c].mean(axis=0) for c in range(3)])
    covariance, counts = np.linalg.inv(found.precision), np.bincount(material) + 1

    def density(values: np.ndarray, mean: np.ndarray) -> np.ndarray:
        off = values - mean
        return -0.5 * np.einsum("nd,de,ne->n", off, np.linalg.inv(covariance), off)

    own = random.normal(size=(4, 6)).astype(np.float32)
    new = found.of_examples(own)
    mean = (own.sum(axis=0) + 0.5 * x.mean(axis=0)) / 4.5
    old = np.log(sum(counts[c] / counts.sum() * np.exp(density(x, means[c])) for c in range(3)))
    np.testing.assert_allclose(found.against_old(x, *new), density(x, mean) - old, rtol=1e-4, atol=1e-4)


def test_on_the_command_line(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [["image", "mask", "material"]]
    for i, (photo, mask) in enumerate(EXAMPLES):
        Image.fromarray(photo).save(tmp_path / f"p{i}.png")
        Image.fromarray(mask.astype(np.uint8) * 255).save(tmp_path / f"m{i}.png")
        rows.append([f"p{i}.png", f"m{i}.png", "Terrazzo" if i < 3 else "floor"])
    with (tmp_path / "table.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    table, common = str(tmp_path / "table.csv"), ["--model", str(model), "--threads", "1"]

    def run(out: str, *arguments: str) -> int:
        return main(["learn", *arguments, "--out", str(tmp_path / out), *common])

    assert run("a", table, "--add", "Terrazzo", "--cost", "1") == 0
    told = capsys.readouterr()
    assert "Terrazzo: learned from 3 regions of 3 photos" in told.err
    assert told.out == ""
    assert run("b", table, "--add", "Terrazzo", "--label", "floor") == 0
    assert "learned from 2 regions" in capsys.readouterr().err
    assert (
        run("c", table, "--add", "Tiles", "--any-label", "--merge", "Sky,Wood=Above or below", "--rename", "Brick=Red")
        == 0
    )
    assert "learned from 5 regions" in capsys.readouterr().err
    assert madeof.load(tmp_path / "c").materials == ("Red", "Foliage", "Above or below", "Tiles")
    photo, mask = str(tmp_path / "p0.png"), str(tmp_path / "m0.png")
    pair = ["--example", photo, mask, "--example", photo, "10,10,60,50", "--example", photo, "9,9 60,9 60,50"]
    assert run("d", "--add", "Terrazzo", *pair) == 0
    assert "3 regions of 1 photo; it takes" in capsys.readouterr().err
    assert main(["predict", str(tmp_path / "p4.png"), "--mask", str(tmp_path / "m4.png"), "--json",
                 "--model", str(tmp_path / "a")]) == 0  # fmt: skip
    answer = json.loads(capsys.readouterr().out)
    assert answer["model"] == "tiny 3+1"
    assert answer["regions"][0]["material"] == "Terrazzo"

    assert run("e", "--add", "Terrazzo", "--example", photo, "nothing.png") == 1
    assert "there is no mask nothing.png; expected a file, a box" in capsys.readouterr().err
    assert run("e", table, "--add", "Gold") == 1
    assert "no region of 'Gold'; it has floor, Terrazzo" in capsys.readouterr().err
    for wrong, message in [
        ([], "nothing to do"), (["--add", "Terrazzo"], "--add needs examples"),
        (["--remove", "Sky", *pair], "no material to learn from them"), (["--rename", "Sky"], "expected OLD=NEW"),
        (["--merge", "Sky=Up"], "expected A,B=NAME"), (["--cost", "x", "--remove", "Sky"], "a percentage"),
        (["--add", "A", "--add", "B", *pair], "with several --add"),
    ]:  # fmt: skip
        with pytest.raises(SystemExit):
            run("e", *wrong)
        assert message in capsys.readouterr().err
    assert not (tmp_path / "e").exists()


def test_names_with_commas() -> None:
    from madeof.cli.learn import _names

    known = ("Plastic, clear", "Plastic, non-clear", "Glass")
    assert _names("Plastic, clear,Glass,Plastic, non-clear", known) == ["Plastic, clear", "Glass", "Plastic, non-clear"]
    assert _names("Gold,Glass", known) == ["Gold", "Glass"]


def test_learning_imports_no_torch(model: Path, tmp_path: Path) -> None:
    code = (
        "import sys, numpy as np, madeof\n"
        f"madeof.learn({str(tmp_path / 'out')!r}, model={str(model)!r}, threads=1,\n"
        "    add={'New': [(np.zeros((64, 80, 3), np.uint8), np.ones((64, 80), bool))]})\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_export_with_memory(places: Path, model: Path, tmp_path: Path) -> None:
    """What `remember` wrote is what the folder's own model says, within its bits."""
    memory = read_memory(model, Record.read(model))
    dataset = madeof.datasets.open_dataset(places / "data").split("val")
    assert len(memory.truth) == len(dataset.regions)
    assert memory.names == MATERIALS
    predictor = madeof.load(model, threads=1)
    photo = int(memory.photo[0])
    sample = dataset.read(photo)
    predictor.set_image(sample.image)
    logits, embedding = predictor.describe(list(sample.masks))
    own = memory.photo == photo
    np.testing.assert_allclose(memory.logits[own], logits, atol=1e-2)
    np.testing.assert_allclose(memory.embedding[own], embedding, atol=np.abs(memory.embedding).max() / 100)
    np.testing.assert_array_equal(memory.truth[own], sample.materials)
    np.testing.assert_allclose(memory.share[own], sample.masks.mean(axis=(1, 2)), rtol=1e-6)


@pytest.fixture
def archive() -> bytes:
    return array_bytes({"a": np.arange(6, dtype="<f4").reshape(2, 3)})


def test_arrays(archive: bytes) -> None:
    import io
    import zipfile

    wanted = {"a": ("<f4", 2)}
    np.testing.assert_array_equal(read_arrays(archive, Path("x.npz"), wanted)["a"], [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(np.load(io.BytesIO(archive), allow_pickle=False)["a"], [[0, 1, 2], [3, 4, 5]])
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.npy", b"0" * 1000)
    for data, message in [
        (b"", "not a file of arrays"),
        (archive[:-10], "not a file of arrays"),
        (packed.getvalue(), "the array a is compressed"),
        (array_bytes({"a": np.zeros((2, 3))}), "expected <f4 of 2"),
        (array_bytes({"a": np.full((2, 3), np.nan, np.float32)}), "not finite"),
        (array_bytes({"b": np.zeros(1)}), r"holds b\.npy; expected a"),
        (archive.replace(b"(2, 3)", b"(9, 9)"), "x.npz"),
        (archive.replace(b"(2, 3), }", b"(1<<40)}"), "x.npz"),
    ]:
        with pytest.raises(ModelError, match=message):
            read_arrays(data, Path("x.npz"), wanted)


def test_export_writes_a_memory(tiny_model: Path, places: Path, model: Path, tmp_path: Path) -> None:
    del model  # it makes the data set
    out = tmp_path / "out"
    assert main(["export", str(tiny_model), "--out", str(out), "--bits", "8", "--memory", str(places / "data"),
                 "--judge-source", "made"]) == 0  # fmt: skip
    memory = read_memory(out, Record.read(out))
    assert memory.judging.all()
    assert len(memory.truth) == 90
    lesson = madeof.learn(tmp_path / "more", add={"Terrazzo": EXAMPLES}, model=out, threads=1)
    assert lesson.record.materials[-1] == "Terrazzo"


def test_explain_evaluate_and_the_sum_of_a_learned_model(taught: tuple[Path, madeof.Lesson], places: Path) -> None:
    """What asks through the predictor gets learned materials too."""
    photo, mask = ASKED[0]
    found = madeof.explain(madeof.load(taught[0], threads=1), photo, mask, looks=0)
    assert found.prediction.material == "Terrazzo"


def test_the_graph_gives_the_nets_embedding(tiny_model: Path) -> None:
    import torch

    from madeof.training.export import read_net

    net, record = read_net(tiny_model)
    photo, masks = stripes()
    predictor = madeof.load(tiny_model, threads=1)
    predictor.set_image(photo)
    logits, embedding = predictor.describe(masks)
    with torch.no_grad():
        maps = net.encode(torch.from_numpy(record.preprocessing.image(photo)))
        wanted = net.describe(maps, torch.from_numpy(record.preprocessing.masks(np.stack(masks))))
    np.testing.assert_allclose(logits, wanted[0].numpy(), atol=1e-3)
    np.testing.assert_allclose(embedding, wanted[1].numpy(), atol=1e-3)
    assert predictor.describe([])[1].shape == (0, embedding.shape[1])


def test_a_folder_from_before_there_were_embeddings(model: Path, tmp_path: Path) -> None:
    """It predicts as it did, and says why it cannot learn."""
    import onnx

    old = shutil.copytree(model, tmp_path / "old")
    graph = onnx.load(old / "classifier.onnx")
    del graph.graph.output[1]
    onnx.save(graph, old / "classifier.onnx")
    Record.read(old).write(old)
    photo, masks = stripes()
    for name, values in scores_of(model, photo, masks).items():
        np.testing.assert_allclose(scores_of(old, photo, masks)[name], values, atol=1e-6)
    with pytest.raises(ModelError, match=r"old gives no embeddings, .*export it again with this version"):
        madeof.learn(tmp_path / "out", add={"Terrazzo": EXAMPLES}, model=old)
    assert not (tmp_path / "out").exists()


def test_sets_and_thresholds_are_made_anew(model: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(model, tmp_path / "model")
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
