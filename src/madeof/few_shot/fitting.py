"""New materials from a few examples, in closed form: from a memory and examples to logits, thresholds and figures."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from madeof.errors import ModelError
from madeof.few_shot.exemplars import Memory
from madeof.few_shot.lda import Discriminant
from madeof.inference.predictor import probabilities
from madeof.materials.lists import positions
from madeof.metrics.conformal import fit_sets
from madeof.metrics.selective import fit_uncertain_below
from madeof.model.calibration import Calibration
from madeof.model.learned_head import Examples, Learned, log_sum_exp, put_beside
from madeof.model.record import Record

COST = 0.005
"""Largest share of right answers on the exemplars that one new material may take away."""
SHARPNESS = 0.06
"""Scale of log-likelihood differences. Below 1, because the dimensions of an embedding are not independent, unlike
the Gaussians', and because the net's own confidence counts too."""
FEWEST, FEWEST_PHOTOS = 50, 10
"""Least number of exemplars of known materials, and of their photos."""
_FOLDS = 5


class LearnedMaterial(NamedTuple):
    """The effect of one learned material."""

    examples: int
    photos: int
    named: float | None
    """Leave-one-photo-out accuracy on its examples; None with a single photo."""
    taken: int
    """Exemplars of other materials that were right before and now get its name."""


@dataclass(frozen=True, eq=False)
class Fitted:
    """A model after learning."""

    record: Record
    """The new record, recalibrated where the old one was calibrated."""
    learned: Learned | None
    materials: tuple[LearnedMaterial, ...]
    """One per learned material."""
    exemplars: int
    """Number of exemplars of known materials, on which the two accuracies were measured."""
    before: float
    """Accuracy on the exemplars before learning."""
    after: float
    """Accuracy after learning, cross-validated by photo."""


def fit(memory: Memory, examples: Examples, record: Record, cost: float = COST) -> Fitted:
    """Learn materials from examples, against the exemplars of the known ones.

    The result depends on all exemplars and examples together, not on the order in which materials were learned.

    Args:
        memory: the exemplars of the model.
        examples: examples of all learned materials, in the order of the record's columns.
        record: the record with the new materials and the old calibration.
        cost: see `COST`.

    Raises:
        ModelError: there are too few exemplars.
    """
    own, truth = _outputs(memory, record), _materials(memory, record)
    known = own >= 0
    photos = len(np.unique(memory.photo[known]))
    if known.sum() < FEWEST or photos < FEWEST_PHOTOS:
        raise ModelError(
            f"the model has {known.sum()} exemplars of its materials, from {photos} photos; expected {FEWEST} and "
            f"{FEWEST_PHOTOS} or more to learn by: export it again with more photos (--memory DATASET)"
        )
    net = _net_scores(memory.logits, record)
    right = known & (net.argmax(axis=1) == truth)
    if not record.learned:
        scores, learned = probabilities(memory.logits, record), None
        found: list[LearnedMaterial] = []
        more = np.zeros((0, len(record.materials)), dtype=np.float32)
    else:
        raw = _crossed(memory, examples, record, own)
        whole = _fit_old(memory.embedding[known], own[known])
        bias = _biases(memory.logits, raw, right, record, cost)
        learned = _learned(whole, examples, bias)
        scores = probabilities(_beside(memory.logits, raw, bias, record), record)
        more, found = _judge_examples(whole, examples, bias, learned, record)
        answers = scores.argmax(axis=1)
        places = [_place(record, record.outputs + k) for k in range(record.learned)]
        found = [
            each._replace(taken=int((right & (answers == place) & (truth != place)).sum()))
            for each, place in zip(found, places, strict=True)
        ]
    return Fitted(
        _calibrated(record, memory, examples, scores, truth, more), learned, tuple(found), int(known.sum()),
        float(right[known].mean()), float((scores.argmax(axis=1) == truth)[known].mean()),
    )  # fmt: skip


def _outputs(memory: Memory, record: Record) -> NDArray[np.int64]:
    """The net's output for each exemplar's material, (M,); -1 for materials without one in use."""
    names = record.materials if record.net_materials is None else record.net_materials
    outputs = [i for i in range(record.outputs) if i != record.background]
    used = set(record.used_outputs)
    of_name = [outputs[p] if p >= 0 and outputs[p] in used else -1 for p in positions(memory.names, names)]
    return np.array(of_name, dtype=np.int64)[memory.truth]


def _materials(memory: Memory, record: Record) -> NDArray[np.int64]:
    """Index in `record.materials` of each exemplar's material, (M,); -1 if not listed."""
    by_name = np.array(positions(memory.names, record.materials), dtype=np.int64)[memory.truth]
    own = _outputs(memory, record)
    return np.array([_place(record, o) if o >= 0 else by_name[i] for i, o in enumerate(own.tolist())], dtype=np.int64)


def _place(record: Record, column: int) -> int:
    """Which material a column belongs to."""
    if record.columns is None:
        return column - (record.background is not None and column > record.background)
    return next(i for i, columns in enumerate(record.columns) if column in columns)


def _net_scores(logits: NDArray[np.float32], record: Record) -> NDArray[np.float32]:
    """Scores of the base model, (N, materials); 0 for learned materials."""
    none = np.full((len(logits), record.learned), -np.inf, dtype=np.float32)
    return probabilities(np.concatenate([logits, none], axis=1), record)


def _fit_old(embedding: NDArray[np.float32], own: NDArray[np.int64]) -> Discriminant:
    used, material = np.unique(own, return_inverse=True)
    return Discriminant.fit(embedding, material.astype(np.int64), len(used))


