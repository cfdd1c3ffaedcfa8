"""What a model says of one region: scores, the material, its group, the answer, sets."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from madeof.errors import InputError, ModelError
from madeof.materials.groups import Group, best_group
from madeof.metrics.conformal import COVERAGE, Sets


@dataclass(frozen=True, eq=False)
class Prediction:
    """What one region is made of."""

    materials: tuple[str, ...]
    """The model's materials."""
    scores: NDArray[np.float32] = field(repr=False)
    """The calibrated probability of each of them, (C,) float32 in [0, 1]."""
    area: float
    """Pixels of the region at the photo's own size; the sum of its coverage when the mask is soft."""
    box: tuple[int, int, int, int]
    """x0, y0, x1, y1 in pixels: the smallest box around the region, x1 and y1 one past its last pixel."""
    uncertain_below: float | None = None
    """The model's own threshold for `uncertain`; None where it has none."""
    group_below: float | None = None
    """The model's own threshold for `group`; None where it has none."""
    share: float | None = None
    """The region's area as a share of the photo's, in [0, 1]; None where the photo's size is not known."""
    sets: Sets | None = field(default=None, repr=False)
    """The model's own measure for `set`; None where it has none."""
    seen: float | None = None
    """The region's area in the closest look that the net had at it, in the net's pixels; None where it is not known."""
    notes: tuple[str, ...] = ()
    """What is to be known of it besides, such as that it is small even in the closest look."""

    @property
    def material(self) -> str:
        """The likeliest material."""
        return self.materials[int(self.scores.argmax())]

    @property
    def score(self) -> float:
        """The calibrated probability of `material`, in [0, 1]."""
        return float(self.scores.max())

    @property
    def uncertain(self) -> bool:
        """Whether the score is under the one from which on 90% of the answers on val photos were right.

        Never where the model does not know such a score.
        """
        return self.uncertain_below is not None and self.score < self.uncertain_below

    @property
    def group(self) -> Group | None:
        """The family of materials that is answered where the material is uncertain.

        None where the material is certain, where no group's score reaches the one from which on 90% of such groups were
        right on val photos, or where the model does not know such a score.
        """
        if self.group_below is None or not self.uncertain:
            return None
        found = best_group(self.materials, self.scores)
        return found if found is not None and found.score >= self.group_below else None

    @property
    def answer(self) -> str | None:
        """What can be relied on: the material, or its group where the material is uncertain, or None: it abstains."""
        if not self.uncertain:
            return self.material
        return self.group.name if self.group else None

    def set(self, coverage: float = COVERAGE) -> tuple[str, ...]:
        """The materials that hold the true one at a coverage, the likeliest first; never none.

        They are all of the model's materials where no set reaches that coverage (see `reaches`).

        Args:
            coverage: how often the true material is to be among them, from 0.5 to 0.99. It is met on photos like those
                on which the model was calibrated, and within each band of region sizes.

        Raises:
            ModelError: the model has no sets.
            InputError: there are no sets of such a coverage.
        """
        sets, share = self._sets()
        inside = sets.members(self.scores[None], np.array([share]), coverage)[0]
        order = np.argsort(-self.scores, kind="stable")
        return tuple(self.materials[i] for i in order if inside[i])

    def reaches(self, coverage: float = COVERAGE) -> bool:
        """Whether a set of that coverage leaves any material out by right.

        It cannot where more such regions than may be left out are of materials that the model does not know; args and
        errors are those of `set`.
        """
        sets, share = self._sets()
        return sets.least(share, coverage) is not None

    def _sets(self) -> tuple[Sets, float]:
        if self.sets is None or self.share is None:
            raise no_sets("the model")
        return self.sets, self.share

    def top(self, k: int = 5) -> list[tuple[str, float]]:
        """The `k` likeliest materials (or all, where there are fewer) with their scores, the likeliest first.

        Raises:
            InputError: `k` is under 1.
        """
        if k < 1:
            raise InputError(f"top({k}): expected 1 or more")
        order = np.argsort(-self.scores, kind="stable")[:k]
        return [(self.materials[i], float(self.scores[i])) for i in order]


def no_sets(what: str) -> ModelError:
    """The error of a model without sets."""
    return ModelError(
        f"{what} has no sets with a coverage: add them with  madeof calibrate DATASET --model MODEL --out DIR"
    )
