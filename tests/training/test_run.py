"""One training after another on made-up photos, through the command's own door."""

from __future__ import annotations

import csv
import dataclasses
import json
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from small_training import SMALL, STEM

import madeof
from madeof import training
from madeof.cli.main import main
from madeof.datasets import open_dataset
from madeof.errors import ConfigError, DatasetError, TrainingError, WriteError
from madeof.metrics.thresholds import fit_uncertain_below
from madeof.model.record import Record
from madeof.nets import MaskAtPooling, build
from madeof.training import Config, loop
from madeof.training import run as run_module
from madeof.training.augment import Augment, _compressed, tiled
from madeof.training.ema import RunningAverage
from madeof.training.export import read_net
from madeof.training.run import permissive
from madeof.training.samplers import OriginalSampler, PhotosSampler, crop_around, seeded
from madeof.training.temperature import expected_shares, fit_temperature, undo_balance


def small(*overrides: str, base: list[str] = SMALL) -> Config:
    return Config.load(None, [*base, *overrides])


def train(dataset: Path, out: Path, *overrides: str, base: list[str] = SMALL, resume: bool = False) -> int:
    settings = [part for text in [*base, *overrides] for part in ("--set", text)]
    return main(["train", str(dataset), "--out", str(out), "--quiet", *settings, *(["--resume"] if resume else [])])


