"""Regions in label maps, one map a photo: each 8-connected blob of one value. A map is read when it is asked for."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from madeof._util.text import join_some, show
from madeof.datasets.annotations import AnnotatedPhoto, Annotation, Annotations
from madeof.datasets.formats.finding import split_of_folder
from madeof.datasets.layout import misfit
from madeof.datasets.listing import File, pair_files
from madeof.datasets.photos import Details
from madeof.errors import DatasetError
from madeof.images.photo import size_of
from madeof.materials.lists import key
from madeof.regions.components import Components, connected_components, object_map
from madeof.regions.files import read_label_map
from madeof.regions.raster import Cut

_VALUES = 1 << 16  # a label map's values are under it
_last = threading.local()  # one label map for each thread: a photo's regions are asked for one after the other


@dataclass(frozen=True)
class Values:
    """What the values of label maps mean."""

    names: dict[int, str]
    """The material of each value."""
    unlabelled: frozenset[int] = frozenset({0})
    """Values that are no region. One that is in neither is an error."""
    stretch: bool = False
    """Whether a map may be of another size than its photo, if it is of the same shape."""
    where: str = "the list of names"
    """Where the names stand, for messages."""
    colours: Literal["red", "refuse"] = "refuse"
    """What the value of a map in colours is; see `read_label_map`."""
    reader: Callable[[Path], tuple[NDArray[Any], NDArray[Any] | None]] | None = None
    """Reads a map in place of `read_label_map`: the values and, where all of an object is one region, the objects."""

    def __post_init__(self) -> None:
        """Raise a DatasetError where a value is too large."""
        if (most := max(self.names, default=0)) >= _VALUES:
            raise DatasetError(f"{show(self.where)}: the value {most} is too large; expected less than {_VALUES}")

    def table(self) -> NDArray[Any]:
        """(65536,) uint8 or uint16: each value's number among `names` from 1; 0 unlabelled; the largest unknown."""
        kind = np.uint8 if len(self.names) < np.iinfo(np.uint8).max else np.uint16
        table = np.full(_VALUES, np.iinfo(kind).max, dtype=kind)
        table[list(self.names)] = np.arange(1, len(self.names) + 1)
        table[list(self.unlabelled)] = 0
        return table

    @cached_property
    def materials(self) -> tuple[str, ...]:
        """The names in the order of `names`."""
        return tuple(self.names.values())


class Blob(NamedTuple):
    """One region of a label map."""

    regions: MapRegions
    number: int

    @property
    def stamp(self) -> str:
        """What changes when the region may have changed."""
        return f"{self.number}\0{self.regions.stamp}"

    def cut(self, size: tuple[int, int]) -> Cut:
        """See `Shape`."""
        blobs = self.regions.blobs()
        x0, y0, x1, y1 = blobs.boxes[self.number].tolist()
        part = np.equal(blobs.components[y0:y1, x0:x1], self.number + 1)
        height, width = blobs.components.shape
        if (height, width) == size:
            return part, (x0, y0)
        # Each pixel of the photo is of the map's pixel that holds its centre.
        rows, columns = _nearest(height, size[0]), _nearest(width, size[1])
        ys, xs = np.flatnonzero((rows >= y0) & (rows < y1)), np.flatnonzero((columns >= x0) & (columns < x1))
        grown = part[np.ix_(rows[ys] - y0, columns[xs] - x0)]
        if grown.any():
            return grown, (int(xs[0]), int(ys[0]))
        # Shrunk to nothing: the pixel that its first one falls into.
        y, x = np.argwhere(part)[0]
        place = int((x + x0) * size[1] / width), int((y + y0) * size[0] / height)
        return np.ones((1, 1), dtype=np.bool_), place


