"""The running average of the weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from training_run import train

from madeof.training.ema import EMA


def test_the_running_average_of_the_weights() -> None:
    weight = torch.nn.Parameter(torch.zeros(2))
    average = EMA([weight], decay=0.5)
    found = []
    for batch in (1, 2, 20):
        weight.data.fill_(float(batch))
        average.update(batch)
        found.append(float(average.tensors[0][0]))
    # 1/11 and 2/12 are kept of what was before, later a half
    assert found == pytest.approx([10 / 11, 10 / 11 / 6 + 2 * 5 / 6, (10 / 11 / 6 + 10 / 6 + 20) / 2])
    with average.in_place():
        assert weight.tolist() == pytest.approx([found[-1]] * 2)
    assert weight.tolist() == [20, 20]
    none = EMA([weight], decay=0)
    none.update(1)
    with none.in_place():
        assert weight.tolist() == [20, 20]


def test_a_training_keeps_the_average(trained: Path, tiny_dataset: Path, tmp_path: Path) -> None:
    """The kept weights are the average, not the last ones; what does not learn is the same in both."""
    out = tmp_path / "run"
    assert train(tiny_dataset, out, "ema_decay=0.9") == 0
    kept, last = (load_file(out / name) for name in ("best.safetensors", "last.safetensors"))
    names = [name for name in kept if name.startswith("net.")]
    changed = {name for name in names if not torch.equal(kept[name], last[name])}
    assert "net.head.out.weight" in changed
    assert "net.backbone.model.conv_stem.weight" not in changed
    assert any(name.startswith("average.") for name in last)
    assert not any(name.startswith("average.") for name in kept)
