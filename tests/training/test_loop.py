"""The loop: learning rate, balance, what stops it."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from training_run import rows_of, small, train

from madeof.training import loop
from madeof.training.export import read_net
from madeof.training.samplers import PhotosSampler


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
