"""Checkpoints: tensors in safetensors with a small JSON beside them in the same file, written whole or not at all.

A checkpoint is data: nothing in it is executed when it is read.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from madeof._util import files
from madeof.errors import ModelError
from madeof.training.ema import EMA

LAST = "last.safetensors"
BEST = "best.safetensors"


def save_checkpoint(
    path: Path,
    net: nn.Module,
    progress: dict[str, Any],
    optimizer: torch.optim.Optimizer | None = None,
    average: EMA | None = None,
) -> None:
    """Write the net's parameters, the optimizer's state, the average and `progress` (JSON) to `path`, atomically."""
    tensors = {f"net.{name}": value.detach().cpu().contiguous() for name, value in net.state_dict().items()}
    if optimizer is not None:
        for index, state in optimizer.state_dict()["state"].items():
            for name, value in state.items():
                tensors[f"optimizer.{index}.{name}"] = torch.as_tensor(value).detach().cpu().contiguous()
    for index, value in enumerate(average.tensors if average else []):
        tensors[f"average.{index}"] = value.cpu().contiguous()
    files.write_bytes(path, save(tensors, metadata={"progress": json.dumps(progress)}))


def load_checkpoint(
    path: Path,
    net: nn.Module,
    optimizer: torch.optim.Optimizer | None = None,
    average: EMA | None = None,
) -> dict[str, Any]:
    """Read what `save_checkpoint` wrote into `net`, `optimizer` and `average`; give back `progress`.

    Raises:
        ModelError: the file is missing, damaged, or belongs to another net.
    """
    tensors, progress = _read(path)
    try:
        net.load_state_dict({name[4:]: value for name, value in tensors.items() if name.startswith("net.")})
        if optimizer is not None:
            _load_optimizer(optimizer, tensors)
        for index, value in enumerate(average.tensors if average else []):
            value.copy_(tensors[f"average.{index}"])
    except (RuntimeError, ValueError, KeyError) as error:
        raise ModelError(f"{path} is a checkpoint of another net: {str(error).splitlines()[0]}") from error
    return progress


def read_progress(path: Path) -> dict[str, Any]:
    """The `progress` of a checkpoint, without its tensors."""
    return _read(path, tensors=False)[1]


def _read(path: Path, *, tensors: bool = True) -> tuple[dict[str, Tensor], dict[str, Any]]:
    try:
        with safe_open(path, framework="pt") as file:
            progress = json.loads((file.metadata() or {})["progress"])
            return {name: file.get_tensor(name) for name in file.keys()} if tensors else {}, progress  # noqa: SIM118
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise ModelError(f"cannot read the checkpoint {path}: {error}") from error


def _load_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    states: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith("optimizer."):
            _, index, key = name.split(".", 2)
            states.setdefault(int(index), {})[key] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": states})
