"""The index of a data set: every photo looked over once, with threads, and remembered in one file."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from madeof._util.files import atomic
from madeof._util.text import show
from madeof.datasets.layout import Layout, Scan
from madeof.datasets.problems import Problem
from madeof.datasets.regions_table import RegionTable, join, table
from madeof.errors import DatasetError, InputError, WriteError

_logger = logging.getLogger("madeof")

FORMAT = 1
"""Goes up when the file, or what a layout finds in its files, changes."""
_AT_ONCE = 64  # photos a thread takes at a time: their small arrays are joined before the next


@dataclass(frozen=True, eq=False)
class Index:
    """Regions found in P photos."""

    stamp: NDArray[np.uint8]
    """(P, 32) SHA-256 of the inputs of a photo's entry."""
    height: NDArray[np.int32]
    width: NDArray[np.int32]
    too_small: NDArray[np.int32]
    """(P,) regions that were left out."""
    digest: NDArray[np.uint8]
    """(P, 32)"""
    regions: RegionTable

    def __len__(self) -> int:
        return len(self.stamp)

    def select(self, rows: NDArray[np.int64]) -> Index:
        """The index of the photos at `rows`, in that order."""
        return Index(
            self.stamp[rows],
            self.height[rows],
            self.width[rows],
            self.too_small[rows],
            self.digest[rows],
            self.regions.of_photos(rows),
        )


def build(
    layout: Layout,
    *,
    cache: Path | None = None,
    workers: int = 2,
    progress: Callable[[int, int], object] | None = None,
) -> tuple[Index, NDArray[np.int64], list[Problem]]:
    """Look over all photos of `layout`, except those that `cache` knows and that did not change.

    Args:
        layout: the photos.
        cache: the file to read and to write; a broken one is as good as none.
        workers: threads.
        progress: called with the numbers of photos done and of all.

    Returns:
        The index; the number in the layout of each of its photos, ascending; and what could not be used. A photo that
        could not be used at all is not in the index, and one with any problem is not remembered.
    """
    header = f"{FORMAT}\0{layout.header}\0"
    stamps = [_hash(header + layout.stamp(number)) for number in range(len(layout))]
    known = _load(cache, len(layout.materials)) if cache else None
    rows = {stamp.tobytes(): row for row, stamp in enumerate(known.stamp)} if known else {}
    kept = [(number, rows[stamp]) for number, stamp in enumerate(stamps) if stamp in rows]
    fresh = [number for number, stamp in enumerate(stamps) if stamp not in rows]
    parts: list[Index] = []
    numbers: list[int] = [number for number, _ in kept]
    if known and kept:
        parts.append(known.select(np.array([row for _, row in kept], dtype=np.int64)))
    problems: list[Problem] = []
    partial: set[int] = set()
    done = len(kept)
    if progress and fresh and kept:
        progress(done, len(layout))
    for part, found, bad, at_fault in _scan_all(layout, stamps, fresh, workers):
        parts.append(part)
        numbers += found
        problems += bad
        partial |= at_fault
        done += len(found) + len(at_fault - set(found))
        if progress:
            progress(done, len(layout))
    order = np.argsort(np.array(numbers, dtype=np.int64))
    index = _join(parts).select(order)
    ordered = np.array(numbers, dtype=np.int64)[order]
    if cache and (fresh or known is None or len(known) != len(kept)):
        whole = np.flatnonzero(~np.isin(ordered, list(partial)))
        _save(index.select(whole), cache)
    return index, ordered, problems


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


_Part = tuple[Index, list[int], list[Problem], set[int]]
"""Result of scanning some photos: findings with their photos, problems with their photos."""


def _scan_all(layout: Layout, stamps: Sequence[bytes], numbers: Sequence[int], workers: int) -> Iterator[_Part]:
    """Scan `numbers` in threads, a few at a time, in order."""

    def scan_some(some: Sequence[int]) -> _Part:
        scans: list[tuple[int, Scan]] = []
        problems: list[Problem] = []
        at_fault: set[int] = set()
        for number in some:
            try:
                scan = layout.scan(number)
            except (InputError, DatasetError, OSError) as error:
                problems.append(Problem(layout.file(number), " ".join(str(error).split())))
                at_fault.add(number)
                continue
            problems += scan.problems
            if scan.problems:
                at_fault.add(number)
            scans.append((number, scan))
        return _of_scans(scans, stamps), [number for number, _ in scans], problems, at_fault

    pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="madeof-index")
    try:
        yield from pool.map(scan_some, [numbers[at : at + _AT_ONCE] for at in range(0, len(numbers), _AT_ONCE)])
    finally:
        # After Ctrl-C or an error nobody wants the rest.
        pool.shutdown(wait=True, cancel_futures=True)


