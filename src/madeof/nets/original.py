"""The original's trained files (Eppel, arXiv 1812.00291): his names and nets become ours."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from madeof.errors import ModelError
from madeof.model.preprocess import Preprocessing
from madeof.nets.backbones import Backbone, some
from madeof.nets.mask_at_stem import MaskAtStem, Merge, Where

BACKBONE = "resnet50"
PREPROCESSING = Preprocessing(
    mean=(123.68, 116.779, 103.939), std=(65.0, 65.0, 65.0), resize="limit", max_pixels=1_500_000
)
"""His mean and std, and his reader's limit of 1.5 megapixels."""
BACKGROUND = 0
"""His output 0 is the background: no label map's region has it, and it is never an answer."""

_NET, _BRANCHES = "Net.", "ValeLayers."
_ALL_STAGES = [64, 256, 512, 1024, 2048]
# Channels of his branches -> where the mask enters. His nets "in the middle" build a branch for the last map too,
# and never use it.
_PLACES: list[tuple[list[int], Where, bool]] = [
    ([64], "stem", False),
    ([64, 64], "stem", True),
    ([1024, 2048], "stage3", False),
    (_ALL_STAGES, "all", False),
    ([depth for depth in _ALL_STAGES for _ in range(2)], "all", True),
]


def read_original(path: str | Path, *, merge: Merge | None = None, where: Where | None = None) -> MaskAtStem:
    """Read a state dict of one of his twelve nets.

    How the mask enters follows from the shapes of the branches. Two things do not: whether a single branch is added or
    multiplied (detected from its biases, which start at 0 or at 1, unless `merge` is given), and where a net without
    branches blacks out (`where` must say it).

    Args:
        path: the `.torch` file. It is unpickled with `weights_only=True`: tensors, and no code.
        merge: insist on how the attention is merged.
        where: for a net without branches: image, stem or stage3 (his "last layer").

    Returns:
        the net, in evaluation mode, with as many outputs as the file has, the first being the background.

    Raises:
        ModelError: the file cannot be read safely, or names or shapes are missing, too many or wrong.
    """
    state = _read(path)
    outputs = state.get("Net.fc.weight")
    if outputs is None or outputs.ndim != 2:
        raise ModelError(
            f"{path} is not a file of the original's net: expected a matrix Net.fc.weight, the last layer of a "
            f"ResNet-50 behind 'Net.'; it has {some(state)}"
        )
    branches = _branches(path, state)
    merge, where = _kind(path, state, branches, merge, where)
    net = MaskAtStem(Backbone(BACKBONE), len(outputs), merge=merge, where=where)
    _load(path, net, _renamed(net, state, branches))
    return net.eval()


def material_names(outputs: int, names: Sequence[str]) -> tuple[str, ...]:
    """The names of the outputs behind the background: the first of `names`.

    Raises:
        ModelError: there are fewer names than outputs.
    """
    wanted = outputs - 1
    if not 0 < wanted <= len(names):
        raise ModelError(f"the file has {wanted} outputs besides the background, the list has {len(names)} names")
    return tuple(names[:wanted])


def _read(path: str | Path) -> dict[str, Tensor]:
    if torch.__version__ < torch.torch_version.TorchVersion("2.10"):
        raise ModelError(f"reading {path} safely needs torch 2.10 or newer; this is {torch.__version__}")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise ModelError(f"there is no file {path}") from error
    except (pickle.UnpicklingError, RuntimeError, OSError, EOFError, ValueError, KeyError, TypeError) as error:
        # PyTorch's own message advises to read the file unsafely; its kind says enough.
        raise ModelError(
            f"{path} is not a state dict that can be read safely ({type(error).__name__}): it is empty, cut off, or "
            "holds more than tensors; expected what torch.save(net.state_dict(), FILE) writes"
        ) from error
    if not isinstance(state, dict) or not all(isinstance(k, str) and isinstance(v, Tensor) for k, v in state.items()):
        raise ModelError(f"{path} holds {type(state).__name__}; expected names and tensors, as net.state_dict() gives")
    bad = [name for name, value in state.items() if value.is_floating_point() and not bool(torch.isfinite(value).all())]
    if bad:
        raise ModelError(f"{path}: weights that are not numbers in {some(bad)}")
    return state


