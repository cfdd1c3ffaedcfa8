"""The regions of a COCO file packed into a few arrays: a million take about as much memory as their numbers."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from madeof._util.text import brief
from madeof.datasets.annotations import Annotation
from madeof.errors import DatasetError, RegionError
from madeof.regions.parsing import LEAST, coco_shape
from madeof.regions.rle import RLE
from madeof.regions.shapes import Box, Polygons, Shape

POLYGONS, RUNS, TEXT, BOX = range(4)
"""How a region is packed: the number of outlines, the length of each, their numbers; height, width, lengths; height,
width, the text of the lengths; the four sides. The numbers are float64."""

Packed = tuple[int, bytes]
"""One of the kinds, and the bytes."""


def pack(annotation: dict[str, Any]) -> Packed | None:
    """The shape of a COCO annotation; None where it has none (captions, keypoints).

    Raises:
        DatasetError: its segmentation or box is broken.
    """
    outlines = annotation.get("segmentation")
    first = outlines[0] if type(outlines) is list and len(outlines) == 1 else None
    if type(first) is list and len(first) >= LEAST and len(first) % 2 == 0:  # nearly all of a file, and quicker so
        try:
            return POLYGONS, array("d", [1, len(first), *first]).tobytes()
        except (TypeError, OverflowError):
            pass  # it is told below
    try:
        shape = coco_shape(annotation)
    except RegionError as error:
        raise DatasetError(str(error)) from None
    if isinstance(shape, Polygons):
        lengths = array("d", [len(shape.parts), *(part.size for part in shape.parts)])
        return POLYGONS, b"".join([lengths.tobytes(), *(part.tobytes() for part in shape.parts)])
    if isinstance(shape, RLE):
        size = array("d", shape.size).tobytes()
        return (TEXT, size + shape.counts) if isinstance(shape.counts, bytes) else (RUNS, size + shape.counts.tobytes())
    return (BOX, array("d", shape).tobytes()) if isinstance(shape, Box) else None


def unpack(kind: int, data: memoryview) -> Shape:
    """The shape that was packed."""
    if kind in (TEXT, RUNS):
        height, width = np.frombuffer(data[:16], dtype=np.float64).astype(np.int64).tolist()
        rest = data[16:]
        return RLE(bytes(rest) if kind == TEXT else np.frombuffer(rest, dtype=np.int64), (height, width))
    numbers = np.frombuffer(data, dtype=np.float64)
    if kind == BOX:
        return Box(*numbers.tolist())
    outlines = int(numbers[0])
    ends = np.cumsum(numbers[1 : 1 + outlines].astype(np.int64))
    return Polygons([part.reshape(-1, 2) for part in np.split(numbers[1 + outlines :], ends[:-1])])


class Ids:
    """Numbers from 0 for ids of any kind, in the order in which they are met."""

    def __init__(self) -> None:
        self.known: dict[Hashable, int] = {}

    def number(self, value: object, what: str) -> int:
        """The number of an id.

        Raises:
            DatasetError: it is neither a number nor a text.
        """
        if not isinstance(value, int | str | float) or isinstance(value, bool):
            raise DatasetError(f"its {what} is {brief(value)}; expected a whole number")
        return self.known.setdefault(value, len(self.known))


class Rows:
    """Regions in the order of the file."""

    def __init__(self) -> None:
        self.photo = array("i")
        """The number of each region's image id."""
        self.category = array("i")
        self._id = array("q")  # -1 where it has none that fits
        self._position = array("i")
        self._kind = array("B")
        self._data = bytearray()
        self._end = array("q")

    def __len__(self) -> int:
        return len(self.photo)

    def add(self, photo: int, category: int, id: object, position: int, packed: Packed) -> None:
        """Add a region: `position` is that of its annotation in the file's list."""
        self.photo.append(photo)
        self.category.append(category)
        fits = isinstance(id, int) and not isinstance(id, bool) and 0 <= id < 2**63
        self._id.append(id if fits else -1)  # type: ignore[arg-type]
        self._position.append(position)
        self._kind.append(packed[0])
        self._data += packed[1]
        self._end.append(len(self._data))

    def place(self, row: int) -> str:
        """Where a region stands in its file."""
        return place_of(self._id[row] if self._id[row] >= 0 else None, self._position[row])

    def shape(self, row: int) -> Shape:
        """A region's shape."""
        return unpack(self._kind[row], self.packed(row))

    def packed(self, row: int) -> memoryview:
        """A region's shape as it is kept."""
        return memoryview(self._data)[self._end[row - 1] if row else 0 : self._end[row]]


def place_of(id: object, position: int) -> str:
    """Where an annotation stands: by its id, else by its position."""
    return f"annotation {id}" if isinstance(id, int) and not isinstance(id, bool) else f"annotations[{position}]"


class RowsOf(Sequence[Annotation]):
    """The regions of one photo; an `Annotation` is made when it is asked for."""

    def __init__(self, rows: Rows, names: Mapping[int, str], chosen: NDArray[np.int64]) -> None:
        """The regions `chosen` of `rows`; `names` holds the name of each category number."""
        self._rows, self._names, self._chosen = rows, names, chosen

    @property
    def stamp(self) -> str:
        """What changes when a shape or a material does."""
        digest = hashlib.sha256()
        for row in self._chosen.tolist():
            digest.update(f"\0{self._names[self._rows.category[row]]}\0".encode("utf-8", "surrogatepass"))
            digest.update(self._rows.packed(row))
        return digest.hexdigest()

    @property
    def materials(self) -> list[str]:
        """The material of each region, without the regions being made."""
        return [self._names[self._rows.category[row]] for row in self._chosen.tolist()]

    def __len__(self) -> int:
        return len(self._chosen)

    @overload
    def __getitem__(self, index: int) -> Annotation: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Annotation]: ...
    def __getitem__(self, index: int | slice) -> Annotation | Sequence[Annotation]:
        if isinstance(index, slice):
            return RowsOf(self._rows, self._names, self._chosen[index])
        row = int(self._chosen[index])
        return Annotation(self._names[self._rows.category[row]], self._rows.shape(row), self._rows.place(row))
