"""memory.npz: what a model remembers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from few_shot_learning import EXAMPLES
from made import MATERIALS

import madeof
from madeof.cli.main import main
from madeof.few_shot.exemplars import read_memory
from madeof.model.record import Record


def test_export_with_memory(learning_places: Path, learning_model: Path, tmp_path: Path) -> None:
    """What `write_exemplars` wrote is what the folder's own model says, within its bits."""
    memory = read_memory(learning_model, Record.read(learning_model))
    dataset = madeof.datasets.open_dataset(learning_places / "data").split("val")
    assert len(memory.truth) == len(dataset.regions)
    assert memory.names == MATERIALS
    predictor = madeof.load(learning_model, threads=1)
    photo = int(memory.photo[0])
    sample = dataset.read(photo)
    predictor.set_image(sample.image)
    logits, embedding = predictor.describe(list(sample.masks))
    own = memory.photo == photo
    np.testing.assert_allclose(memory.logits[own], logits, atol=1e-2)
    np.testing.assert_allclose(memory.embedding[own], embedding, atol=np.abs(memory.embedding).max() / 100)
    np.testing.assert_array_equal(memory.truth[own], sample.materials)
    np.testing.assert_allclose(memory.share[own], sample.masks.mean(axis=(1, 2)), rtol=1e-6)


def test_export_writes_a_memory(tiny_model: Path, learning_places: Path, learning_model: Path, tmp_path: Path) -> None:
    del learning_model  # it makes the data set
    out = tmp_path / "out"
    assert main(["export", str(tiny_model), "--out", str(out), "--bits", "8", "--memory", str(learning_places / "data"),
                 "--judge-source", "made"]) == 0  # fmt: skip
    memory = read_memory(out, Record.read(out))
    assert memory.judging.all()
    assert len(memory.truth) == 90
    lesson = madeof.learn(tmp_path / "more", add={"Terrazzo": EXAMPLES}, model=out, threads=1)
    assert lesson.record.materials[-1] == "Terrazzo"
