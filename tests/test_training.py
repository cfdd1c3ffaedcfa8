"""One training after another on made-up photos, through the command's own door."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

import madeof
from madeof import training
from madeof.cli import main
from madeof.datasets import open_dataset
from madeof.errors import ConfigError, DatasetError, TrainingError, WriteError
from madeof.nets import MaskAtPooling
from madeof.record import Record
from madeof.training import Config, loop
from madeof.training.augment import Augment
from madeof.training.calibrate import fit_temperature
from madeof.training.export import read_net
from madeof.training.run import permissive
from madeof.training.samplers import OriginalSampler, PhotosSampler, crop_around, seeded

SMALL = [
    "trunk=test_efficientnet", "trunk_weights=none", "side=96", "crop=64", "hidden=32", "batch=4", "head_batch=16",
    "head_epochs=8", "head_views=1", "head_lr=0.01", "epochs=1", "threads=1", "workers=0", "seed=5",
]  # fmt: skip
STEM = [*SMALL, "net=MaskAtStem", "sampler=original", "min_side=64", "max_side=96", "batch_pixels=40000", "epochs=2"]


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
    from madeof.sessions import Sessions
    from madeof.training.cache import plain_batch

    seen: list[np.ndarray] = []
    encode, classify = Sessions.encode, Sessions.classify
    monkeypatch.setattr(Sessions, "encode", lambda self, image: (seen.append(image), encode(self, image))[1])
    monkeypatch.setattr(Sessions, "classify", lambda self, f, masks: (seen.append(masks), classify(self, f, masks))[1])
    dataset = open_dataset(tiny_dataset)
    batch = plain_batch(dataset, np.arange(4), small(), 3)
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
    for wrong in (f"trunk_weights={tmp_path}/none.safetensors", "trunk=resnet17", "min_photos=500", "strides=[64]"):
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
        ("strides=[]", "expected a list"),
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


def test_temperature_undoes_overconfidence() -> None:
    random = np.random.default_rng(0)
    logits = random.normal(0, 2, (4000, 5))
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = np.array([random.choice(5, p=row) for row in chances])
    assert fit_temperature((logits * 3).astype(np.float32), truth) == pytest.approx(3, rel=0.1)
    assert fit_temperature(np.zeros((0, 5), dtype=np.float32), np.zeros(0, dtype=np.int64)) == 1.0


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
