"""COCO's run-length encoding (RLE): masks as the lengths of runs down the columns, 0s first.

The runs go down the first column, then down the second: column-major, unlike the rows of a picture. The compressed form
writes them as text, five bits a character from "0" on, each but the first three as its difference to the last but one
(github.com/cocodataset/cocoapi, common/maskApi.c, rleToString and rleFrString). We do it ourselves, and check every
length before it is used, because a region then costs its runs and not the whole photo; the tests compare with
pycocotools.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from madeof._util.text import brief
from madeof.errors import EmptyRegionError, RegionError
from madeof.regions.raster import Cut

_MOST_CHARACTERS = 12  # of one number: 60 bits


class RLE(NamedTuple):
    """A region as its runs; see `Shape`."""

    counts: NDArray[np.int64] | bytes
    """The lengths, or their compressed form."""
    size: tuple[int, int]
    """(height, width) of the photo."""

    def cut(self, size: tuple[int, int]) -> Cut:
        """See `Shape`."""
        if self.size != size:
            turned = ": they seem to be turned by a quarter" if self.size == size[::-1] else ""
            raise RegionError(
                f"its runs are of a photo of {self.size[1]} x {self.size[0]} but the photo is {size[1]} x {size[0]} "
                f"(width x height){turned}"
            )
        counts = decompress(self.counts) if isinstance(self.counts, bytes) else self.counts
        return decode_rle(counts, size)


def parse_rle(value: Mapping[str, Any]) -> RLE:
    """The runs of COCO's object of size and counts; the counts are a text, or numbers.

    Raises:
        RegionError: it is something else.
    """
    size, counts = value.get("size"), value.get("counts")
    try:
        height, width = array("q", size)  # type: ignore[arg-type]  # what is none of these is a TypeError
    except (TypeError, ValueError, OverflowError):
        raise RegionError(f"the size of its run lengths is {brief(size)}; expected height and width") from None
    if isinstance(counts, bytes):  # as pycocotools has it
        return RLE(counts, (height, width))
    if isinstance(counts, str) and counts.isascii():
        return RLE(counts.encode("ascii"), (height, width))
    try:
        if not isinstance(counts, list):
            raise TypeError
        return RLE(np.frombuffer(array("q", counts), dtype=np.int64), (height, width))
    except (TypeError, OverflowError):
        raise RegionError(f"its run lengths are {brief(counts)}; expected a text or whole numbers") from None


def decode_rle(counts: NDArray[np.int64], size: tuple[int, int]) -> Cut:
    """The part of a mask around all that is inside, from its runs.

    Args:
        counts: (n,) lengths of runs in column-major order, of 0s and 1s in turn, 0s first.
        size: (height, width).

    Raises:
        RegionError: the runs do not fill the photo exactly, or nothing is inside.
    """
    height, width = size
    if (counts < 0).any() or (counts > height * width).any() or counts.sum() != height * width:
        total = "a negative number" if (counts < 0).any() else f"{int(counts.astype(np.float64).sum())} pixels"
        raise RegionError(f"its runs make {total}; expected the photo's {width} x {height} = {height * width}")
    ends = np.cumsum(counts)
    starts, ends = ends[:-1:2], ends[1::2]
    some = ends > starts
    starts, ends = starts[some], ends[some]
    if not len(starts):
        raise EmptyRegionError("its runs have nothing inside; expected at least one pixel")
    left, right = int(starts[0]) // height, int(ends[-1] - 1) // height + 1
    steps = np.zeros((right - left) * height + 1, dtype=np.int8)
    steps[starts - left * height] += 1
    steps[ends - left * height] -= 1
    columns = np.cumsum(steps[:-1], dtype=np.int8).view(np.bool_).reshape(right - left, height)
    if (starts // height != (ends - 1) // height).any():  # a run that goes on in the next column: all rows
        return np.ascontiguousarray(columns.T), (left, 0)
    top, bottom = int((starts % height).min()), int(((ends - 1) % height).max()) + 1
    return np.ascontiguousarray(columns[:, top:bottom].T), (left, top)


def encode_rle(cut: NDArray[np.bool_], corner: tuple[int, int], size: tuple[int, int]) -> NDArray[np.int64]:
    """The runs of a mask, as `decode_rle` takes them.

    Args:
        cut: (h, w), True inside.
        corner: x, y of its first pixel in the photo.
        size: (height, width) of the photo.
    """
    (x, y), (height, width) = corner, cut.shape
    columns = np.zeros((width, size[0]), dtype=np.bool_)
    columns[:, y : y + height] = cut.T
    flat = np.zeros(columns.size + 2, dtype=np.bool_)
    flat[1:-1] = columns.ravel()
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + x * size[0]
    total = size[0] * size[1]
    # What is inside at the very end has no run of 0s after it.
    inner = changes[changes < total]
    return np.diff(inner, prepend=0, append=total).astype(np.int64)


def compress(counts: NDArray[np.int64]) -> bytes:
    """The text of runs."""
    steps = counts.astype(np.int64)
    steps[3:] -= counts[1:-2]
    left = steps.copy()
    digits = []
    going = np.ones(len(steps), dtype=np.bool_)
    while going.any():
        low = left & 0x1F
        left >>= 5  # keeps the sign
        more = going & np.where(low & 0x10, left != -1, left != 0)
        digits.append(np.where(going, low + 48 + 32 * more, 0).astype(np.uint8))
        going = more
    text = np.stack(digits, axis=1).ravel() if digits else np.zeros(0, dtype=np.uint8)
    return text[text > 0].tobytes()


def decompress(text: bytes) -> NDArray[np.int64]:
    """The runs of a text.

    Raises:
        RegionError: it holds other characters, or ends within a number.
    """
    codes = np.frombuffer(text, dtype=np.uint8).astype(np.int64) - 48
    if ((codes < 0) | (codes > 63)).any():
        bad = text[int(np.flatnonzero((codes < 0) | (codes > 63))[0])]
        raise RegionError(f"its runs hold the character {chr(bad)!r}; expected compressed runs of COCO")
    last = np.flatnonzero(codes < 32)  # the last character of each number
    if not len(codes) or last[-1:].tolist() != [len(codes) - 1]:
        raise RegionError("its runs end within a number: they are cut off")
    first = np.concatenate([[0], last[:-1] + 1])
    lengths = last - first + 1
    if lengths.max() > _MOST_CHARACTERS:
        raise RegionError("its runs hold a number of more than 60 bits; expected compressed runs of COCO")
    place = np.arange(len(codes)) - np.repeat(first, lengths)
    values = np.add.reduceat((codes & 0x1F) << (5 * place), first)
    values -= np.where(codes[last] & 0x10, np.int64(1) << (5 * lengths), 0)
    counts = values.copy()
    counts[1::2] = np.cumsum(values[1::2])
    counts[2::2] = np.cumsum(values[2::2])
    return counts