def rows_of(run: Path) -> list[dict[str, str]]:
    with (run / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def run(tiny_dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished training."""
    out = tmp_path_factory.mktemp("runs") / "run"
    assert train(tiny_dataset, out) == 0
    return out


def test_a_training_learns_colours_and_ends_as_a_model_folder(run: Path, tiny_dataset: Path) -> None:
    record = Record.read(run)
    assert record.materials == ("Brick", "Foliage", "Sky", "Wood")
    assert record.metrics["val"]["accuracy"] > 0.7  # 12 regions; chance is a quarter
    assert not {"failures", "confused"} & set(record.metrics["val"])
    assert record.metrics["val by source"] == {}  # there is one
    assert record.uncertain_below is None  # 12 regions cannot say
    predictor = madeof.load(run)
    sample = open_dataset(tiny_dataset).split("val").read(0)
    predictor.set_image(sample.image)
    assert len(predictor.predict(sample.masks)) == 3
    assert not (run / "cache").exists()
    assert not (run / "unmeasured").exists()


def test_the_record_says_what_it_was_trained_on(run: Path) -> None:
    training_record = Record.read(run).training
    assert training_record["config"]["seed"] == 5
    assert training_record["data"]["photos"] == {"train": 8, "val": 4}
    assert training_record["data"]["licences"] == {"MIT": 5, "non-commercial research": 3}
    assert set(training_record["versions"]) == {"madeof", "torch", "timm"}
    assert len(training_record["data"]["digest"]) == 64


def test_the_logs(run: Path) -> None:
    rows = rows_of(run)
    assert [row["step"] for row in rows] == ["head"] * 8 + ["net"]
    assert all(math.isfinite(float(row["loss"])) and 0 <= float(row["val_accuracy"]) <= 1 for row in rows)
    assert list((run / "tensorboard").glob("events*"))


def test_the_original_net_and_sampler(tiny_dataset: Path, tmp_path: Path) -> None:
    assert train(tiny_dataset, tmp_path / "run", base=STEM) == 0
    net, record = read_net(tmp_path / "run")
    assert record.architecture["net"] == "MaskAtStem"
    assert float(net.add["1"].weight.detach().abs().max()) > 0  # the branch has left its zero
    assert madeof.load(tmp_path / "run").materials == record.materials


def test_same_seed_same_weights_other_seed_other_weights(run: Path, tiny_dataset: Path, tmp_path: Path) -> None:
    assert train(tiny_dataset, tmp_path / "again") == 0
    assert train(tiny_dataset, tmp_path / "other", "seed=6") == 0
    weights = [
        (folder / "weights.safetensors").read_bytes() for folder in (run, tmp_path / "again", tmp_path / "other")
    ]
    assert weights[0] == weights[1] != weights[2]


def test_train_and_predict_see_the_same_tensors(run: Path, tiny_dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from madeof.model.runtime import Sessions
    from madeof.training.cache import plain_batch

    seen: list[np.ndarray] = []
    encode, describe = Sessions.encode, Sessions.describe
    monkeypatch.setattr(Sessions, "encode", lambda self, image: (seen.append(image), encode(self, image))[1])
    monkeypatch.setattr(Sessions, "describe", lambda self, f, masks: (seen.append(masks), describe(self, f, masks))[1])
    dataset = open_dataset(tiny_dataset)
    batch = plain_batch(dataset, np.arange(4), small().preprocessing, 3)
    sample = dataset.read(3)
    predictor = madeof.load(run)
    predictor.set_image(sample.image)
    predictor.scores(sample.masks)
    assert batch.images.shape != (1, 3, 64, 80)  # it was resized, and so is worth comparing
    np.testing.assert_array_equal(batch.images.numpy(), seen[0])
    np.testing.assert_array_equal(batch.masks.numpy(), seen[1])


def test_a_finished_run_is_not_trained_again(run: Path, tiny_dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (run / "weights.safetensors").stat().st_mtime_ns
    assert train(tiny_dataset, run, resume=True) == 0
    assert (run / "weights.safetensors").stat().st_mtime_ns == before
    assert train(tiny_dataset, run) == 1
    assert "already holds a training: go on with --resume" in capsys.readouterr().err


def test_resume_takes_the_settings_of_the_run(tiny_dataset: Path, tmp_path: Path, run: Path) -> None:
    out = tmp_path / "run"
    assert train(tiny_dataset, out, "head_epochs=2", "epochs=0") == 0
    (out / "model.json").unlink()
    assert main(["train", str(tiny_dataset), "--out", str(out), "--quiet", "--resume"]) == 0
    assert Record.read(out).training["config"]["head_epochs"] == 2


def test_a_setting_that_cannot_work_leaves_the_folder_free(
    tiny_dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    for wrong in (f"trunk_weights={tmp_path}/none.safetensors", "trunk=resnet17", "min_photos=500"):
        assert train(tiny_dataset, out, wrong) == 1
        assert len(capsys.readouterr().err.splitlines()) == 2  # the size of the data set, the error
    assert train(tiny_dataset, out, "head_epochs=1", "epochs=0") == 0


def test_without_a_terminal_the_epochs_are_lines(
    tiny_dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = [part for text in [*SMALL, "head_epochs=20", "epochs=1"] for part in ("--set", text)]
    assert main(["train", str(tiny_dataset), "--out", str(tmp_path / "run"), *settings]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert sum(line.startswith("madeof: head: epoch ") for line in lines) == 10
    assert any(line.startswith("madeof: net: epoch 1 of 1: loss ") and "val accuracy" in line for line in lines)
    assert any(line.startswith("madeof: on the val split: accuracy ") for line in lines)
    assert all(line.startswith("madeof: ") for line in lines)


def test_a_training_can_start_from_another(run: Path, tiny_dataset: Path, tmp_path: Path) -> None:
    """With a learning rate of 0 it ends as what it started from; the record names no folder."""
    out = tmp_path / "second"
    assert train(tiny_dataset, out, f"start={run}", "head_epochs=0", "lr=0", "weight_decay=0") == 0
    before, after = (load_file(folder / "weights.safetensors") for folder in (run, out))
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert Record.read(out).training["config"]["start"] == run.name


def test_starting_from_a_run_of_another_net(
    run: Path, tiny_dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(tiny_dataset, tmp_path / "second", f"start={run}", "hidden=16") == 1
    assert "is a checkpoint of another net" in capsys.readouterr().err
    assert train(tiny_dataset, tmp_path / "third", f"start={tmp_path}/nothing") == 1
    assert "cannot read the checkpoint" in capsys.readouterr().err


def test_other_settings_or_data_cannot_resume(
    run: Path, tiny_dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(tiny_dataset, run, "head_lr=0.02", "threads=2", resume=True) == 1
    assert "head_lr was 0.01 and is 0.02; resume with the same" in capsys.readouterr().err
    from made import write_dataset

    assert train(write_dataset(tmp_path / "other", photos=10), run, resume=True) == 1
    assert "begun on other data" in capsys.readouterr().err


def test_a_loss_that_is_no_number_stops_and_names_the_batch(
    tiny_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    collate = PhotosSampler.batch

    def poisoned(self: PhotosSampler, step: int) -> object:
        batch = collate(self, step)
        if step == 3:
            batch.images[0] = float("nan")
        return batch

    monkeypatch.setattr(PhotosSampler, "batch", poisoned)
    assert train(tiny_dataset, tmp_path / "run", "epochs=4") == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("madeof: the loss is nan in batch 3 of the step 'net', with the photos p")
    assert "last.safetensors is the last good checkpoint" in error
    monkeypatch.undo()
    assert train(tiny_dataset, tmp_path / "run", "epochs=4", resume=True) == 0
    assert math.isfinite(float(next(iter(read_net(tmp_path / "run")[0].parameters())).detach().sum()))


def test_a_training_in_half_precision(run: Path, tiny_dataset: Path, tmp_path: Path) -> None:
    half = tmp_path / "half"
    assert train(tiny_dataset, half, "precision=bf16-mixed") == 0
    wide, narrow = (Record.read(folder).metrics["val"]["accuracy"] for folder in (run, half))
    assert narrow > wide - 0.1
    assert (half / "weights.safetensors").read_bytes() != (run / "weights.safetensors").read_bytes()


def test_early_stopping(tiny_dataset: Path, tmp_path: Path) -> None:
    assert train(tiny_dataset, tmp_path / "run", "head_lr=0.0", "head_epochs=50", "patience=3", "epochs=0") == 0
    rows = rows_of(tmp_path / "run")
    assert len(rows) == 4  # the first is the best, then three that are no better


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


def test_no_val_split(tmp_path: Path) -> None:
    from made import write_dataset

    assert train(write_dataset(tmp_path / "set", val=0), tmp_path / "run") == 0
    record = Record.read(tmp_path / "run")
    assert record.metrics == {}
    assert record.temperature == 1.0


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("lern_rate=1", "there is no setting 'lern_rate'"),
        ("bach=4", "did you mean 'batch'?"),
        ("lr=fast", "lr is 'fast'; expected a number"),
        ("batch=2.5", "batch is 2.5; expected a whole number"),
        ("net=MaskEverywhere", "expected one of 'MaskAtPooling', 'MaskAtStem'"),
        ("crop=100", "expected a multiple of 32"),
        ("dropout=1.5", "expected a share"),
        ("attention=-1", "attention is -1; expected 0 or more"),
        ("strides=[]", "expected a list"),
        ("strides=[4, 64]", "strides has 64; expected some of 4, 8, 16, 32"),
        ("paste=2", "paste is 2.0; expected a share from 0 to 1"),
        ("context=moon", "expected one of 'none', 'ring', 'photo'"),
        ("side=8", "side is 8; expected 32 to"),
        ("where=image", "where='image' goes only with merge='blackout'"),
        ("nonsense", "expected key=value"),
    ],
)
def test_wrong_settings(override: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = ["net=MaskAtStem"] if override.startswith("where") else SMALL
    assert train(tmp_path, tmp_path / "run", override, base=base) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_attention_of_one_map_is_refused_before_anything_is_made(
    tiny_dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(tiny_dataset, tmp_path / "run", "attention=2", "strides=[16]") == 1
    assert "attention is 2 with strides [16]; expected two or more" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_config_file(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('lr = 1e-4\nstrides = [8, 16]\ntrunk = "resnet18"\n')
    config = Config.load(tmp_path / "a.toml", ["lr=2", "trunk=regnetx_002"])
    assert (config.lr, config.strides, config.trunk) == (2.0, [8, 16], "regnetx_002")
    (tmp_path / "b.toml").write_text("lr = = 3")
    with pytest.raises(ConfigError, match=r"cannot read the config .*b.toml"):
        Config.load(tmp_path / "b.toml")
    with pytest.raises(ConfigError, match="no such file|No such file"):
        Config.load(tmp_path / "c.toml")


def test_a_full_disk_keeps_the_last_checkpoint(
    tiny_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import errno
    import os

    real = os.fsync
    calls = iter(range(10_000))

    def full(descriptor: int) -> None:
        if next(calls) > 40:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    assert train(tiny_dataset, tmp_path / "run") == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert "cannot write" in error
    assert "No space left on device" in error
    monkeypatch.undo()
    assert not list((tmp_path / "run").glob(".*.tmp"))
    assert train(tiny_dataset, tmp_path / "run", resume=True) == 0


def test_a_folder_that_cannot_be_made(tiny_dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert train(tiny_dataset, tmp_path / "file" / "run") == 1
    assert "cannot make the folder" in capsys.readouterr().err
    with pytest.raises(WriteError):
        training.train(open_dataset(tiny_dataset), tmp_path / "file", small())


def test_a_folder_with_something_else_in_it(tiny_model: Path, tiny_dataset: Path) -> None:
    with pytest.raises(TrainingError, match="already holds a model"):
        training.train(open_dataset(tiny_dataset), tiny_model, small())


def test_photos_sampler_gives_every_photo_once_an_epoch(tiny_dataset: Path) -> None:
    dataset = open_dataset(tiny_dataset).split("train")
    sampler = PhotosSampler(dataset, np.arange(4), small("batch=3"))
    names = [name for step in range(sampler.steps_per_epoch) for name in sampler.batch(step).names]
    assert sorted(names) == sorted(dataset.photos.name)
    batch = sampler.batch(0)
    assert batch.masks.shape[1:] == (1, 64, 64)
    assert (batch.photo.diff() >= 0).all()
    again = sampler.batch(0)
    assert torch.equal(batch.images, again.images)
    assert torch.equal(batch.masks, again.masks)


def test_photos_of_the_judging_sources_can_come_more_often(tiny_dataset: Path) -> None:
    dataset = open_dataset(tiny_dataset).split("train")
    sources = tuple("home" if number < 3 else "street" for number in range(len(dataset)))
    dataset = dataclasses.replace(dataset, photos=dataclasses.replace(dataset.photos, source=sources))
    sampler = PhotosSampler(dataset, np.arange(4), small("batch=4", "repeat=3", 'judge_sources=["home"]'))
    names = [name for step in range(sampler.steps_per_epoch) for name in sampler.batch(step).names]
    assert Counter(names) == {name: 3 if number < 3 else 1 for number, name in enumerate(dataset.photos.name)}


def test_the_running_average_of_the_weights() -> None:
    weight = torch.nn.Parameter(torch.zeros(2))
    average = RunningAverage([weight], keep=0.5)
    found = []
    for batch in (1, 2, 20):
        weight.data.fill_(float(batch))
        average.update(batch)
        found.append(float(average.tensors[0][0]))
    # 1/11 and 2/12 are kept of what was before, later a half
    assert found == pytest.approx([10 / 11, 10 / 11 / 6 + 2 * 5 / 6, (10 / 11 / 6 + 10 / 6 + 20) / 2])
    with average.in_place():
        assert weight.tolist() == pytest.approx([found[-1]] * 2)
    assert weight.tolist() == [20, 20]
    none = RunningAverage([weight], keep=0)
    none.update(1)
    with none.in_place():
        assert weight.tolist() == [20, 20]


def test_a_training_keeps_the_average(run: Path, tiny_dataset: Path, tmp_path: Path) -> None:
    """The kept weights are the average, not the last ones; what does not learn is the same in both."""
    out = tmp_path / "run"
    assert train(tiny_dataset, out, "average=0.9") == 0
    kept, last = (load_file(out / name) for name in ("best.safetensors", "last.safetensors"))
    names = [name for name in kept if name.startswith("net.")]
    changed = {name for name in names if not torch.equal(kept[name], last[name])}
    assert "net.head.out.weight" in changed
    assert "net.trunk.model.conv_stem.weight" not in changed
    assert any(name.startswith("average.") for name in last)
    assert not any(name.startswith("average.") for name in kept)


def test_processes_share_a_batch(tiny_dataset: Path) -> None:
    dataset = open_dataset(tiny_dataset).split("train")
    for kind, base in ((PhotosSampler, SMALL), (OriginalSampler, STEM)):
        whole = kind(dataset, np.arange(4), small(base=base)).batch(1)
        parts = [kind(dataset, np.arange(4), small(base=base), rank=rank, world=2).batch(1) for rank in (0, 1)]
        assert sorted(whole.names) == sorted(parts[0].names + parts[1].names)
        assert torch.equal(whole.images[0::2], parts[0].images)


def test_original_sampler_draws_classes_by_images(tiny_dataset: Path) -> None:
    dataset = open_dataset(tiny_dataset).split("train")
    sampler = OriginalSampler(dataset, np.arange(4), small(base=STEM))
    drawn = np.concatenate([sampler.batch(step).materials.numpy() for step in range(120)])
    images = np.array([row.photos for row in dataset.count_by_material()])
    np.testing.assert_allclose(np.bincount(drawn, minlength=4) / len(drawn), images / images.sum(), atol=0.08)
    batch = sampler.batch(0)
    assert batch.masks.flatten(1).any(dim=1).all()


@pytest.mark.parametrize("place", [0.0, 0.5, 0.999])
@pytest.mark.parametrize(("height", "width"), [(40, 40), (64, 80), (200, 90), (10, 10)])
def test_a_crop_holds_its_region_or_lies_in_it(place: float, height: int, width: int, tiny_dataset: Path) -> None:
    dataset = open_dataset(tiny_dataset)
    for region in range(6):
        sample = dataset.read_region(region)
        places = np.array([place, place])
        image, mask = crop_around(sample, height, width, places, mirror=False)
        mirrored = crop_around(sample, height, width, places, mirror=True)
        assert image.shape == (height, width, 3)
        assert mask.shape == (1, height, width)
        np.testing.assert_array_equal(mirrored[0][:, ::-1], image)
        # The region is a block: of each side the window holds all, or as much as it is long.
        scale = max(height / 64, width / 80, 1.0)
        x0, y0, x1, y1 = dataset.regions.box[region]
        wanted = min((y1 - y0) * scale, height), min((x1 - x0) * scale, width)
        given = mask[0].any(axis=1).sum(), mask[0].any(axis=0).sum()
        assert given == pytest.approx(wanted, abs=scale)
        assert mask.sum() == given[0] * given[1]


def test_augment_moves_photo_and_mask_together() -> None:
    """The region is white, the rest black, and so it must stay."""
    image = np.zeros((60, 90, 3), dtype=np.uint8)
    masks = np.zeros((2, 60, 90), dtype=bool)
    masks[0, 10:50, 20:60] = True
    masks[1, 0:3, 0:3] = True
    image[masks[0]] = 255
    augment = Augment(64, mask_noise=0.0)
    augment.colour = lambda photo: photo  # type: ignore[assignment]
    for number in range(20):
        with seeded([number]):
            photo, cut, kept = augment(image, masks)
        assert photo.shape == (64, 64, 3)
        where = list(kept).index(0)
        inside = cut[where] > 0.5
        if inside.any():
            assert photo[inside].mean() > 225
        if (~inside).any():
            assert photo[~inside].mean() < 40


def test_mask_noise_grows_shrinks_and_boxes() -> None:
    mask = torch.zeros(64, 64)
    mask[20:40, 20:44] = 1
    mask[20, 20] = 0
    augment = Augment(64, mask_noise=0.999)
    areas = set()
    for number in range(40):
        with seeded([number]):
            areas.add(int(augment._noise(mask).sum()))
    assert {480} < areas  # the box
    assert min(areas) < 479 < 480 < max(areas)


def test_a_pasted_region_hides_what_is_under_it() -> None:
    """On a grey photo with one large region, a white region of a black photo."""
    image = np.full((64, 64, 3), 90, dtype=np.uint8)
    masks = np.zeros((2, 64, 64), dtype=np.float32)
    masks[0, :, 4:60] = 1
    masks[1, :3, :3] = 1  # 9 pixels: too few to count
    donor, region = np.zeros((100, 80, 3), dtype=np.uint8), np.zeros((100, 80), dtype=bool)
    region[20:60, 30:70] = True
    donor[region] = 255
    augment = Augment(64, mask_noise=0.0)
    augment.colour = lambda photo: photo  # type: ignore[assignment]
    sizes = set()
    for number in range(30):
        with seeded([number]):
            pasted, left, counts = augment.paste(image, masks, donor, region)
        new = left[2] > 0
        assert left.shape == (3, 64, 64)
        assert (pasted[new] == 255).all()
        assert (pasted[~new] == 90).all()
        assert not (left[0][new]).any()
        assert list(counts) == [left[0].sum() >= 0.4 * masks[0].sum(), False, True]
        sizes.add(int(new.sum()))
    assert (image == 90).all(), "the arguments are left alone"
    assert masks[0].sum() == 64 * 56
    assert len(sizes) > 10
    assert min(sizes) >= 9**2
    assert max(sizes) <= 45**2


def test_a_close_crop_holds_a_region_at_many_scales() -> None:
    """One small white region on black: in crops around it it takes from a fiftieth to most of the square."""
    image = np.zeros((400, 300, 3), dtype=np.uint8)
    masks = np.zeros((2, 400, 300), dtype=bool)
    masks[0, 200:240, 60:100] = True  # the other one is empty and cannot be chosen
    image[masks[0]] = 255
    augment = Augment(64, mask_noise=0.0, close=1.0)
    augment.colour = lambda photo: photo  # type: ignore[assignment]
    shares = []
    for number in range(60):
        with seeded([number]):
            photo, cut, kept = augment(image, masks)
        assert photo.shape == (64, 64, 3)
        assert list(kept) == [0]
        assert photo[cut[0] > 0.5].mean() > 200
        shares.append(float(cut[0].mean()))
    assert min(shares) < 0.05 < 0.4 < max(shares)


def test_harsh_crops_have_a_cast_and_are_coarse_and_masks_leak() -> None:
    image = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    mask = torch.zeros(64, 64)
    mask[20:40, 20:40] = 1
    augment = Augment(64, mask_noise=0.999, harsh=1.0)
    photo = torch.from_numpy(image).permute(2, 0, 1)
    casts, details, areas = [], [], []
    for number in range(30):
        with seeded([number]):
            changed = augment._harshened(photo).float()
            areas.append(float(augment._noise(mask).sum()))
        means = changed.mean(dim=(1, 2))
        casts.append(float(means.max() - means.min()))
        details.append(float(changed.diff(dim=2).abs().mean()))
    assert max(casts) > 20
    assert max(details) < 0.8 * float(photo.float().diff(dim=2).abs().mean())
    whole, leaky = {400, *((20 + 2 * r) ** 2 for r in range(1, 6))}, [a for a in areas if a > 400]
    assert any(area not in whole for area in leaky)


def test_a_turned_and_shaded_region_keeps_its_mask() -> None:
    """A white bar of a black photo laid on grey: what the mask names is brighter than the ground at any angle."""
    image = np.full((64, 64, 3), 90, dtype=np.uint8)
    donor, region = np.zeros((100, 80, 3), dtype=np.uint8), np.zeros((100, 80), dtype=bool)
    region[20:32, 10:70] = True
    donor[region] = 255
    augment = Augment(64, mask_noise=0.0, harsh=1.0, paste_least=0.3)
    augment.colour = lambda photo: photo  # type: ignore[assignment]
    heights = set()
    for number in range(20):
        with seeded([number]):
            pasted, left, counts = augment.paste(image, np.zeros((0, 64, 64), np.float32), donor, region)
        new = left[0] > 0
        assert list(counts) == [True]
        assert (pasted[~new] == 90).all()
        assert pasted[new].mean() > 100
        heights.add(int(np.ptp(np.flatnonzero(new.any(axis=1)))))
    assert len(heights) > 5
    assert (image == 90).all(), "the argument is left alone"


def test_a_mosaic_shows_several_photos_side_by_side(tiny_dataset: Path) -> None:
    """Each tile's masks lie within it, and the batch is the same for the same seed."""
    dataset = open_dataset(tiny_dataset).split("train")
    outputs = np.arange(len(dataset.materials))
    plain, mosaics = (PhotosSampler(dataset, outputs, small(f"mosaic={share}")) for share in (0.0, 1.0))
    assert len(mosaics.batch(0).materials) > len(plain.batch(0).materials)
    batch = mosaics.batch(0)
    assert batch.masks.shape[2:] == batch.images.shape[2:] == plain.batch(0).images.shape[2:]
    assert len(batch.masks) == len(batch.materials) == len(batch.photo)
    assert float(batch.masks.mean(dim=(1, 2, 3)).max()) <= 0.25 + 1e-6
    torch.testing.assert_close(mosaics.batch(0).images, batch.images, rtol=0, atol=0)


def test_tiles_keep_their_masks() -> None:
    tiles = []
    for number in range(4):
        image, masks = np.full((8, 8, 3), number, dtype=np.uint8), np.ones((number, 8, 8), dtype=np.float32)
        tiles.append((image, masks, np.arange(number)))
    picture, masks, kept = tiled(tiles, 2)
    assert picture.shape == (16, 16, 3)
    assert masks.shape == (6, 16, 16)
    assert [len(k) for k in kept] == [0, 1, 2, 3]
    for mask, number in zip(masks, (1, 2, 2, 3, 3, 3), strict=True):
        assert (picture[mask > 0] == number).all()
        assert mask.sum() == 64


def test_without_a_step_of_its_own_the_head_takes_its_scale_from_the_first_batches(
    tiny_dataset: Path, tmp_path: Path
) -> None:
    assert train(tiny_dataset, tmp_path / "run", "head_epochs=0", "epochs=1") == 0
    state = load_file(tmp_path / "run" / "weights.safetensors")
    assert float(state["head.mean"].abs().max()) > 0
    assert not torch.equal(state["head.spread"], torch.ones_like(state["head.spread"]))


def test_pasting_brings_the_materials_of_other_photos(tiny_dataset: Path) -> None:
    dataset = open_dataset(tiny_dataset).split("train")
    outputs = np.arange(len(dataset.materials))
    plain, pasting = (PhotosSampler(dataset, outputs, small(f"paste={share}")) for share in (0.0, 1.0))
    batches = [(plain.batch(step), pasting.batch(step)) for step in range(plain.steps_per_epoch)]
    more = [(len(b.materials), len(a.materials)) for a, b in batches]
    assert sum(b for b, _ in more) > sum(a for _, a in more)
    for _, batch in batches:
        assert batch.masks.shape[0] == len(batch.materials) == len(batch.photo)
        assert (batch.masks.flatten(1).sum(dim=1) > 0).all()
    again = pasting.batch(0)
    torch.testing.assert_close(again.images, batches[0][1].images, rtol=0, atol=0)


def test_a_photo_is_compressed_now_and_then() -> None:
    image = np.random.default_rng(0).integers(0, 255, (32, 32, 3), dtype=np.uint8)
    torch.manual_seed(0)
    changed = [bool((_compressed(image) != image).any()) for _ in range(200)]
    assert 20 < sum(changed) < 60


def test_judging_by_a_source_that_is_not_there(
    tiny_dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(tiny_dataset, tmp_path / "run", 'judge_sources=["moon"]') == 1
    assert "no photo has the source 'moon'" in capsys.readouterr().err


def test_stochastic_depth_only_where_the_trunk_knows_it() -> None:
    architecture = {"net": "MaskAtPooling", "trunk": "test_efficientnet"}
    deep = build(architecture, 3, drop_path=0.5).train()
    assert any(getattr(m, "drop_prob", 0) > 0 for m in deep.modules())
    with pytest.raises(ConfigError, match="has no drop_path .*; set drop_path to 0"):
        build({**architecture, "trunk": "vgg11"}, 3, drop_path=0.5)


def test_learning_rate() -> None:
    config = small("warmup=0.1", "schedule=cosine")
    rates = [loop.learning_rate(batch, 100, 2.0, config) for batch in range(100)]
    assert rates[0] == pytest.approx(0.2)
    assert max(rates) == rates[10] == pytest.approx(2.0)
    assert rates[55] == pytest.approx(1.0)
    assert 0 < rates[-1] < 0.01
    assert loop.learning_rate(50, 100, 2.0, small("schedule=constant")) == 2.0


def test_class_weights_balance() -> None:
    counts = np.array([10, 1000, 90])
    assert loop.class_weights(counts, 0.0).tolist() == pytest.approx([1, 1, 1])
    full = loop.class_weights(counts, 1.0).numpy() * counts
    assert full == pytest.approx([full[0]] * 3, rel=1e-5)
    for power in (0.0, 0.5, 1.0):
        assert (loop.class_weights(counts, power).numpy() * counts).sum() == pytest.approx(counts.sum(), rel=1e-5)


def test_undoing_the_balance_gives_back_the_materials_shares() -> None:
    """A layer that sees nothing and learns by a balanced loss takes all materials for alike; then for what they are."""
    counts = np.array([70, 20, 10])
    materials = torch.from_numpy(np.repeat(np.arange(3), counts))
    weights = loop.class_weights(counts, 1.0)
    last = torch.nn.Linear(1, 3)
    optimizer = torch.optim.Adam([last.bias], lr=0.05)
    for _ in range(300):
        optimizer.zero_grad()
        F.cross_entropy(last.bias.expand(100, 3), materials, weight=weights).backward()
        optimizer.step()
    torch.testing.assert_close(last.bias.detach().softmax(0), torch.full((3,), 1 / 3), atol=0.01, rtol=0)
    undo_balance(last, counts * weights.double().numpy(), counts / 100, 0.0)
    torch.testing.assert_close(last.bias.detach().softmax(0), torch.full((3,), 1 / 3), atol=0.01, rtol=0)
    undo_balance(last, counts * weights.double().numpy(), counts / 100, 1.0)
    torch.testing.assert_close(last.bias.detach().softmax(0), torch.tensor([0.7, 0.2, 0.1]), atol=0.01, rtol=0)


def test_expected_shares() -> None:
    counts = np.array([60, 40, 0])
    assert expected_shares(counts, np.zeros(3, dtype=np.int64)) == pytest.approx(np.array([60, 40, 1]) / 101)
    found = expected_shares(counts, np.array([0, 10, 0]))
    assert found == pytest.approx((np.array([60, 40, 1]) / 101 + np.array([2, 12, 2]) / 16) / 2)


def test_a_training_undoes_its_balance_as_far_as_it_is_told_to(run: Path, tiny_dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert train(tiny_dataset, out, "undo_balance=0") == 0
    undone, left = (load_file(folder / "weights.safetensors")["head.out.bias"] for folder in (run, out))
    assert Record.read(run).training["config"]["undo_balance"] == 0.3
    counts = np.bincount(open_dataset(tiny_dataset).split("train").regions.material)
    weights = loop.class_weights(counts, 0.5).double()
    shift = torch.from_numpy(np.log(counts / counts.sum())) - (torch.from_numpy(counts) * weights / counts.sum()).log()
    torch.testing.assert_close((undone - left).double(), 0.3 * shift, atol=1e-5, rtol=0)


def test_temperature_undoes_overconfidence() -> None:
    random = np.random.default_rng(0)
    logits = random.normal(0, 2, (4000, 5))
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = np.array([random.choice(5, p=row) for row in chances])
    assert fit_temperature((logits * 3).astype(np.float32), truth) == pytest.approx(3, rel=0.1)
    assert fit_temperature(np.zeros((0, 5), dtype=np.float32), np.zeros(0, dtype=np.int64)) == 1.0


def naive_threshold(scores: np.ndarray, correct: np.ndarray) -> float | None:
    """The smallest score of which the answers at or above it are right in 90%."""
    for score in np.unique(scores):
        if (kept := scores >= score).sum() >= 10 and correct[kept].mean() >= 0.9:
            return float(score)
    return None


@pytest.mark.parametrize("seed", range(8))
def test_certain_answers_are_right_in_90_percent(seed: int) -> None:
    random = np.random.default_rng(seed)
    scores = random.random(200).round(2 if seed % 2 else 6).astype(np.float32)  # with and without ties
    correct = random.random(200) < 0.3 + 0.7 * scores
    threshold = fit_uncertain_below(scores, correct)
    wanted = naive_threshold(scores, correct)
    assert threshold is not None
    assert wanted is not None
    assert (scores >= threshold).tolist() == (scores >= wanted).tolist()
    assert not np.isin(threshold, scores)  # halfway to the next answer, so that a last bit does not matter


def test_a_threshold_where_all_none_or_few_answers_are_right() -> None:
    scores = np.linspace(0.3, 1.0, 40)
    assert fit_uncertain_below(scores, np.ones(40, bool)) == 0.0
    assert fit_uncertain_below(scores, np.zeros(40, bool)) == 1.0
    assert fit_uncertain_below(scores, scores > 0.9) == 1.0  # six right answers are too few to say
    assert fit_uncertain_below(scores[:29], np.ones(29, bool)) is None
    assert fit_uncertain_below(np.zeros(0), np.zeros(0, bool)) is None
    ties = np.repeat([0.5, 0.8], 20)
    assert fit_uncertain_below(ties, ties > 0.6) == pytest.approx(0.65)
    assert fit_uncertain_below(ties, np.arange(40) % 10 > 0) == 0.0  # exactly 90%


def test_one_source_can_calibrate_the_scores(tiny_dataset: Path, caplog: pytest.LogCaptureFixture) -> None:
    val = open_dataset(tiny_dataset).split("val")
    sources = ("home", "street", "street", "home")
    named = dataclasses.replace(val, photos=dataclasses.replace(val.photos, source=sources))

    def judging(*judges: str) -> list[bool]:
        return list(run_module.judging_regions(named, val.materials[:3], judges))

    rows = [int(photo) for photo, m in zip(val.regions.photo, val.regions.material, strict=True) if m < 3]
    assert 6 < len(rows) < 12
    assert judging() == judging("home", "street") == [True] * len(rows)
    assert judging("street") == [row in (1, 2) for row in rows]
    assert not caplog.messages
    assert judging("moon") == [True] * len(rows)
    assert caplog.messages == ["no val photo of moon has a known material: all val photos calibrate the scores"]


def test_worker_processes_give_the_same_model(run: Path, tiny_dataset: Path, tmp_path: Path) -> None:
    assert train(tiny_dataset, tmp_path / "run", "workers=1") == 0
    assert (tmp_path / "run/weights.safetensors").read_bytes() == (run / "weights.safetensors").read_bytes()


def test_trunk_weights_from_a_file(tiny_dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from safetensors.torch import save_file

    timm_net = madeof.nets.libraries.timm.create_model("test_efficientnet", pretrained=False)
    save_file({k: v.half() for k, v in timm_net.state_dict().items()}, tmp_path / "trunk.safetensors")
    assert train(tiny_dataset, tmp_path / "run", f"trunk_weights={tmp_path}/trunk.safetensors", "epochs=0") == 0
    net, _ = read_net(tmp_path / "run")
    assert isinstance(net, MaskAtPooling)
    torch.testing.assert_close(net.trunk.model.conv_stem.weight, timm_net.conv_stem.weight.half().float())
    save_file({"conv_stem.weight": torch.zeros(2)}, tmp_path / "wrong.safetensors")
    assert train(tiny_dataset, tmp_path / "no", f"trunk_weights={tmp_path}/wrong.safetensors") == 1
    assert "does not fit the trunk test_efficientnet" in capsys.readouterr().err


def test_config_is_json_beside_the_run(run: Path) -> None:
    assert json.loads((run / "config.json").read_text())["config"]["trunk"] == "test_efficientnet"