def _folds(memory: Memory, known: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(M,) from 0 to 4: regions of one photo are in one fold, photos with known materials in all folds alike."""
    photos, of = np.unique(memory.photo, return_inverse=True)
    order = np.random.default_rng(0).permutation(len(photos))
    order = order[np.argsort(~np.isin(photos, memory.photo[known])[order], kind="stable")]
    fold = np.empty(len(photos), dtype=np.int64)
    fold[order] = np.arange(len(photos)) % _FOLDS
    return fold[of]


def _crossed(memory: Memory, examples: Examples, record: Record, own: NDArray[np.int64]) -> NDArray[np.float64]:
    """Log-likelihood ratio of each learned material to the old ones for each exemplar, (M, K).

    What it is judged by was fitted without its photo.
    """
    fold, found = _folds(memory, own >= 0), np.zeros((len(own), record.learned))
    for number in range(_FOLDS):
        asked, kept = fold == number, (fold != number) & (own >= 0)
        old = _fit_old(memory.embedding[kept], own[kept])
        for k in range(record.learned):
            new = old.of_examples(examples.embedding[examples.of == k])
            found[asked, k] = old.against_old(memory.embedding[asked], *new)
    return found


def _biases(
    logits: NDArray[np.float32], raw: NDArray[np.float64], right: NDArray[np.bool_], record: Record, cost: float
) -> NDArray[np.float64]:
    """For each learned material the largest bias at which it takes no more right answers than it may, (K,)."""
    used = logits[:, record.used_outputs].astype(np.float64) / record.calibration.temperature
    ahead = used.max(axis=1) - log_sum_exp(used)  # of the net's answer
    wanted = np.sort((ahead[:, None] - SHARPNESS * raw)[right], axis=0)  # the bias at which each is lost
    if not len(wanted):  # there is nothing to lose
        return np.zeros(record.learned)
    return np.asarray(wanted[int(cost * len(wanted))] - 1e-6)


def _beside(
    logits: NDArray[np.float32], raw: NDArray[np.float64], bias: NDArray[np.float64], record: Record
) -> NDArray[np.float32]:
    used = logits[:, record.used_outputs].astype(np.float64) / record.calibration.temperature
    new = log_sum_exp(used)[:, None] + SHARPNESS * raw + bias
    return put_beside(logits, new * record.calibration.temperature)


def _learned(old: Discriminant, examples: Examples, bias: NDArray[np.float64]) -> Learned:
    new = [old.of_examples(examples.embedding[examples.of == k]) for k in range(len(bias))]
    return Learned(
        (SHARPNESS * np.stack([weight for weight, _ in new])).astype(np.float32),
        (SHARPNESS * np.array([own for _, own in new]) + bias).astype(np.float32),
        old.weight.astype(np.float32),
        old.bias.astype(np.float32),
        SHARPNESS,
        examples,
    )


def _judge_examples(
    old: Discriminant, examples: Examples, bias: NDArray[np.float64], learned: Learned, record: Record
) -> tuple[NDArray[np.float32], list[LearnedMaterial]]:
    """Each example judged by what is learned from those of other photos, (n, C); NaN where there is no other photo."""
    raw = np.stack(
        [old.against_old(examples.embedding, *old.of_examples(examples.embedding[examples.of == k]))
         for k in range(len(bias))], axis=1,
    )  # fmt: skip
    alone = np.zeros(len(examples.of), dtype=np.bool_)
    for i, (k, photo) in enumerate(zip(examples.of.tolist(), examples.photo.tolist(), strict=True)):
        others = (examples.of == k) & (examples.photo != photo)
        alone[i] = not others.any()
        if not alone[i]:
            new = old.of_examples(examples.embedding[others])
            raw[i, k] = old.against_old(examples.embedding[i : i + 1], *new)[0]
    scores = probabilities(_beside(examples.logits, raw, bias, record), record)
    named = scores.argmax(axis=1) == [_place(record, record.outputs + k) for k in examples.of.tolist()]
    found = []
    for k in range(len(bias)):
        own = examples.of == k
        share = None if alone[own].any() else float(named[own].mean())
        found.append(LearnedMaterial(int(own.sum()), len(np.unique(examples.photo[own])), share, 0))
    scores[alone] = np.nan
    return scores, found


def _calibrated(
    record: Record, memory: Memory, examples: Examples, scores: NDArray[np.float32], truth: NDArray[np.int64],
    more: NDArray[np.float32],
) -> Record:  # fmt: skip
    """The record, its thresholds and sets (if it had any) refitted on the exemplars and the examples."""
    old = record.calibration
    if old.uncertain_below is None and old.prediction_sets is None:
        return record
    kept = ~np.isnan(more).any(axis=1)
    own = [_place(record, record.outputs + k) for k in examples.of[kept].tolist()] if len(more) else []
    judging = memory.judging
    scores = np.concatenate([scores[judging], more[kept]])
    truth = np.concatenate([truth[judging], np.array(own, dtype=np.int64)])
    shares = np.concatenate([memory.share[judging], examples.share[kept] if len(more) else memory.share[:0]])
    known = truth >= 0
    below = fit_uncertain_below(scores.max(axis=1)[known], (scores.argmax(axis=1) == truth)[known])
    sets = None if old.prediction_sets is None else fit_sets(scores, truth, shares)
    return dataclasses.replace(record, calibration=Calibration(old.temperature, below, sets))
