"""From scores to properties: the expected value of each, and an interval that holds the doubt."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from madeof._util.text import show
from madeof.errors import InputError
from madeof.properties.kinds import KINDS, Kind, kind_of, names_of
from madeof.properties.mixture import Mixtures
from madeof.properties.table import PLACES, Table, bundled, check_frequency

if TYPE_CHECKING:
    from typing import Protocol

    class Scored(Protocol):
        """What is asked of a `madeof.Prediction`."""

        @property
        def materials(self) -> tuple[str, ...]:
            """Those of the model."""

        @property
        def scores(self) -> NDArray[np.float32]:
            """The calibrated probability of each, (C,) float32 in [0, 1]."""


COVERAGE = 0.9
"""How often an interval holds the value, where nothing else is asked."""

MOST_WITHOUT = 0.1
"""The largest mass of materials without a value at which a number is still given."""


class Estimate(NamedTuple):
    """What is known of a number."""

    value: float | None
    """The expected value; None where the materials without a value have too much of the score."""
    median: float | None
    """Half of the mass is under it: unlike the expected value it is some material's own."""
    low: float | None
    high: float | None
    within: float
    """The variance within the materials."""
    between: float
    """The variance between the materials."""
    without: float
    """The mass of the materials that have no value, in [0, 1]."""


class PropertyAnswer(NamedTuple):
    """A property of one region."""

    name: str
    unit: str
    coverage: float
    """How often the interval holds the value."""
    estimates: dict[str, Estimate]
    """By condition; by "" where there is only one."""
    names: tuple[tuple[str, float], ...] = ()
    """For properties whose values are names: each with its probability, the likeliest first."""
    without: float = 0.0
    """For those: the mass of the materials that have no name."""

    @property
    def refused(self) -> bool:
        """Whether nothing is said: the materials without a value have too much of the score."""
        return not self.names and all(each.value is None for each in self.estimates.values())

    def to_dict(self) -> dict[str, Any]:
        """What JSON says of it. Without a value there is "without", and no number."""
        if KINDS[self.name].is_name:
            found = [{"name": name, "score": round(score, 6)} for name, score in self.names]
            return {**({"names": found} if found else {}), "without": round(self.without, 6)}
        parts = {condition: part(each) for condition, each in self.estimates.items()}
        head = {"unit": self.unit, "coverage": self.coverage}
        return {**head, **parts[""]} if set(parts) == {""} else {**head, "by": parts}

    def text(self) -> str:
        """For people: the value and its interval."""
        if self.refused:
            return f"{self.name}: no value for {self._without:.0%} of the score"
        if self.names:
            return f"{self.name}: " + ", ".join(f"{name} {score:.0%}" for name, score in self.names)
        unit = "" if self.unit == "1" else f" {self.unit}"
        said = [
            f"{condition} {interval(each)}".strip()
            for condition, each in self.estimates.items()
            if each.value is not None
        ]
        return f"{self.name}: {'; '.join(said)}{unit}"

    @property
    def _without(self) -> float:
        return max((each.without for each in self.estimates.values()), default=self.without)


