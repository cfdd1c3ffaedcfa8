"""Annotated photos and their regions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from datasets_annotated import SIZE, annotations, save_photo

from madeof.datasets.annotated import AnnotatedPhotos
from madeof.datasets.annotations import AnnotatedPhoto, Annotation
from madeof.errors import RegionError
from madeof.regions.shapes import Bits, Box, Polygons, Whole


def test_the_digest_is_that_of_the_pixels(tmp_path: Path) -> None:
    """The same regions have the same digest, whatever their file and shape; other pixels and materials do not."""
    save_photo(tmp_path / "a.png")
    mask = np.ones((3, 4), dtype=bool)

    def digest(*shapes: Any, material: str = "Wood", min_area: int = 1) -> bytes:
        photo = AnnotatedPhoto("a.png", [Annotation(material, shape, f"{shape}") for shape in shapes])
        return AnnotatedPhotos(annotations(tmp_path, photo), min_area=min_area).scan(0).digest

    box = Box(2, 3, 6, 6)
    first = digest(box)
    assert digest(Polygons([np.array([[2, 3], [6, 3], [6, 6], [2, 6]])])) == first
    assert digest(Bits(mask, (2, 3))) == first
    assert digest(Bits(np.pad(mask, 1), (1, 2)), material=" wood ") == first
    others = [
        digest(),
        digest(box, box),
        digest(box, material="Brick"),
        digest(Box(2, 3, 6, 7)),
        digest(Box(3, 3, 7, 6)),
        digest(Whole()),
    ]
    assert len({first, *others}) == 7


def test_a_region_without_material(tmp_path: Path) -> None:
    save_photo(tmp_path / "a.png")
    photo = AnnotatedPhoto("a.png", [Annotation(" ", Whole(), "shape 3"), Annotation("Wood", Whole(), "shape 4")])
    scan = AnnotatedPhotos(annotations(tmp_path, photo)).scan(0)
    assert [problem.reason for problem in scan.problems] == ["file.json: a.png: shape 3: it has no material"]
    assert scan.regions.key.tolist() == [1]


def test_a_box_may_hang_over_and_a_mask_may_not() -> None:
    assert Box(-5, -5, 3, 2).cut(SIZE)[0].shape == (2, 3)
    with pytest.raises(RegionError, match=r"its mask of 9 x 9 at \(9, 0\) hangs over the photo of 16 x 12"):
        Bits(np.ones((9, 9), dtype=bool), (9, 0)).cut(SIZE)
    with pytest.raises(RegionError, match="its mask is empty"):
        Bits(np.zeros((2, 2), dtype=bool)).cut(SIZE)
    square = np.array([[2, 2], [8, 2], [8, 8], [2, 8]])
    with pytest.raises(RegionError, match="its holes leave nothing of it"):
        Polygons([square], [square]).cut(SIZE)
    cut, corner = Polygons([square, square + 7], [square + 2]).cut(SIZE)
    assert (cut.sum(), corner) == (36 + 18 - 16 - 1, (2, 2))  # the second is cut off below, the hole takes from both
