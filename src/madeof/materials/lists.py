"""Ordered lists of materials. A material is its name: lists are matched by name, never by number."""

from __future__ import annotations

import re
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
"""Materials of the original's weights: outputs 1-43. Output 0 is the background."""

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

DMS: tuple[str, ...] = (
    "Animal skin",
    "Bone/teeth/horn",
    "Brickwork",
    "Cardboard",
    "Carpet/rug",
    "Ceiling tile",
    "Ceramic",
    "Chalkboard/blackboard",
    "Clutter",
    "Concrete",
    "Cork/corkboard",
    "Engineered stone",
    "Fabric/cloth",
    "Fiberglass wool",
    "Fire",
    "Foliage",
    "Food",
    "Fur",
    "Gemstone/quartz",
    "Glass",
    "Hair",
    "Ice",
    "Leather",
    "Liquid, non-water",
    "Metal",
    "Mirror",
    "Paint/plaster/enamel",
    "Paper",
    "Pearl",
    "Photograph/painting",
    "Plastic, clear",
    "Plastic, non-clear",
    "Rubber/latex",
    "Sand",
    "Skin/lips",
    "Sky",
    "Snow",
    "Soap",
    "Soil/mud",
    "Sponge",
    "Stone, natural",
    "Stone, polished",
    "Styrofoam",
    "Tile",
    "Wallpaper",
    "Water",
    "Wax",
    "Whiteboard",
    "Wicker",
    "Wood",
    "Wood, tree",
    "Asphalt",
)
"""The 52 materials of the Dense Material Segmentation dataset (Upchurch and Niu 2022, arXiv 2207.10614): the names and
the order of its `taxonomy.json`, without its five that are no material ("No label", "I cannot tell", "Not on list",
"Bad polygon", "Multiple materials"). Its benchmark is over 46 of them: without Fiberglass wool, "Liquid, non-water",
Pearl, Soap, Sponge and Styrofoam."""

COCO_STUFF: tuple[str, ...] = (
    "banana",
    "apple",
    "sandwich",
    "orange",
    "broccoli",
    "carrot",
    "hot dog",
    "pizza",
    "donut",
    "cake",
    "blanket",
    "branch",
    "bush",
    "cardboard",
    "carpet",
    "ceiling-tile",
    "cloth",
    "clothes",
    "clouds",
    "curtain",
    "dirt",
    "floor-marble",
    "floor-stone",
    "floor-tile",
    "floor-wood",
    "flower",
    "fog",
    "food-other",
    "fruit",
    "grass",
    "gravel",
    "leaves",
    "metal",
    "mirror-stuff",
    "moss",
    "mud",
    "napkin",
    "paper",
    "pavement",
    "pillow",
    "plant-other",
    "plastic",
    "river",
    "road",
    "rock",
    "rug",
    "salad",
    "sand",
    "sea",
    "sky-other",
    "snow",
    "stone",
    "straw",
    "textile-other",
    "towel",
    "tree",
    "vegetable",
    "wall-brick",
    "wall-concrete",
    "wall-stone",
    "wall-tile",
    "wall-wood",
    "water-other",
    "waterdrops",
    "wood",
)
"""The classes of COCO-Stuff (Caesar et al. 2018, `labels.txt`) that say a material, or of which the material is known,
in its order. The others are things of any material (car, chair, building-other)."""

ADE20K: tuple[str, ...] = (
    "sky",
    "tree",
    "grass",
    "plant, flora, plant life",
    "curtain, drape, drapery, mantle, pall",
    "water",
    "sea",
    "mirror",
    "rug, carpet, carpeting",
    "rock, stone",
    "cushion",
    "sand",
    "river",
    "pillow",
    "flower",
    "palm, palm tree",
    "towel",
    "dirt track",
    "apparel, wearing apparel, dress, clothes",
    "land, ground, soil",
    "swimming pool, swimming bath, natatorium",
    "waterfall, falls",
    "food, solid food",
    "lake",
    "blanket, cover",
    "glass, drinking glass",
    "flag",
)
"""Those of ADE20K's 150 classes (Zhou et al. 2017, `objectInfo150.txt`), likewise."""

LISTS: dict[str, tuple[str, ...]] = {
    "opensurfaces": OPENSURFACES,
    "opensurfaces-plus": OPENSURFACES_PLUS,
    "original": ORIGINAL,
    "minc": MINC,
    "fmd": FMD,
    "dms": DMS,
}
"""The lists that the command line knows by name."""

VALUES: dict[str, tuple[int, ...]] = {"dms": (*range(1, 22), *range(23, 28), *range(29, 54), 56)}
"""The values of a list's materials in its own label maps, where they are not 1, 2, ... without a gap."""


def key(name: str) -> str:
    """Normalised name: equal for spellings that differ in case, outer or doubled blanks, or blanks around a "/".

    >>> key("Carpet / rug") == key("carpet/rug")
    True
    """
    return re.sub(r" ?/ ?", "/", " ".join(name.split())).casefold()


def positions(names: Sequence[str], known: Sequence[str]) -> list[int]:
    """Index of each of `names` in `known`; -1 if it is not there."""
    where = {key(name): index for index, name in enumerate(known)}
    return [where.get(key(name), -1) for name in names]
