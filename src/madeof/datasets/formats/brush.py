"""Label Studio's run-length encoding of a brushed region: the RGBA values of the photo's pixels, by rows, as bits.

The number of values (32 bits); the bits of a value less one (5); four widths of lengths less one (4 bits each). Then
items: a bit that says whether one value is repeated or values follow, which of the four widths (2 bits), the length
less one in so many bits, and the value or values. It is @thi.ng/rle-pack, which Label Studio's page uses; its Python
package has the same in `label_studio_sdk/converter/brush.py`, to whose bytes ours are equal. All four channels hold how
much the pixel is covered; alpha is what counts.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from madeof.datasets.formats.pixels import covered
from madeof.errors import DatasetError, RegionError
from madeof.regions.raster import Cut
from madeof.regions.shapes import Bits

_CHANNELS = 4
_HEADER_BITS = 32 + 5 + 4 * 4
_WIDTHS = (3, 4, 8, 16)  # that we write
_WIDEST = 16


class BrushMask(NamedTuple):
    """A brushed region as its file has it."""

    rle: bytes
    size: tuple[int, int]
    """(height, width) that the file states."""

    def cut(self, size: tuple[int, int]) -> Cut:
        """See `Shape`."""
        if self.size != size:
            raise RegionError(
                f"its mask is {self.size[1]} x {self.size[0]} but the photo is {size[1]} x {size[0]} (width x height); "
                "expected the same size"
            )
        values = decode(self.rle)
        return Bits(covered(values.reshape(*size, _CHANNELS)[..., 3])).cut(size)


def brush_mask(rle: object, size: tuple[int, int]) -> BrushMask:
    """The region of a list of bytes.

    Args:
        rle: whole numbers from 0 to 255.
        size: (height, width) that the file states.

    Raises:
        DatasetError: it is something else, or is of another number of values than the photo has.
    """
    try:
        data = bytes(rle) if isinstance(rle, list) else b""
    except (TypeError, ValueError):
        data = b""
    if len(data) * 8 < _HEADER_BITS:
        raise DatasetError("its rle is not a list of 7 or more whole numbers from 0 to 255")
    count, expected = int.from_bytes(data[:4], "big"), size[0] * size[1] * _CHANNELS
    if count != expected:
        raise DatasetError(f"its rle is of {count} values; expected {expected}, {size[1]} x {size[0]} pixels of 4")
    return BrushMask(data, size)


def decode(rle: bytes) -> NDArray[np.uint8]:
    """The values of an encoding.

    Raises:
        RegionError: it ends early, holds more than it says, or has values of other than 8 bits.
    """
    if len(rle) * 8 < _HEADER_BITS:
        raise RegionError("its rle is cut off within its first 7 bytes")
    # The 40 bits from each byte on: no length or value is longer than 16 bits, and starts up to 7 bits later.
    padded = np.frombuffer(rle + bytes(5), dtype=np.uint8).astype(np.int64)
    ahead: list[int] = np.stack([padded[k : k + len(rle)] << (32 - 8 * k) for k in range(5)]).sum(axis=0).tolist()

    def take(at: int, width: int) -> int:
        return (ahead[at >> 3] >> (40 - (at & 7) - width)) & ((1 << width) - 1)

    count, bits = int.from_bytes(rle[:4], "big"), take(32, 5) + 1
    if bits != 8:
        raise RegionError(f"its rle has values of {bits} bits; expected 8")
    widths = [take(37 + 4 * number, 4) + 1 for number in range(4)]
    values: list[int] = []
    lengths: list[int] = []
    at, done, end = _HEADER_BITS, 0, len(rle) * 8
    try:
        while done < count:
            width = widths[take(at + 1, 2)]
            repeated, length = take(at, 1), take(at + 3, width) + 1
            at += 3 + width
            if repeated:
                values.append(take(at, 8))
                lengths.append(length)
                at += 8
            else:
                values += [take(at + 8 * number, 8) for number in range(length)]
                lengths += [1] * length
                at += 8 * length
            if at > end:
                break
            done += length
    except IndexError:
        at = end + 1
    if at > end:
        raise RegionError(f"its rle is cut off: it holds {done} of {count} values")
    if done > count:
        raise RegionError(f"its rle holds {done} values; expected {count}")
    return np.repeat(np.array(values, dtype=np.uint8), lengths)


def encode(mask: NDArray[np.bool_]) -> list[int]:
    """The encoding of a mask, (H, W) of the photo's size: whole numbers from 0 to 255."""
    flat = mask.ravel()
    starts = np.flatnonzero(np.concatenate([[True], flat[1:] != flat[:-1]]))
    lengths = np.diff(starts, append=flat.size) * _CHANNELS
    values = flat[starts].astype(np.int64) * 255
    # A run of more than 2 ** 16 values is cut up into such runs and a last one, which has at least one value.
    more = (lengths - 1) >> _WIDEST
    item = np.repeat(np.arange(len(lengths)), more + 1)
    is_last = np.zeros(len(item), dtype=np.bool_)
    is_last[np.cumsum(more + 1) - 1] = True
    length = np.where(is_last, (lengths - (more << _WIDEST))[item], 1 << _WIDEST)
    kind = np.searchsorted([1 << width for width in _WIDTHS], length)
    width = np.array(_WIDTHS)[kind]
    # An item: 1, two bits, the length less one, the value; as 27 bits at most, the first one on the left.
    items = ((((0b100 | kind) << width) | (length - 1)) << 8) | values[item]
    used = 3 + width + 8
    columns = np.arange(_WIDEST + 11)
    bits = (items[:, None] >> np.maximum(used[:, None] - 1 - columns, 0)) & 1
    body = bits[columns < used[:, None]]
    header = f"{flat.size * _CHANNELS:032b}{8 - 1:05b}" + "".join(f"{width - 1:04b}" for width in _WIDTHS)
    stream = np.concatenate([np.array([int(bit) for bit in header]), body])
    # One to eight bits to the end of a byte, as theirs.
    fill = np.zeros(8 - len(stream) % 8, dtype=np.int64)
    packed: list[int] = np.packbits(np.concatenate([stream, fill]).astype(np.uint8)).tolist()
    return packed