class MapRegions(Sequence[Annotation]):
    """The regions of one photo's label map, in the reading order of their first pixels."""

    def __init__(self, folder: Path, file: File, photo: Path, values: Values) -> None:
        """Nothing is read.

        Args:
            folder: of label maps.
            file: the label map in it.
            photo: the photo's path.
            values: what its values mean.
        """
        self._path, self._file, self._photo, self._values = folder / file.path, file, photo, values
        self._name = f"{folder.name}/{file.path}"

    @property
    def stamp(self) -> str:
        """What changes when the regions may have changed."""
        return f"{self._file}\0{sorted(self._values.names.items())}\0{sorted(self._values.unlabelled)}"

    def __len__(self) -> int:
        return len(self.blobs().values)

    @overload
    def __getitem__(self, number: int) -> Annotation: ...
    @overload
    def __getitem__(self, number: slice) -> Sequence[Annotation]: ...
    def __getitem__(self, number: int | slice) -> Annotation | Sequence[Annotation]:
        """The region of that number.

        Raises:
            InputError: the label map cannot be read.
            DatasetError: it is of another size than its photo, or holds a value that has no name.
        """
        if isinstance(number, slice):
            return [self[one] for one in range(*number.indices(len(self)))]
        blobs = self.blobs()
        if not -len(blobs.values) <= number < len(blobs.values):
            raise IndexError(number)
        number %= len(blobs.values)
        value = int(blobs.values[number])
        return Annotation(self._values.materials[value - 1], Blob(self, number), f"{self._name} region {number + 1}")

    def blobs(self) -> Components:
        """The blobs of the map, whose values are the positions of their names from 1. Raises as `__getitem__` does."""
        known: tuple[MapRegions, Components] | None = getattr(_last, "map", None)
        if known is None or known[0] is not self:
            _last.map = None  # free the last one before the next is read
            known = self, self._read()
            _last.map = known
        return known[1]

    def _read(self) -> Components:
        if self._values.reader is None:
            values, objects = read_label_map(self._path, colours=self._values.colours), None
        else:
            values, objects = self._values.reader(self._path)
        found, size = (values.shape[0], values.shape[1]), size_of(self._photo)
        if found != size and not (self._values.stretch and _alike(found, size)):
            raise misfit(show(self._name), found, size, self._photo)
        table = self._values.table()
        nothing = np.iinfo(table.dtype).max
        if values.dtype.itemsize <= 2:
            numbers = table[values]
        else:
            numbers = table[np.minimum(values, _VALUES - 1)]
            numbers[values >= _VALUES] = nothing
        if numbers.max(initial=0) == nothing:
            unknown, counts = np.unique(values[numbers == nothing], return_counts=True)
            told = join_some(f"{value} ({count} px)" for value, count in zip(unknown, counts, strict=True))
            raise DatasetError(
                f"{show(self._name)}: the value{'s' if len(unknown) > 1 else ''} {told} not in "
                f"{show(self._values.where)}: add the name"
            )
        return connected_components(numbers) if objects is None else object_map(numbers, objects)


def map_annotations(
    where: Path,
    images: Path,
    labels: Path,
    values: Values,
    *,
    details: Callable[[Path, Sequence[str]], Sequence[Details]] | None = None,
    missing_photos: str = "",
    missing_maps: str = "",
) -> Annotations:
    """The regions of all label maps of a folder, with the photos of the same names in another.

    Args:
        where: the data set, for messages.
        images: the folder of photos.
        labels: the folder of label maps.
        values: what their values mean.
        details: gives the details of photos by their paths in `images`; None takes the split from the names of folders.
        missing_photos: where photos may well be missing, what to count a label map without photo as.
        missing_maps: where label maps may well be missing, what to count a photo without one as.

    Raises:
        DatasetError: a folder cannot be listed.
    """
    for folder, what in ((images, "photos"), (labels, "label maps")):
        if not folder.is_dir():
            raise DatasetError(f"{show(folder)} is not a folder; expected the {what} of {show(where)}")
    pairs, problems = pair_files(images, labels)
    left_out: Counter[str] = Counter()
    for kind, side, words in ((missing_photos, labels, "no photo "), (missing_maps, images, "no label map ")):
        if kind and pairs:
            kept = [one for one in problems if not (one.file.startswith(f"{side.name}/") and words in one.reason)]
            left_out[kind] += len(problems) - len(kept)
            problems = kept
    paths = [photo.path for photo, _ in pairs]
    told = [details_of_folder(path) for path in paths] if details is None else details(images, paths)
    photos = [
        AnnotatedPhoto(photo.path, MapRegions(labels, label_map, images / photo.path, values), None, one)
        for (photo, label_map), one in zip(pairs, told, strict=True)
    ]
    materials = tuple({key(name): name for name in reversed(values.materials)}.values())[::-1]
    return Annotations(where, images, photos, materials, tuple(problems), +left_out)


def details_of_folder(path: str) -> Details:
    """The split that the folders of a photo's path say: training/ADE_1.jpg, val2017/000000000139.jpg."""
    for folder in path.lower().split("/")[:-1]:
        if split := split_of_folder(folder):
            return Details(split=split)
    return Details()


def first_folder(path: Path, names: Iterable[str]) -> Path | None:
    """The first of some folders in `path` that is there."""
    return next((path / name for name in names if (path / name).is_dir()), None)


def _nearest(size: int, wanted: int) -> NDArray[np.int64]:
    """For each of `wanted` pixels the one of `size` that holds its centre."""
    return ((2 * np.arange(wanted) + 1) * size) // (2 * wanted)


def _alike(found: tuple[int, int], size: tuple[int, int]) -> bool:
    """Whether two (height, width) are of one shape: one side of the first follows from the other to a pixel or so."""
    (h, w), (height, width) = found, size
    return abs(w - h * width / height) < 1.5 or abs(h - w * height / width) < 1.5
