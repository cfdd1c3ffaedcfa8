"""The table of regions: what is known of each without reading a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class RegionTable:
    """The N regions of some photos, a column each, photo after photo."""

    photo: NDArray[np.int32]
    """(N,) the row of each region's photo, ascending."""
    material: NDArray[np.int16]
    """(N,) the position of each region's material."""
    area: NDArray[np.int32]
    """(N,) pixels."""
    box: NDArray[np.int32]
    """(N, 4) x0, y0, x1, y1 in pixels, x1 and y1 one past the region's last pixel."""
    key: NDArray[np.int32]
    """(N,) what finds the region again: the number of its component in the label map, or of its row in the table."""

    def __len__(self) -> int:
        return len(self.photo)

    def rows_of(self, photo: int) -> slice:
        """Rows of the regions of `photo`."""
        first, last = np.searchsorted(self.photo, [photo, photo + 1])
        return slice(int(first), int(last))

    def part(self, rows: slice | NDArray[np.int64]) -> RegionTable:
        """The table of the regions at `rows`."""
        return RegionTable(self.photo[rows], self.material[rows], self.area[rows], self.box[rows], self.key[rows])

    def of_photos(self, photos: NDArray[np.int64]) -> RegionTable:
        """The regions of `photos`, in the order of these; the column `photo` counts within `photos`."""
        first = np.searchsorted(self.photo, photos)
        counts = np.searchsorted(self.photo, photos, side="right") - first
        # Within one photo the rows go up by one; at the start of each photo we jump to its first row.
        jumps = first - (np.cumsum(counts) - counts)
        rows = np.arange(counts.sum(), dtype=np.int64) + np.repeat(jumps, counts)
        picked = self.part(rows)
        photo = np.repeat(np.arange(len(photos), dtype=np.int32), counts)
        return RegionTable(photo, picked.material, picked.area, picked.box, picked.key)


def table(
    photo: NDArray[np.integer] | Sequence[int],
    material: NDArray[np.integer] | Sequence[int],
    area: NDArray[np.integer] | Sequence[int],
    box: NDArray[np.integer] | Sequence[Sequence[int]],
    key: NDArray[np.integer] | Sequence[int],
) -> RegionTable:
    """A table from columns of any integers."""
    return RegionTable(
        np.asarray(photo, dtype=np.int32),
        np.asarray(material, dtype=np.int16),
        np.asarray(area, dtype=np.int32),
        np.asarray(box, dtype=np.int32).reshape(-1, 4),
        np.asarray(key, dtype=np.int32),
    )


def join(tables: Sequence[RegionTable], photos: Sequence[int]) -> RegionTable:
    """One table of several, each of which counts its photos from 0: `photos` says how many each has."""
    if not tables:
        return table([], [], [], [], [])
    starts = np.cumsum([0, *photos[:-1]])
    return RegionTable(
        np.concatenate([part.photo + np.int32(start) for part, start in zip(tables, starts, strict=True)]),
        np.concatenate([part.material for part in tables]),
        np.concatenate([part.area for part in tables]),
        np.concatenate([part.box for part in tables]),
        np.concatenate([part.key for part in tables]),
    )
