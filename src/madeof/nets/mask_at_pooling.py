"""Our net: one backbone pass per photo; each region pools the feature maps under its mask."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from madeof.errors import ConfigError
from madeof.nets.backbones import Backbone, accept_trunk

_PARTS = {"none": 2, "ring": 3, "photo": 5}  # pooled features per channel
_TINY = 1e-12  # far under the coverage that one pixel of the largest photo leaves in a cell
_STD_FLOOR = 1e-4  # keeps the gradient of the square root bounded where a map is constant
_MOST = 4.0  # bounds a learned score, and so the weight of one cell over another's, to exp(8)


class MaskAtPooling(nn.Module):
    """Maps of several strides, pooled inside the mask, in the ring around it and over the photo, and a small head.

    Pooling weighs every cell of a map by the *fraction* of it that the mask covers, so that a region of one
    pixel still has an answer. Of each map the head sees: mean and spread inside, mean of the ring (the cells
    next to the region, as far as it does not cover them), mean and spread of the whole photo.

    With `attention` the net also learns which cells of a region speak most of its material: means inside the mask
    whose weights are coverage times exp(score of the cell), that is, a softmax with the mask as prior. The scores are
    linear in the cell's channels and begin at 0, where these are the plain mean (attention pooling as in Ilse et al.
    2018, arXiv 1802.04712, with linear scores). The finest map has none: its cells are most of the work.

    Args:
        backbone: any `Backbone`; it is cut behind the last of `strides`.
        materials: how many materials there are.
        strides: which maps are pooled, of (4, 8, 16, 32).
        context: "none", "ring" or "photo".
        attention: how many attention-pooled means per map (all but the finest); 0 for none.
        hidden: units of the head's one hidden layer.
        dropout: share of the hidden units left out in training.
    """

    def __init__(
        self,
        backbone: Backbone,
        materials: int,
        *,
        strides: Sequence[int] = (4, 8, 16, 32),
        context: str = "ring",
        attention: int = 0,
        hidden: int = 256,
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        missing = [stride for stride in strides if stride not in backbone.stages]
        if missing or not strides:
            raise ConfigError(
                f"strides={list(strides)}: the backbone {backbone.name} has maps of {list(backbone.stages)}"
            )
        if context not in _PARTS:
            raise ConfigError(f"context={context!r}: expected one of {', '.join(map(repr, _PARTS))}")
        if attention and len(strides) < 2:
            raise ConfigError(f"attention={attention} with strides={list(strides)}: the finest map has none; give two")
        self.strides, self.context = tuple(sorted(strides)), context
        backbone.cut(backbone.stages[self.strides[-1]])
        self.backbone = backbone
        self.register_load_state_dict_pre_hook(accept_trunk)  # type: ignore[no-untyped-call]  # torch's
        channels = [backbone.channels[stride] for stride in self.strides]
        self.scores = nn.ParameterList(torch.zeros(attention, c) for c in channels[1:] if attention)
        widths = [(_PARTS[context] + attention * (number > 0)) * c for number, c in enumerate(channels)]
        self.width = sum(widths)
        self.head = Head(self.width, materials, hidden=hidden, dropout=dropout)
        starts = itertools.accumulate(widths, initial=0)
        self._inside = [(start, start + c) for start, c in zip(starts, channels, strict=False)]

    @property
    def last(self) -> nn.Linear:
        """The output layer."""
        return self.head.out

    def encode(self, image: Tensor) -> tuple[Tensor, ...]:
        """Run the backbone.

        Args:
            image: normalised photos, (B, 3, H, W) float32.

        Returns:
            a map (B, C, ceil(H / stride), ceil(W / stride)) for each of `strides`.
        """
        maps: list[Tensor] = []
        x, start = image, 0
        for stride in self.strides:
            x = self.backbone.run(x, start, self.backbone.stages[stride])
            start = self.backbone.stages[stride]
            maps.append(x)
        return tuple(maps)

    def pool(self, features: tuple[Tensor, ...], masks: Tensor, photo: Tensor | None = None) -> Tensor:
        """Describe every region: coverage in [0, 1], (N, 1, H, W) or of the finest map's cells -> (N, width)."""
        if torch.is_autocast_enabled(masks.device.type):  # a standard deviation is a small difference of large numbers
            with torch.autocast(masks.device.type, enabled=False):
                return self.pool(tuple(maps.float() for maps in features), masks.float(), photo)
        parts: list[Tensor] = []
        coverage, done = masks, self.strides[0] if masks.shape[2:] == features[0].shape[2:] else 1
        for number, (stride, maps) in enumerate(zip(self.strides, features, strict=True)):
            coverage = _shrink(coverage, stride // done, maps.shape[2:])
            done = stride
            parts += _mean_and_std(maps, coverage, photo)
            if self.context != "none":
                parts.append(_mean(maps, F.max_pool2d(coverage, 3, stride=1, padding=1) - coverage, photo))
            if self.context == "photo":
                parts += _mean_and_std(maps, torch.ones_like(coverage), photo)
            if number and len(self.scores):
                parts += _attention_means(maps, self._emphasis(number, maps), coverage, photo)
        return torch.cat(parts, dim=1)

    def _emphasis(self, number: int, maps: Tensor) -> Tensor:
        """exp(score) of each cell of the map with this number, (B, C, h, w) -> (B, attention, h, w), never 0."""
        start, stop = self._inside[number]  # what the head makes of these channels, the scores also do
        score = F.conv2d(maps, (self.scores[number - 1] / self.head.spread[start:stop])[:, :, None, None])
        return (_MOST * torch.tanh(score / _MOST)).exp()

    def classify(self, features: tuple[Tensor, ...], masks: Tensor, photo: Tensor | None = None) -> Tensor:
        """Name every region.

        Args:
            features: what `encode` gave.
            masks: coverage in [0, 1] at the photo's network size, (N, 1, H, W) float32, or of the cells of the finest
                map, which gives the same.
            photo: which photo each mask belongs to, (N,) int64 that never falls; None when there is one photo.

        Returns:
            logits, (N, materials) float32.
        """
        logits: Tensor = self.head(self.pool(features, masks, photo))
        return logits

    def describe(
        self, features: tuple[Tensor, ...], masks: Tensor, photo: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """`classify`, with what it decides from.

        Returns:
            logits, (N, materials), and each region's embedding, (N, channels of all strides): the standardised means
            inside the mask. New materials are separated better by these than by the head's hidden units, which
            keep what tells the known ones apart (docs/research/few-shot.md).
        """
        pooled = self.pool(features, masks, photo)
        return self.head(pooled), self.embed(pooled)

    def embed(self, pooled: Tensor) -> Tensor:
        """(N, width) -> the embedding (N, channels of all strides)."""
        scaled = self.head.standardise(pooled)
        return torch.cat([scaled[:, start:stop] for start, stop in self._inside], dim=1)

    def forward(self, image: Tensor, masks: Tensor, photo: Tensor | None = None) -> Tensor:
        """`classify(encode(image), masks, photo)`."""
        return self.classify(self.encode(image), masks, photo)

    def stages_from_last(self) -> list[list[nn.Parameter]]:
        """The head's parameters, then those of each stage of the backbone, the last stage first."""
        return [[*self.head.parameters(), *self.scores], *self.backbone.parameters_by_stage()]


class Head(nn.Module):
    """Standardise, one hidden layer, one output for each material."""

    def __init__(self, width: int, materials: int, *, hidden: int, dropout: float) -> None:
        super().__init__()
        self.mean: Tensor
        self.spread: Tensor
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("spread", torch.ones(width))
        self.hidden = nn.Linear(width, hidden)
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(hidden, materials)

    @torch.no_grad()
    def fit_scale(self, pooled: Tensor) -> None:
        """Set mean and standard deviation from the training regions, (N, width)."""
        self.mean.copy_(pooled.mean(dim=0))
        self.spread.copy_(pooled.std(dim=0).clamp(min=1e-3))

    def standardise(self, pooled: Tensor) -> Tensor:
        """Standardise pooled features, (N, width)."""
        return (pooled - self.mean) / self.spread

    def forward(self, pooled: Tensor) -> Tensor:
        """(N, width) -> logits (N, materials)."""
        x = self.dropout(F.gelu(self.hidden(self.standardise(pooled))))
        logits: Tensor = self.out(x)
        return logits


def _shrink(coverage: Tensor, factor: int, size: torch.Size) -> Tensor:
    """Average over factor x factor cells; cells beyond the edge count as not covered.

    Most backbones round the sides of a map up; one that rounds down gets its own division of the photo.
    """
    height, width = coverage.shape[-2:]
    if height % factor or width % factor:
        if size != (-(-height // factor), -(-width // factor)):
            return F.adaptive_avg_pool2d(coverage, (int(size[0]), int(size[1])))
        coverage = F.pad(coverage, (0, -width % factor, 0, -height % factor))
    return F.avg_pool2d(coverage, factor) if factor > 1 else coverage


def _mean_and_std(maps: Tensor, weights: Tensor, photo: Tensor | None) -> tuple[Tensor, Tensor]:
    mean = _mean(maps, weights, photo)
    square = _mean(maps * maps, weights, photo)
    return mean, (square - mean * mean).clamp(min=0).add(_STD_FLOOR).sqrt()


def _attention_means(maps: Tensor, emphasis: Tensor, coverage: Tensor, photo: Tensor | None) -> list[Tensor]:
    """For each of the K scores the mean weighted by coverage and emphasis, (B, K, h, w): K tensors (N, C)."""
    own = emphasis if photo is None else emphasis[photo]  # (1 or N, K, h, w)
    return [_mean(maps, coverage * own[:, k : k + 1], photo) for k in range(emphasis.shape[1])]


def _mean(maps: Tensor, weights: Tensor, photo: Tensor | None) -> Tensor:
    """The mean of each channel weighted by each region's cells: (B, C, h, w), (N, 1, h, w) -> (N, C)."""
    weights = weights.flatten(1)
    weights = weights / (weights.sum(dim=1, keepdim=True) + _TINY)  # (N, h w); an empty ring stays 0
    cells = maps.flatten(2).transpose(1, 2)  # (B, h w, C)
    if photo is None:
        return weights @ cells[0]
    if not len(cells):  # a process that has no part in a batch
        return weights @ cells.sum(dim=0)
    return torch.cat([weights[photo == index] @ cells[index] for index in range(len(cells))])