def _of_scans(scans: Sequence[tuple[int, Scan]], stamps: Sequence[bytes]) -> Index:
    return Index(
        _bytes([stamps[number] for number, _ in scans]),
        np.array([scan.height for _, scan in scans], dtype=np.int32),
        np.array([scan.width for _, scan in scans], dtype=np.int32),
        np.array([scan.too_small for _, scan in scans], dtype=np.int32),
        _bytes([scan.digest for _, scan in scans]),
        join([scan.regions for _, scan in scans], [1] * len(scans)),
    )


def _join(parts: Sequence[Index]) -> Index:
    if not parts:
        return _of_scans([], [])
    return Index(
        np.concatenate([part.stamp for part in parts]),
        np.concatenate([part.height for part in parts]),
        np.concatenate([part.width for part in parts]),
        np.concatenate([part.too_small for part in parts]),
        np.concatenate([part.digest for part in parts]),
        join([part.regions for part in parts], [len(part) for part in parts]),
    )


def _bytes(hashes: Sequence[bytes]) -> NDArray[np.uint8]:
    return np.frombuffer(b"".join(hashes), dtype=np.uint8).reshape(-1, 32)


def _save(index: Index, path: Path) -> None:
    """Write the index; a failure is not an error."""
    photos = {name: getattr(index, name) for name in _PHOTO_COLUMNS}
    regions = {f"region_{column.name}": getattr(index.regions, column.name) for column in fields(RegionTable)}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic(path) as file:
            np.savez(file, format=np.int64(FORMAT), **photos, **regions)
    except (WriteError, OSError) as error:
        _logger.warning("the index was not saved: %s", error)


def _load(path: Path, materials: int) -> Index | None:
    """The index in `path`, or None where there is none that we can use."""
    if not path.is_file():
        return None
    try:
        # Opened here: np.load leaves a file open that is no archive after all.
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            if int(file["format"]) != FORMAT:
                raise ValueError(f"format {int(file['format'])}, expected {FORMAT}")
            photos = {name: file[name] for name in _PHOTO_COLUMNS}
            columns = {column.name: file[f"region_{column.name}"] for column in fields(RegionTable)}
        index = Index(**photos, regions=RegionTable(**columns))
        _check(index, materials)
    except Exception as error:  # Whatever a broken file does to NumPy, we can build it anew.
        _logger.warning("%s is not a usable index (%s): building it anew", show(path), show(str(error)))
        return None
    return index


_PHOTO_COLUMNS = ("stamp", "height", "width", "too_small", "digest")


def _check(index: Index, materials: int) -> None:
    """Raise ValueError unless the columns fit together: what we read is used to look things up."""
    photos, regions = len(index.stamp), len(index.regions.photo)
    empty = _of_scans([], [])
    for name in _PHOTO_COLUMNS:
        column, like = getattr(index, name), getattr(empty, name)
        if column.dtype != like.dtype or column.shape != (photos, *like.shape[1:]):
            raise ValueError(f"column {name} is {column.dtype} {column.shape}")
    like_regions = table([], [], [], [], [])
    for one in fields(RegionTable):
        column, like = getattr(index.regions, one.name), getattr(like_regions, one.name)
        if column.dtype != like.dtype or column.shape != (regions, *like.shape[1:]):
            raise ValueError(f"column region_{one.name} is {column.dtype} {column.shape}")
    if regions:
        photo, material = index.regions.photo, index.regions.material
        if photo[0] < 0 or photo[-1] >= photos or (np.diff(photo) < 0).any():
            raise ValueError("regions of photos that are not there")
        if material.min() < 0 or material.max() >= materials:
            raise ValueError("materials that are not there")
        if index.regions.key.min() < 0:
            raise ValueError("negative keys")
