"""The one place that imports timm and torchvision.

PyPI's torchvision wheel is built for CUDA. Beside a CPU build of PyTorch its compiled operators do not load,
and its import stops with "operator torchvision::nms does not exist", because it registers a fake of an
operator that nobody declared. Declaring the two schemas first is all that it needs; we never call them.
"""

from __future__ import annotations

from madeof.errors import MissingExtraError

try:
    import torch
except ImportError as error:
    raise MissingExtraError("training", "train") from error

_declared: list[torch.library.Library] = []  # a Library undoes what it declared when it is collected


def _declare_torchvision_operators() -> None:
    if torch.version.cuda is not None:
        return
    library = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
    for name in ("nms", "qnms"):
        try:
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")  # type: ignore[no-untyped-call]
        except RuntimeError:  # a CPU build of torchvision has declared it already
            continue
    _declared.append(library)


_declare_torchvision_operators()

try:
    import timm
    import torchvision
    from torchvision import tv_tensors
    from torchvision.transforms import v2
except ImportError as error:
    raise MissingExtraError("training", "train") from error

__all__ = ["timm", "torchvision", "tv_tensors", "v2"]
