"""learned.npz: the materials that a model folder has learned from examples, and their logits beside the net's.

A learned material's logit says how much likelier the region's embedding is under the material than under all that the
net knows (`madeof.discriminant`), on top of what the net's own logits add up to:

    logit = T logsumexp(logits / T) + T (sharpness (log p(embedding | new) - log p(embedding | old)) + bias)

So it does not matter what the net would have said instead, only how sure it is of that; `bias` says how often the
material is given at all. It is chosen so that it takes no more than a stated share of right answers from the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from madeof._util.npz import array_bytes, read_arrays
from madeof._util.text import show
from madeof.errors import ModelError
from madeof.model.record import LEARNED, Record

_ARRAYS = {
    "weight": ("<f4", 2), "bias": ("<f4", 1), "old_weight": ("<f4", 2), "old_bias": ("<f4", 1),
    "examples": ("<f2", 2), "example_logits": ("<f2", 2), "example_of": ("<i4", 1), "example_photo": ("<i4", 1),
    "example_share": ("<f4", 1),
}  # fmt: skip

_MOST = 1e30  # of a logit


@dataclass(frozen=True, eq=False)
class Examples:
    """The n regions from which materials were learned."""

    embedding: NDArray[np.float32]
    """(n, D)."""
    logits: NDArray[np.float32]
    """(n, outputs) of the net."""
    of: NDArray[np.int64]
    """(n,) which learned material each is of, from 0."""
    photo: NDArray[np.int64]
    """(n,) which regions are of one photo."""
    share: NDArray[np.float32]
    """(n,) the region's area as a share of the photo's, in (0, 1]."""


@dataclass(frozen=True, eq=False)
class Learned:
    """K learned materials."""

    weight: NDArray[np.float32]
    """(K, D) of their discriminants, times the sharpness."""
    bias: NDArray[np.float32]
    """(K,)."""
    old_weight: NDArray[np.float32]
    """(C, D) of the net's own materials that are still in use."""
    old_bias: NDArray[np.float32]
    """(C,)."""
    sharpness: float
    examples: Examples

    def beside(
        self, logits: NDArray[np.float32], embedding: NDArray[np.float32], record: Record
    ) -> NDArray[np.float32]:
        """The net's logits (N, outputs) with those of the learned materials beside them, (N, outputs + K).

        Args:
            logits: of N regions.
            embedding: (N, D) of the same.
            record: of the model.
        """
        used = logits[:, record.used_outputs].astype(np.float64) / record.calibration.temperature
        x = embedding.astype(np.float64)
        old = self.sharpness * log_sum_exp(x @ self.old_weight.T + self.old_bias)
        new = x @ self.weight.T + self.bias + (log_sum_exp(used) - old)[:, None]
        return put_beside(logits, new * record.calibration.temperature)

    def to_bytes(self) -> bytes:
        """As in learned.npz. The sharpness is the last of `bias`."""
        own = self.examples
        return array_bytes(
            {
                "weight": self.weight.astype("<f4"),
                "bias": np.append(self.bias, self.sharpness).astype("<f4"),
                "old_weight": self.old_weight.astype("<f4"),
                "old_bias": self.old_bias.astype("<f4"),
                "examples": own.embedding.astype("<f2"),
                "example_logits": own.logits.astype("<f2"),
                "example_of": own.of.astype("<i4"),
                "example_photo": own.photo.astype("<i4"),
                "example_share": own.share.astype("<f4"),
            }
        )


def put_beside(logits: NDArray[np.float32], learned: NDArray[np.float64]) -> NDArray[np.float32]:
    """(N, outputs) and (N, K) -> (N, outputs + K) float32, kept from overflowing by what no model comes near."""
    return np.concatenate([logits, np.clip(learned, -_MOST, _MOST).astype(np.float32)], axis=1)


def read_learned(folder: Path, record: Record) -> Learned | None:
    """Read and check what a model folder has learned; None where it has learned nothing.

    Raises:
        ModelError: it is damaged, or does not match the record.
    """
    wanted = record.learned
    if LEARNED not in record.files:
        if wanted:
            raise ModelError(f"{show(folder)} has no {LEARNED}, but its record has learned materials: copy it again")
        return None
    path = folder / LEARNED
    parts = read_arrays(record.checked_bytes(folder, LEARNED), path, _ARRAYS)
    (count, width), (old, _), examples = parts["weight"].shape, parts["old_weight"].shape, len(parts["examples"])
    shapes = {
        "bias": (count + 1,), "old_weight": (old, width), "old_bias": (old,), "examples": (examples, width),
        "example_logits": (examples, record.outputs), "example_of": (examples,), "example_photo": (examples,),
        "example_share": (examples,),
    }  # fmt: skip
    for name, shape in shapes.items():
        if parts[name].shape != shape:
            raise ModelError(
                f"{show(path)}: the array {name} has the shape {parts[name].shape}; expected {shape}: learn it again"
            )
    of = parts["example_of"].astype(np.int64)
    if count != wanted or not old or sorted(set(of.tolist())) != list(range(count)):
        raise ModelError(f"{show(path)} has learned {count} materials, its record {wanted}: copy the model again")
    return Learned(
        parts["weight"], parts["bias"][:-1], parts["old_weight"], parts["old_bias"], float(parts["bias"][-1]),
        Examples(
            parts["examples"].astype(np.float32), parts["example_logits"].astype(np.float32), of,
            parts["example_photo"].astype(np.int64), parts["example_share"],
        ),
    )  # fmt: skip


def log_sum_exp(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The logarithm of the sum of each row's exponentials, (N, C) -> (N,); -inf counts as nothing."""
    most = values.max(axis=1, keepdims=True)
    return np.asarray(most[:, 0] + np.log(np.exp(values - most).sum(axis=1)))
