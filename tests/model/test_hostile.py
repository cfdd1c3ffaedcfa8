"""Two hundred hostile model folders: each is refused with a ModelError or answers with probabilities."""

from __future__ import annotations

import dataclasses
import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from learning_models import terrazzo, write_learning_model

from madeof._util.npz import array_bytes
from madeof.errors import ModelError
from madeof.few_shot.learning import learn
from madeof.inference.predictor import load
from madeof.metrics.conformal import Band, Sets
from madeof.model.calibration import Calibration
from madeof.model.record import CLASSIFIER, ENCODER, LEARNED, MEMORY, RECORD, Record

FOLDERS = 200
LEARNED_FOLDERS = 60
JUNK: list[Any] = [None, True, -1, 0, 3, 10**30, 1e308, 0.5, "", "x" * 1000, "\ud800", "../../etc/passwd", [], {}, [[]]]


def flip(data: bytes, random: np.random.Generator) -> bytes:
    """Change from one byte to a hundred, more often near the start, where the structure is."""
    values = np.frombuffer(data, np.uint8).copy()
    reach = len(values) if random.random() < 0.5 else min(2000, len(values))
    where = random.integers(0, reach, random.integers(1, 101))
    values[where] ^= random.integers(1, 256, len(where)).astype(np.uint8)
    return values.tobytes()


def truncate(data: bytes, random: np.random.Generator) -> bytes:
    return data[: random.integers(0, len(data))]


def splice(data: bytes, random: np.random.Generator) -> bytes:
    """A piece of the file stands at another place of it."""
    start, end, to = random.integers(0, len(data), 3)
    piece = data[min(start, end) : max(start, end)][:4096]
    return data[:to] + piece + data[to + random.integers(0, 2) * len(piece) :]


def mutate_json(values: Any, random: np.random.Generator) -> Any:
    """Something in it is replaced, dropped, doubled or added."""
    if isinstance(values, dict) and values and random.random() < 0.85:
        name = list(values)[random.integers(len(values))]
        kind = random.random()
        if kind < 0.1:
            return {k: v for k, v in values.items() if k != name}
        if kind < 0.2:
            return {**values, name + "2": values[name]}
        return {**values, name: mutate_json(values[name], random)}
    if isinstance(values, list) and values and random.random() < 0.7:
        at = random.integers(len(values))
        if random.random() < 0.5:
            return [*values[:at], mutate_json(values[at], random), *values[at + 1 :]]
        return values + values[at : at + 1] if random.random() < 0.5 else values[:at] + values[at + 1 :]
    return JUNK[random.integers(len(JUNK))]


def spoil(folder: Path, random: np.random.Generator) -> str:
    """Spoil one thing; in half of the cases the record's hashes are made to fit, so that the content is looked at."""
    kind = ("flip", "truncate", "splice", "json", "json bytes")[random.integers(5)]
    if kind == "json":
        values = json.loads((folder / RECORD).read_text())
        for _ in range(random.integers(1, 4)):
            values = mutate_json(values, random)
        (folder / RECORD).write_text(json.dumps(values))
        return kind
    if kind == "json bytes":
        (folder / RECORD).write_bytes(flip((folder / RECORD).read_bytes(), random))
        return kind
    name = (ENCODER, CLASSIFIER)[random.integers(2)]
    change = {"flip": flip, "truncate": truncate, "splice": splice}[kind]
    record = Record.read(folder)
    (folder / name).write_bytes(change((folder / name).read_bytes(), random))
    if random.random() < 5 / 6:  # with the kinds above, half of all folders
        record.write(folder)
        return f"{kind} {name}, hashes made again"
    return f"{kind} {name}"


