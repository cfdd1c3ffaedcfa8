"""The prediction for one region: scores, material, answer, prediction set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from madeof._util.text import show
from madeof.errors import InputError, ModelError
from madeof.metrics.conformal import COVERAGE, Sets
from madeof.model.calibration import UNCALIBRATED, Calibration

if TYPE_CHECKING:
    from madeof.properties import PropertyAnswer


@dataclass(frozen=True, eq=False, repr=False)
class Prediction:
    """The materials of one region with their scores."""

    materials: tuple[str, ...]
    """The model's materials."""
    scores: NDArray[np.float32] = field(repr=False)
    """The calibrated probability of each of them, (C,) float32 in [0, 1]."""
    area: float
    """Pixels of the region at the photo's own size; the sum of its coverage when the mask is soft."""
    box: tuple[int, int, int, int]
    """x0, y0, x1, y1 in pixels: the smallest box around the region, x1 and y1 one past its last pixel."""
    calibration: Calibration = field(default=UNCALIBRATED, repr=False)
    """The model's, for regions of this size: what `uncertain` and `set` are made from."""
    share: float | None = None
    """The region's area as a share of the photo's, in [0, 1]; None where the photo's size is not known."""
    seen: float | None = None
    """The region's area in the closest look that the net had at it, in the net's pixels; None where it is not known."""
    notes: tuple[str, ...] = ()
    """Warnings, such as that the region is small even in the closest look."""

    def __repr__(self) -> str:
        unsure = ", uncertain=True" if self.uncertain else ", uncalibrated" if self.uncalibrated else ""
        return f"Prediction({show(self.material)!r}, score={self.score:.2f}, area={self.area:g}{unsure})"

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
        below = self.calibration.uncertain_below
        return below is not None and self.score < below

    @property
    def uncalibrated(self) -> bool:
        """Whether the model does not know which scores are sure, as after a training with few val regions."""
        return self.calibration.uncertain_below is None

    @property
    def answer(self) -> str | None:
        """The material, or None if the score is below the threshold (the model abstains)."""
        return None if self.uncertain else self.material

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
        if self.calibration.prediction_sets is None or self.share is None:
            raise no_sets("the model")
        return self.calibration.prediction_sets, self.share

    def properties(self, names: str | Sequence[str] = "all", **settings: Any) -> dict[str, PropertyAnswer]:
        """Physical properties of the region's material: expected value and interval of each, by name.

        For many regions prepare a `madeof.properties.Properties` once, and ask that.

        Args:
            names: properties, or a comma-separated list of them; "all" leaves out those that need a frequency.
            settings: those of `madeof.properties.Properties`: table, coverage, most_without, place, frequency_ghz.

        Raises:
            InputError: an unknown property or place, or a number out of its range.
        """
        from madeof.properties import Properties

        return Properties(self.materials, names, **settings).of([self])[0]

    def top(self, k: int = 5) -> list[tuple[str, float]]:
        """The `k` likeliest materials (or all, where there are fewer) with their scores, the likeliest first.

        Raises:
            InputError: `k` is under 1.
        """
        if k < 1:
            raise InputError(f"top({k}): expected 1 or more")
        order = np.argsort(-self.scores, kind="stable")[:k]
        return [(self.materials[i], float(self.scores[i])) for i in order]

    def to_dict(self, top: int = 5, *, coverage: float | None = None) -> dict[str, Any]:
        """The answer as plain values for JSON, as `madeof predict --json` has it for a region.

        Args:
            top: how many of the likeliest materials.
            coverage: of the set of materials that is to be among them; see `set`. None leaves it out.

        Raises:
            ModelError, InputError: see `set`.
        """
        result: dict[str, Any] = {
            "area": number(self.area),
            "box": list(self.box),
            "material": self.material,
            "score": round(self.score, 6),
            "top": [{"material": name, "score": round(score, 6)} for name, score in self.top(top)],
        }
        if self.calibration.uncertain_below is not None:  # a model that does not know it does not say that it is sure
            result["uncertain"] = self.uncertain
            result["answer"] = self.answer
            if self.calibration.by_size:
                result["uncertain_below"] = round(self.calibration.uncertain_below, 6)
        if coverage is not None:
            result["set"] = {"coverage": coverage, "materials": list(self.set(coverage))}
        return result


def number(area: float) -> int | float:
    """An area for JSON: whole where the mask is hard."""
    return int(area) if area == int(area) else round(area, 2)


def no_sets(what: str) -> ModelError:
    """The error of a model without sets."""
    return ModelError(
        f"{what} has no sets with a coverage: add them with  madeof calibrate DATASET --model MODEL --out DIR"
    )
