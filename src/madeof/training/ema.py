"""Exponential moving average of the weights, which is evaluated and kept in place of the last ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class EMA:
    """Exponential moving average of parameters (Polyak averaging, as in Tarvainen and Valpola 2017, arXiv 1703.01780).

    Args:
        parameters: the parameters to average; their present values are the start.
        decay: in [0, 1); smaller in the first batches, so that the start is forgotten. 0 means no average: the
            parameters themselves.
    """

    def __init__(self, parameters: Sequence[nn.Parameter], decay: float) -> None:
        self.parameters, self.decay = list(parameters), decay
        self.tensors = [parameter.detach().clone() for parameter in parameters] if decay else []

    @torch.no_grad()
    def update(self, batch: int) -> None:
        """Update with the parameters after batch number `batch`, from 1."""
        decay = min(self.decay, batch / (batch + 10))
        for average, parameter in zip(self.tensors, self.parameters, strict=False):
            average.lerp_(parameter, 1 - decay)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Context in which the parameters are replaced by their averages."""
        own = [parameter.detach().clone() for parameter in self.parameters] if self.decay else []
        self._set(self.tensors)
        try:
            yield
        finally:
            self._set(own)

    @torch.no_grad()
    def _set(self, values: Sequence[Tensor]) -> None:
        for parameter, value in zip(self.parameters, values, strict=False):
            parameter.copy_(value)
