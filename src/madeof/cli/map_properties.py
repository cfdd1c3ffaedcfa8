"""Sums of properties over a map: arguments and output of `madeof map`."""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING, Any

from madeof.cli.properties_arguments import add_properties, asked_properties

if TYPE_CHECKING:
    from collections.abc import Sequence

    from madeof.inference.segmentation import MaterialMap
    from madeof.properties import Properties, PropertyAnswer
    from madeof.properties.room import Reverberation


def add_sums(parser: argparse.ArgumentParser) -> None:
    """`--properties`, `--areas`, `--volume` and what belongs to them."""
    add_properties(parser)
    group = parser.add_argument_group("a room (with --properties absorption)")
    group.add_argument(
        "--areas",
        metavar="CSV",
        help="the area of each region: region,area_m2; with superpixels the region is a material",
    )
    group.add_argument("--volume", type=_volume, metavar="M3", help="with --areas: give the reverberation time too")


def check_sums(options: argparse.Namespace) -> Properties | None:
    """Find out, before the work, what can be known to go wrong; give the properties without materials.

    Raises:
        InputError: a property that does not sum over areas, or what `asked_properties` raises.
    """
    if options.volume is not None and options.areas is None:
        options.refuse("--volume needs the areas of the room's surfaces: --areas CSV")
    if options.areas is not None and options.properties is None:
        options.refuse("--areas goes with --properties absorption")
    if options.areas is not None and len(options.photos) > 1:
        options.refuse("--areas are those of one photo; give one photo at a time")
    prepare = asked_properties(options)
    if prepare is None:
        return None
    from madeof.errors import InputError
    from madeof.properties.room import SUMMABLE

    asked = prepare(())
    for name in asked.names:
        if name not in SUMMABLE:
            raise InputError(f"{name} does not sum over areas; expected {' or '.join(SUMMABLE)}, or use madeof predict")
    if options.volume is not None and "absorption" not in asked.names:
        raise InputError("the reverberation time needs the absorption: --properties absorption")
    return asked


class Sums:
    """The sums over one map."""

    def __init__(self, options: argparse.Namespace, found: MaterialMap, names: Sequence[str] | None) -> None:
        """Make the sums of a map with the segments' names, or None where they are superpixels.

        Raises:
            InputError: the areas are not right.
        """
        from madeof.properties.room import area_weighted, read_areas, reverberation
        from madeof.properties.surfaces import surfaces_of

        prepare = asked_properties(options)
        assert prepare is not None
        properties = prepare(found.materials)
        areas = None
        if options.areas is not None:
            areas = read_areas(options.areas, [each.name for each in surfaces_of(found, names)])
        surfaces = surfaces_of(found, names, areas)
        self.areas = None if areas is None else {each.name: each.area for each in surfaces}
        self.means: dict[str, PropertyAnswer] = area_weighted(properties, surfaces)
        self.time: Reverberation | None = (
            reverberation(properties, surfaces, options.volume) if options.volume is not None else None
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON form of the sums."""
        result: dict[str, Any] = {"properties": {name: each.to_dict() for name, each in self.means.items()}}
        if self.areas is not None:
            result["areas_m2"] = self.areas
        if self.time is not None:
            result["reverberation"] = self.time.to_dict()
        return result

    def text(self) -> str:
        """For people."""
        from madeof._util.text import show

        lines = [f"  {show(each.text())}" for each in self.means.values()]
        return "\n".join([*lines, *([] if self.time is None else [self.time.text()])])


def _volume(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"got {text!r}; expected a volume in cubic metres above 0")
    return value
