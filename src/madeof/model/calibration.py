"""Calibration: what makes a model's scores probabilities, and how far they can be relied on."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from madeof._util.text import brief_json
from madeof.errors import ModelError
from madeof.metrics.conformal import Sets, is_number
from madeof.metrics.selective import PRECISION, fit_uncertain_below
from madeof.metrics.temperature import fit_temperature, softmax

KEYS = ("temperature", "uncertain_below", "sets", "by_size")
"""The fields of model.json that hold a calibration; all are optional."""
BOUNDS = (1000.0, 4000.0, 16000.0)
"""Upper ends of the size strata, in pixels of the network's input."""
FEWEST = 100  # regions of a stratum; a smaller one is merged with the next
FEWEST_OF_ALL = 50
"""Regions for a calibration. On fewer, all of them right, the temperature would go to the end of its range."""
_TEMPERATURES = 1e-3, 1e3  # beyond them a calibration went wrong


@dataclass(frozen=True)
class SizeStratum:
    """The calibration of regions of one range of sizes, as the network saw them."""

    under: float | None
    """Their areas are under this many pixels of the network's input; None in the last stratum."""
    regions: int
    """On how many regions it was measured."""
    temperature: float | None = None
    """None: the model's."""
    uncertain_below: float | None = None
    """None: the model's."""

    def __post_init__(self) -> None:
        _check(self.temperature, self.uncertain_below)


@dataclass(frozen=True)
class Calibration:
    """The temperature of a model's scores, its threshold and its prediction sets."""

    temperature: float = 1.0
    """Logits are divided by this before the softmax."""
    uncertain_below: float | None = None
    """The score, in [0, 1], from which on 90% of the answers on val photos were right; None where that is not known."""
    prediction_sets: Sets | None = None
    """Thresholds of prediction sets; None if not fitted."""
    by_size: tuple[SizeStratum, ...] = field(default=(), repr=False)
    """Temperature and threshold by the region's size as the network saw it, the smallest first; may be empty."""

    def __post_init__(self) -> None:
        _check(self.temperature, self.uncertain_below)
        ends = [stratum.under for stratum in self.by_size]
        inner = [end for end in ends[:-1] if end is not None]
        if ends and (ends[-1] is not None or len(inner) < len(ends) - 1 or any(a >= b for a, b in pairwise(inner))):
            raise ModelError("by_size: expected growing bounds, of which the last, and no other, is null")

    def at(self, area: float) -> Calibration:
        """This calibration with the temperature and threshold of a region's size.

        Args:
            area: the region's area in pixels of the network's input.
        """
        if not self.by_size:
            return self
        stratum = self.by_size[int(self._places(np.array([area]))[0])]
        return dataclasses.replace(
            self,
            temperature=self.temperature if stratum.temperature is None else stratum.temperature,
            uncertain_below=self.uncertain_below if stratum.uncertain_below is None else stratum.uncertain_below,
        )

    def temperatures(self, areas: NDArray[np.floating[Any]] | None) -> NDArray[np.float64]:
        """The temperature of each region, (N, 1), or the model's alone, (1, 1), where areas, (N,), do not count."""
        if areas is None or not self.by_size:
            return np.array([[self.temperature]])
        own = [self.temperature if each.temperature is None else each.temperature for each in self.by_size]
        return np.array(own)[self._places(areas)][:, None]

    def confident(
        self, top: NDArray[np.floating[Any]], areas: NDArray[np.floating[Any]] | None
    ) -> NDArray[np.bool_] | None:
        """(N,) whether each answer's score, (N,), reaches its threshold; None where the model has none."""
        if areas is None or not self.by_size:
            return None if self.uncertain_below is None else np.asarray(top >= self.uncertain_below)
        own = [self.uncertain_below if each.uncertain_below is None else each.uncertain_below for each in self.by_size]
        if all(below is None for below in own):
            return None
        return np.asarray(top >= np.array([below or 0.0 for below in own])[self._places(areas)])

    def _places(self, areas: NDArray[np.floating[Any]]) -> NDArray[np.int64]:
        return np.searchsorted([each.under for each in self.by_size if each.under is not None], areas, side="right")

    def to_json(self) -> dict[str, Any]:
        """As in model.json; `by_size` only where there are strata, so that madeof 0.1 reads all others."""
        values: dict[str, Any] = {"temperature": self.temperature, "uncertain_below": self.uncertain_below}
        values["sets"] = self.prediction_sets and self.prediction_sets.to_json()
        if self.by_size:
            values["by_size"] = [dataclasses.asdict(stratum) for stratum in self.by_size]
        return values

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Calibration:
        """From the fields of model.json, of which any may be missing.

        Raises:
            ModelError: a field is wrong.
        """
        if not is_number(temperature := values.get("temperature", 1.0)):
            raise ModelError(f"temperature is {brief_json(temperature)}; expected a number")
        below, sets, strata = (values.get(name) for name in KEYS[1:])
        _check_number("uncertain_below", below)
        if strata is not None and not isinstance(strata, list):
            raise ModelError(f"by_size is {brief_json(strata)}; expected a list of strata, or null")
        return cls(
            temperature,
            below,
            None if sets is None else Sets.from_json(sets),
            tuple(_stratum(value) for value in strata or ()),
        )


