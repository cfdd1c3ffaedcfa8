"""Several finished runs as one model, an ensemble, calibrated and measured like a run."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from madeof._util import files
from madeof.datasets import RegionDataset
from madeof.errors import ConfigError, ModelError
from madeof.metrics.temperature import fit_temperature
from madeof.model.record import RECORD, Record
from madeof.nets import Ensemble, MaskAtPooling
from madeof.training.export import read_net, write_model
from madeof.training.measure import calibrated, measured
from madeof.training.run import calibration_regions, permissive
from madeof.training.steps import logits_of


def combine(
    runs: Sequence[str | Path],
    dataset: RegionDataset,
    out: str | Path,
    *,
    name: str,
    side: int | None = None,
    calibration_sources: Sequence[str] = (),
    threads: int = 2,
) -> Record:
    """Write the ensemble of several runs, with its weights, as a model folder.

    Args:
        runs: finished runs or model folders with weights, of the same materials, all `MaskAtPooling`.
        dataset: with the val split on which each member's temperature and the ensemble's are fitted.
        out: the new folder.
        name: of the model.
        side: pixels of the photo's longer side; None where the members agree.
        calibration_sources: sources of val whose photos calibrate; all when empty.
        threads: CPU threads of the measurement.

    Raises:
        ModelError: a run is not a whole model with weights, or `out` holds a model.
        ConfigError: the runs do not fit together.
    """
    if len(runs) < 2:
        raise ConfigError(f"got {len(runs)} run; expected two or more to combine")
    if (Path(out) / RECORD).exists():
        raise ModelError(f"{out} already holds a model; choose another folder")
    found = [read_net(run) for run in runs]
    nets, records = [net for net, _ in found], [record for _, record in found]
    pooling = [net for net in nets if isinstance(net, MaskAtPooling)]
    if len(pooling) < len(nets):
        raise ConfigError("a run is not MaskAtPooling; expected runs of that net only")
    first = records[0]
    preprocessings = [
        dataclasses.replace(record.preprocessing, side=side or record.preprocessing.side) for record in records
    ]
    for run, record, preprocessing in zip(runs, records, preprocessings, strict=True):
        if record.materials != first.materials or preprocessing != preprocessings[0]:
            what = "preprocessing (give --side where only that differs)"
            what = "materials" if record.materials != first.materials else what
            raise ConfigError(f"{run} has another list or other values of {what} than {runs[0]}; expected the same")
    if all(record.training.get("config", {}).get("licences") == "permissive" for record in records):
        dataset = permissive(dataset)  # photos that they were not to learn from do not calibrate them either
    if calibration_sources:
        dataset.split("val").of_sources(calibration_sources)
    val = dataset.split("val")
    outputs = np.array([first.materials.index(m) if m in first.materials else -1 for m in val.materials])
    calibrating = calibration_regions(val, first.materials, calibration_sources)
    logits, temperatures = [], []
    for net in pooling:
        own, truth = logits_of(net, val, outputs, preprocessings[0])
        temperatures.append(fit_temperature(own[calibrating], truth[calibrating]))
        logits.append(_log_softmax(own / temperatures[-1]))
    members = [record.architecture for record in records]
    record = Record(
        name=name, version=first.version, materials=first.materials, preprocessing=preprocessings[0],
        architecture={"net": "Ensemble", "members": members, "temperatures": temperatures},
        training=_provenance(records),
    )  # fmt: skip
    record = calibrated(record, np.mean(logits, axis=0)[calibrating], truth[calibrating])
    ensemble = Ensemble(pooling, temperatures)
    folder = files.make_folder(out)
    return write_model(ensemble, measured(ensemble, record, val, folder, threads, calibration_sources), folder)


def _log_softmax(logits: Any) -> Any:
    logits = logits - logits.max(axis=1, keepdims=True)
    return (logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))).astype(np.float32)


def _provenance(records: Sequence[Record]) -> dict[str, Any]:
    """Provenance of the first run, and the settings of every run."""
    return {
        **records[0].training,
        "members": [record.training.get("config", {}) for record in records],
        "seconds": sum(record.training.get("seconds", 0) for record in records),
    }
