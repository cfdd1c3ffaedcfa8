"""The paper's net: the region's mask becomes an attention map inside the network (arXiv 1812.00291)."""

from __future__ import annotations

from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from madeof.errors import ConfigError
from madeof.nets.backbones import Backbone, accept_trunk

Merge = Literal["add", "multiply", "both", "blackout"]
Where = Literal["image", "stem", "stage1", "stage2", "stage3", "stage4", "all"]

_STRIDES = {"stage1": 4, "stage2": 8, "stage3": 16, "stage4": 32}


class MaskAtStem(nn.Module):
    """A backbone whose maps are changed by the mask of the region, then average pooling and one linear layer.

    The paper's net is `merge="add", where="stem"`; the other values are its ablation (section 4):

    - `add`: map + a(mask); `multiply`: map * m(mask); `both`: map * m(mask) + a(mask). `a` and `m` are 3x3
      convolutions (1 -> channels) of the mask resized bilinearly to the map. They start as a = 0 and m = 1, so
      that training starts from the backbone as it is. (His add-at-stage-3 and multiply-at-stage-3 nets start at 0;
      a factor of 0 would start from a dead network, so ours starts at 1.)
    - `blackout`: map * mask, nothing learned.
    - `where`: `image` (blackout only), `stem` (after the first convolution, before its normalisation), a stage
      (`stage3` is what he calls middle and, for blackout, last layer), or `all` (stem and the four stages).

    Exact, and it costs a pass of nearly the whole network for each region.
    """

    def __init__(self, backbone: Backbone, materials: int, *, merge: Merge = "add", where: Where = "stem") -> None:
        super().__init__()
        if merge not in get_args(Merge) or where not in get_args(Where):
            raise ConfigError(
                f"got merge={merge!r}, where={where!r}; expected one of {get_args(Merge)} and one of {get_args(Where)}"
            )
        if where == "image" and merge != "blackout":
            raise ConfigError(f"the mask enters the image only as merge='blackout', not {merge!r}")
        self.backbone = backbone
        self.register_load_state_dict_pre_hook(accept_trunk)  # type: ignore[no-untyped-call]  # torch's
        self.merge, self.where = merge, where
        self.places = _places(backbone, where)
        channels = _channels_at(backbone, self.places)
        self.add = _branches(channels, start=0.0) if merge in ("add", "both") else nn.ModuleDict()
        self.multiply = _branches(channels, start=1.0) if merge in ("multiply", "both") else nn.ModuleDict()
        self.fc = nn.Linear(backbone.width, materials)

    @property
    def last(self) -> nn.Linear:
        """The output layer."""
        return self.fc

    def encode(self, image: Tensor) -> tuple[Tensor, ...]:
        """Run the layers before the mask enters.

        Args:
            image: normalised photos, (B, 3, H, W) float32.

        Returns:
            one map (B, C, h, w): the input of the first layer that the mask changes.
        """
        return (self.backbone.run(image, 0, self.places[0]),)

    def classify(self, features: tuple[Tensor, ...], masks: Tensor, photo: Tensor | None = None) -> Tensor:
        """Run the rest of the network for every region.

        Args:
            features: the output of `encode`.
            masks: coverage in [0, 1] at the photo's network size, (N, 1, H, W) float32.
            photo: which photo each mask belongs to, (N,) int64; None when there is one photo.

        Returns:
            logits, (N, materials) float32.
        """
        return self.describe(features, masks, photo)[0]

    def describe(
        self, features: tuple[Tensor, ...], masks: Tensor, photo: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """`classify`, with the embeddings.

        Returns:
            logits, (N, materials), and each region's embedding, the mean of the last map, (N, channels).
        """
        x = features[0] if photo is None else features[0][photo]
        for place, following in zip(self.places, [*self.places[1:], None], strict=True):
            x = self._attend(x, masks, str(place))
            x = self.backbone.run(x, place, following)
        embedding = x.mean(dim=(2, 3))
        return self.fc(embedding), embedding

    def forward(self, image: Tensor, masks: Tensor, photo: Tensor | None = None) -> Tensor:
        """`classify(encode(image), masks, photo)`."""
        return self.classify(self.encode(image), masks, photo)

    def stages_from_last(self) -> list[list[nn.Parameter]]:
        """The parameters of the head and the branches, then of each stage, the last stage first."""
        head = [*self.fc.parameters(), *self.add.parameters(), *self.multiply.parameters()]
        return [head, *self.backbone.parameters_by_stage()]

    def _attend(self, x: Tensor, masks: Tensor, place: str) -> Tensor:
        attention = F.interpolate(masks, size=x.shape[2:], mode="bilinear", align_corners=False)
        if self.merge == "blackout":
            return x * attention
        if place in self.multiply:
            x = x * self.multiply[place](attention)
        if place in self.add:
            x = x + self.add[place](attention)
        return x


def _places(backbone: Backbone, where: Where) -> list[int]:
    """Steps after which the mask enters: 0 is the photo, 1 the first convolution."""
    if where == "image":
        return [0]
    if where == "stem":
        return [1]
    wanted = _STRIDES.values() if where == "all" else [_STRIDES[where]]
    missing = [stride for stride in wanted if stride not in backbone.stages]
    if missing:
        raise ConfigError(
            f"the backbone {backbone.name} has no stage of stride {missing}; it has {list(backbone.stages)}"
        )
    places = [backbone.stages[stride] for stride in wanted]
    return [1, *places] if where == "all" else places


@torch.no_grad()
def _channels_at(backbone: Backbone, places: list[int]) -> dict[str, int]:
    was_training = backbone.training
    backbone.eval()
    probe = torch.zeros(1, 3, 64, 64)
    channels = {str(place): backbone.run(probe, 0, place).shape[1] for place in places}
    backbone.train(was_training)
    return channels


def _branches(channels: dict[str, int], *, start: float) -> nn.ModuleDict:
    branches = nn.ModuleDict()
    for place, count in channels.items():
        branch = nn.Conv2d(1, count, kernel_size=3, padding=1)
        nn.init.zeros_(branch.weight)
        nn.init.constant_(branch.bias, start)  # type: ignore[arg-type]
        branches[place] = branch
    return branches
