"""Backbones."""

from __future__ import annotations

import pytest
import torch
from nets_nets import ABLATION, TRUNKS, image, masks, name_of

from madeof.errors import ConfigError
from madeof.nets import MaskAtStem, Trunk, build


def test_stochastic_depth_only_where_the_trunk_knows_it() -> None:
    architecture = {"net": "MaskAtPooling", "trunk": "test_efficientnet"}
    deep = build(architecture, 3, drop_path=0.5).train()
    assert any(getattr(m, "drop_prob", 0) > 0 for m in deep.modules())
    with pytest.raises(ConfigError, match="has no drop_path .*; set drop_path to 0"):
        build({**architecture, "trunk": "vgg11"}, 3, drop_path=0.5)


@pytest.mark.parametrize("kind", [k for k in ABLATION if k["merge"] != "blackout"], ids=name_of)
@torch.no_grad()
def test_fresh_branches_leave_the_trunk_as_it_was(kind: dict[str, str]) -> None:
    torch.manual_seed(0)
    trunk = Trunk("test_resnet")
    net = MaskAtStem(trunk, 6, **kind).eval()  # type: ignore[arg-type]
    plain = net.fc(trunk.model.forward_features(image()).mean(dim=(2, 3)))  # type: ignore[operator]
    torch.testing.assert_close(net(image(), masks()), plain.expand(4, -1), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", TRUNKS)
@torch.no_grad()
def test_a_trunk_is_timms_network(name: str) -> None:
    import timm

    torch.manual_seed(0)
    trunk = Trunk(name).eval()
    original = timm.create_model(name, pretrained=False).eval()
    state = {k: v for k, v in original.state_dict().items() if k in trunk.model.state_dict()}
    trunk.model.load_state_dict(state)
    torch.testing.assert_close(trunk.run(image(96, 64)), original.forward_features(image(96, 64)))
    assert sorted(trunk.stages) == [4, 8, 16, 32]
