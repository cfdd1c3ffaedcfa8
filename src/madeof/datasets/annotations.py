"""What the annotation files of other tools say: photos, and the shapes of their regions. All formats read into this."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from madeof.datasets.photos import Details
from madeof.datasets.problems import Problem
from madeof.errors import RegionError
from madeof.regions.raster import Cut
from madeof.regions.shapes import Box, Drawn, Polygons, Several, Shape


class Annotation(NamedTuple):
    """A region with its material."""

    material: str
    """As the file has it."""
    shape: Shape
    place: str
    """Where it stands in its file, for messages and as the region's name: "annotation 17", "line 3", "shape 2"."""

    def cut(self, size: tuple[int, int]) -> Cut:
        """The region's pixels in a photo of `size`; see `Shape`.

        Raises:
            RegionError: they cannot be cut, or its coordinates are parts of the photo's size as it seems.
        """
        part, corner = self.shape.cut(size)
        if corner == (0, 0) and max(part.shape) <= 2 < max(size) and _seems_relative(self.shape):
            raise RegionError(
                "its coordinates are all from 0 to 1, parts of the photo's size as it seems; expected pixels: multiply "
                "them by its width and height"
            )
        return part, corner


def _seems_relative(shape: Shape) -> bool:
    shapes = shape.shapes if isinstance(shape, Several) else [shape]
    numbers = [np.ravel(part) for one in shapes if isinstance(one, Polygons | Drawn) for part in one.parts]
    numbers += [np.array(one) for one in shapes if isinstance(one, Box)]
    found = np.concatenate(numbers or [np.zeros(1)])
    return bool((found >= 0).all() and (found <= 1).all() and (found != np.rint(found)).any())


@dataclass(frozen=True)
class AnnotatedPhoto:
    """A photo and its regions."""

    file: str
    """Its path relative to `Annotations.photos_folder`, "/" between folders."""
    annotations: Sequence[Annotation]
    size: tuple[int, int] | None = None
    """(height, width) that the file states: another size of the photo itself is an error."""
    details: Details = field(default_factory=Details)


@dataclass(frozen=True)
class Annotations:
    """All that an annotation file, or a folder of them, says."""

    where: Path
    """The file or folder, for messages."""
    photos_folder: Path
    photos: Sequence[AnnotatedPhoto]
    """Photos without a region are among them."""
    materials: tuple[str, ...]
    """In the file's own order where it has a list, else in alphabetical order."""
    problems: tuple[Problem, ...] = ()
    """What is broken in single annotations or photos; the others can be used all the same (--skip-bad)."""
    left_out: Counter[str] = field(default_factory=Counter)
    """What is no region, such as keypoints, by kind; said in one line, no error."""