def _branches(path: str | Path, state: dict[str, Tensor]) -> list[Tensor]:
    """The weights of his branches in their order, each (channels, 1, 3, 3)."""
    weights: list[Tensor] = []
    while (weight := state.get(f"{_BRANCHES}{len(weights)}.weight")) is not None:
        if weight.ndim != 4 or weight.shape[1:] != (1, 3, 3):
            raise ModelError(
                f"{path}: {_BRANCHES}{len(weights)}.weight is {tuple(weight.shape)}; expected (n, 1, 3, 3)"
            )
        weights.append(weight)
    return weights


def _kind(
    path: str | Path, state: dict[str, Tensor], branches: list[Tensor], merge: Merge | None, where: Where | None
) -> tuple[Merge, Where]:
    if not branches:
        if where is None:
            raise ModelError(
                f"{path} has no attention branch: a masking net (blackout); say --where image, stem or stage3"
            )
        return "blackout", where
    depths = [len(weight) for weight in branches]
    for expected, place, both in _PLACES:
        if depths == expected:
            if where not in (None, place) or (both and merge not in (None, "both")):
                raise ModelError(f"{path} is a net with merge={'both' if both else 'add or multiply'}, where={place}")
            return ("both" if both else merge or _told_by_biases(state, len(depths))), place
    known = [expected for expected, _, _ in _PLACES]
    raise ModelError(f"{path}: its attention branches have {depths} channels; expected one of {known}")


def _told_by_biases(state: dict[str, Tensor], count: int) -> Merge:
    """His sums start at 0 and his factors at 1, and learn at a rate of 1e-5: they stay near where they began."""
    biases = torch.cat([state.get(f"{_BRANCHES}{i}.bias", torch.zeros(1)).flatten() for i in range(count)])
    return "multiply" if (biases - 1).abs().mean() < biases.abs().mean() else "add"


def _renamed(net: MaskAtStem, state: dict[str, Tensor], branches: list[Tensor]) -> dict[str, Tensor]:
    renamed: dict[str, Tensor] = {}
    for name, value in state.items():
        if name.startswith("Net.fc."):
            renamed[name.removeprefix(_NET)] = value
        elif name.startswith(_NET):
            renamed["backbone.model." + name.removeprefix(_NET)] = value
        else:
            renamed[name] = value
    kinds = [kind for kind in ("multiply", "add") if len(getattr(net, kind))]  # his order: factor, then bias map
    targets = [f"{kind}.{place}" for place in net.places for kind in kinds]
    for index in range(len(branches)):
        for part in ("weight", "bias"):
            name = f"{_BRANCHES}{index}.{part}"
            if name in renamed:
                value = renamed.pop(name)
                if index < len(targets):
                    renamed[f"{targets[index]}.{part}"] = value
    return renamed


def _load(path: str | Path, net: MaskAtStem, state: dict[str, Tensor]) -> None:
    wanted = net.state_dict()
    missing = [name for name in wanted if name not in state and not name.endswith("num_batches_tracked")]
    unknown = [name for name in state if name not in wanted]
    wrong = [name for name in wanted if name in state and state[name].shape != wanted[name].shape]
    if missing or unknown or wrong:
        raise ModelError(
            f"{path} is not a file of this net: missing {some(map(_his, missing))}; "
            f"too many {some(map(_his, unknown))}; of another shape {some(map(_his, wrong))}"
        )
    net.load_state_dict(state, strict=False)


def _his(name: str) -> str:
    """Our name as he wrote it, for messages."""
    if name.startswith("fc."):
        return _NET + name
    return name.replace("backbone.model.", _NET, 1)
