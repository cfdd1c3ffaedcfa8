"""A training from the data set to the model folder, which can be killed at any moment and resumed."""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from lightning_fabric.utilities.exceptions import MisconfigurationException
from numpy.typing import NDArray

from madeof._util import files
from madeof._util.text import pluralize
from madeof._version import __version__
from madeof.datasets import RegionDataset
from madeof.errors import ConfigError, DatasetError, TrainingError
from madeof.model.calibration import FEWEST_OF_ALL
from madeof.model.record import RECORD, Record
from madeof.nets import MaskAtPooling, Net, build
from madeof.nets.libraries import timm
from madeof.training.cache import Pooled, forget_views, pool_views
from madeof.training.checkpoint import BEST, LAST, load_checkpoint, read_progress
from madeof.training.config import Config, current_names
from madeof.training.export import write_model
from madeof.training.log import Log, read_rows
from madeof.training.logit_adjustment import adjust_logits, expected_shares
from madeof.training.loop import Progress, class_weights, run_step
from madeof.training.measure import calibrated, measured
from madeof.training.processes import run_together
from madeof.training.samplers import number_from
from madeof.training.steps import HeadStep, NetStep, Step

CONFIG = "config.json"
_MACHINE = {"accelerator", "devices", "precision", "threads", "workers", "checkpoint_seconds", "name"}
"""Settings that a resumed training may change."""

_SCALE_BATCHES = 16
"""Where no head is trained before: from so many batches it takes mean and spread of what it sees."""

_logger = logging.getLogger("madeof")


def train(
    dataset: RegionDataset, out: str | Path, config: Config, *, resume: bool = False, quiet: bool = False
) -> Path:
    """Train a model on the `train` split, choose and calibrate it on the `val` split, write it as a model folder.

    Args:
        dataset: both splits.
        out: the run: checkpoints, logs, and in the end the model folder.
        config: the settings.
        resume: go on with the training that `out` holds.
        quiet: no bar and no notes.

    Returns:
        `out`.

    Raises:
        ConfigError, DatasetError, TrainingError, WriteError: each says what to do.
    """
    folder = files.make_folder(out)
    if config.licences == "permissive":
        dataset = permissive(dataset)
    is_one_of_several = "LOCAL_RANK" in os.environ  # with this same command line, by torchrun or the like
    if os.environ.get("LOCAL_RANK", "0") == "0":
        _check_folder(folder, dataset, config, resume=resume)
    if (folder / RECORD).is_file():
        return folder
    if config.devices == 1 or is_one_of_several:
        _train(dataset, folder, config, quiet)
    else:
        run_together(config.devices, _train, dataset, folder, config, quiet)
    return folder


