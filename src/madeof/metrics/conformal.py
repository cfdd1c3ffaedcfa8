"""Sets: the materials that hold the true one at a stated coverage, by split-conformal prediction.

On photos that the model did not learn from it is measured how low the true material's score can be: a set holds every
material whose score is not lower than that. With exchangeable regions the true one is then in the set with the stated
probability at least, whatever the model (Vovk 2012, *Conditional validity of inductive conformal predictors*; Sadinle,
Lei and Wasserman 2019, *Least ambiguous set-valued classifiers*, for this score). It is measured apart for each band of
region sizes (Mondrian, or group-conditional), so that the coverage holds within each. Adaptive sets (Romano, Sesia and
Candes 2020, arXiv 2006.02544) were tried, and were larger at the same coverage: docs/research/scores.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from madeof.errors import InputError, ModelError

COVERAGE = 0.9
"""Default coverage."""
LEAST, MOST = 0.5, 0.99
"""Least and largest coverage."""
SHARES = (0.02, 0.1)
"""Upper ends of the size strata, as fractions of the photo's area. Not pixels: every photo is shrunk to the size the
net looks at, so that a region of 1% is as small to it in a photo of 12 megapixels as in one of half a megapixel."""
FEWEST = 30  # regions of a band; fewer go with the next band
_STEP = 0.01
_COVERAGES = tuple(round(LEAST + _STEP * i, 2) for i in range(round((MOST - LEAST) / _STEP) + 1))
_DIGITS = 6  # of a score in JSON


@dataclass(frozen=True)
class Band:
    """The regions of one range of sizes."""

    under: float | None
    """Their areas are under this share of the photo's; None in the last band."""
    regions: int
    """On how many it was measured."""
    least: tuple[float | None, ...]
    """The lowest score in a set, for the coverages 0.50, 0.51 ... 0.99; never growing. None, at the end, where every
    material is in the set: more such regions than may be left out are of materials that the model does not know, or too
    few were measured."""


@dataclass(frozen=True)
class Sets:
    """Thresholds of prediction sets for any coverage: one or more size strata, the smallest first."""

    bands: tuple[Band, ...]

    def __post_init__(self) -> None:
        unders = [band.under for band in self.bands]
        if not unders or unders[-1] is not None or None in unders[:-1]:
            raise ModelError("sets: expected bands of which the last, and no other, has the bound null")
        inner = [under for under in unders if under is not None]
        if any(not 0 < under < 1 for under in inner) or any(a >= b for a, b in pairwise(inner)):
            raise ModelError("sets: expected bands that end at growing shares between 0 and 1")
        for band in self.bands:
            _check_scores(band.least)
            if band.regions < 1:
                raise ModelError(f"sets: a band has {band.regions} regions; expected 1 or more")

    def band(self, share: float) -> int:
        """The place of the band of a region that has this share of the photo's area."""
        return next(i for i, band in enumerate(self.bands) if band.under is None or share < band.under)

    def least(self, share: float, coverage: float = COVERAGE) -> float | None:
        """The lowest score in the set of such a region; None where every material is in it.

        Args:
            share: the region's area as a share of the photo's.
            coverage: from 0.5 to 0.99; between whole percents, the next higher one counts.

        Raises:
            InputError: there are no sets of such a coverage.
        """
        return self.bands[self.band(share)].least[_place(coverage)]

    def members(
        self, scores: NDArray[np.floating[Any]], shares: NDArray[np.floating[Any]], coverage: float = COVERAGE
    ) -> NDArray[np.bool_]:
        """Which materials are in the sets of some regions, (N, C); the likeliest one always is.

        Args:
            scores: (N, C).
            shares: of the photo's area, (N,).
            coverage: see `least`.
        """
        place = _place(coverage)
        lowest = np.array([-1.0 if (low := band.least[place]) is None else low for band in self.bands])
        bounds = [band.under for band in self.bands if band.under is not None]
        inside: NDArray[np.bool_] = scores >= lowest[np.searchsorted(bounds, shares, side="right")][:, None]
        if scores.size:
            inside[np.arange(len(scores)), scores.argmax(axis=1)] = True
        return inside

    def label(self, place: int) -> str:
        """Label of the stratum at `place`, such as "2% to 10%" of the photo."""
        ends = [None if under is None else f"{100 * under:.3g}%" for under in (None, *(b.under for b in self.bands))]
        low, high = ends[place : place + 2]
        if low and high:
            return f"{low} to {high}"
        return f"{low} and more" if low else f"under {high}" if high else "every size"

    def to_json(self) -> list[dict[str, Any]]:
        """As in model.json."""
        return [{"under": b.under, "regions": b.regions, "least": list(b.least)} for b in self.bands]

    @classmethod
    def from_json(cls, values: Any) -> Sets:
        """Read the output of `to_json`.

        Raises:
            ModelError: it is something else.
        """
        if not isinstance(values, list) or not values:
            raise ModelError("sets: expected a list of bands, or null")
        return cls(tuple(_band(value) for value in values))


