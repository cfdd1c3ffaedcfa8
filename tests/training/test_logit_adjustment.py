"""The balance that is undone."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from training_run import train

from madeof.datasets import open_dataset
from madeof.model.record import Record
from madeof.training import loop
from madeof.training import run as run_module
from madeof.training.logit_adjustment import adjust_logits, expected_shares


def test_undoing_the_balance_gives_back_the_materials_shares() -> None:
    """A layer that sees nothing and learns by a balanced loss takes all materials for alike; then for what they are."""
    counts = np.array([70, 20, 10])
    materials = torch.from_numpy(np.repeat(np.arange(3), counts))
    weights = loop.class_weights(counts, 1.0)
    last = torch.nn.Linear(1, 3)
    optimizer = torch.optim.Adam([last.bias], lr=0.05)
    for _ in range(300):
        optimizer.zero_grad()
        F.cross_entropy(last.bias.expand(100, 3), materials, weight=weights).backward()
        optimizer.step()
    torch.testing.assert_close(last.bias.detach().softmax(0), torch.full((3,), 1 / 3), atol=0.01, rtol=0)
    adjust_logits(last, counts * weights.double().numpy(), counts / 100, 0.0)
    torch.testing.assert_close(last.bias.detach().softmax(0), torch.full((3,), 1 / 3), atol=0.01, rtol=0)
    adjust_logits(last, counts * weights.double().numpy(), counts / 100, 1.0)
    torch.testing.assert_close(last.bias.detach().softmax(0), torch.tensor([0.7, 0.2, 0.1]), atol=0.01, rtol=0)


def test_expected_shares() -> None:
    counts = np.array([60, 40, 0])
    assert expected_shares(counts, np.zeros(3, dtype=np.int64)) == pytest.approx(np.array([60, 40, 1]) / 101)
    found = expected_shares(counts, np.array([0, 10, 0]))
    assert found == pytest.approx((np.array([60, 40, 1]) / 101 + np.array([2, 12, 2]) / 16) / 2)


def test_a_training_undoes_its_balance_as_far_as_it_is_told_to(
    trained: Path, tiny_dataset: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    assert train(tiny_dataset, out, "logit_adjustment=0") == 0
    undone, left = (load_file(folder / "weights.safetensors")["head.out.bias"] for folder in (trained, out))
    assert Record.read(trained).training["config"]["logit_adjustment"] == 0.3
    counts = np.bincount(open_dataset(tiny_dataset).split("train").regions.material)
    weights = loop.class_weights(counts, 0.5).double()
    shift = torch.from_numpy(np.log(counts / counts.sum())) - (torch.from_numpy(counts) * weights / counts.sum()).log()
    torch.testing.assert_close((undone - left).double(), 0.3 * shift, atol=1e-5, rtol=0)


def test_one_source_can_calibrate_the_scores(tiny_dataset: Path, caplog: pytest.LogCaptureFixture) -> None:
    val = open_dataset(tiny_dataset).split("val")
    sources = ("home", "street", "street", "home")
    named = dataclasses.replace(val, photos=dataclasses.replace(val.photos, source=sources))

    def judging(*judges: str) -> list[bool]:
        return list(run_module.calibration_regions(named, val.materials[:3], judges))

    rows = [int(photo) for photo, m in zip(val.regions.photo, val.regions.material, strict=True) if m < 3]
    assert 6 < len(rows) < 12
    assert judging() == judging("home", "street") == [True] * len(rows)
    assert judging("street") == [row in (1, 2) for row in rows]
    assert not caplog.messages
    assert judging("moon") == [True] * len(rows)
    assert caplog.messages == ["no val photo of moon has a known material: all val photos calibrate the scores"]
