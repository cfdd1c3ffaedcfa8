"""What several tests of nets/nets share."""

from __future__ import annotations

import torch
from torch import Tensor

BACKBONES = ["test_resnet", "test_efficientnet", "test_convnext", "test_nfnet", "regnetx_002"]


ABLATION = [
    {"merge": "both", "where": "all"},
    {"merge": "both", "where": "stem"},
    {"merge": "multiply", "where": "stage3"},
    {"merge": "multiply", "where": "all"},
    {"merge": "multiply", "where": "stem"},
    {"merge": "add", "where": "all"},
    {"merge": "add", "where": "stem"},
    {"merge": "add", "where": "stage3"},
    {"merge": "blackout", "where": "image"},
    {"merge": "blackout", "where": "stem"},
    {"merge": "blackout", "where": "stage3"},
    {"merge": "blackout", "where": "stage4"},
]


NETS = [
    *({"net": "MaskAtStem", "backbone": "test_resnet", **kind} for kind in ABLATION),
    *({"net": "MaskAtStem", "backbone": backbone} for backbone in BACKBONES[1:]),
    *({"net": "MaskAtPooling", "backbone": backbone} for backbone in BACKBONES),
    {"net": "MaskAtPooling", "backbone": "test_resnet", "strides": [16]},
    {"net": "MaskAtPooling", "backbone": "test_resnet", "attention": 2},
]


def name_of(architecture: dict[str, object]) -> str:
    return "-".join(str(value) for value in architecture.values())


def image(height: int = 75, width: int = 118) -> Tensor:
    return torch.randn(1, 3, height, width, generator=torch.Generator().manual_seed(1))


def masks(height: int = 75, width: int = 118) -> Tensor:
    result = torch.zeros(4, 1, height, width)
    result[0, 0, :40, :50] = 1
    result[1, 0, 30:, 60:] = 1
    result[2, 0, 10, 11] = 1
    result[3] = 1
    return result
