"""Backbones."""

from __future__ import annotations

import pytest
import torch
from nets_nets import ABLATION, BACKBONES, image, masks, name_of

from madeof.errors import ConfigError
from madeof.nets import Backbone, MaskAtStem, build


def test_stochastic_depth_only_where_the_backbone_knows_it() -> None:
    architecture = {"net": "MaskAtPooling", "backbone": "test_efficientnet"}
    deep = build(architecture, 3, drop_path=0.5).train()
    assert any(getattr(m, "drop_prob", 0) > 0 for m in deep.modules())
    with pytest.raises(ConfigError, match="has no drop_path .*; set drop_path to 0"):
        build({**architecture, "backbone": "vgg11"}, 3, drop_path=0.5)


@pytest.mark.parametrize("kind", [k for k in ABLATION if k["merge"] != "blackout"], ids=name_of)
@torch.no_grad()
def test_fresh_branches_leave_the_backbone_as_it_was(kind: dict[str, str]) -> None:
    torch.manual_seed(0)
    backbone = Backbone("test_resnet")
    net = MaskAtStem(backbone, 6, **kind).eval()  # type: ignore[arg-type]
    plain = net.fc(backbone.model.forward_features(image()).mean(dim=(2, 3)))  # type: ignore[operator]
    torch.testing.assert_close(net(image(), masks()), plain.expand(4, -1), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", BACKBONES)
@torch.no_grad()
def test_a_backbone_is_timms_network(name: str) -> None:
    import timm

    torch.manual_seed(0)
    backbone = Backbone(name).eval()
    original = timm.create_model(name, pretrained=False).eval()
    state = {k: v for k, v in original.state_dict().items() if k in backbone.model.state_dict()}
    backbone.model.load_state_dict(state)
    torch.testing.assert_close(backbone.run(image(96, 64)), original.forward_features(image(96, 64)))
    assert sorted(backbone.stages) == [4, 8, 16, 32]