def fit_sets(
    scores: NDArray[np.floating[Any]], truth: NDArray[np.int64], shares: NDArray[np.floating[Any]]
) -> Sets | None:
    """Measure sets on regions that the model did not learn from.

    For the coverage c, the k-th highest score of the true material among the n regions of a band counts, where k is
    (n + 1) c rounded up: of one region more, exchangeable with these, the true material's score is as high or higher
    with probability c at least. A region whose material the model does not know counts as one with no score at all, for
    no set ever holds it.

    Args:
        scores: (N, C) probabilities.
        truth: (N,) the true material's place in the list; -1 where the model does not know it.
        shares: (N,) of the photo's area, in (0, 1].

    Returns:
        None with fewer than 30 regions: they cannot say.
    """
    if len(truth) < FEWEST:
        return None
    own = np.where(truth >= 0, scores[np.arange(len(truth)), truth], -1.0)
    bands: list[Band] = []
    waiting: list[NDArray[np.floating[Any]]] = []
    for low, high in zip((None, *SHARES), (*SHARES, None), strict=True):
        inside = (shares >= (low or 0)) & (shares < (high or np.inf))
        waiting.append(own[inside])
        band = np.concatenate(waiting)
        if len(band) >= FEWEST:
            bands.append(Band(high, len(band), _least(band)))
            waiting = []
    if waiting:  # too few large regions: they go with the band before
        bands.pop()
        low = bands[-1].under if bands else None
        rest = own[shares >= (low or 0)]
        bands.append(Band(None, len(rest), _least(rest)))
    return Sets(tuple(bands))


@dataclass(frozen=True)
class Covered:
    """Prediction sets measured on labelled regions; None without regions."""

    label: str
    """Label of the stratum, or "all"."""
    regions: int
    covered: float | None
    """The share of the sets that hold the true material."""
    mean_size: float | None
    """Materials in a set."""
    complete: float | None
    """The share of the sets that hold every material of the model."""


def measure_sets(
    sets: Sets, scores: ArrayLike, truth: ArrayLike, shares: ArrayLike, coverage: float = COVERAGE
) -> list[Covered]:
    """Measure sets of one coverage: all regions, then each stratum. Args are those of `fit_sets`."""
    scores, truth, shares = np.asarray(scores), np.asarray(truth), np.asarray(shares)
    inside = sets.members(scores, shares, coverage)
    hit = (truth >= 0) & inside[np.arange(len(truth)), truth]
    size = inside.sum(axis=1)
    place = np.array([sets.band(share) for share in shares], dtype=np.int64)
    found = []
    for number in range(-1, len(sets.bands)):
        part = (place == number) | (number < 0)
        label = "all" if number < 0 else sets.label(number)
        if part.any():
            values = hit[part].mean(), size[part].mean(), (size[part] == scores.shape[1]).mean()
            found.append(Covered(label, int(part.sum()), *map(float, values)))
        else:
            found.append(Covered(label, 0, None, None, None))
    return found


def check_coverage(coverage: float) -> float:
    """The coverage itself.

    Raises:
        InputError: there are no sets of such a coverage.
    """
    if not LEAST <= coverage <= MOST:
        raise InputError(f"got the coverage {coverage:g}; expected {LEAST:g} to {MOST:g}, such as {COVERAGE:g}")
    return coverage


def _place(coverage: float) -> int:
    """Index in `_COVERAGES` of a coverage, or of the next higher one."""
    return math.ceil(round((check_coverage(coverage) - LEAST) / _STEP, 6))


def _least(scores: NDArray[np.floating[Any]]) -> tuple[float | None, ...]:
    """The lowest scores of sets of all coverages, rounded down so that scores with six digits are not left out."""
    ordered, count = np.sort(scores), len(scores)
    found: list[float | None] = []
    for coverage in _COVERAGES:
        kept = math.ceil(round((count + 1) * coverage, 9))  # regions that the set has to hold
        low = float(ordered[count - kept]) if kept <= count else -1.0
        found.append(None if low < 0 else math.floor(low * 10**_DIGITS) / 10**_DIGITS)
    return tuple(found)


def _check_scores(least: Sequence[float | None]) -> None:
    if len(least) != len(_COVERAGES):
        raise ModelError(f"sets: a band has {len(least)} scores; expected {len(_COVERAGES)}")
    values = [-1.0 if low is None else low for low in least]
    wrong = any(low is not None and not 0 <= low <= 1 for low in least)
    if wrong or any(a < b for a, b in pairwise(values)):
        raise ModelError("sets: expected scores from 0 to 1 that never grow, and null only after them")


def _band(value: Any) -> Band:
    if not isinstance(value, Mapping) or set(value) != {"under", "regions", "least"}:
        raise ModelError("sets: expected bands with under, regions and least")
    under, regions, least = value["under"], value["regions"], value["least"]
    if under is not None and not is_number(under):
        raise ModelError("sets: a band ends at something else than a number or null")
    if type(regions) is not int:
        raise ModelError("sets: the regions of a band are no whole number")
    if not isinstance(least, list) or not all(low is None or is_number(low) for low in least):
        raise ModelError("sets: the scores of a band are not a list of numbers and null")
    return Band(under, regions, tuple(least))


def is_number(value: Any) -> bool:
    """Whether it is a finite number that a float can hold."""
    try:
        return type(value) in (int, float) and math.isfinite(value)
    except OverflowError:
        return False
