"""The surfaces of a map of materials, to sum over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from madeof.properties.room import Surface


class Mapped(Protocol):
    """What is asked of a `madeof.MaterialMap`."""

    @property
    def materials(self) -> tuple[str, ...]:
        """The C materials of the model."""

    @property
    def segments(self) -> NDArray[np.int32]:
        """(h, w): the segment of each pixel, from 0, or -1 where there is none."""

    @property
    def scores(self) -> NDArray[Any]:
        """(n, C): the probability of each material in each segment, in [0, 1]."""


def surfaces_of(
    found: Mapped, names: Sequence[str] | None = None, areas: Mapping[str, float] | None = None
) -> list[Surface]:
    """The surfaces of a map, the largest first.

    Args:
        found: the map.
        names: of its segments, where they were given: each is a surface of its own. Where there are none (superpixels)
            all segments of one answer are one surface with that material's name, so that a wall in a hundred pieces is
            drawn once and not a hundred times.
        areas: of each surface, in m2; where there are none, the pixels that are seen of it.
    """
    pixels = np.bincount(found.segments.ravel() + 1, minlength=len(found.scores) + 1)[1:].astype(np.float64)
    scores = found.scores.astype(np.float64)
    if names is None:
        best = found.scores.argmax(axis=1)
        groups = [(found.materials[k], np.flatnonzero((best == k) & (pixels > 0))) for k in np.unique(best).tolist()]
    else:
        groups = [(name, np.array([number])) for number, name in enumerate(distinct(names))]
    surfaces = []
    for name, members in groups:
        seen = pixels[members]
        if not seen.sum() and areas is None:
            continue
        mean = (
            (scores[members] * seen[:, None]).sum(axis=0) / seen.sum() if seen.sum() else scores[members].mean(axis=0)
        )
        surfaces.append(Surface(name, mean, float(seen.sum()) if areas is None else areas[name]))
    return sorted(surfaces, key=lambda each: -each.area)


def distinct(names: Sequence[str]) -> list[str]:
    """The names, with " (2)" and so on where one comes again."""
    seen: Counter[str] = Counter()
    found = []
    for name in names:
        seen[name] += 1
        found.append(f"{name} ({seen[name]})" if seen[name] > 1 else name)
    return found
