"""What makes scores honest: materials are as frequent again as in the data, and a temperature is fitted on val photos.

Temperature scaling (Guo et al. 2017, arXiv 1706.04599) makes scores honest. More parameters were tried (a temperature
that depends on the region's area, vector scaling) and were not clearly better on photos that they had not seen.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

_ADDED = 2  # regions, to each material: a source without one does not mean that there is none in use
_GOLDEN = (5**0.5 - 1) / 2
_ROUNDS = 40


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


def fit_temperature(logits: NDArray[np.float32], materials: NDArray[np.int64]) -> float:
    """The temperature in [0.1, 10] at which the scores give the true materials the highest likelihood.

    Args:
        logits: (N, C).
        materials: (N,) true outputs.

    Returns:
        the temperature; 1 when there are no regions. Found by golden-section search over its logarithm: the
        likelihood has one peak in 1 / temperature.
    """
    if not len(materials):
        return 1.0
    low, high = np.log(0.1), np.log(10.0)
    for _ in range(_ROUNDS):
        left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        if _loss(logits, materials, np.exp(left)) <= _loss(logits, materials, np.exp(right)):
            high = right
        else:
            low = left
    return float(np.exp((low + high) / 2))


def _loss(logits: NDArray[np.float32], materials: NDArray[np.int64], temperature: float) -> float:
    scaled = logits.astype(np.float64) / temperature
    scaled -= scaled.max(axis=1, keepdims=True)
    chosen = scaled[np.arange(len(materials)), materials]
    return float(np.mean(np.log(np.exp(scaled).sum(axis=1)) - chosen))
