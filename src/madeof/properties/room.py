"""Sums over the surfaces of a photo or a room: area-weighted absorption, and the reverberation time.

Sabine: T = 24 ln 10 / c * V / (a S), Eyring: T = 24 ln 10 / c * V / (-S ln(1 - a)), with the volume V in m3, the areas
S_i in m2, S their sum, a = sum(a_i S_i) / S, and the speed of sound c = 343 m/s (Kuttruff, Room Acoustics, 5.1). The
absorption of air is left out, so that the times of the high bands are upper bounds in large rooms.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from madeof._util.text import join_some, show
from madeof.errors import InputError
from madeof.properties.answer import Estimate, Properties, PropertyAnswer, interval, nothing, part
from madeof.properties.kinds import KINDS

SUMMABLE = ("absorption", "emissivity")
"""The properties of which a mean over areas is a property of the whole."""

SPEED_OF_SOUND = 343.0
"""In m/s, at 20 degrees Celsius."""

DRAWS = 10_000
"""Random rooms, from which the interval of a sum is taken."""


@dataclass(frozen=True)
class Surface:
    """A part of the whole: what it may be of, and how large it is."""

    name: str
    scores: NDArray[np.float64]
    """(C,) of the materials that the properties were prepared for."""
    area: float
    """In m2, or in any unit where only shares matter."""


@dataclass(frozen=True)
class Reverberation:
    """The time in which sound falls by 60 dB, in seconds, in each band that has a value."""

    volume_m3: float
    area_m2: float
    sabine: dict[str, Estimate]
    eyring: dict[str, Estimate]

    def to_dict(self) -> dict[str, Any]:
        """What JSON says of it."""
        head = {"volume_m3": self.volume_m3, "area_m2": round(self.area_m2, 6), "unit": "s"}
        by_formula = (("sabine", self.sabine), ("eyring", self.eyring))
        return head | {name: {band: part(each) for band, each in by.items()} for name, by in by_formula}

    def text(self) -> str:
        """For people, in two lines."""
        lines = []
        for name, by in (("Sabine", self.sabine), ("Eyring", self.eyring)):
            said = [f"{band} {interval(each)}" for band, each in by.items() if each.value is not None]
            lines.append(f"  reverberation time, {name}: {'; '.join(said) + ' s' if said else 'no value'}")
        return "\n".join(lines)


def area_weighted(properties: Properties, surfaces: Sequence[Surface]) -> dict[str, PropertyAnswer]:
    """The mean of each property over the surfaces, weighted by their areas, with its interval.

    The surfaces are drawn independently, the bands of one together.

    Raises:
        InputError: a property that does not sum over areas.
    """
    for name in properties.names:
        if name not in SUMMABLE:
            raise InputError(f"{name} does not sum over areas; expected {' or '.join(SUMMABLE)}, or use madeof predict")
    draws, without, moments = _draws(properties, surfaces)
    found: dict[str, dict[str, Estimate]] = {}
    for one, (kind, condition) in enumerate(properties.quantities):
        found.setdefault(kind.name, {})[condition] = _estimate(properties, draws[one], without[one], moments[one])
    return {name: PropertyAnswer(name, KINDS[name].unit, properties.coverage, by) for name, by in found.items()}


def reverberation(properties: Properties, surfaces: Sequence[Surface], volume_m3: float) -> Reverberation:
    """The reverberation time of a room by Sabine and Eyring, with its interval.

    Args:
        properties: prepared with "absorption" among them.
        surfaces: all that bounds the room, areas in m2.
        volume_m3: of the room.

    Raises:
        InputError: no volume, no area, or no absorption among the properties.
    """
    if not 0 < volume_m3 < math.inf:
        raise InputError(f"the volume is {volume_m3:g} m3; expected more than 0")
    if "absorption" not in properties.names:
        raise InputError("the reverberation time needs the absorption: ask for it too")
    area = sum(each.area for each in surfaces)
    draws, without, _ = _draws(properties, surfaces)
    sabine: dict[str, Estimate] = {}
    eyring: dict[str, Estimate] = {}
    for one, (kind, band) in enumerate(properties.quantities):
        if kind.name != "absorption":
            continue
        for times, formula in ((sabine, sabine_seconds), (eyring, eyring_seconds)):
            drawn = formula(volume_m3, area, draws[one])
            times[band] = _estimate(properties, drawn, without[one], (float(drawn.mean()), 0.0, float(drawn.var())))
    return Reverberation(volume_m3, area, sabine, eyring)


def sabine_seconds(volume_m3: float, area_m2: float, absorption: Any) -> Any:
    """The time by Sabine; `absorption` is a number or an array in [0, 1]."""
    with np.errstate(divide="ignore"):
        return 24 * math.log(10) / SPEED_OF_SOUND * volume_m3 / (area_m2 * np.asarray(absorption, dtype=np.float64))


def eyring_seconds(volume_m3: float, area_m2: float, absorption: Any) -> Any:
    """The time by Eyring; it is 0 where all is absorbed."""
    with np.errstate(divide="ignore"):
        per_area = -np.log1p(-np.asarray(absorption, dtype=np.float64))
        return 24 * math.log(10) / SPEED_OF_SOUND * volume_m3 / (area_m2 * per_area)


def read_areas(path: str | Path, regions: Sequence[str]) -> Mapping[str, float]:
    """The area of each region in m2, from a CSV with the columns region and area_m2.

    Raises:
        InputError: it cannot be read, lacks a region, names one that is not there or one twice, or an area is not a
            number above 0.
    """
    path = Path(path)
    try:
        lines = csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines())
        columns = [name.strip() for name in lines.fieldnames or ()]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"cannot read {show(path)}: {getattr(error, 'strerror', None) or 'it is not UTF-8'}"
        ) from error
    if not {"region", "area_m2"} <= set(columns):
        raise InputError(
            f"{show(path)} has the columns {join_some(map(show, columns)) or 'none'}; expected region,area_m2"
        )
    lines.fieldnames = columns
    areas: dict[str, float] = {}
    for number, line in enumerate(lines, 2):
        name, text = (line.get("region") or "").strip(), (line.get("area_m2") or "").strip()
        try:
            area = float(text)
        except ValueError:
            area = math.nan
        if not 0 < area < math.inf:
            raise InputError(f"{show(path)}, line {number}: the area is {show(text)!r}; expected square metres above 0")
        if name not in regions:
            raise InputError(
                f"{show(path)}, line {number}: there is no region {show(name)!r}; expected some of "
                f"{join_some(map(show, regions))}"
            )
        if name in areas:
            raise InputError(f"{show(path)}, line {number}: the region {show(name)!r} is there twice; keep one line")
        areas[name] = area
    if missing := [name for name in regions if name not in areas]:
        raise InputError(f"{show(path)} has no area for {join_some(map(show, missing))}; add a line for each")
    return areas


def _draws(
    properties: Properties, surfaces: Sequence[Surface]
) -> tuple[NDArray[np.float64], NDArray[np.float64], list[tuple[float, float, float]]]:
    """Of each quantity: random means, (Q, draws); the share of the area without a value; mean and variances."""
    shares = np.array([each.area for each in surfaces], dtype=np.float64)
    shares /= shares.sum()
    scores = np.stack([each.scores for each in surfaces]).astype(np.float64)
    mixtures = properties.mixtures
    without = (1 - mixtures.known(scores)) @ shares
    weights = np.nan_to_num(mixtures.weights(scores))
    # A surface that has no value at all takes no part; `without` says how large it is.
    taken = (weights.sum(axis=1) > 0) * shares  # (Q, N)
    taken = np.divide(taken, taken.sum(axis=1, keepdims=True), out=np.zeros_like(taken), where=taken.any(1)[:, None])
    drawn = np.nan_to_num(mixtures.draw(weights, DRAWS, np.random.default_rng(0)))
    mean, within, between = mixtures.moments(weights)
    moments = [
        (float(taken[q] @ mean[q]), float(taken[q] ** 2 @ within[q]), float(taken[q] ** 2 @ between[q]))
        for q in range(len(taken))
    ]
    return np.einsum("qnd,qn->qd", drawn, taken), without, moments


def _estimate(
    properties: Properties, drawn: NDArray[np.float64], without: float, moments: tuple[float, float, float]
) -> Estimate:
    if without > properties.most_without + 1e-9:
        return nothing(float(without))
    tail = (1 - properties.coverage) / 2
    median, low, high = np.quantile(drawn, [0.5, tail, 1 - tail])
    mean, within, between = moments
    return Estimate(mean, float(median), float(low), float(high), within, between, float(without))