def _train(dataset: RegionDataset, folder: Path, config: Config, quiet: bool) -> None:
    """Train in one process."""
    started = time.monotonic()
    fabric = _fabric(config)
    fabric.launch()
    torch.set_num_threads(config.threads)
    torch.manual_seed(number_from([config.seed, 0]))
    splits = {name: dataset.split(name) for name in ("train", "val")}
    materials, outputs = choose_materials(dataset.materials, splits["train"], config.min_photos)
    learned = outputs[splits["train"].regions.material]
    counts = np.bincount(learned[learned >= 0], minlength=len(materials))
    weights = class_weights(counts, config.class_balance)
    if config.calibration_sources:
        splits["val"].of_sources(config.calibration_sources)  # which names the sources where one of these is not there
    calibrating = calibration_regions(splits["val"], materials, config.calibration_sources)
    names = [name for name, wanted in (("head", config.head_epochs), ("net", config.epochs)) if wanted]
    if config.net != "MaskAtPooling":
        names = [name for name in names if name != "head"]
    if not names:
        raise ConfigError("nothing to train: head_epochs (MaskAtPooling) and epochs are 0")
    net = _net(config, len(materials))
    progress = _progress(folder)
    if config.start and not progress.step:
        load_checkpoint(Path(config.start) / BEST, net)
    net.to(fabric.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # a third faster on CPUs
    rows = [row for row in read_rows(folder) if _is_before(row, progress)]
    log = Log(folder, list(rows), quiet=quiet, writes=fabric.is_global_zero)
    if fabric.is_global_zero and not (folder / CONFIG).is_file():
        files.write_json(folder / CONFIG, _beginning(dataset, config))  # from here on there is something to resume
    try:
        for name in names:
            if progress.step in names and names.index(progress.step) > names.index(name):
                continue
            if progress.step != name:  # a new step starts from the best that the one before it found
                if progress.step:
                    load_checkpoint(folder / BEST, net)
                progress.step, progress.batch, progress.since_best = name, 0, 0
            step = _step(name, net, splits, outputs, config, fabric, folder, log, fresh=progress.batch == 0)
            run_step(step, net, progress, weights, calibrating, config, fabric, folder, log)
        load_checkpoint(folder / BEST, net)
        expected = expected_shares(counts, _calibration_counts(splits["train"], outputs, len(materials), config))
        adjust_logits(net.last, counts.clip(min=1) * weights.double().numpy(), expected, config.logit_adjustment)
        logits = step.logits()  # the last thing that all processes do together
        if fabric.is_global_zero:
            _finish(
                net, logits, calibrating, materials, dataset, splits, folder, config, time.monotonic() - started, log
            )
    finally:
        log.close()


def permissive(dataset: RegionDataset) -> RegionDataset:
    """Keep the photos with a stated licence that is neither for research nor for non-commercial use only."""
    wrong = ("research", "non-commercial", "noncommercial", "unclear", "no licence")
    kept = [i for i, name in enumerate(dataset.photos.licence) if name and not any(w in name.lower() for w in wrong)]
    if not kept:
        raise DatasetError("licences='permissive': no photo states such a licence in the column licence of photos.csv")
    return dataset.select(np.array(kept, dtype=np.int64))


def choose_materials(
    names: tuple[str, ...], train: RegionDataset, min_photos: int
) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """The materials with enough training photos, and which output each material of the data set becomes.

    Returns:
        the names, and (M,) int64, -1 for a material that is left out.
    """
    regions = train.regions
    pairs = np.unique(np.stack([regions.material, regions.photo]), axis=1)
    photos = np.bincount(pairs[0].astype(np.int64), minlength=len(names))
    chosen = np.flatnonzero(photos >= max(1, min_photos))
    if len(chosen) < 2:
        raise DatasetError(
            f"the train split has {len(chosen)} materials with {max(1, min_photos)} or more photos; expected two "
            "(lower min_photos, or label more)"
        )
    left_out = [f"{names[i]} ({photos[i]})" for i in range(len(names)) if 0 < photos[i] < min_photos]
    if left_out:
        _logger.warning("left out, with fewer than %d training photos: %s", min_photos, ", ".join(left_out))
    outputs = np.full(len(names), -1, dtype=np.int64)
    outputs[chosen] = np.arange(len(chosen))
    return tuple(names[i] for i in chosen), outputs


def _fabric(config: Config) -> Fabric:
    try:
        on_gpu = config.accelerator in ("cuda", "gpu") or (config.accelerator == "auto" and torch.cuda.is_available())
        precision: Any = config.precision
        if precision == "auto":
            precision = "bf16-mixed" if on_gpu else "32-true"
        strategy = "ddp" if config.devices > 1 else "auto"
        return Fabric(accelerator=config.accelerator, strategy=strategy, devices=config.devices, precision=precision)
    except (ValueError, RuntimeError, OSError, MisconfigurationException) as error:
        raise ConfigError(f"Lightning Fabric does not take these settings: {str(error).splitlines()[0]}") from error


def _net(config: Config, outputs: int) -> Net:
    weights = "none" if config.start else config.backbone_weights
    net = build(config.architecture, outputs, pretrained=weights == "pretrained", drop_path=config.drop_path)
    if weights not in ("pretrained", "none"):
        net.backbone.load(config.backbone_weights)
    return net


def _step(
    name: str, net: Net, splits: dict[str, RegionDataset], outputs: NDArray[np.int64], config: Config, fabric: Fabric,
    folder: Path, log: Log, *, fresh: bool,
) -> Step:  # fmt: skip
    if name == "net" or not isinstance(net, MaskAtPooling):
        step = NetStep(net, splits["train"], splits["val"], outputs, config, fabric)
        if fresh and isinstance(net, MaskAtPooling) and not (config.start or config.head_epochs):
            log.note(f"madeof: the head's scale is taken from {_SCALE_BATCHES} batches")
            net.head.fit_scale(step.pooled(_SCALE_BATCHES))
        return step
    pooled: dict[str, Pooled] = {}
    for tag, dataset in splits.items():
        views = config.head_views if tag == "train" else 0
        log.begin(f"head: pooling {tag} photos", len(np.unique(dataset.regions.photo)) * (views + 1))
        pooled[tag] = pool_views(
            net, dataset, outputs, config, folder, views=views, tag=tag, fabric=fabric, progress=log.advance
        )
    log.end()
    if fresh:
        net.head.fit_scale(pooled["train"].features.to(fabric.device))
    return HeadStep(net, pooled["train"], pooled["val"], config, fabric)


def _finish(
    net: Net, found: tuple[NDArray[np.float32], NDArray[np.int64]], calibrating: NDArray[np.bool_],
    materials: tuple[str, ...], dataset: RegionDataset,
    splits: dict[str, RegionDataset], folder: Path, config: Config, seconds: float, log: Log,
) -> None:  # fmt: skip
    log.note("madeof: calibrating on the val split and writing the model")
    logits, outputs = found
    record = Record(
        name=config.name, version="1", materials=materials, preprocessing=config.preprocessing,
        architecture=config.architecture, training=_provenance(dataset, splits, config, seconds),
    )  # fmt: skip
    record = calibrated(record, logits[calibrating], outputs[calibrating])
    if (count := int(calibrating.sum())) < FEWEST_OF_ALL:
        _logger.warning(
            "the scores are not calibrated: the val split has %s, too few (expected %d); label more, or run  "
            "madeof calibrate  on others. Until then nothing is marked unsure",
            pluralize(count, "region"), FEWEST_OF_ALL,
        )  # fmt: skip
    record = measured(net, record, splits["val"], folder, config.threads, config.calibration_sources)
    if summary := record.metrics.get("val"):
        log.note(
            f"madeof: on the val split: accuracy {summary['accuracy']:.3f}, "
            f"mean class accuracy {summary['mean_class_accuracy']:.3f} ({summary['regions']} regions)"
        )
    write_model(net, record, folder)
    forget_views(folder)


def calibration_regions(val: RegionDataset, materials: tuple[str, ...], sources: Sequence[str]) -> NDArray[np.bool_]:
    """Mask of the rows of `Step.logits` that come from the calibration sources; all rows if none do."""
    known = np.isin(np.array(val.materials)[val.regions.material], materials)
    calibrating = np.isin(np.array(val.photos.source, dtype=np.str_)[val.regions.photo[known]], sources)
    if sources and not calibrating.any():
        names = ", ".join(sources)
        _logger.warning("no val photo of %s has a known material: all val photos calibrate the scores", names)
    return calibrating if calibrating.any() else ~calibrating


def _calibration_counts(
    train: RegionDataset, outputs: NDArray[np.int64], materials: int, config: Config
) -> NDArray[np.int64]:
    """Training regions of each of the net's materials in the photos of the calibrating sources, (C,)."""
    calibrating = np.isin(np.array(train.photos.source, dtype=np.str_)[train.regions.photo], config.calibration_sources)
    found = outputs[train.regions.material[calibrating]]
    return np.bincount(found[found >= 0], minlength=materials)


def _provenance(
    dataset: RegionDataset, splits: dict[str, RegionDataset], config: Config, seconds: float
) -> dict[str, Any]:
    train = splits["train"]
    counts = np.bincount(train.regions.material, minlength=len(dataset.materials))
    return {
        # of files only the name: where they lay is nobody's business
        "config": {
            **dataclasses.asdict(config),
            "backbone_weights": Path(config.backbone_weights).name,
            "start": Path(config.start).name,
        },
        "data": {
            "digest": dataset.digest,
            "photos": {name: len(np.unique(part.regions.photo)) for name, part in splits.items()},
            "regions": {name: len(part.regions.photo) for name, part in splits.items()},
            "regions_by_material": {dataset.materials[i]: int(counts[i]) for i in np.argsort(-counts) if counts[i]},
            "licences": {name or "not stated": count for name, count in train.count_by_licence().items()},
            "sources": {name or "not stated": count for name, count in train.count_by_source().items()},
        },
        "versions": {"madeof": __version__, "torch": torch.__version__, "timm": timm.__version__},
        "seconds": round(seconds),
    }


def _check_folder(folder: Path, dataset: RegionDataset, config: Config, *, resume: bool) -> None:
    """Refuse to overwrite a run, or to resume with other settings or data than it began with."""
    files.remove_temporaries(folder)
    path = folder / CONFIG
    wanted = _beginning(dataset, config)
    if not path.is_file():
        if resume and any(folder.glob("*.safetensors")):
            raise TrainingError(
                f"{folder} has checkpoints but no {CONFIG}: it cannot be resumed; choose another folder"
            )
        if (folder / RECORD).is_file():
            raise TrainingError(f"{folder} already holds a model; choose another folder")
        return
    if not resume:
        raise TrainingError(f"{folder} already holds a training: go on with --resume, or choose another folder")
    given = _read_beginning(path)
    before = given["config"]
    changed = {k for k, v in wanted["config"].items() if before.get(k) != v} - _MACHINE
    if changed:
        shown = ", ".join(f"{key} was {before.get(key)!r} and is {wanted['config'][key]!r}" for key in sorted(changed))
        raise ConfigError(f"{folder} was begun with other settings: {shown}; resume with the same, or start anew")
    if given["data"] != wanted["data"]:
        raise DatasetError(f"{folder} was begun on other data (its digest differs); start anew in another folder")


def read_config(out: str | Path) -> dict[str, Any] | None:
    """The settings with which the run `out` was begun; None where there is no run.

    Raises:
        TrainingError: `config.json` cannot be read.
    """
    path = Path(out) / CONFIG
    if not path.is_file():
        return None
    return dict(_read_beginning(path)["config"])


def _read_beginning(path: Path) -> dict[str, Any]:
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
        return {"config": current_names(given["config"]), "data": given["data"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(f"{path} cannot be read ({error}); start again in another folder") from error


def _beginning(dataset: RegionDataset, config: Config) -> dict[str, Any]:
    """Contents of `config.json`: a training is resumed only with the same."""
    return {"config": dataclasses.asdict(config), "data": dataset.digest}


def _progress(folder: Path) -> Progress:
    path = folder / LAST
    return Progress(**read_progress(path)) if path.is_file() else Progress()


def _is_before(row: dict[str, str], progress: Progress) -> bool:
    order = {step.name: step.order for step in (HeadStep, NetStep)}
    if not progress.step:
        return False
    return (order[row["step"]], int(row["batch"])) <= (order[progress.step], progress.batch)
