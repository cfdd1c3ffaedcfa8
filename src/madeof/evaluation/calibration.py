"""What a model's scores are good for, measured on labelled photos that it did not learn from, for its record."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from madeof._util import files
from madeof.evaluation.result import Evaluation
from madeof.materials.lists import positions
from madeof.metrics.conformal import COVERAGE, fit_sets, measure_sets
from madeof.metrics.selective import PRECISION, fit_uncertain_below
from madeof.model.record import FILES, Record


def calibrate(record: Record, evaluation: Evaluation, precision: float = PRECISION) -> Record:
    """The record with the threshold and the sets that fit an evaluation of its model.

    The scores stay as they are.

    Args:
        record: of the model.
        evaluation: on photos that it did not learn from, not through a crosswalk.
        precision: the share of the certain answers that is to be right.

    Returns:
        the record; with fewer than 30 regions without a threshold and sets, for they cannot say.
    """
    known = np.array(positions(evaluation.truth, evaluation.materials), dtype=np.int64) >= 0
    top = evaluation.scores.max(axis=1, initial=0)
    below = fit_uncertain_below(top[known], evaluation.correct[known], precision)
    return add_sets(dataclasses.replace(record, uncertain_below=below), evaluation)


def add_sets(record: Record, evaluation: Evaluation) -> Record:
    """The record with the sets; see `calibrate`. Its `uncertain_below` stays."""
    assert evaluation.share is not None, "the evaluation does not know the photos' sizes"
    truth = np.array(positions(evaluation.truth, evaluation.materials), dtype=np.int64)
    return dataclasses.replace(record, sets=fit_sets(evaluation.scores, truth, evaluation.share))


def of_sources(evaluation: Evaluation, sources: Sequence[str]) -> Evaluation:
    """The part of some sources; all of it where none is named, or none has a region."""
    own = np.isin(np.array(evaluation.sources, dtype=np.str_), sources)[evaluation.photo] if sources else None
    return evaluation if own is None or not own.any() else evaluation.part(own)


def copy_model(folder: Path, record: Record, out: str | Path) -> Record:
    """Write a model folder of another one's files with a record of its own; whole, or not at all.

    Raises:
        ModelError: a file is not what the record of `folder` says.
        WriteError: there is something at `out`, or it cannot be written.
    """
    out = Path(out)
    files.check_free(out, folder=True)
    with files.all_new(out, folder=True) as place:
        for name in (name for name in FILES if name in record.files):  # another one could lead out of the folder
            files.write_bytes(place / name, record.checked_bytes(folder, name))
        return record.write(place)


class Halves(NamedTuple):
    """What sets bring on one half of the photos when they are measured on the other, in one band: means and spreads.

    None where no half had such a region. The spreads are standard deviations over the halvings.
    """

    label: str
    covered: float | None
    covered_spread: float | None
    mean_size: float | None
    mean_size_spread: float | None


def sets_by_halves(
    evaluation: Evaluation, coverage: float = COVERAGE, *, halvings: int = 100, seed: int = 0
) -> list[Halves]:
    """Whether sets keep their word: measured on a random half of the photos and looked at on the other, many times.

    Photos are divided, not regions: regions of one photo look alike, and are not exchangeable with those of another one
    as the theory would have it. The spread is what this costs, and what halves of few photos do.

    Args:
        evaluation: of a model on photos that it did not learn from.
        coverage: of the sets.
        halvings: how often.
        seed: of the halvings.

    Returns:
        over all sizes, then in each band of the sets of all photos; nothing where these are too few for sets.
    """
    assert evaluation.share is not None
    truth = np.array(positions(evaluation.truth, evaluation.materials), dtype=np.int64)
    whole = fit_sets(evaluation.scores, truth, evaluation.share)
    if whole is None:
        return []
    place = np.array([whole.band(share) for share in evaluation.share], dtype=np.int64)
    labels = ["all", *(whole.label(i) for i in range(len(whole.bands)))]
    covered, size = (np.full((halvings, len(labels)), np.nan) for _ in range(2))
    random = np.random.default_rng(seed)
    for row in range(halvings):
        first = np.isin(evaluation.photo, random.permutation(len(evaluation.photos))[: len(evaluation.photos) // 2])
        sets = fit_sets(evaluation.scores[first], truth[first], evaluation.share[first])
        if sets is None:
            continue
        for column in range(len(labels)):
            part = ~first & ((place == column - 1) | (column == 0))
            if part.any():
                found = measure_sets(sets, evaluation.scores[part], truth[part], evaluation.share[part], coverage)[0]
                covered[row, column], size[row, column] = found.covered, found.mean_size
    return [Halves(name, *_spread(covered[:, i]), *_spread(size[:, i])) for i, name in enumerate(labels)]


def _spread(values: NDArray[np.float64]) -> tuple[float | None, float | None]:
    kept = values[~np.isnan(values)]
    return (float(kept.mean()), float(kept.std())) if len(kept) else (None, None)
