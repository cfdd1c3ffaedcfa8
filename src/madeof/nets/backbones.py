"""Backbones: timm convolutional networks as a list of steps, any range of which can be run."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from madeof.errors import ConfigError, ModelError
from madeof.nets.libraries import timm

# Children of a timm network that belong to its classifier.
_CLASSIFIER_PARTS = ("global_pool", "head", "fc", "classifier", "head_drop", "pre_logits")


class Backbone(nn.Module):
    """The convolutional part of the timm network `name`, with timm's own parameter names under `model.`.

    `steps` are the paths of its modules in the order in which they run, the first convolution alone in front.
    `stages` says after which step (its index) the map of each stride (4, 8, 16, 32) is complete, and `channels`
    how many channels it has.

    Raises:
        ConfigError: timm does not know the name, or the network is not a plain sequence of its modules.
    """

    def __init__(self, name: str, *, pretrained: bool = False, drop_path: float = 0.0) -> None:
        super().__init__()
        self.name = name
        try:
            options: dict[str, Any] = {"drop_path_rate": drop_path} if drop_path else {}  # some networks do not know it
            self.model: nn.Module = timm.create_model(name, pretrained=pretrained, **options)
        except RuntimeError as error:
            close = timm.list_models(f"*{name[:8]}*")[:5]
            raise ConfigError(f"timm has no backbone {name!r}: {error}; names like it: {close}") from error
        except TypeError as error:
            raise ConfigError(f"the backbone {name} has no drop_path ({error}); set drop_path to 0") from error
        except OSError as error:  # what the Hub's client raises without a network
            raise ConfigError(
                f"cannot download the ImageNet weights of {name}: {str(error).splitlines()[0]}; "
                "set backbone_weights to a safetensors file of them, or to none"
            ) from error
        self.steps = _steps(self.model)
        self.stages, self.channels = _stages(self.model, self.steps)
        self.width = int(self.model.num_features)  # type: ignore[arg-type]
        self._check_sequence()
        for part in _CLASSIFIER_PARTS:
            if hasattr(self.model, part):
                delattr(self.model, part)

    def run(self, x: Tensor, start: int = 0, stop: int | None = None) -> Tensor:
        """Run the steps `start` to `stop` (exclusive; None is the end) on a map or photo (B, C, H, W)."""
        for path in self.steps[start:stop]:
            x = self.model.get_submodule(path)(x)
        return x

    def cut(self, stop: int) -> None:
        """Remove the steps from `stop` on, with their parameters."""
        for path in self.steps[stop:]:
            parent, _, child = path.rpartition(".")
            delattr(self.model.get_submodule(parent), child)
        self.steps = self.steps[:stop]

    def load(self, path: str | Path) -> None:
        """Load a safetensors file with timm's parameter names (any float type; a classifier in it is left out).

        Raises:
            ModelError: the file cannot be read or its parameters are not this backbone's.
        """
        try:
            state = {key: value.float() for key, value in load_file(path).items()}
        except (OSError, SafetensorError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else error
            raise ModelError(f"cannot read the backbone's weights {path}: {reason}") from error
        wanted = self.model.state_dict()
        missing = [key for key in wanted if key not in state and not key.endswith("num_batches_tracked")]
        wrong = [key for key in wanted if key in state and state[key].shape != wanted[key].shape]
        if missing or wrong:
            raise ModelError(
                f"{path} does not fit the backbone {self.name}: missing {some(missing)}; of another shape {some(wrong)}"
            )
        self.model.load_state_dict({key: state[key] for key in wanted if key in state}, strict=False)

    def parameters_by_stage(self) -> list[list[nn.Parameter]]:
        """Parameters of each stage, the last stage first. Steps after the last stage belong to it."""
        ends = sorted(stop for stop in self.stages.values() if stop <= len(self.steps))
        bounds = [0, *ends[:-1], len(self.steps)]
        groups = [
            [p for path in self.steps[start:stop] for p in self.model.get_submodule(path).parameters()]
            for start, stop in itertools.pairwise(bounds)
        ]
        return groups[::-1]

    @torch.no_grad()
    def _check_sequence(self) -> None:
        """Raise if running the steps differs from the network: some have branches between their modules."""
        was_training = self.model.training
        self.model.eval()
        ramp = torch.linspace(-1, 1, 3 * 64 * 64).reshape(1, 3, 64, 64)
        whole: Any = self.model.forward_features
        try:
            same = torch.allclose(self.run(ramp), whole(ramp), rtol=1e-4, atol=1e-5)
        except (RuntimeError, TypeError, ValueError) as error:
            raise ConfigError(f"the backbone {self.name} cannot be run step by step: {error}") from error
        finally:
            self.model.train(was_training)
        if not same:
            raise ConfigError(f"the backbone {self.name} is not a plain sequence of its modules; choose another")


def _steps(model: nn.Module) -> list[str]:
    steps: list[str] = []
    for name, child in model.named_children():
        if name in _CLASSIFIER_PARTS:
            break
        steps += _flatten(name, child, is_first=not steps)
    return steps


def _flatten(path: str, module: nn.Module, *, is_first: bool) -> list[str]:
    """Open sequences, and whatever stands first until its convolution stands alone (ConvNormAct, stems)."""
    children = list(module.named_children())
    opens = isinstance(module, nn.Sequential) and not path.rpartition(".")[0]
    if not children or not (opens or (is_first and not isinstance(module, nn.Conv2d))):
        return [path]
    steps: list[str] = []
    for name, child in children:
        steps += _flatten(f"{path}.{name}", child, is_first=is_first and not steps)
    return steps


def _stages(model: nn.Module, steps: list[str]) -> tuple[dict[int, int], dict[int, int]]:
    """The last step of each stride, from timm's own table of features."""
    stages: dict[int, int] = {}
    channels: dict[int, int] = {}
    info: Any = model.feature_info
    for entry in info if isinstance(info, list) else info.info:
        path = str(entry["module"])
        inside = [i for i, step in enumerate(steps) if step == path or step.startswith(path + ".")]
        if inside and int(entry["reduction"]) >= 4:
            stages[int(entry["reduction"])] = inside[-1] + 1
            channels[int(entry["reduction"])] = int(entry["num_chs"])
    return stages, channels


def accept_trunk(module: nn.Module, state: dict[str, Tensor], prefix: str, *_: object) -> None:
    """Load hook: rename the parameters of weights from before 0.2, where `backbone` was called `trunk`."""
    old = f"{prefix}trunk."
    for name in [name for name in state if name.startswith(old)]:
        state[f"{prefix}backbone.{name.removeprefix(old)}"] = state.pop(name)


def some(names: Iterable[str]) -> str:
    """Shorten a list of names for a message."""
    names = list(names)
    shown = ", ".join(names[:5]) or "nothing"
    return f"{shown} and {len(names) - 5} more" if len(names) > 5 else shown
