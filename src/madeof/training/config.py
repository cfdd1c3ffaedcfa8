"""The settings of a training: one dataclass, from a TOML file and `--set key=value`."""

from __future__ import annotations

import dataclasses
import difflib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from madeof.errors import ConfigError, ModelError
from madeof.model.preprocess import Preprocessing, Resize


@dataclass(frozen=True)
class Config:
    """Every setting, with the default that trains something good on a few hundred photos in an hour on two cores."""

    name: str = "my-model"
    """Name of the model."""
    seed: int = 0
    """Everything random follows from it."""

    # The net
    net: Literal["MaskAtPooling", "MaskAtStem"] = "MaskAtPooling"
    """Where the mask enters."""
    trunk: str = "tf_efficientnetv2_b0"
    """A timm network."""
    drop_path: float = 0.0
    """Share of the trunk's blocks that are skipped in training, in the last stage (stochastic depth)."""
    trunk_weights: str = "pretrained"
    """"pretrained" (timm downloads them), "none" (random), or a safetensors file with timm's names."""
    start: str = ""
    """A run of the same net and materials whose best checkpoint it starts from, instead of the trunk's weights."""
    strides: list[int] = field(default_factory=lambda: [4, 8, 16, 32])
    """MaskAtPooling: which maps are pooled."""
    context: Literal["none", "ring", "photo"] = "ring"
    """MaskAtPooling: what the head sees besides the inside: nothing, the ring around it, or ring and whole photo."""
    attention: int = 0
    """MaskAtPooling: how many learnt means of each map but the finest the head sees too; 0 for none."""
    hidden: int = 256
    """MaskAtPooling: units of the head."""
    dropout: float = 0.3
    """MaskAtPooling: share of the head's units left out in training."""
    merge: Literal["add", "multiply", "both", "blackout"] = "add"
    """MaskAtStem: how the attention map is merged."""
    where: Literal["image", "stem", "stage1", "stage2", "stage3", "stage4", "all"] = "stem"
    """MaskAtStem: where it is merged."""

    # What the net sees
    mean: list[float] = field(default_factory=lambda: [123.675, 116.28, 103.53])
    """Of the RGB channels, 0-255."""
    std: list[float] = field(default_factory=lambda: [58.395, 57.12, 57.375])
    """Of the RGB channels, 0-255."""
    resize: Resize = "fit"
    """"fit": the longer side becomes `side`; "limit": only larger photos are shrunk, to `max_pixels`."""
    side: int = 384
    """Longer side in pixels, for fit."""
    max_pixels: int = 1_500_000
    """Height times width, for limit."""

    # The data
    min_photos: int = 1
    """A material with fewer training photos is left out of the model."""
    min_area: int = 1
    """Regions of fewer pixels are left out."""
    licences: Literal["all", "permissive"] = "all"
    """permissive: leave out photos whose licence says research or non-commercial."""

    # First step: only the head, on pooled features that are computed once (MaskAtPooling)
    head_epochs: int = 60
    """Passes over the cached regions; 0 leaves the step out."""
    head_views: int = 3
    """How many augmented versions of each photo are cached, besides the photo itself."""
    head_batch: int = 256
    """Regions in a batch."""
    head_lr: float = 1e-3
    """Highest learning rate."""

    # Second step: head and the last stages of the trunk
    epochs: int = 4
    """Passes over the photos; 0 leaves the step out."""
    sampler: Literal["photos", "original"] = "photos"
    """"photos": all regions of some photos; "original": the paper's, a class, then an image, then a region."""
    batch: int = 8
    """Photos in a batch (sampler photos), or the most samples in one (original)."""
    crop: int = 320
    """Sampler photos: side of the random crop, a multiple of 32."""
    min_side: int = 160
    """Sampler original: least height and width of a batch."""
    max_side: int = 1200
    """Sampler original: greatest height and width of a batch."""
    batch_pixels: int = 1_920_000
    """Sampler original: most pixels in a batch."""
    unfreeze: int = 2
    """How many stages of the trunk are trained, counted from the last; 4 is all of it."""
    lr: float = 3e-4
    """Highest learning rate of the trunk and the head."""
    freeze_norm: bool = True
    """Leave the running means of the trunk's batch norms as they are."""

    # Both steps
    optimizer: Literal["adamw", "adam"] = "adamw"
    """The method."""
    weight_decay: float = 1e-2
    """Of the optimizer."""
    schedule: Literal["cosine", "constant"] = "cosine"
    """How the learning rate falls."""
    warmup: float = 0.05
    """Share of a step's batches in which the learning rate rises."""
    label_smoothing: float = 0.1
    """Share of each target that is spread over all materials."""
    class_balance: float = 0.5
    """Weight of a material in the loss: its number of regions to the power of minus this. 0 none, 1 full."""
    undo_balance: float = 0.3
    """How far finished scores go back from the frequencies of materials that the loss made to the real ones; 0 to 1."""
    mask_noise: float = 0.3
    """Share of the masks that are dilated, eroded or replaced by their box, as users' masks are sloppy."""
    paste: float = 0.0
    """Share of the photos into which regions of other photos are pasted, so that surroundings tell less."""
    paste_least: float = 0.15
    """The least longer side of a pasted region, in sides of the crop; the greatest is 0.7."""
    close: float = 0.0
    """Share of the crops that are taken around one region, as a second look at a small one sees it."""
    mosaic: float = 0.0
    """Share of the crops that are four or nine photos side by side, for regions that are small in the frame."""
    harsh: float = 0.0
    """Share of the crops with a colour cast and another exposure, and of coarse ones; masks leak and pasted regions are
    turned, shaded and softened at the edge."""
    average: float = 0.0
    """Judge and keep a running average of the weights, of which each batch leaves this share (0.998); 0 is none."""
    repeat: int = 1
    """Sampler photos: how often an epoch shows each photo of `judge_sources`; the other photos come once."""
    patience: int = 0
    """Stop after so many evaluations without a better one; 0 never stops early."""
    judge_sources: list[str] = field(default_factory=list)
    """Sources (photos.csv) of the val photos that choose the checkpoint and calibrate; [] takes all of them."""
    monitor: Literal["accuracy", "mean_class_accuracy"] = "accuracy"
    """What makes one checkpoint better than another, on the val split; with rare materials the mean is noisy."""

    # The machine
    accelerator: str = "auto"
    """Lightning Fabric's: auto, cpu, cuda, mps."""
    devices: int = 1
    """How many processes; each takes its share of every batch."""
    precision: str = "auto"
    """auto: bf16-mixed on a GPU, else 32-true; or any of Lightning Fabric's."""
    threads: int = 2
    """CPU threads. Bit-identical resuming is promised for the same number."""
    workers: int = 1
    """Processes that read and augment photos; 0 does it in the training process."""
    checkpoint_seconds: float = 60.0
    """A checkpoint is written at least this often, and after each epoch."""

    def __post_init__(self) -> None:
        hints = get_type_hints(type(self))
        for f in dataclasses.fields(self):
            object.__setattr__(self, f.name, _checked(f.name, getattr(self, f.name), hints[f.name]))
        _check_ranges(self)

    @property
    def preprocessing(self) -> Preprocessing:
        """What the model's record will say. A net that pools sees no more of a mask than its finest map's cells."""
        pools = self.net == "MaskAtPooling" and self.resize == "fit"  # whose sides every stride divides
        mean, std = (self.mean[0], self.mean[1], self.mean[2]), (self.std[0], self.std[1], self.std[2])
        try:
            return Preprocessing(
                mean, std, self.resize, self.side, 32, self.max_pixels, min(self.strides) if pools else 1
            )
        except ModelError as error:
            raise ConfigError(str(error)) from error

    @property
    def architecture(self) -> dict[str, Any]:
        """What `madeof.nets.build` takes."""
        if self.net == "MaskAtStem":
            return {"net": self.net, "trunk": self.trunk, "merge": self.merge, "where": self.where}
        return {
            "net": self.net,
            "trunk": self.trunk,
            "strides": self.strides,
            "context": self.context,
            "attention": self.attention,
            "hidden": self.hidden,
            "dropout": self.dropout,
        }

    @classmethod
    def load(
        cls, path: str | Path | None = None, overrides: Sequence[str] = (), *, before: Mapping[str, Any] | None = None
    ) -> Config:
        """Read a TOML file (or the settings of `before`, or the defaults) and lay `key=value` texts over it.

        Raises:
            ConfigError: the file cannot be read, a key does not exist, or a value does not fit.
        """
        values = dict(before or {})
        if path is not None:
            try:
                values = tomllib.loads(Path(path).read_text(encoding="utf-8"))
            except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
                raise ConfigError(f"cannot read the config {path}: {error}") from error
        for override in overrides:
            key, equals, text = override.partition("=")
            if not equals:
                raise ConfigError(f"got --set {override!r}; expected key=value")
            values[key.strip()] = _parse(text.strip())
        known = [f.name for f in dataclasses.fields(cls)]
        for key in values:
            if key not in known:
                close = difflib.get_close_matches(key, known, n=1)
                hint = f"; did you mean {close[0]!r}?" if close else f"; the settings are {', '.join(known)}"
                raise ConfigError(f"there is no setting {key!r}{hint}")
        return cls(**values)


