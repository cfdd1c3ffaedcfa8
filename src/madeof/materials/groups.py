"""Groups: families of materials that look and behave alike, for an answer where the material itself is unsure.

Each material has one group or none, found by its name, in whichever list. Chosen for what they mean to people who sort,
grip or build: "Stone-like" is what glass recyclers call CSP (ceramics, stone, porcelain) and what builders lay;
"Wall-like" are the coats of a wall, which Dense Material Segmentation too has as one ("Paint/plaster/enamel"). What has
no near relative (Metal, Foliage, Food, Sky, Fire, Wax) has no group.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from madeof.materials.lists import key

GROUPS: dict[str, tuple[str, ...]] = {
    "Stone-like": (
        "Asphalt", "Brick", "Brickwork", "Ceramic", "Concrete", "Engineered stone", "Granite", "Granite / marble",
        "Marble", "Polished stone", "Stone", "Stone, natural", "Stone, polished", "Tile",
    ),
    "Soil-like": ("Dirt", "Sand", "Soil/mud"),
    "Water-like": ("Ice", "Snow", "Snow / ice", "Water"),
    "Wall-like": (
        "Paint/plaster/enamel", "Painted", "Plaster", "Wallboard - painted", "Wallboard - unpainted", "Wallpaper",
    ),
    "Wood-like": (
        "Cork / corkboard", "Wicker", "Wood", "Wood - natural color", "Wood - painted", "Wood, tree",
    ),
    "Paper-like": ("Cardboard", "Paper", "Paper / tissue", "Paper towel / tissue", "Photograph/painting"),
    "Plastic-like": (
        "Laminate", "Linoleum", "Plastic", "Plastic - clear", "Plastic - opaque", "Plastic, clear",
        "Plastic, non-clear", "Rubber / latex", "Sponge", "Styrofoam",
    ),
    "Fabric-like": ("Carpet", "Carpet / rug", "Fabric", "Fabric / cloth", "Leather"),
    "Glass-like": ("Glass", "Mirror"),
    "Body-like": ("Animal skin", "Feathers", "Fur", "Hair", "Skin", "Skin/lips"),
}  # fmt: skip
"""Each group's name and its materials, by their names in the lists of `madeof.materials`."""

_PARENTS = {key(material): group for group, materials in GROUPS.items() for material in materials}


@dataclass(frozen=True)
class Group:
    """A group with its score."""

    name: str
    score: float
    """The sum of its materials' scores, in [0, 1]."""


def group_of(material: str) -> str | None:
    """The name of a material's group; None where it has none.

    >>> group_of("granite/marble"), group_of("Metal")
    ('Stone-like', None)
    """
    return _PARENTS.get(key(material))


@lru_cache(maxsize=64)
def groups_among(materials: tuple[str, ...]) -> dict[str, tuple[int, ...]]:
    """The groups of which a model knows two materials or more, with the places of these in `materials`.

    A group of which it knows one would say no more than that one; one that has the name of a material of its list would
    be taken for it.
    """
    names = {key(material) for material in materials}
    found = {group: tuple(i for i, name in enumerate(materials) if group_of(name) == group) for group in GROUPS}
    return {group: places for group, places in found.items() if len(places) > 1 and key(group) not in names}


def best_groups(
    materials: tuple[str, ...], scores: NDArray[np.floating[Any]]
) -> tuple[Sequence[str], NDArray[np.int64], NDArray[np.float64]]:
    """The likeliest group of each region.

    Args:
        materials: the model's C materials.
        scores: (N, C).

    Returns:
        the names of the groups; each region's group, (N,) a position in them; its score, (N,) in [0, 1]. Where the
        model's materials have no groups, there are no names and the scores are 0.
    """
    groups = groups_among(materials)
    if not groups or not len(scores):
        return list(groups), np.zeros(len(scores), dtype=np.int64), np.zeros(len(scores))
    sums = np.stack([scores[:, list(places)].sum(axis=1, dtype=np.float64) for places in groups.values()], axis=1)
    best = sums.argmax(axis=1)
    return list(groups), best, np.minimum(sums[np.arange(len(sums)), best], 1.0)


def best_group(materials: tuple[str, ...], scores: NDArray[np.floating[Any]]) -> Group | None:
    """The likeliest group of one region with the scores (C,); None where the model's materials have no groups."""
    names, place, score = best_groups(materials, scores[None])
    return Group(names[int(place[0])], float(score[0])) if names else None
