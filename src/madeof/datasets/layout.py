"""Protocol of data layouts: list the photos, scan a photo, read it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from madeof._util.text import show
from madeof.datasets.annotations import AnnotatedPhoto
from madeof.datasets.photos import Details
from madeof.datasets.problems import Problem
from madeof.datasets.regions_table import RegionTable
from madeof.errors import DatasetError
from madeof.images.photo import read_photo


@dataclass(frozen=True, eq=False)
class Scan:
    """Regions of one photo."""

    height: int
    width: int
    regions: RegionTable
    """The column `photo` is 0."""
    too_small: int
    """Regions that were left out for their area."""
    digest: bytes
    """SHA-256 of the photo's name and sizes and of the bytes of its label map or masks."""
    problems: tuple[Problem, ...] = ()
    """Masks that could not be used; the regions are those of the others."""


class Layout(Protocol):
    """Photos with regions in some layout of files. Photos are numbered from 0."""

    @property
    def where(self) -> str:
        """The data set's place, for messages."""
        ...

    @property
    def materials(self) -> tuple[str, ...]:
        """The ordered materials."""
        ...

    @property
    def header(self) -> str:
        """Cache key: everything besides the files that the regions depend on (layout, materials, least area)."""
        ...

    @property
    def details(self) -> list[Details]:
        """The details of each photo."""
        ...

    @property
    def photos_folder(self) -> Path:
        """The folder that the paths of `annotated` are relative to."""
        ...

    @property
    def problems(self) -> list[Problem]:
        """Problems known before any photo is scanned."""
        ...

    def annotated(self) -> list[AnnotatedPhoto]:
        """The photos as annotation files have them: with the shapes of their regions, none of which is looked at."""
        ...

    def __len__(self) -> int: ...

    def name(self, number: int) -> str:
        """The photo's name."""
        ...

    def file(self, number: int) -> str:
        """The photo's file, for messages."""
        ...

    def stamp(self, number: int) -> str:
        """Names, sizes and times of the photo's files: when it is the same, so are the regions."""
        ...

    def scan(self, number: int) -> Scan:
        """Find the photo's regions.

        Raises:
            InputError, DatasetError: the photo, its label map or all of its masks cannot be used.
        """
        ...

    def read(self, number: int, regions: RegionTable) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """The photo, (H, W, 3), and the masks of `regions`, (N, H, W).

        Raises:
            InputError: the photo or a mask cannot be read.
            DatasetError: they are not what they were when they were scanned.
        """
        ...


def misfit(file: str, found: tuple[int, int], size: tuple[int, int], photo: Path) -> DatasetError:
    """The error for a label map or mask `file` of another (height, width) than its photo.

    Raises:
        PhotoError: the photo cannot be read.
    """
    text = (
        f"{file} is {found[1]} x {found[0]} but its photo {show(photo.name)} is {size[1]} x {size[0]} (width x height)"
    )
    # Slow, and only for the message.
    if found == read_photo(photo).raw_size:
        return DatasetError(f"{text}: it fits only the photo before its EXIF turn; turn it as the photo is turned")
    return DatasetError(f"{text}; expected the same size")


def changed(file: str) -> DatasetError:
    """The error for a file that no longer holds what was found when the data set was opened."""
    return DatasetError(f"{file} changed since the data set was opened; open it again")
