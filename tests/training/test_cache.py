"""Encoded photos that are kept, and who reads them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from training_run import small, train

import madeof
from madeof.datasets import open_dataset


def test_train_and_predict_see_the_same_tensors(
    trained: Path, tiny_dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from madeof.model.runtime import Sessions
    from madeof.training.cache import plain_batch

    seen: list[np.ndarray] = []
    encode, describe = Sessions.encode, Sessions.describe
    monkeypatch.setattr(Sessions, "encode", lambda self, image: (seen.append(image), encode(self, image))[1])
    monkeypatch.setattr(Sessions, "describe", lambda self, f, masks: (seen.append(masks), describe(self, f, masks))[1])
    dataset = open_dataset(tiny_dataset)
    batch = plain_batch(dataset, np.arange(4), small().preprocessing, 3)
    sample = dataset.read(3)
    predictor = madeof.load(trained)
    predictor.set_image(sample.image)
    predictor.scores(sample.masks)
    assert batch.images.shape != (1, 3, 64, 80)  # it was resized, and so is worth comparing
    np.testing.assert_array_equal(batch.images.numpy(), seen[0])
    np.testing.assert_array_equal(batch.masks.numpy(), seen[1])


@pytest.mark.slow
def test_worker_processes_give_the_same_model(trained: Path, tiny_dataset: Path, tmp_path: Path) -> None:
    assert train(tiny_dataset, tmp_path / "run", "workers=1") == 0
    assert (tmp_path / "run/weights.safetensors").read_bytes() == (trained / "weights.safetensors").read_bytes()
