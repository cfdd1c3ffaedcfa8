"""Ordered lists of materials. A material is its name: lists are matched by name, never by number."""

from __future__ import annotations

from collections.abc import Sequence

OPENSURFACES: tuple[str, ...] = (
    "Brick",
    "Cardboard",
    "Carpet / rug",
    "Ceramic",
    "Chalkboard / blackboard",
    "Concrete",
    "Cork / corkboard",
    "Dirt",
    "Fabric / cloth",
    "Fire",
    "Foliage",
    "Food",
    "Fur",
    "Glass",
    "Granite",
    "Granite / marble",
    "Hair",
    "Laminate",
    "Leather",
    "Linoleum",
    "Marble",
    "Metal",
    "Mirror",
    "Painted",
    "Paper towel / tissue",
    "Paper / tissue",
    "Plaster",
    "Plastic - clear",
    "Plastic - opaque",
    "Rubber / latex",
    "Skin",
    "Sky",
    "Sponge",
    "Stone",
    "Styrofoam",
    "Tile",
    "Wallboard - painted",
    "Wallboard - unpainted",
    "Wallpaper",
    "Water",
    "Wax",
    "Wicker",
    "Wood",
    "Wood - natural color",
    "Wood - painted",
)
"""The 45 substances of OpenSurfaces in the order of its `label-substance-colors.csv` (ids 1-45)."""

ORIGINAL: tuple[str, ...] = OPENSURFACES[:43]
"""What the original's supplied weights can say: its outputs 1-43. Output 0 is the background."""

OPENSURFACES_PLUS: tuple[str, ...] = (
    *OPENSURFACES,
    "Sand",
    "Snow / ice",
    "Asphalt",
    "Feathers",
)
"""OpenSurfaces and four materials of everyday photos that it lacks (ids 1-49)."""

MINC: tuple[str, ...] = (
    "Brick",
    "Carpet",
    "Ceramic",
    "Fabric",
    "Foliage",
    "Food",
    "Glass",
    "Hair",
    "Leather",
    "Metal",
    "Mirror",
    "Other",
    "Painted",
    "Paper",
    "Plastic",
    "Polished stone",
    "Skin",
    "Sky",
    "Stone",
    "Tile",
    "Wallpaper",
    "Water",
    "Wood",
)
"""The 23 categories of Materials in Context (Bell et al. 2015, table 1), alphabetical."""

FMD: tuple[str, ...] = (
    "Fabric",
    "Foliage",
    "Glass",
    "Leather",
    "Metal",
    "Paper",
    "Plastic",
    "Stone",
    "Water",
    "Wood",
)
"""The ten categories of the Flickr Material Database (Sharan et al. 2009), alphabetical."""

LISTS: dict[str, tuple[str, ...]] = {
    "opensurfaces": OPENSURFACES,
    "opensurfaces-plus": OPENSURFACES_PLUS,
    "original": ORIGINAL,
    "minc": MINC,
    "fmd": FMD,
}
"""The lists that the command line knows by name."""


def key(name: str) -> str:
    """What makes two spellings one material: case, surrounding and doubled blanks do not count."""
    return " ".join(name.split()).casefold()


def positions(names: Sequence[str], known: Sequence[str]) -> list[int]:
    """Where each of `names` stands in `known`; -1 for a material that is not there."""
    where = {key(name): index for index, name in enumerate(known)}
    return [where.get(key(name), -1) for name in names]
