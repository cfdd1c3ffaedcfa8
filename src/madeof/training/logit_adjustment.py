"""Logit adjustment after training: from the class balance of the loss to the frequencies in use."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

_ADDED = 2  # regions per material (smoothing): absent from a source does not mean never in use


def expected_shares(counts: NDArray[np.int64], calibrating: NDArray[np.int64]) -> NDArray[np.float64]:
    """Estimate each material's share in use: the mean of its share in training and in the calibration sources.

    Args:
        counts: training regions of each material, (C,).
        calibrating: the same in photos of `calibration_sources`, (C,); all 0 means none: then only `counts` decide.
    """
    shares: NDArray[np.float64] = counts.clip(min=1) / counts.clip(min=1).sum()
    if not calibrating.any():
        return shares
    theirs: NDArray[np.float64] = (calibrating + _ADDED) / (calibrating + _ADDED).sum()
    return (shares + theirs) / 2


@torch.no_grad()
def adjust_logits(
    last: nn.Linear, train_prior: NDArray[np.float64], expected: NDArray[np.float64], strength: float
) -> None:
    """Correct the last layer for the class weights of the loss (logit adjustment).

    With a weighted loss the net learns shares times weights, so rare materials score too high. Full strength removes
    all of that from the logits (prior correction; Elkan 2001, *The foundations of cost-sensitive learning*): best
    calibrated, at the expense of the rare materials.

    Args:
        last: the output layer.
        train_prior: the prior that the loss trained on: regions of each material times their weight, (C,), in any unit.
        expected: the share of each material in use, (C,).
        strength: from 0 (no change) to 1 (full correction).
    """
    shift = strength * np.log(expected / expected.sum() / (train_prior / train_prior.sum()))
    last.bias.add_(torch.from_numpy(shift).to(last.bias))
