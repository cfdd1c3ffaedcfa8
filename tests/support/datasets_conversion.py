"""What several tests of datasets/conversion share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from format_cases import masks, save_photo, whole
from hypothesis import strategies as st
from PIL import Image

from madeof.datasets.opening import find_layout
from madeof.datasets.writing import Answered, AnsweredRegion

SIZE = 20, 26
"""(height, width) of the photos."""


SUFFIX = {"coco": ".json", "label_studio": ".json", "cvat": ".xml"}


Found = dict[str, list[tuple[str, bytes]]]
"""Of each photo the material and the mask of each region."""


Run = Callable[..., tuple[int, str]]


def small_set(folder: Path) -> list[Answered]:
    """Photos, saved in `folder`, whose regions have holes and parts, and lie at the edges; none touch or overlap."""
    first = np.zeros((6, *SIZE), dtype=bool)
    first[0, 0:8, 0:9] = True
    first[0, 2:6, 2:7] = False  # a hole
    first[1, 3:5, 3:6] = True  # of another material, an island in it
    first[2, 19, 25] = True  # one pixel, in the corner
    first[3, 10:12, 0:4] = first[3, 14:16, 0:4] = first[3, 16, 5] = True  # parts, two of them joined by a corner only
    first[4, 0:20, 12:14] = True  # from edge to edge
    first[5, 4, 20] = True
    second = np.zeros((2, *SIZE), dtype=bool)
    second[0] = True
    second[0, 8:12, 8:12] = False
    second[1, 9:11, 9:11] = True
    named = ("Wood", "Gläser & <Tassen>", "石", "Wood", "Holz: roh # 1", "it's"), ("Wood", "石")
    photos = []
    for file, found, materials in zip(("küche/größe 1.png", "deep/er/c+d 5%.png"), (first, second), named, strict=True):
        save_photo(folder, file, SIZE)
        regions = [
            AnsweredRegion(f"region {number}", mask, (0, 0), material)
            for number, (mask, material) in enumerate(zip(found, materials, strict=True))
        ]
        photos.append(Answered(file, folder, SIZE, tuple(regions)))
    save_photo(folder, "no regions.png", SIZE)
    return [*photos, Answered("no regions.png", folder, SIZE, ())]


def found_in(path: Path, images: Path | None = None, labels: Path | None = None) -> Found:
    """What is in a data set; nothing may be wrong with it."""
    layout = find_layout(path, images=images, labels=labels)
    assert layout.problems == []
    found: Found = {}
    for photo in layout.annotated():
        some = []
        for annotation in photo.annotations:
            with Image.open(layout.photos_folder / photo.file) as image:
                size = image.height, image.width
            part, corner = annotation.shape.cut(size)
            some.append((annotation.material, whole(part, corner, size).tobytes()))
        found[photo.file.removeprefix("images/")] = sorted(some)
    return {file: some for file, some in found.items() if some}


def as_found(photos: list[Answered]) -> Found:
    """What was meant to be written."""
    return {
        photo.file: sorted((one.material, whole(one.cut, one.corner, photo.size).tobytes()) for one in photo.regions)
        for photo in photos
        if photo.regions
    }


def in_a_map(found: Found) -> Found:
    """The same as a label map can say it: all of a material is one."""
    joined: Found = {}
    for file, some in found.items():
        by_material: dict[str, np.ndarray[Any, Any]] = {}
        for material, mask in some:
            by_material[material] = by_material.get(material, False) | np.frombuffer(mask, dtype=bool)
        joined[file] = sorted((material, mask.tobytes()) for material, mask in by_material.items())
    return joined


def place(folder: Path, format: str) -> Path:
    return folder / f"{format}{SUFFIX.get(format, '')}"


@st.composite
def photos_of_masks(draw: st.DrawFn) -> list[Answered]:
    found = []
    for file in draw(st.lists(st.sampled_from(["a.png", "b c.png", "ü/a.png"]), min_size=1, max_size=2, unique=True)):
        size = draw(st.tuples(st.integers(1, 14), st.integers(1, 14)))
        regions = [
            AnsweredRegion("", draw(masks(size)), (0, 0), draw(st.sampled_from(["Wood", "Wood - painted", "石"])))
            for _ in range(draw(st.integers(1, 4)))
        ]
        found.append(Answered(file, Path(), size, tuple(regions)))
    return found
