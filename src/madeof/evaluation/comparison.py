"""How the materials of a model were mapped to those of a data set, and which could not be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from madeof._util.text import join_some, show
from madeof.materials.crosswalk import Compared


class LeftOut(NamedTuple):
    """A material that could not be compared."""

    material: str
    regions: int
    """Regions of this material that were left out, or that got this answer."""
    reason: str


@dataclass(frozen=True)
class Comparison:
    """The material mapping of an evaluation, and the materials that it could not map."""

    through: str
    """The lists or the user's file: see `Crosswalk.where`."""
    compared: tuple[Compared, ...]
    left_out: tuple[LeftOut, ...]
    """Materials of the data set that the model has no word for: their regions are in no figure."""
    regions_left_out: int
    without_word: tuple[LeftOut, ...]
    """Materials of the model that the data set has no word for, with the answers that are therefore wrong."""
    accuracy_among_compared: float | None
    """The accuracy where the best score is looked for among the compared materials only."""

    @property
    def answers_without_word(self) -> int:
        """How many answers the data set has no word for."""
        return sum(one.regions for one in self.without_word)

    @property
    def merged(self) -> tuple[Compared, ...]:
        """Groups of materials, on either side, that are compared as one."""
        return tuple(one for one in self.compared if len(one.model) > 1 or len(one.data) > 1)

    def summary(self) -> dict[str, Any]:
        """As it is printed in JSON."""
        return {
            "through": self.through,
            "compared": [
                {"name": one.name, "model": one.model, "data": one.data, "relation": one.relation, "notes": one.notes}
                for one in self.compared
            ],
            "regions_left_out": self.regions_left_out,
            "left_out": [one._asdict() for one in self.left_out],
            "answers_without_word": self.answers_without_word,
            "without_word": [one._asdict() for one in self.without_word],
            "accuracy_among_compared": self.accuracy_among_compared,
        }

    def lines(self) -> list[str]:
        """Summary for a terminal."""
        lines = [f"compared through     {show(self.through)}: {len(self.compared)} materials"]
        if self.merged:
            lines.append(f"compared as one      {join_some(map(_joined, self.merged))}")
        if self.regions_left_out:
            names = join_some(f"{show(one.material)} ({one.regions})" for one in self.left_out if one.regions)
            others = sum(not one.regions for one in self.left_out)
            more = f"; so are {others} more materials, of which there is no region" if others else ""
            lines.append(
                f"cannot be compared   {names}: the model has no word for them, their regions are left out{more}"
            )
        if self.answers_without_word:
            names = join_some(f"{show(one.material)} ({one.regions})" for one in self.without_word if one.regions)
            share = self.accuracy_among_compared
            lines.append(
                f"no word in the data  {names}: these answers count as wrong; when the model may only choose among the "
                f"materials compared, the accuracy is {'-' if share is None else f'{100 * share:.1f}%'}"
            )
        return lines


def _joined(one: Compared) -> str:
    """Name of a group, such as "Plastic (Plastic - clear, Plastic - opaque)"."""
    many = one.model if len(one.model) > 1 else one.data
    return f"{show(one.name)} ({join_some(map(show, many), most=4)})"