def _parse(text: str) -> Any:
    """A TOML value where it is one, else the text itself, so that `--set trunk=resnet50` needs no quotes."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _checked(name: str, value: Any, hint: Any) -> Any:
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            raise ConfigError(f"{name} is {value!r}; expected one of {', '.join(map(repr, get_args(hint)))}")
    elif hint is float and type(value) is int:
        return float(value)
    elif get_origin(hint) is list:
        (inner,) = get_args(hint)
        if not isinstance(value, list) or not (value or inner is str):
            raise ConfigError(f"{name} is {value!r}; expected a list of {inner.__name__}s")
        return [_checked(f"{name}[{i}]", v, inner) for i, v in enumerate(value)]
    elif type(value) is not hint:
        raise ConfigError(f"{name} is {value!r}; expected {_article(hint.__name__)}")
    return value


def _article(name: str) -> str:
    return {"int": "a whole number", "float": "a number", "str": "a text", "bool": "true or false"}[name]


def _check_ranges(config: Config) -> None:
    positive = (
        "hidden",
        "head_batch",
        "batch",
        "devices",
        "threads",
        "max_pixels",
        "batch_pixels",
        "min_side",
        "side",
        "repeat",
    )
    not_negative = (
        "attention",
        "head_epochs",
        "epochs",
        "head_views",
        "patience",
        "workers",
        "weight_decay",
        "class_balance",
        "lr",
        "head_lr",
    )
    shares = ("dropout", "label_smoothing", "mask_noise", "warmup", "drop_path", "average")
    for name in positive:
        if getattr(config, name) < 1:
            raise ConfigError(f"{name} is {getattr(config, name)}; expected 1 or more")
    for name in not_negative:
        if not getattr(config, name) >= 0:
            raise ConfigError(f"{name} is {getattr(config, name)}; expected 0 or more")
    for name in ("paste", "undo_balance", "close", "mosaic", "harsh"):
        if not 0 <= getattr(config, name) <= 1:
            raise ConfigError(f"{name} is {getattr(config, name)}; expected a share from 0 to 1")
    for name in shares:
        if not 0 <= getattr(config, name) < 1:
            raise ConfigError(f"{name} is {getattr(config, name)}; expected a share from 0 to below 1")
    if not 0 < config.paste_least <= 0.7:
        raise ConfigError(f"paste_least is {config.paste_least}; expected a share of the crop's side above 0 up to 0.7")
    if wrong := [stride for stride in config.strides if stride not in (4, 8, 16, 32)]:
        raise ConfigError(f"strides has {wrong[0]}; expected some of 4, 8, 16, 32")
    if config.attention and len(config.strides) < 2:
        raise ConfigError(f"attention is {config.attention} with strides {config.strides}; expected two or more")
    if not 0 <= config.unfreeze <= 4:
        raise ConfigError(f"unfreeze is {config.unfreeze}; expected 0 to 4 stages")
    if config.crop < 32 or config.crop % 32:
        raise ConfigError(f"crop is {config.crop}; expected a multiple of 32")
    if config.max_side < config.min_side:
        raise ConfigError(f"max_side {config.max_side} is below min_side {config.min_side}")
    if len(config.mean) != 3 or len(config.std) != 3:
        raise ConfigError("mean and std must have three numbers each")
    config.preprocessing  # noqa: B018  (raises where its numbers cannot work)
    if config.net == "MaskAtStem" and config.where == "image" and config.merge != "blackout":
        raise ConfigError("where='image' goes only with merge='blackout'")
