"""A model evaluated on a data set of other materials: its answers put into the words of the data set."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from madeof.evaluation.comparison import Comparison, LeftOut
from madeof.materials.lists import key

if TYPE_CHECKING:
    from madeof.evaluation.result import Evaluation
    from madeof.materials.crosswalk import Crosswalk


def compare(evaluation: Evaluation, crosswalk: Crosswalk) -> Evaluation:
    """The evaluation in the words of `crosswalk`.

    The scores of the model's materials that are compared as one are added; its materials that the data set has no
    word for stay as they are and are wrong wherever they are the answer. Regions of materials that the model has no
    word for are left out, as are photos without others; the result's `comparison` lists them.

    Args:
        evaluation: of the model and of the data set between which the crosswalk is.
        crosswalk: from the one's materials to the other's.
    """
    own = {key(name): place for place, name in enumerate(evaluation.materials)}
    kept_names = [name for name in evaluation.materials if name in crosswalk.model_only]
    taken = {key(one.name) for one in crosswalk.compared}
    # A material that the data set has no word for may have the name of another that it has a word for.
    columns = [one.name for one in crosswalk.compared]
    columns += [f"{name} (the model's)" if key(name) in taken else name for name in kept_names]
    table = np.zeros((len(evaluation.scores), len(columns)), dtype=np.float32)
    for column, names in enumerate([*(one.model for one in crosswalk.compared), *((name,) for name in kept_names)]):
        table[:, column] = evaluation.scores[:, [own[key(name)] for name in names]].sum(axis=1)
    # Sums of rounded numbers may be a little over 1.
    np.clip(table, 0, 1, out=table)
    meant = {key(name): one.name for one in crosswalk.compared for name in one.data}
    truth = [meant.get(key(name)) for name in evaluation.truth]
    kept = np.array([name is not None for name in truth], dtype=np.bool_)
    counts = Counter(key(name) for name, one in zip(evaluation.truth, kept.tolist(), strict=True) if not one)
    part = dataclasses.replace(evaluation, scores=table, materials=tuple(columns)).part(kept)
    words = tuple(name for name in truth if name is not None)
    answers = np.bincount(part.scores.argmax(axis=1), minlength=len(columns)) if words else np.zeros(len(columns), int)
    first = len(crosswalk.compared)
    comparison = Comparison(
        through=crosswalk.where,
        compared=crosswalk.compared,
        left_out=_most_first(LeftOut(name, counts[key(name)], reason) for name, reason in crosswalk.data_only.items()),
        regions_left_out=int(len(kept) - kept.sum()),
        without_word=_most_first(
            LeftOut(name, int(answers[first + place]), crosswalk.model_only[name])
            for place, name in enumerate(kept_names)
        ),
        accuracy_among_compared=_accuracy(part.scores[:, :first], words, columns),
    )
    # Sets are of the model's own materials.
    part = dataclasses.replace(part, calibration=dataclasses.replace(part.calibration, prediction_sets=None))
    return dataclasses.replace(part, truth=words, failures=evaluation.failures, comparison=comparison)


def _most_first(found: Any) -> tuple[LeftOut, ...]:
    return tuple(sorted(found, key=lambda one: -one.regions))


def _accuracy(scores: Any, words: tuple[str, ...], columns: list[str]) -> float | None:
    if not words or not scores.shape[1]:
        return None
    return float(np.mean([columns[best] == word for best, word in zip(scores.argmax(axis=1), words, strict=True)]))
