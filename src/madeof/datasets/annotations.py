"""Photos and the shapes of their regions: the common form of all annotation formats."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from madeof.datasets.photos import Details
from madeof.datasets.problems import Problem
from madeof.regions.raster import Cut
from madeof.regions.request import RegionRequest
from madeof.regions.shapes import Shape, cut_in_pixels


class Annotation(NamedTuple):
    """A region with its material."""

    material: str
    """As the file has it."""
    shape: Shape
    place: str
    """Place in its file, for messages and as the region's name: "annotation 17", "line 3", "shape 2"."""

    def cut(self, size: tuple[int, int]) -> Cut:
        """The region's pixels in a photo of `size`; see `cut_in_pixels`."""
        return cut_in_pixels(self.shape, size)

    def request(self, file: str = "") -> RegionRequest:
        """It as a region that is asked for; `file` names its file in errors."""
        return RegionRequest(self.place, self.shape, self.material, f"{self.place} of {file}" if file else "")


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
    """Contents of an annotation file or a folder of them."""

    where: Path
    """The file or folder, for messages."""
    photos_folder: Path
    photos: Sequence[AnnotatedPhoto]
    """Photos without a region are among them."""
    materials: tuple[str, ...]
    """In the file's own order where it has a list, else in alphabetical order."""
    problems: tuple[Problem, ...] = ()
    """Problems of single annotations or photos; the others can still be used (--skip-bad)."""
    left_out: Counter[str] = field(default_factory=Counter)
    """Number of items that are no regions, such as keypoints, by kind. They are reported, not an error."""
