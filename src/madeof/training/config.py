"""The settings of a training: one dataclass, from a TOML file and `--set key=value`."""

from __future__ import annotations

import dataclasses
import difflib
import logging
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from madeof.errors import ConfigError, ModelError
from madeof.model.preprocess import Preprocessing, Resize

RENAMED = {
    "trunk": "backbone",
    "trunk_weights": "backbone_weights",
    "undo_balance": "logit_adjustment",
    "average": "ema_decay",
    "paste": "copy_paste",
    "repeat": "oversample",
    "judge_sources": "calibration_sources",
    "freeze_norm": "freeze_bn",
}
"""Settings by their names in 0.1, each with its name now. The old names work until 0.3, with a warning."""

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Config:
    """The settings, with defaults for a few hundred photos in an hour on two cores."""

    name: str = "my-model"
    """Name of the model."""
    seed: int = 0
    """Random seed."""

    # The net
    net: Literal["MaskAtPooling", "MaskAtStem"] = "MaskAtPooling"
    """Where the mask enters."""
    backbone: str = "tf_efficientnetv2_b0"
    """Name of a timm network."""
    drop_path: float = 0.0
    """Stochastic depth rate of the backbone's last stage."""
    backbone_weights: str = "pretrained"
    """"pretrained" (timm downloads them), "none" (random), or a safetensors file with timm's names."""
    start: str = ""
    """A run of the same net and materials to start from (its best checkpoint), instead of pretrained weights."""
    strides: list[int] = field(default_factory=lambda: [4, 8, 16, 32])
    """MaskAtPooling: strides of the feature maps that are pooled."""
    context: Literal["none", "ring", "photo"] = "ring"
    """MaskAtPooling: what the head sees besides the region: nothing, the ring around it, or ring and whole photo."""
    attention: int = 0
    """MaskAtPooling: attention-pooled means per map (all but the finest); 0 for none."""
    hidden: int = 256
    """MaskAtPooling: hidden units of the head."""
    dropout: float = 0.3
    """MaskAtPooling: dropout rate of the head."""
    merge: Literal["add", "multiply", "both", "blackout"] = "add"
    """MaskAtStem: how the attention map is merged."""
    where: Literal["image", "stem", "stage1", "stage2", "stage3", "stage4", "all"] = "stem"
    """MaskAtStem: where it is merged."""

    # What the net sees
    mean: list[float] = field(default_factory=lambda: [123.675, 116.28, 103.53])
    """Mean of the RGB channels, 0-255."""
    std: list[float] = field(default_factory=lambda: [58.395, 57.12, 57.375])
    """Standard deviation of the RGB channels, 0-255."""
    resize: Resize = "fit"
    """"fit": the longer side becomes `side`; "limit": only larger photos are shrunk, to `max_pixels`."""
    side: int = 384
    """Longer side in pixels, for fit."""
    max_pixels: int = 1_500_000
    """Height times width, for limit."""

    # The data
    min_photos: int = 1
    """Materials with fewer training photos are left out of the model."""
    min_area: int = 1
    """Regions with fewer pixels are left out."""
    licences: Literal["all", "permissive"] = "all"
    """permissive: leave out photos whose licence says research or non-commercial."""

    # First step: the head alone, on cached features (MaskAtPooling)
    head_epochs: int = 60
    """Epochs on the cached features; 0 skips the step."""
    head_views: int = 3
    """Augmented versions of each photo that are cached, besides the photo itself."""
    head_batch: int = 256
    """Regions per batch."""
    head_lr: float = 1e-3
    """Peak learning rate."""

    # Second step: the head and the last stages of the backbone
    epochs: int = 4
    """Epochs on the photos; 0 skips the step."""
    sampler: Literal["photos", "original"] = "photos"
    """"photos": all regions of some photos; "original": as in the paper, a class, then an image, then a region."""
    batch: int = 8
    """Photos per batch (sampler photos), or the most samples in one (original)."""
    crop: int = 320
    """Sampler photos: side of the random crop, a multiple of 32."""
    min_side: int = 160
    """Sampler original: least height and width of a batch."""
    max_side: int = 1200
    """Sampler original: greatest height and width of a batch."""
    batch_pixels: int = 1_920_000
    """Sampler original: most pixels in a batch."""
    unfreeze: int = 2
    """Stages of the backbone that are trained, counted from the last; 4 is all of it."""
    lr: float = 3e-4
    """Peak learning rate of the backbone and the head."""
    freeze_bn: bool = True
    """Keep the running statistics of the backbone's batch norms."""

    # Both steps
    optimizer: Literal["adamw", "adam"] = "adamw"
    """Optimizer."""
    weight_decay: float = 1e-2
    """Weight decay."""
    schedule: Literal["cosine", "constant"] = "cosine"
    """Learning rate schedule after the warmup."""
    warmup: float = 0.05
    """Share of a step's batches in which the learning rate rises."""
    label_smoothing: float = 0.1
    """Label smoothing."""
    class_balance: float = 0.5
    """Class weights in the loss are (number of regions) to the power of minus this: 0 none, 1 full."""
    logit_adjustment: float = 0.3
    """How far the class balance of the loss is taken back out of the finished scores, 0 to 1."""
    mask_noise: float = 0.3
    """Share of masks that are dilated, eroded or replaced by their box, as users' masks are sloppy."""
    copy_paste: float = 0.0
    """Share of photos into which regions of other photos are pasted, so that the model relies less on surroundings."""
    copy_paste_min: float = 0.15
    """Smallest longer side of a pasted region, in sides of the crop; the largest is 0.7."""
    close: float = 0.0
    """Share of crops taken around one region, as zoom sees a small one."""
    mosaic: float = 0.0
    """Share of crops made of four or nine photos, so that regions are small in the frame."""
    harsh: float = 0.0
    """Share of crops with a colour cast, another exposure or low resolution; masks leak, pasted regions are turned and
    shaded."""
    ema_decay: float = 0.0
    """Decay of the moving average of the weights, such as 0.998, which is evaluated and kept; 0 for none."""
    oversample: int = 1
    """Sampler photos: how often an epoch shows each photo of `calibration_sources`; the others come once."""
    patience: int = 0
    """Stop after this many evaluations without improvement; 0 never stops early."""
    calibration_sources: list[str] = field(default_factory=list)
    """Sources (photos.csv) of the val photos that choose the checkpoint and calibrate; [] is all of them."""
    monitor: Literal["accuracy", "mean_class_accuracy"] = "accuracy"
    """Metric on the val split that chooses the checkpoint; with rare materials the mean is noisy."""

    # The machine
    accelerator: str = "auto"
    """Lightning Fabric's: auto, cpu, cuda, mps."""
    devices: int = 1
    """Number of processes; each takes its share of every batch."""
    precision: str = "auto"
    """auto: bf16-mixed on a GPU, else 32-true; or any of Lightning Fabric's."""
    threads: int = 2
    """CPU threads. Bit-identical resuming needs the same number."""
    workers: int = 1
    """Processes that read and augment photos; 0 uses the training process."""
    checkpoint_seconds: float = 60.0
    """Seconds between checkpoints; one more is written after each epoch."""

    def __post_init__(self) -> None:
        hints = get_type_hints(type(self))
        for f in dataclasses.fields(self):
            object.__setattr__(self, f.name, _checked(f.name, getattr(self, f.name), hints[f.name]))
        _check_ranges(self)

    @property
    def preprocessing(self) -> Preprocessing:
        """The preprocessing of the model's record. A net that pools reads masks at its finest map's stride."""
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
        """The architecture, as `madeof.nets.build` takes it."""
        if self.net == "MaskAtStem":
            return {"net": self.net, "backbone": self.backbone, "merge": self.merge, "where": self.where}
        return {
            "net": self.net,
            "backbone": self.backbone,
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
        values = current_names(before or {})
        if path is not None:
            try:
                given = tomllib.loads(Path(path).read_text(encoding="utf-8"))
            except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
                raise ConfigError(f"cannot read the config {path}: {error}") from error
            values = current_names(given, warn=True)
        for override in overrides:
            key, equals, text = override.partition("=")
            if not equals:
                raise ConfigError(f"got --set {override!r}; expected key=value")
            values |= current_names({key.strip(): _parse(text.strip())}, warn=True)
        known = [f.name for f in dataclasses.fields(cls)]
        for key in values:
            if key not in known:
                close = difflib.get_close_matches(key, known, n=1)
                hint = f"; did you mean {close[0]!r}?" if close else f"; the settings are {', '.join(known)}"
                raise ConfigError(f"there is no setting {key!r}{hint}")
        return cls(**values)


def current_names(values: Mapping[str, Any], *, warn: bool = False) -> dict[str, Any]:
    """`values` under the settings' current names (see `RENAMED`).

    Raises:
        ConfigError: a setting is given under both names.
    """
    if twice := [old for old, new in RENAMED.items() if old in values and new in values]:
        raise ConfigError(f"got both {twice[0]!r} and {RENAMED[twice[0]]!r}, its new name; give the new one only")
    for old in RENAMED.keys() & values.keys() if warn else ():
        _logger.warning("the setting %s is now called %s; the old name works until 0.3", old, RENAMED[old])
    return {RENAMED.get(key, key): value for key, value in values.items()}


def _parse(text: str) -> Any:
    """Parse a TOML value; anything else is a text, so that `--set backbone=resnet50` needs no quotes."""
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
        "oversample",
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
    shares = ("dropout", "label_smoothing", "mask_noise", "warmup", "drop_path", "ema_decay")
    for name in positive:
        if getattr(config, name) < 1:
            raise ConfigError(f"{name} is {getattr(config, name)}; expected 1 or more")
    for name in not_negative:
        if not getattr(config, name) >= 0:
            raise ConfigError(f"{name} is {getattr(config, name)}; expected 0 or more")
    for name in ("copy_paste", "logit_adjustment", "close", "mosaic", "harsh"):
        if not 0 <= getattr(config, name) <= 1:
            raise ConfigError(f"{name} is {getattr(config, name)}; expected a share from 0 to 1")
    for name in shares:
        if not 0 <= getattr(config, name) < 1:
            raise ConfigError(f"{name} is {getattr(config, name)}; expected a share from 0 to below 1")
    if not 0 < config.copy_paste_min <= 0.7:
        raise ConfigError(
            f"copy_paste_min is {config.copy_paste_min}; expected a share of the crop's side above 0 up to 0.7"
        )
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
