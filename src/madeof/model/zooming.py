"""When a model is to look at a region again, and which regions are too small for it: what its record may override."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

from madeof.errors import ModelError


@dataclass(frozen=True)
class ZoomRule:
    """Areas of a region as the net sees it, in the net's own pixels.

    The defaults were chosen with the first bundled model by `benchmarks/mosaic.py` (docs/research/zoom.md).
    """

    closer_below: float = 3200
    """A region that is seen smaller in the first look is looked at again, where the photo has the pixels."""
    enough: float = 12800
    """The second look is the coarsest from which on a region is seen so large, or the closest that there is."""
    small_below: float = 100
    """A region that is seen smaller even in the closest look gets a note."""

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
                raise ModelError(f"zoom: {field.name} is {value!r}; expected an area in pixels, 0 or more")

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> ZoomRule:
        """From the record's JSON.

        Raises:
            ModelError: a field is unknown or wrong.
        """
        try:
            return cls(**values)
        except TypeError as error:
            raise ModelError(f"zoom: {error}") from error
