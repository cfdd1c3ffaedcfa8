"""Several nets as one."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from madeof.errors import ConfigError
from madeof.nets import Ensemble, MaskAtPooling, build, build_any
from madeof.training.export import read_net


def test_an_ensemble_gives_log_probabilities(combined_model: Path) -> None:
    net, record = read_net(combined_model)
    assert isinstance(net, Ensemble)
    with torch.inference_mode():
        logits = net(torch.randn(1, 3, 64, 96), torch.ones(2, 1, 64, 96))
    assert logits.shape == (2, record.outputs)
    pooling = [build({"net": "MaskAtPooling", "backbone": "test_resnet"}, 3) for _ in range(2)]
    assert all(isinstance(member, MaskAtPooling) for member in pooling)
    with pytest.raises(ConfigError, match="an ensemble of 1 members"):
        Ensemble(pooling[:1])  # type: ignore[arg-type]
    stem = {"net": "MaskAtStem", "backbone": "test_resnet"}
    with pytest.raises(ConfigError, match="members that are not MaskAtPooling"):
        build_any({"net": "Ensemble", "members": [stem, stem]}, 3)
