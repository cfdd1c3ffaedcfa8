"""A data set: tables of its photos and regions in memory, the pixels read when they are asked for."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from madeof._util.text import join_some, show
from madeof.datasets.layout import Layout
from madeof.datasets.photos import PhotoTable
from madeof.datasets.problems import Problem
from madeof.datasets.regions_table import RegionTable
from madeof.datasets.splits import SPLITS
from madeof.errors import DatasetError


class MaterialCount(NamedTuple):
    """How much of a material there is."""

    material: str
    regions: int
    photos: int


@dataclass(frozen=True, eq=False)
class Sample:
    """A photo with some of its regions."""

    name: str
    """The photo's name."""
    image: NDArray[np.uint8]
    """(H, W, 3) RGB in [0, 255], EXIF applied."""
    masks: NDArray[np.bool_]
    """(N, H, W), True inside the region."""
    materials: NDArray[np.int64]
    """(N,) the position of each region's material in the data set's `materials`."""
    regions: NDArray[np.int64]
    """(N,) the row of each region in the data set's `regions`."""


@dataclass(frozen=True, eq=False, repr=False)
class RegionDataset:
    """Photos with labelled regions. Each photo has at least one.

    A split or another selection is a `RegionDataset` too, whose tables hold its own photos and regions, counted from 0.
    """

    materials: tuple[str, ...]
    """Ordered; the unlabelled is not among them."""
    photos: PhotoTable
    regions: RegionTable
    skipped: tuple[Problem, ...]
    """(file, reason) of what could not be used, of the whole data set; empty unless it was opened with skip_bad."""
    too_small: int
    """Regions of the whole data set that were left out for their area."""
    without_regions: int
    """Photos of the whole data set that were left out because no region of theirs is left."""
    _layout: Layout
    _numbers: NDArray[np.int64]
    """(P,) each photo's number in the layout."""
    _digests: NDArray[np.uint8]
    """(P, 32) each photo's SHA-256."""

    def __len__(self) -> int:
        """The number of photos."""
        return len(self.photos)

    def __repr__(self) -> str:
        return f"RegionDataset({len(self)} photos, {len(self.regions)} regions, {len(self.materials)} materials)"

    @cached_property
    def digest(self) -> str:
        """SHA-256, in hexadecimal, of what the regions come from.

        It covers the materials and the options, and of each photo the name, its file's size in bytes, its height and
        width, and the bytes of its label map or masks. It does not cover the photo's pixels, times, splits, sources and
        licences, so it is the same on another machine.
        """
        digest = hashlib.sha256(self._layout.header.encode("utf-8", "surrogatepass"))
        digest.update(self._digests.tobytes())
        return digest.hexdigest()

    @property
    def splits_are_drawn(self) -> bool:
        """Whether no photo's split is given: all were drawn by `madeof.datasets.splits.assign`."""
        details = self._layout.details
        return not any(details[number].split for number in self._numbers.tolist())

    def __getitem__(self, photo: int) -> Sample:
        """The photo at row `photo` with all of its regions; -1 is the last. Raises as `read` does."""
        return self.read(photo + len(self) if -len(self) <= photo < 0 else photo)

    def __iter__(self) -> Iterator[Sample]:
        """Each photo with its regions, in order; one at a time is in memory. Raises as `read` does."""
        return (self.read(photo) for photo in range(len(self)))

    def read(self, photo: int) -> Sample:
        """The photo at row `photo` with all of its regions.

        Raises:
            IndexError: there is no such photo.
            InputError: the photo or one of its masks cannot be read.
            DatasetError: its label map or a mask changed since the data set was opened.
        """
        if not 0 <= photo < len(self):
            raise IndexError(f"photo {photo} of a data set of {len(self)}; expected 0 to {len(self) - 1}")
        rows = self.regions.rows_of(photo)
        return self._read(photo, np.arange(rows.start, rows.stop, dtype=np.int64))

    def read_region(self, region: int) -> Sample:
        """The region at row `region` with its photo; N is 1. Raises as `read` does."""
        if not 0 <= region < len(self.regions):
            count = len(self.regions)
            raise IndexError(f"region {region} of a data set of {count}; expected 0 to {count - 1}")
        return self._read(int(self.regions.photo[region]), np.array([region], dtype=np.int64))

    def _read(self, photo: int, rows: NDArray[np.int64]) -> Sample:
        regions = self.regions.part(rows)
        image, masks = self._layout.read(int(self._numbers[photo]), regions)
        return Sample(self.photos.name[photo], image, masks, regions.material.astype(np.int64), rows)

    def split(self, name: str) -> RegionDataset:
        """The photos of the split "train", "val" or "test" (there may be none), or this data set for "all".

        Raises:
            DatasetError: another name.
        """
        if name == "all":
            return self
        if name not in SPLITS:
            raise DatasetError(f"the split {name!r} is not one of {', '.join(SPLITS)}, all")
        return self.select(np.flatnonzero(np.array(self.photos.split, dtype=np.str_) == name))

    def select(self, photos: NDArray[np.integer] | NDArray[np.bool_] | Sequence[int]) -> RegionDataset:
        """Some photos with their regions. Nothing is read.

        Args:
            photos: rows, in the order wanted, or (P,) bool, True for those wanted.

        Raises:
            IndexError: a row is out of range, or there are more or fewer than P bools.
        """
        rows = np.asarray(photos)
        if rows.dtype == np.bool_:
            if rows.shape != (len(self),):
                raise IndexError(f"{len(rows)} bools to select from {len(self)} photos; expected one for each")
            rows = np.flatnonzero(rows)
        rows = rows.astype(np.int64)
        if len(rows) and not 0 <= rows.min() <= rows.max() < len(self):
            raise IndexError(f"photos {rows.min()} to {rows.max()} of a data set of {len(self)}")
        return RegionDataset(
            self.materials,
            self.photos.select(rows),
            self.regions.of_photos(rows),
            self.skipped,
            self.too_small,
            self.without_regions,
            self._layout,
            self._numbers[rows],
            self._digests[rows],
        )

    def of_sources(self, names: Sequence[str]) -> RegionDataset:
        """The photos of some sources (there may be none of a source that the whole data set has).

        Raises:
            DatasetError: no photo here has such a source.
        """
        known = self.count_by_source()
        if wrong := [name for name in names if name not in known]:
            there = join_some(f"{show(name) or 'not stated'} ({count})" for name, count in known.items())
            raise DatasetError(f"no photo has the source {wrong[0]!r}; the sources are {there}")
        return self.select(np.isin(np.array(self.photos.source, dtype=np.str_), list(names)))

    def count_by_material(self) -> tuple[MaterialCount, ...]:
        """Regions and photos of each material, in the order of `materials`, with zeros."""
        size = len(self.materials)
        regions = np.bincount(self.regions.material, minlength=size)
        pairs = np.unique(self.regions.photo.astype(np.int64) * size + self.regions.material)
        photos = np.bincount(pairs % size, minlength=size)
        return tuple(MaterialCount(*row) for row in zip(self.materials, regions.tolist(), photos.tolist(), strict=True))

    def count_by_source(self) -> dict[str, int]:
        """Photos of each source, the most first; "" is where none is stated."""
        return dict(Counter(self.photos.source).most_common())

    def count_by_licence(self) -> dict[str, int]:
        """Photos of each licence, the most first; "" is where none is stated."""
        return dict(Counter(self.photos.licence).most_common())
