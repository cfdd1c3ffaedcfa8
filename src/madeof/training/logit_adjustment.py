"""Logit adjustment at the end of a training: materials are as frequent again as they are in use."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

_ADDED = 2  # regions, to each material: a source without one does not mean that there is none in use


def expected_shares(counts: NDArray[np.int64], judging: NDArray[np.int64]) -> NDArray[np.float64]:
    """The share of each material in use: that among the training regions and among those most like users', averaged.

    Args:
        counts: training regions of each material, (C,).
        judging: those of the sources that judge, (C,); all 0 where none do: then `counts` alone decide.
    """
    shares: NDArray[np.float64] = counts.clip(min=1) / counts.clip(min=1).sum()
    if not judging.any():
        return shares
    theirs: NDArray[np.float64] = (judging + _ADDED) / (judging + _ADDED).sum()
    return (shares + theirs) / 2


@torch.no_grad()
def undo_balance(last: nn.Linear, taught: NDArray[np.float64], expected: NDArray[np.float64], strength: float) -> None:
    """Take out of a net's last layer a part of what the weights of the loss put into it.

    Where the loss weighs each material, the net learns its share of the photos times its weight: rare materials are
    given with too high scores. Full strength takes all of that from the logits (prior correction; Elkan 2001, *The
    foundations of cost-sensitive learning*), which makes the scores most honest but costs the rare materials.

    Args:
        last: the layer that gives the logits.
        taught: what the loss taught: regions of each material times their weight, (C,), in any unit.
        expected: the share of each material in use, (C,).
        strength: from 0, which leaves the layer as it is, to 1.
    """
    shift = strength * np.log(expected / expected.sum() / (taught / taught.sum()))
    last.bias.add_(torch.from_numpy(shift).to(last.bias))
