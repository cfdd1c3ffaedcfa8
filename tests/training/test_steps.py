"""The steps of a training, one after another."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from training_run import train

import madeof
from madeof.model.record import Record
from madeof.nets import MaskAtPooling
from madeof.training.export import read_net


def test_a_training_can_start_from_another(trained: Path, tiny_dataset: Path, tmp_path: Path) -> None:
    """With a learning rate of 0 it ends as what it started from; the record names no folder."""
    out = tmp_path / "second"
    assert train(tiny_dataset, out, f"start={trained}", "head_epochs=0", "lr=0", "weight_decay=0") == 0
    before, after = (load_file(folder / "weights.safetensors") for folder in (trained, out))
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert Record.read(out).training["config"]["start"] == trained.name


def test_starting_from_a_run_of_another_net(
    trained: Path, tiny_dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(tiny_dataset, tmp_path / "second", f"start={trained}", "hidden=16") == 1
    assert "is a checkpoint of another net" in capsys.readouterr().err
    assert train(tiny_dataset, tmp_path / "third", f"start={tmp_path}/nothing") == 1
    assert "cannot read the checkpoint" in capsys.readouterr().err


def test_backbone_weights_from_a_file(tiny_dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from safetensors.torch import save_file

    timm_net = madeof.nets.libraries.timm.create_model("test_efficientnet", pretrained=False)
    save_file({k: v.half() for k, v in timm_net.state_dict().items()}, tmp_path / "backbone.safetensors")
    assert train(tiny_dataset, tmp_path / "run", f"backbone_weights={tmp_path}/backbone.safetensors", "epochs=0") == 0
    net, _ = read_net(tmp_path / "run")
    assert isinstance(net, MaskAtPooling)
    torch.testing.assert_close(net.backbone.model.conv_stem.weight, timm_net.conv_stem.weight.half().float())
    save_file({"conv_stem.weight": torch.zeros(2)}, tmp_path / "wrong.safetensors")
    assert train(tiny_dataset, tmp_path / "no", f"backbone_weights={tmp_path}/wrong.safetensors") == 1
    assert "does not fit the backbone test_efficientnet" in capsys.readouterr().err
