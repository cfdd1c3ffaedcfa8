"""Nets by their architecture."""

from __future__ import annotations

import pytest
import torch

from madeof.errors import ConfigError
from madeof.nets import build, build_any


def test_attention_needs_two_maps() -> None:
    with pytest.raises(ConfigError, match="the finest map has none"):
        build({"net": "MaskAtPooling", "backbone": "test_resnet", "strides": [16], "attention": 1}, 6)


@pytest.mark.parametrize(
    ("architecture", "message"),
    [
        ({"net": "MaskAtStem", "backbone": "test_resnet", "where": "image"}, "only as merge='blackout'"),
        ({"net": "MaskAtStem", "backbone": "test_resnet", "merge": "average"}, "expected one of"),
        ({"net": "MaskAtPooling", "backbone": "test_resnet", "strides": [4, 64]}, "has maps of"),
        ({"net": "MaskAtPooling", "backbone": "test_resnet", "colour": 1}, "does not take these settings"),
        ({"net": "MaskAtEnd", "backbone": "test_resnet"}, "expected 'MaskAtStem' or 'MaskAtPooling'"),
        ({"net": "MaskAtStem", "backbone": "resnet17"}, "timm has no backbone 'resnet17'"),
        ({"net": "MaskAtStem", "backbone": "vit_tiny_patch16_224"}, "backbone vit_tiny_patch16_224"),
    ],
)
def test_wrong_architectures_are_refused(architecture: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build(architecture, 3)


@pytest.mark.parametrize("kind", ["MaskAtStem", "MaskAtPooling"])
def test_models_of_before_the_backbone_had_its_name(kind: str) -> None:
    """Records and weights up to 0.1 call it `trunk`, in ensembles too."""
    torch.manual_seed(0)
    now = build({"net": kind, "backbone": "test_resnet"}, 3)
    before = {name.replace("backbone.", "trunk."): value for name, value in now.state_dict().items()}
    assert before.keys() != now.state_dict().keys()
    old = build({"net": kind, "trunk": "test_resnet"}, 3)
    old.load_state_dict(dict(before))
    assert all(torch.equal(value, old.state_dict()[name]) for name, value in now.state_dict().items())
    if kind == "MaskAtPooling":
        members = build_any({"net": "Ensemble", "members": [{"net": kind, "trunk": "test_resnet"}] * 2}, 3)
        members.load_state_dict({f"members.{i}.{name}": value for i in (0, 1) for name, value in before.items()})
