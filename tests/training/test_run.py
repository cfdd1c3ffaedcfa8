"""One training after another on made-up photos, through the command's own door."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from small_training import STEM
from training_run import small, train

import madeof
from madeof import training
from madeof.datasets import open_dataset
from madeof.errors import DatasetError, TrainingError, WriteError
from madeof.model.record import Record
from madeof.training.export import read_net
from madeof.training.run import permissive


def test_a_training_learns_colours_and_ends_as_a_model_folder(trained: Path, tiny_dataset: Path) -> None:
    record = Record.read(trained)
    assert record.materials == ("Brick", "Foliage", "Sky", "Wood")
    assert record.metrics["val"]["accuracy"] > 0.7  # 12 regions; chance is a quarter
    assert not {"failures", "confused"} & set(record.metrics["val"])
    assert record.metrics["val by source"] == {}  # there is one
    assert record.calibration.uncertain_below is None  # 12 regions cannot say
    predictor = madeof.load(trained)
    sample = open_dataset(tiny_dataset).split("val").read(0)
    predictor.set_image(sample.image)
    assert len(predictor.predict(sample.masks)) == 3
    assert not (trained / "cache").exists()
    assert not (trained / "unmeasured").exists()


def test_the_original_net_and_sampler(tiny_dataset: Path, tmp_path: Path) -> None:
    assert train(tiny_dataset, tmp_path / "run", base=STEM) == 0
    net, record = read_net(tmp_path / "run")
    assert record.architecture["net"] == "MaskAtStem"
    assert float(net.add["1"].weight.detach().abs().max()) > 0  # the branch has left its zero
    assert madeof.load(tmp_path / "run").materials == record.materials


def test_same_seed_same_weights_other_seed_other_weights(trained: Path, tiny_dataset: Path, tmp_path: Path) -> None:
    assert train(tiny_dataset, tmp_path / "again") == 0
    assert train(tiny_dataset, tmp_path / "other", "seed=6") == 0
    weights = [
        (folder / "weights.safetensors").read_bytes() for folder in (trained, tmp_path / "again", tmp_path / "other")
    ]
    assert weights[0] == weights[1] != weights[2]


def test_a_finished_run_is_not_trained_again(
    trained: Path, tiny_dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (trained / "weights.safetensors").stat().st_mtime_ns
    assert train(tiny_dataset, trained, resume=True) == 0
    assert (trained / "weights.safetensors").stat().st_mtime_ns == before
    assert train(tiny_dataset, trained) == 1
    assert "already holds a training: go on with --resume" in capsys.readouterr().err


def test_a_training_in_half_precision(trained: Path, tiny_dataset: Path, tmp_path: Path) -> None:
    half = tmp_path / "half"
    assert train(tiny_dataset, half, "precision=bf16-mixed") == 0
    wide, narrow = (Record.read(folder).metrics["val"]["accuracy"] for folder in (trained, half))
    assert narrow > wide - 0.1
    assert (half / "weights.safetensors").read_bytes() != (trained / "weights.safetensors").read_bytes()


def test_only_permissive_licences(tiny_dataset: Path) -> None:
    kept = permissive(open_dataset(tiny_dataset))
    assert set(kept.photos.licence) == {"MIT"}
    assert len(kept) == 8
    with pytest.raises(DatasetError, match="no photo states such a licence"):
        permissive(kept.select(np.array([], dtype=np.int64)))


def test_rare_materials_are_left_out(tiny_dataset: Path, caplog: pytest.LogCaptureFixture) -> None:
    dataset = open_dataset(tiny_dataset)
    counts = {row.material: row.photos for row in dataset.split("train").count_by_material()}
    least = min(counts.values()) + 1
    names, outputs = training.run.choose_materials(dataset.materials, dataset.split("train"), least)
    assert set(names) == {name for name, count in counts.items() if count >= least}
    assert [names[o] if o >= 0 else None for o in outputs] == [n if n in names else None for n in dataset.materials]
    assert all(name in caplog.text for name in dataset.materials if name not in names)
    with pytest.raises(DatasetError, match="lower min_photos"):
        training.run.choose_materials(dataset.materials, dataset.split("train"), 1000)


def test_a_folder_that_cannot_be_made(tiny_dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert train(tiny_dataset, tmp_path / "file" / "run") == 1
    assert "cannot make the folder" in capsys.readouterr().err
    with pytest.raises(WriteError):
        training.train(open_dataset(tiny_dataset), tmp_path / "file", small())


def test_a_folder_with_something_else_in_it(tiny_model: Path, tiny_dataset: Path) -> None:
    with pytest.raises(TrainingError, match="already holds a model"):
        training.train(open_dataset(tiny_dataset), tiny_model, small())


def test_judging_by_a_source_that_is_not_there(
    tiny_dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(tiny_dataset, tmp_path / "run", 'calibration_sources=["moon"]') == 1
    assert "no photo has the source 'moon'" in capsys.readouterr().err


def test_without_a_step_of_its_own_the_head_takes_its_scale_from_the_first_batches(
    tiny_dataset: Path, tmp_path: Path
) -> None:
    assert train(tiny_dataset, tmp_path / "run", "head_epochs=0", "epochs=1") == 0
    state = load_file(tmp_path / "run" / "weights.safetensors")
    assert float(state["head.mean"].abs().max()) > 0
    assert not torch.equal(state["head.spread"], torch.ones_like(state["head.spread"]))
