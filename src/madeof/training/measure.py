"""The end of a training: the model is calibrated, written beside its folder, and asked as users will ask it."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from madeof.datasets import RegionDataset
from madeof.evaluation import evaluate
from madeof.nets import Ensemble, Net
from madeof.predictor import load, probabilities
from madeof.record import Record
from madeof.training.calibrate import fit_temperature, fit_uncertain_below
from madeof.training.export import write_model


def calibrated(record: Record, logits: NDArray[np.float32], outputs: NDArray[np.int64]) -> Record:
    """The record with the temperature and the threshold that fit these regions' logits, (N, C), and outputs, (N,)."""
    record = dataclasses.replace(record, temperature=fit_temperature(logits, outputs))
    scores = probabilities(logits, record)
    below = fit_uncertain_below(scores.max(axis=1, initial=0), scores.argmax(axis=1) == outputs)
    return dataclasses.replace(record, uncertain_below=below)


def measured(net: Net | Ensemble, record: Record, val: RegionDataset, folder: Path, threads: int) -> Record:
    """The record with what the model, written as a folder and loaded as users load it, reaches on `val`."""
    if not len(val.regions.photo):
        return record
    # Not yet in its place: the record is what makes a folder a model, and is written last.
    with tempfile.TemporaryDirectory(dir=folder, prefix="unmeasured-") as name:
        write_model(net, record, name)
        summary = evaluate(load(name, threads=threads), val).summary()
    by_source = summary.pop("by_source", {})
    for name in ("failures", "confused"):  # what a report is for
        del summary[name]
    return dataclasses.replace(record, metrics={"val": summary, "val by source": by_source})