@pytest.mark.slow
def test_hostile_models(tiny_model: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    masks = np.zeros((3, 40, 60), bool)
    masks[0, 3:9, 4:50] = masks[1, 39, 59] = masks[2] = True
    good = shutil.copytree(tiny_model, tmp_path / "model", ignore=shutil.ignore_patterns("weights.safetensors"))
    sets = Sets((Band(0.1, 40, (*(0.2,) * 49, None)), Band(None, 40, (0.1,) * 50)))
    dataclasses.replace(Record.read(good), calibration=Calibration(1.0, 0.5, sets)).write(good)
    kept = {name: (good / name).read_bytes() for name in (RECORD, ENCODER, CLASSIFIER)}
    refused, answered, reached = 0, 0, 0
    for seed in range(FOLDERS):
        for name, data in kept.items():
            (good / name).write_bytes(data)
        what = spoil(good, np.random.default_rng(seed))
        try:
            predictor = load(good, threads=1)
            if predictor.record.preprocessing.network_size(40, 60) > (1024, 1024):
                continue  # a legal wish for large photos; it only takes long
            predictor.set_image(photo)
            scores = predictor.scores(masks)
            answers = predictor.predict(masks)
        except ModelError as error:
            message = str(error)
            assert message.startswith(str(good)), (seed, what, message)
            assert message.isprintable(), (seed, what, message)
            assert len(message) < 1200, (seed, what, len(message))
            refused += 1
            reached += "ONNX Runtime" in message or "failed on inputs" in message or "not finite" in message
        except Exception as error:
            pytest.fail(f"folder {seed} ({what}) gave {type(error).__name__}: {error}")
        else:
            assert scores.shape == (3, len(predictor.materials)), (seed, what)
            assert np.isfinite(scores).all(), (seed, what)
            assert (scores >= 0).all(), (seed, what)
            assert (scores.sum(axis=1) <= 1 + 1e-5).all(), (seed, what)
            sets = predictor.record.calibration.prediction_sets
            assert sets is None or all(each.set() for each in answers), (
                seed,
                what,
            )
            answered += 1
            reached += "hashes" in what
    assert refused >= FOLDERS / 2
    assert answered >= 5
    assert reached >= FOLDERS / 5  # behind the hashes
    assert capfd.readouterr() == ("", "")  # ONNX Runtime says nothing of its own, and never into our data


def spoil_array(data: bytes, random: np.random.Generator) -> bytes:
    """One array of the file is another, and the file is whole."""
    with np.load(io.BytesIO(data)) as file:
        arrays = {name: file[name] for name in file.files}
    name = list(arrays)[random.integers(len(arrays))]
    array = arrays[name]
    arrays[name] = [
        array[:-1],
        array[..., None],
        array.astype(np.float64),
        array[::-1].copy(),
        np.full_like(array, 60000 if array.dtype.kind == "f" else 101),
        np.full_like(array, -1.5 if array.dtype.kind == "f" else 0),
        np.zeros_like(array),
    ][random.integers(7)]
    return array_bytes(arrays)


@pytest.mark.slow
def test_hostile_learning(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The same for what a model remembers and has learned, and for the fields of the record that speak of it."""
    photo, mask = terrazzo(0)
    model = write_learning_model(tmp_path / "model", tmp_path / "data")
    learn(tmp_path / "taught", add={"Terrazzo": [(photo, mask)]}, merge={"Hard": ["Brick", "Wood"]}, model=model)
    taught = tmp_path / "taught"
    kept = {name: (taught / name).read_bytes() for name in (RECORD, MEMORY, LEARNED)}
    refused, answered = 0, 0
    for seed in range(LEARNED_FOLDERS):
        random = np.random.default_rng(seed)
        for name, data in kept.items():
            (taught / name).write_bytes(data)
        if seed % 3 == 0:
            values = json.loads(kept[RECORD])
            field = ("columns", "net_materials", "materials", "files")[random.integers(4)]
            (taught / RECORD).write_text(json.dumps({**values, field: mutate_json(values[field], random)}))
        else:
            name = (MEMORY, LEARNED)[seed % 2]
            change = (flip, truncate, splice, spoil_array, spoil_array, spoil_array)[random.integers(6)]
            (taught / name).write_bytes(change(kept[name], random))
            Record.read(taught).write(taught)
        shutil.rmtree(tmp_path / "out", ignore_errors=True)
        try:
            predictor = load(taught, threads=1)
            predictor.set_image(photo)
            scores = predictor.scores([mask])
            lesson = learn(tmp_path / "out", add={"Mud": [(photo, ~mask)]}, model=taught, threads=1)
        except ModelError as error:
            message = str(error)
            assert message.startswith(str(taught)) or "exemplars" in message, (seed, message)
            assert message.isprintable(), (seed, message)
            assert len(message) < 1200, (seed, len(message))
            assert not (tmp_path / "out").exists()
            refused += 1
        else:
            assert np.isfinite(scores).all(), seed
            assert (scores >= 0).all(), seed
            assert lesson.record.materials[-1] == "Mud"
            answered += 1
    assert refused >= LEARNED_FOLDERS / 3
    assert answered >= 5
    assert capfd.readouterr().out == ""


def test_the_unspoilt_model_is_taken(tiny_model: Path) -> None:
    """Or the test above would prove nothing."""
    assert load(tiny_model).record.name == "tiny"
