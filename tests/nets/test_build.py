"""Nets by their architecture."""

from __future__ import annotations

import pytest

from madeof.errors import ConfigError
from madeof.nets import build


def test_attention_needs_two_maps() -> None:
    with pytest.raises(ConfigError, match="the finest map has none"):
        build({"net": "MaskAtPooling", "trunk": "test_resnet", "strides": [16], "attention": 1}, 6)


@pytest.mark.parametrize(
    ("architecture", "message"),
    [
        ({"net": "MaskAtStem", "trunk": "test_resnet", "where": "image"}, "only as merge='blackout'"),
        ({"net": "MaskAtStem", "trunk": "test_resnet", "merge": "average"}, "expected one of"),
        ({"net": "MaskAtPooling", "trunk": "test_resnet", "strides": [4, 64]}, "has maps of"),
        ({"net": "MaskAtPooling", "trunk": "test_resnet", "colour": 1}, "does not take these settings"),
        ({"net": "MaskAtEnd", "trunk": "test_resnet"}, "expected 'MaskAtStem' or 'MaskAtPooling'"),
        ({"net": "MaskAtStem", "trunk": "resnet17"}, "timm has no trunk 'resnet17'"),
        ({"net": "MaskAtStem", "trunk": "vit_tiny_patch16_224"}, "trunk vit_tiny_patch16_224"),
    ],
)
def test_wrong_architectures_are_refused(architecture: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build(architecture, 3)
