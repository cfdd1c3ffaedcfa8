"""The end of a training: the model is calibrated, written beside its folder, and asked as users will ask it."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from madeof.datasets import RegionDataset
from madeof.evaluation.calibrate import add_sets, of_sources
from madeof.evaluation.halves import sets_by_halves
from madeof.evaluation.run import evaluate
from madeof.inference.predictor import load
from madeof.model.calibration import fit
from madeof.model.record import Record
from madeof.nets import Ensemble, Net
from madeof.training.export import write_model


def calibrated(record: Record, logits: NDArray[np.float32], outputs: NDArray[np.int64]) -> Record:
    """The record with the temperature and the threshold that fit these regions' logits, (N, C), and outputs, (N,)."""
    return dataclasses.replace(record, calibration=fit(logits, outputs))


def measured(
    net: Net | Ensemble,
    record: Record,
    val: RegionDataset,
    folder: Path,
    threads: int,
    calibration_sources: Sequence[str] = (),
) -> Record:
    """The record with what the model, written as a folder and loaded as users load it, reaches on `val`.

    The sets are fitted on the same answers, those on photos of `calibration_sources` where there are some: for these,
    regions of materials that the net does not know count.
    """
    if not len(val.regions.photo):
        return record
    # Not yet in its place: the record is what makes a folder a model, and is written last.
    with tempfile.TemporaryDirectory(dir=folder, prefix="unmeasured-") as name:
        write_model(net, record, name)
        evaluation = evaluate(load(name, threads=threads), val)
    calibrating = of_sources(evaluation, calibration_sources)
    record = add_sets(record, calibrating)
    summary = evaluation.summary()
    by_source = summary.pop("by_source", {})
    for name in ("failures", "confused"):  # what a report is for
        del summary[name]
    metrics: dict[str, Any] = {"val": summary, "val by source": by_source}
    if (
        record.calibration.prediction_sets is not None
    ):  # on the photos that they were measured on, sets would look better than they are
        metrics["val sets by halves"] = [row._asdict() for row in sets_by_halves(calibrating)]
    return dataclasses.replace(record, metrics=metrics)
