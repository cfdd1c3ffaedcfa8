"""Ensembles: each net encodes the photo; their log-probabilities are averaged."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from madeof.errors import ConfigError
from madeof.nets.mask_at_pooling import MaskAtPooling


class Ensemble(nn.Module):
    """Nets trained apart make different errors: together they are more accurate, at as many times the cost.

    The mean of log-probabilities is the logarithm of their geometric mean; a member's logits are first divided by its
    own temperature, so that an overconfident one does not outvote the others.

    Args:
        members: nets of the same materials that see a photo at the same size.
        temperatures: one for each; 1 for all when None.
    """

    def __init__(self, members: Sequence[MaskAtPooling], temperatures: Sequence[float] | None = None) -> None:
        super().__init__()
        self.temperatures = tuple(temperatures or [1.0] * len(members))
        if len(members) < 2 or len(self.temperatures) != len(members):
            raise ConfigError(f"an ensemble of {len(members)} members with {len(self.temperatures)} temperatures")
        self.nets = list(members)  # for their types;
        self.members = nn.ModuleList(members)  # for their parameters

    def encode(self, image: Tensor) -> tuple[Tensor, ...]:
        """Normalised photos (B, 3, H, W) float32 -> the maps of all members, one member after the other."""
        return tuple(maps for member in self.nets for maps in member.encode(image))

    def classify(self, features: tuple[Tensor, ...], masks: Tensor, photo: Tensor | None = None) -> Tensor:
        """Name every region; arguments and result are those of `MaskAtPooling.classify`."""
        return self.describe(features, masks, photo)[0]

    def describe(
        self, features: tuple[Tensor, ...], masks: Tensor, photo: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """`classify`, with the concatenated embeddings of all members, (N, sum of widths)."""
        parts, embeddings, start = [], [], 0
        for member, temperature in zip(self.nets, self.temperatures, strict=True):
            own = features[start : start + len(member.strides)]
            start += len(own)
            logits, embedding = member.describe(own, masks, photo)
            parts.append((logits / temperature).log_softmax(dim=1))
            embeddings.append(embedding)
        return torch.stack(parts).mean(dim=0), torch.cat(embeddings, dim=1)

    def forward(self, image: Tensor, masks: Tensor, photo: Tensor | None = None) -> Tensor:
        """`classify(encode(image), masks, photo)`."""
        return self.classify(self.encode(image), masks, photo)
