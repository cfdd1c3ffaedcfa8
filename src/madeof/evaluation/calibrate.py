"""`calibrate`: a model's threshold and prediction sets, measured on labelled photos that it did not learn from."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from madeof.errors import DatasetError
from madeof.evaluation.result import Evaluation
from madeof.metrics.conformal import fit_sets
from madeof.metrics.selective import PRECISION, fit_uncertain_below
from madeof.metrics.temperature import softmax
from madeof.model.calibration import FEWEST, SizeStratum, fit_by_size
from madeof.model.record import Record

_LEAST_SCORE = 1e-12  # of which a logarithm is taken


def calibrate(record: Record, evaluation: Evaluation, precision: float = PRECISION, *, by_size: bool = False) -> Record:
    """The record with the threshold and the sets that fit an evaluation of its model.

    The scores stay as they are, unless `by_size` gives them other temperatures.

    Args:
        record: of the model.
        evaluation: on photos that it did not learn from, not through a crosswalk.
        precision: the fraction of the confident answers that is to be right.
        by_size: fit a temperature and a threshold for each range of sizes too, as the network saw them. A model that
            has a background or learned materials keeps its temperature: its logits do not follow from its scores.

    Returns:
        the record; with fewer than 30 regions without a threshold and sets, for they cannot say.

    Raises:
        DatasetError: there are too few regions for several sizes.
    """
    calibration, scores, known = record.calibration, evaluation.scores, evaluation.outputs >= 0
    strata: tuple[SizeStratum, ...] = ()
    if by_size:
        areas = evaluation.area_seen
        assert areas is not None, "the evaluation does not know what the network saw"
        free = record.background is None and record.columns is None
        now = calibration.temperatures(areas)
        logits = np.log(np.maximum(scores, _LEAST_SCORE)) * now
        fixed = None if free else 1.0
        strata = fit_by_size(
            (logits if free else logits / now)[known], evaluation.outputs[known], areas[known],
            temperature=fixed, precision=precision,
        )  # fmt: skip
        if not strata:
            raise DatasetError(
                f"got {int(known.sum())} regions of materials that the model knows; expected {FEWEST} or more in each "
                "of two ranges of sizes to calibrate by size: leave --by-size out, or label more"
            )
        calibration = dataclasses.replace(calibration, by_size=strata)
        if free:
            scores = softmax(logits, calibration.temperatures(areas)).astype(np.float32)
    top, right = scores.max(axis=1, initial=0), evaluation.correct
    below = fit_uncertain_below(top[known], right[known], precision)
    calibration = dataclasses.replace(calibration, uncertain_below=below, by_size=strata)
    record = dataclasses.replace(record, calibration=calibration)
    return add_sets(record, dataclasses.replace(evaluation, scores=scores))


def add_sets(record: Record, evaluation: Evaluation) -> Record:
    """The record with the sets; see `calibrate`. Its threshold stays."""
    assert evaluation.share is not None, "the evaluation does not know the photos' sizes"
    sets = fit_sets(evaluation.scores, evaluation.outputs, evaluation.share)
    return dataclasses.replace(record, calibration=dataclasses.replace(record.calibration, prediction_sets=sets))


def of_sources(evaluation: Evaluation, sources: Sequence[str]) -> Evaluation:
    """Select the regions of some sources; all regions if no source is named or none has a region."""
    own = np.isin(np.array(evaluation.sources, dtype=np.str_), sources)[evaluation.photo] if sources else None
    return evaluation if own is None or not own.any() else evaluation.part(own)
