"""What the libraries of networks fail with."""

from __future__ import annotations

import pytest

from madeof.errors import ConfigError
from madeof.nets import Backbone


def test_weights_that_cannot_be_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    from madeof.nets.libraries import timm

    def offline(name: str, *, pretrained: bool) -> None:
        raise OSError("no connection")

    monkeypatch.setattr(timm, "create_model", offline)
    with pytest.raises(ConfigError, match="ImageNet weights of resnet18: no connection; set backbone_weights to"):
        Backbone("resnet18", pretrained=True)
