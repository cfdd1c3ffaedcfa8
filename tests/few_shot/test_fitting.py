"""What learning a material may take from the others, and how far a difference of likelihoods counts."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from madeof.errors import ModelError
from madeof.few_shot import fitting
from madeof.few_shot.exemplars import Memory
from madeof.few_shot.fitting import COST, fit
from madeof.model.learned_head import Examples
from madeof.model.preprocess import Preprocessing
from madeof.model.record import Record

OLD = ("Brick", "Sky", "Wood")
WIDTH, PER_PHOTO = 6, 4


def memory(count: int = 1200, seed: int = 0) -> Memory:
    """Three materials as clouds of embeddings; the net is right about most of them, and more or less sure."""
    random = np.random.default_rng(seed)
    truth = random.integers(0, len(OLD), count)
    embedding = random.normal(0, 1, (count, WIDTH)).astype(np.float32)
    embedding[np.arange(count), truth] += 4
    logits = random.normal(0, 1, (count, len(OLD))).astype(np.float32)
    logits[np.arange(count), truth] += 3
    photo = np.arange(count) // PER_PHOTO
    every = np.ones(count, dtype=np.bool_)
    return Memory(embedding, logits, truth, OLD, photo, np.full(count, 0.2, np.float32), every)


def examples(*like: int, each: int = 5, seed: int = 1) -> Examples:
    """Examples of new materials, each of which looks just as an old one does; each of a photo of its own."""
    random = np.random.default_rng(seed)
    of = np.repeat(np.arange(len(like)), each)
    embedding = random.normal(0, 1, (len(of), WIDTH)).astype(np.float32)
    embedding[np.arange(len(of)), np.array(like, dtype=np.int64)[of]] += 4
    logits = random.normal(0, 1, (len(of), len(OLD))).astype(np.float32)
    return Examples(embedding, logits, of, 10_000 + np.arange(len(of)), np.full(len(of), 0.2, np.float32))


def record(learned: int, **settings: Any) -> Record:
    names = (*OLD, *(f"New {k}" for k in range(learned)))
    columns = tuple((i,) for i in range(len(names)))
    return Record("made", "1", names, Preprocessing(), {}, net_materials=OLD, columns=columns, **settings)


@pytest.mark.parametrize("cost", [0.0, COST, 0.02, 0.1, 0.5])
@pytest.mark.parametrize("like", [(0,), (0, 1), (2, 2)])
def test_each_material_takes_no_more_than_the_stated_share_of_right_answers(cost: float, like: tuple[int, ...]) -> None:
    """Though it looks as an old one: without the limit it would take most of that one's."""
    held = memory()
    fitted = fit(held, examples(*like), record(len(like)), cost)
    right = round(fitted.before * fitted.exemplars)
    assert right > 1000
    for taught in fitted.materials:
        assert taught.taken <= cost * right
    if len(like) == 1:  # and all of it: otherwise the new material is found less often than it could be
        assert fitted.materials[0].taken == int(cost * right)
        assert fitted.before - fitted.after == pytest.approx(int(cost * right) / fitted.exemplars)
    assert fitted.before - fitted.after <= cost * len(like) + 1e-9


def test_the_default_cost_is_that_of_the_docs() -> None:
    assert COST == 0.005  # docs/learn.md: 0.5%
    assert fit(memory(), examples(0), record(1)).materials[0].taken == 5  # of 1000 to 1200


def test_the_odds_against_all_old_materials_grow_slowly_with_the_ratio_of_likelihoods() -> None:
    """docs/research/few-shot.md: "0.06 times". With more, one number of the embedding outweighs how sure the net is."""
    fitted = fit(memory(), examples(0), record(1))
    assert fitted.learned is not None
    along = np.linspace(-6, 6, 7)
    embedding = np.zeros((7, WIDTH), dtype=np.float32)
    embedding[:, 0] = along
    logits = fitted.learned.beside(np.zeros((7, len(OLD)), np.float32), embedding, record(1)).astype(np.float64)
    held = memory()
    old = fitting._fit_old(held.embedding, held.truth)
    ratio = old.against_old(embedding, *old.of_examples(examples(0).embedding))
    assert np.ptp(ratio) > 1
    odds = logits[:, -1] - np.log(len(OLD))  # the net's own logits are all 0
    np.testing.assert_allclose(odds - odds[0], 0.06 * (ratio - ratio[0]), atol=1e-4)


def test_examples_are_judged_without_their_photo() -> None:
    fitted = fit(memory(), examples(0), record(1), 0.5)
    (taught,) = fitted.materials
    assert (taught.examples, taught.photos) == (5, 5)
    assert taught.named is not None
    one = dataclasses.replace(examples(0), photo=np.zeros(5, np.int64))
    assert fit(memory(), one, record(1)).materials[0].named is None


def test_nothing_learned_changes_nothing() -> None:
    fitted = fit(memory(), examples(), record(0))
    assert fitted.learned is None
    assert fitted.materials == ()
    assert fitted.before == fitted.after


@pytest.mark.parametrize(("count", "message"), [(40, "has 40 exemplars"), (36, "from 9 photos")])
def test_too_little_to_learn_by(count: int, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        fit(memory(count), examples(0), record(1))
