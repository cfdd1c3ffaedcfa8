"""Regions in Label Studio's results, and results with their material said.

As labelstud.io/guide/task_format has it: results of one id are one region. One of them has its shape, in percents of
the photo; its labels stand in the same result, or in another of type "labels" or "choices".
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from madeof.datasets.formats.label_studio import drawn_on, is_region, shape
from madeof.errors import DatasetError, RegionError
from madeof.regions.request import Broken, RegionRequest
from madeof.serve.label_studio.interface import Interface
from madeof.serve.label_studio.naming import Naming

Result = Mapping[str, Any]

_LONGEST_ID = 100  # characters
_SHAPES = (
    ("rle", ("format", "rle")),
    ("imageDataURL", ("imageDataURL",)),
    ("points", ("points", "closed")),
    ("radiusX", ("x", "y", "radiusX", "radiusY", "rotation")),
    ("width", ("x", "y", "width", "height", "rotation")),
)


@dataclass(frozen=True)
class Spot:
    """A region as Label Studio has it."""

    id: str
    drawn: Result
    """The result that has its shape."""
    results: Sequence[Result]
    """All results of this id."""

    @property
    def kind(self) -> str:
        """The type of `drawn`: "rectanglelabels", "brush", ..."""
        return str(self.drawn.get("type") or "").lower()

    def is_said(self, naming: Naming) -> bool:
        """Whether it has a label of this control."""
        control = naming.control
        return any(one.get("from_name") == control.name and _value(one).get(control.kind) for one in self.results)

    def request(self, size: tuple[int, int], most_points: int) -> RegionRequest:
        """It as a region that is asked for, of a photo of `size` (height, width)."""
        value = _value(self.drawn)
        points = value.get("points")
        try:
            if isinstance(points, list) and len(points) > most_points:
                raise RegionError(f"it has {len(points)} points; expected {most_points} at most")
            stated = drawn_on(self.drawn) if self.drawn.keys() & {"original_width", "original_height"} else size
            if stated != size:
                raise RegionError(
                    f"it was drawn on a photo of {stated[1]} x {stated[0]}, but this one has {size[1]} x {size[0]} "
                    "(width x height)"
                )
            return RegionRequest(self.id, shape(value, size))
        except (DatasetError, RegionError) as error:
            return RegionRequest(self.id, Broken(str(error)))

    def told(self, naming: Naming, label: str, score: float, image: str, size: tuple[int, int]) -> list[dict[str, Any]]:
        """Its results, with this label: the shape's own, and another where another control says labels."""
        control = naming.control
        shape_value = _shape_value(self.drawn)
        common = {
            "id": self.id,
            "to_name": image,
            "original_width": size[1],
            "original_height": size[0],
            "image_rotation": 0,
        }
        said = {
            **common,
            "from_name": control.name,
            "type": control.kind,
            "value": {**shape_value, control.kind: [label]},
            "score": score,
        }
        if self.drawn.get("from_name") == control.name:
            return [said]
        own = _value(self.drawn).get(self.kind)
        drawn = {
            **common,
            "from_name": self.drawn.get("from_name"),
            "type": self.kind,
            "value": {**shape_value, **({self.kind: own} if isinstance(own, list) else {})},
        }
        return [drawn, said]


def spots_in(results: object, image: str) -> list[Spot]:
    """The regions among results that are about this image."""
    some = results if isinstance(results, list) else []
    groups: dict[str, list[Result]] = {}
    for one in some:
        if isinstance(one, dict) and one.get("to_name", image) == image:
            groups.setdefault(_id(one.get("id")), []).append(one)
    spots = []
    for name, group in groups.items():
        shapes = [one for one in group if isinstance(one.get("value"), dict) and is_region(one)]
        shapes = [one for one in shapes if isinstance(one.get("from_name"), str)]
        # Answers about a region repeat its shape.
        shapes.sort(key=lambda one: one.get("type") in ("labels", "choices"))
        if shapes:
            spots.append(Spot(name, shapes[0], group))
    return spots


def naming_of(spot: Spot, interface: Interface, namings: Iterable[Naming]) -> Naming | None:
    """Control that holds a region's material: the one that drew it, else Labels, else Choices, else None."""
    able = {naming.control.name: naming for naming in namings if naming.labels}
    own = interface.drawing.get(spot.drawn["from_name"])
    if own is not None and own.name in able and spot.kind in (own.kind, own.kind.removesuffix("labels")):
        return able[own.name]
    others = [] if spot.kind.endswith("labels") else list(interface.labels)
    return next((able[one.name] for one in (*others, *interface.choices) if one.name in able), None)


def whole(naming: Naming, label: str, score: float, image: str, size: tuple[int, int]) -> dict[str, Any]:
    """The result for a whole photo."""
    control = naming.control
    return {
        "id": _id(None),
        "from_name": control.name,
        "to_name": image,
        "type": control.kind,
        "original_width": size[1],
        "original_height": size[0],
        "image_rotation": 0,
        "value": {control.kind: [label]},
        "score": score,
    }


def _value(result: Result) -> Mapping[str, Any]:
    value = result.get("value")
    return value if isinstance(value, dict) else {}


def _shape_value(result: Result) -> dict[str, Any]:
    """The part of a value that is the shape, as it came: it was checked when it became a mask."""
    value = _value(result)
    parts = next(parts for part, parts in _SHAPES if part in value)
    return {part: value[part] for part in parts if part in value}


def _id(given: object) -> str:
    """The id, or a new one where there is none."""
    if isinstance(given, str) and given and len(given) <= _LONGEST_ID and given.isprintable():
        return given
    return secrets.token_urlsafe(8)