class Properties:
    """What a list of materials is good for: prepared once, asked for any number of regions."""

    def __init__(
        self,
        materials: Sequence[str],
        names: str | Sequence[str],
        *,
        table: Table | None = None,
        coverage: float = COVERAGE,
        most_without: float = MOST_WITHOUT,
        place: str | None = None,
        frequency_ghz: float | None = None,
    ) -> None:
        """Prepare the properties.

        Args:
            materials: what the scores are of, in their order.
            names: properties, or a comma-separated list of them, or "all".
            table: the values; the package's own where None.
            coverage: of the intervals, in [0.5, 0.99].
            most_without: the largest mass of materials without a value at which a number is given, in [0, 1).
            place: "wall", "floor", ...: take the values of that place, or those that hold anywhere. Without one, all.
            frequency_ghz: for permittivity and radio_conductivity.

        Raises:
            InputError: an unknown property or place, a number out of its range, a frequency that is missing or that no
                value of the table is for.
        """
        self.materials = tuple(materials)
        self.names = names_of(names)
        self.table = bundled() if table is None else table
        self.coverage, self.most_without, self.place, self.frequency_ghz = coverage, most_without, place, frequency_ghz
        if not 0.5 <= coverage <= 0.99:
            raise InputError(f"coverage is {coverage:g}; expected a number from 0.5 to 0.99, such as 0.9")
        if not 0 <= most_without < 1:
            raise InputError(f"most_without is {most_without:g}; expected a share from 0 to under 1, such as 0.1")
        if place is not None and place not in PLACES:
            raise InputError(f"there is no place {show(place)!r}; expected one of {', '.join(PLACES)}")
        if names == "all" and frequency_ghz is None:
            self.names = tuple(name for name in self.names if not KINDS[name].by_frequency)
        for name in self.names:
            if KINDS[name].by_frequency:
                if frequency_ghz is None:
                    raise InputError(f"{name} depends on the frequency; give one in GHz, such as --frequency 2.4")
                check_frequency(self.table, KINDS[name], frequency_ghz)

    @cached_property
    def quantities(self) -> tuple[tuple[Kind, str], ...]:
        """Each number that is asked for: property and condition."""
        kinds = [kind_of(name) for name in self.names]
        return tuple((kind, condition) for kind in kinds if not kind.is_name for condition in kind.conditions)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The columns of a CSV: for each number its value and the ends of its interval, for a name one."""
        found: list[str] = []
        for name in self.names:
            kind = KINDS[name]
            for condition in kind.conditions:
                stem = f"{name}_{condition.replace(' ', '_')}" if condition else name
                found += [stem] if kind.is_name else [stem, f"{stem}_low", f"{stem}_high"]
        return tuple(found)

    def cells(self, answers: dict[str, PropertyAnswer]) -> list[str]:
        """The cells of `columns` for one region; empty where no value is given."""
        found: list[str] = []
        for name in self.names:
            if KINDS[name].is_name:
                found.append("; ".join(each for each, _ in answers[name].names))
            for each in answers[name].estimates.values():
                ends = (each.value, each.low, each.high)
                found += ["" if end is None else f"{end:.5g}" for end in ends]
        return found

    @cached_property
    def mixtures(self) -> Mixtures:
        """Of `quantities`, in their order."""
        ends = np.full((2, len(self.quantities), len(self.materials)), np.nan)
        for one, (kind, condition) in enumerate(self.quantities):
            for column, material in enumerate(self.materials):
                found = self.table.interval(material, kind, condition, self.place, self.frequency_ghz)
                if found is not None:
                    ends[:, one, column] = found
        return Mixtures.of(ends[0], ends[1])

    def of(self, predictions: Sequence[Scored]) -> list[dict[str, PropertyAnswer]]:
        """The properties of regions: for each prediction those asked for, by name.

        Raises:
            InputError: a prediction is of another list of materials.
        """
        if any(each.materials != self.materials for each in predictions):
            raise InputError("the prediction is of other materials than those that the properties were prepared for")
        if not predictions:
            return []
        return self.of_scores(np.stack([each.scores for each in predictions]))

    def of_scores(self, scores: NDArray[Any]) -> list[dict[str, PropertyAnswer]]:
        """The same from scores, (N, C) in [0, 1]. What a row lacks to 1 counts as materials without a value."""
        scores = np.asarray(scores, dtype=np.float64)
        by_name: list[dict[str, dict[str, Estimate]]] = [{} for _ in scores]
        if self.quantities:
            without = 1 - self.mixtures.known(scores)
            weights = self.mixtures.weights(scores)
            mean, within, between = self.mixtures.moments(weights)
            tail = (1 - self.coverage) / 2
            median, low, high = self.mixtures.quantiles(weights, (0.5, tail, 1 - tail))
            numbers = np.stack([mean, median, low, high, within, between, without]).transpose(2, 1, 0).tolist()
            for region, rows in zip(by_name, numbers, strict=True):
                for (kind, condition), row in zip(self.quantities, rows, strict=True):
                    given = row[6] <= self.most_without + 1e-9
                    estimate = Estimate(*row) if given else nothing(row[6])
                    region.setdefault(kind.name, {})[condition] = estimate
        return [self._answers(region, row) for region, row in zip(by_name, scores, strict=True)]

    def _answers(
        self, region: dict[str, dict[str, Estimate]], scores: NDArray[np.float64]
    ) -> dict[str, PropertyAnswer]:
        answers = {}
        for name in self.names:
            kind = KINDS[name]
            if not kind.is_name:
                answers[name] = PropertyAnswer(name, kind.unit, self.coverage, region[name])
                continue
            masses: dict[str, float] = {}
            for names, score in zip(self._names[name], scores.tolist(), strict=True):
                for each in names:
                    masses[each] = masses.get(each, 0.0) + score / len(names)
            without = max(0.0, 1 - sum(masses.values()))
            likely = sorted(masses.items(), key=lambda pair: -pair[1]) if without <= self.most_without + 1e-9 else []
            answers[name] = PropertyAnswer(name, "", self.coverage, {}, _most(likely, self.coverage), without)
        return answers

    @cached_property
    def _names(self) -> dict[str, list[tuple[str, ...]]]:
        """For the properties whose values are names: those of each material."""
        return {
            name: [self.table.names(material, name, self.place) for material in self.materials]
            for name in self.names
            if KINDS[name].is_name
        }


def _most(likely: list[tuple[str, float]], coverage: float) -> tuple[tuple[str, float], ...]:
    """The likeliest names that reach the coverage together."""
    kept: list[tuple[str, float]] = []
    total = sum(score for _, score in likely)
    for pair in likely:
        kept.append(pair)
        if sum(score for _, score in kept) >= coverage * total:
            break
    return tuple(kept)


def _digits(value: float) -> float:
    """Five significant digits: the sources have two to four."""
    return float(f"{value:.5g}")


def nothing(without: float) -> Estimate:
    """No number: too much of the score is on materials without a value."""
    return Estimate(None, None, None, None, 0.0, 0.0, without)


def part(each: Estimate) -> dict[str, float]:
    """What JSON says of a number."""
    without = {"without": round(each.without, 6)}
    numbers = {"value": each.value, "median": each.median, "low": each.low, "high": each.high}
    return {name: _digits(number) for name, number in numbers.items() if number is not None} | without


def interval(each: Estimate) -> str:
    """A number and its interval, for people."""
    return f"{rounded(each.value)} ({rounded(each.low)} to {rounded(each.high)})"


def rounded(value: float | None) -> str:
    """Three significant digits for people, without an exponent where it reads well.

    >>> rounded(1910.1), rounded(0.0471), rounded(1e7)
    ('1,910', '0.0471', '10,000,000')
    """
    return "-" if value is None else f"{float(f'{value:.3g}'):,.10g}"
