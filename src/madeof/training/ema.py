"""The running average of the weights along a training, which is judged and kept in place of the last ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class RunningAverage:
    """An exponential average of some parameters (Polyak averaging, as in Tarvainen and Valpola 2017, arXiv 1703.01780).

    Args:
        parameters: what is averaged, as it is now.
        keep: share of the average that each batch leaves, in [0, 1); in the first batches it is smaller, so that the
            beginning is forgotten. 0 is no average: the parameters themselves.
    """

    def __init__(self, parameters: Sequence[nn.Parameter], keep: float) -> None:
        self.parameters, self.keep = list(parameters), keep
        self.tensors = [parameter.detach().clone() for parameter in parameters] if keep else []

    @torch.no_grad()
    def update(self, batch: int) -> None:
        """Take in the parameters after batch number `batch`, from 1."""
        keep = min(self.keep, batch / (batch + 10))
        for average, parameter in zip(self.tensors, self.parameters, strict=False):
            average.lerp_(parameter, 1 - keep)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Within it the parameters are their averages."""
        own = [parameter.detach().clone() for parameter in self.parameters] if self.keep else []
        self._set(self.tensors)
        try:
            yield
        finally:
            self._set(own)

    @torch.no_grad()
    def _set(self, values: Sequence[Tensor]) -> None:
        for parameter, value in zip(self.parameters, values, strict=False):
            parameter.copy_(value)