def fit(
    logits: NDArray[np.floating[Any]],
    truth: NDArray[np.int64],
    areas: NDArray[np.floating[Any]] | None = None,
    *,
    precision: float = PRECISION,
) -> Calibration:
    """Fit a temperature and a threshold to regions that the model did not learn from.

    Args:
        logits: (N, C).
        truth: (N,) the true outputs, in [0, C).
        areas: (N,) the regions' areas in pixels of the network's input: size strata are fitted too.
        precision: the fraction of confident answers that is to be right.

    Returns:
        the calibration; `UNCALIBRATED` where there are fewer than 50 regions.
    """
    if len(truth) < FEWEST_OF_ALL:
        return UNCALIBRATED
    temperature = fit_temperature(logits, truth)
    scores = softmax(logits, temperature)
    below = fit_uncertain_below(scores.max(axis=1, initial=0), scores.argmax(axis=1) == truth, precision)
    strata = () if areas is None else fit_by_size(logits, truth, areas, precision=precision)
    return Calibration(temperature, below, by_size=strata)


def fit_by_size(
    logits: NDArray[np.floating[Any]],
    truth: NDArray[np.int64],
    areas: NDArray[np.floating[Any]],
    *,
    temperature: float | None = None,
    precision: float = PRECISION,
) -> tuple[SizeStratum, ...]:
    """Fit a temperature and a threshold to each stratum of sizes; args are those of `fit`.

    Args:
        logits: (N, C).
        truth: (N,).
        areas: (N,).
        temperature: the temperature to keep, where only thresholds are to be fitted.
        precision: as in `fit`.

    Returns:
        the strata; none where there are not regions enough for two.
    """
    found: list[SizeStratum] = []
    low = 0.0
    if not len(truth):
        return ()
    for high in (*BOUNDS, np.inf):
        inside, rest = (areas >= low) & (areas < high), areas >= high
        if np.isfinite(high) and (inside.sum() < FEWEST or 0 < rest.sum() < FEWEST):
            continue  # too few here, or in what is left: this stratum goes on to the next bound
        own = fit_temperature(logits[inside], truth[inside]) if temperature is None else None
        scores = softmax(logits[inside], own or temperature or 1.0)
        below = fit_uncertain_below(scores.max(axis=1), scores.argmax(axis=1) == truth[inside], precision)
        end = float(high) if rest.any() else None
        found.append(SizeStratum(end, int(inside.sum()), own, below))
        if end is None:
            break
        low = high
    return tuple(found) if len(found) > 1 else ()


def _check(temperature: float | None, below: float | None) -> None:
    least, most = _TEMPERATURES
    if temperature is not None and not least <= temperature <= most:  # so written, it is true for NaN
        raise ModelError(f"the temperature is {temperature:.6g}; expected {least:g} to {most:g}")
    if below is not None and not 0 <= below <= 1:
        raise ModelError(f"uncertain_below is {below:.6g}; expected a score from 0 to 1, or null")


def _check_number(name: str, value: Any) -> None:
    if value is not None and not is_number(value):
        raise ModelError(f"{name} is {brief_json(value)}; expected a number or null")


def _stratum(value: Any) -> SizeStratum:
    names = [each.name for each in dataclasses.fields(SizeStratum)]
    if not isinstance(value, Mapping) or set(value) != set(names):
        raise ModelError(f"by_size holds {brief_json(value)}; expected strata with {', '.join(names)}")
    if type(value["regions"]) is not int:
        raise ModelError(f"by_size: regions is {brief_json(value['regions'])}; expected a whole number")
    for name in ("under", "temperature", "uncertain_below"):
        _check_number(f"by_size: {name}", value[name])
    return SizeStratum(**value)


UNCALIBRATED = Calibration()
"""That of a model of which nothing was measured."""
