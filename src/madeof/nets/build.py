"""Build a net from the architecture in a record or a config."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from madeof.errors import ConfigError
from madeof.nets.backbones import Backbone
from madeof.nets.ensemble import Ensemble
from madeof.nets.mask_at_pooling import MaskAtPooling
from madeof.nets.mask_at_stem import MaskAtStem

Net = MaskAtStem | MaskAtPooling
"""Nets that can be trained."""


def build(architecture: Mapping[str, Any], outputs: int, *, pretrained: bool = False, drop_path: float = 0.0) -> Net:
    """Build the net that `architecture` describes, with `outputs` outputs.

    Args:
        architecture: `net` ("MaskAtStem" or "MaskAtPooling"), `backbone` (a timm name) and the net's own settings:
            `merge` and `where`, or `strides`, `context`, `attention`, `hidden` and `dropout`.
        outputs: the number of logits.
        pretrained: let timm download its ImageNet weights.
        drop_path: share of the backbone's last blocks that training skips.

    Raises:
        ConfigError: the net or a setting does not exist.
    """
    settings = dict(architecture)
    kind, before = settings.pop("net", None), settings.pop("trunk", "")  # "trunk": the key until 0.2
    backbone = Backbone(str(settings.pop("backbone", before)), pretrained=pretrained, drop_path=drop_path)
    try:
        if kind == "MaskAtStem":
            return MaskAtStem(backbone, outputs, **settings)
        if kind == "MaskAtPooling":
            return MaskAtPooling(backbone, outputs, **settings)
    except TypeError as error:
        raise ConfigError(f"the net {kind} does not take these settings: {settings} ({error})") from error
    raise ConfigError(f"got net={kind!r}; expected 'MaskAtStem' or 'MaskAtPooling'")


def build_any(architecture: Mapping[str, Any], outputs: int) -> Net | Ensemble:
    """Build a net or an `Ensemble`, whose architecture holds its `members` and their `temperatures`.

    Raises:
        ConfigError: see `build`.
    """
    if architecture.get("net") != "Ensemble":
        return build(architecture, outputs)
    members = [build(member, outputs) for member in architecture.get("members", [])]
    pooling = [member for member in members if isinstance(member, MaskAtPooling)]
    if len(pooling) < len(members):
        raise ConfigError("an ensemble has members that are not MaskAtPooling")
    return Ensemble(pooling, architecture.get("temperatures"))
