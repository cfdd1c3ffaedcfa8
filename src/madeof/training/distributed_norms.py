"""Batch norms that share their statistics between processes.

PyTorch's SyncBatchNorm works on GPUs only, and not for timm's batch norms with an activation.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
import torch.distributed
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

Norm = nn.modules.batchnorm._BatchNorm


def share_statistics(norms: Iterable[Norm]) -> list[RemovableHandle]:
    """Make `norms` use the statistics of the batch of all processes; they are set to evaluation mode.

    Their inputs are shifted and scaled so that normalising by the (updated) running statistics gives what the batch's
    own statistics would give. This works for any kind of batch norm.

    Returns:
        hooks; call `remove` on each to undo it.
    """
    handles = []
    for norm in norms:
        norm.eval()
        handles.append(norm.register_forward_pre_hook(_move))
    return handles


def _move(norm: Norm, inputs: tuple[Tensor, ...]) -> Tensor:
    x = inputs[0].float()  # (B, C, H, W); B may be 0
    means, variances = norm.running_mean, norm.running_var
    assert means is not None
    assert variances is not None
    assert norm.num_batches_tracked is not None
    size = torch.full((1,), float(x.numel() // x.shape[1]), device=x.device)
    sums = _sum(torch.cat([x.sum(dim=(0, 2, 3)), size]))
    count = sums[-1].detach()
    mean = sums[:-1] / count
    centred = x - mean[:, None, None]
    variance = _sum((centred * centred).sum(dim=(0, 2, 3))) / count
    with torch.no_grad():
        norm.num_batches_tracked.add_(1)
        share = norm.momentum if norm.momentum is not None else 1 / float(norm.num_batches_tracked)
        means.lerp_(mean, share)
        variances.lerp_(variance * count / (count - 1), share)
    scale = ((variances + norm.eps) / (variance + norm.eps)).sqrt()
    return (centred * scale[:, None, None] + means[:, None, None]).to(inputs[0].dtype)


def _sum(values: Tensor) -> Tensor:
    total: Tensor = _Sum.apply(values)  # type: ignore[no-untyped-call]
    return total


class _Sum(torch.autograd.Function):
    """Sum over all processes, with gradients."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        total = values.clone()
        torch.distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].contiguous().clone()
        torch.distributed.all_reduce(total)
        return total
