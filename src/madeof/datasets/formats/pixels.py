"""Regions that a file holds as pixels, packed: they are unpacked when their mask is asked for."""

from __future__ import annotations

import base64
import binascii
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from madeof.errors import DatasetError, RegionError
from madeof.images.decode import guard, open_image
from madeof.images.photo import MAX_MEGAPIXELS
from madeof.regions.raster import Cut
from madeof.regions.shapes import Bits

_PNG = b"\x89PNG\r\n\x1a\n"
_HALF = 128  # of the 255 of full cover


class PngMask(NamedTuple):
    """A PNG file within the file. What is 0 is outside; of a PNG with alpha, what is covered by less than half."""

    png: bytes
    corner: tuple[int, int]
    """x, y of its first pixel in the photo."""

    @property
    def size(self) -> tuple[int, int]:
        """(height, width), from its header."""
        return int.from_bytes(self.png[20:24], "big"), int.from_bytes(self.png[16:20], "big")

    def cut(self, size: tuple[int, int]) -> Cut:
        """See `Shape`."""
        with open_image(self.png, RegionError, max_megapixels=MAX_MEGAPIXELS, what="mask") as opened:
            opened.load()
            with guard("its mask", "PNG", RegionError):
                image = opened.image
                inside = covered(np.asarray(image.getchannel("A"))) if "A" in image.mode else np.asarray(image) != 0
        if inside.ndim == 3:
            inside = inside.any(axis=2)
        return Bits(inside, self.corner).cut(size)


class RowRuns(NamedTuple):
    """Lengths of runs along the rows of a box, outside and inside in turn, outside first."""

    runs: NDArray[np.int64]
    box: tuple[int, int, int, int]
    """x, y of the first pixel, width, height."""

    def cut(self, size: tuple[int, int]) -> Cut:
        """See `Shape`."""
        x, y, width, height = self.box
        if x < 0 or y < 0 or x + width > size[1] or y + height > size[0]:  # before memory is taken for it
            raise RegionError(
                f"its mask of {width} x {height} at ({x}, {y}) hangs over the photo of {size[1]} x {size[0]}: "
                "check that it belongs to this photo"
            )
        inside = np.repeat(np.arange(len(self.runs)) % 2 == 1, self.runs)
        return Bits(inside.reshape(height, width), (x, y)).cut(size)


def png_mask(text: object, corner: tuple[int, int] = (0, 0)) -> PngMask:
    """A mask from a PNG file in Base64, as plain text or as a data URL.

    Raises:
        DatasetError: it is neither.
    """
    data = b""
    if isinstance(text, str):
        try:
            data = base64.b64decode("".join(text.rpartition("base64,")[2].split()), validate=True)
        except (binascii.Error, ValueError):
            data = b""
    if not data.startswith(_PNG) or len(data) < 24:
        raise DatasetError("its mask is not a PNG in Base64; it may be cut off")
    return PngMask(data, corner)


def png_text(mask: NDArray[np.bool_]) -> str:
    """A mask, (h, w), as a 1-bit PNG in Base64."""
    import io

    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(mask).save(file, format="PNG")
    return base64.b64encode(file.getvalue()).decode("ascii")


def row_runs(runs: NDArray[np.int64], box: tuple[int, int, int, int]) -> RowRuns:
    """A mask from the lengths of its runs; see `RowRuns`.

    Raises:
        DatasetError: they are not as long as the box has pixels, or one is negative.
    """
    _, _, width, height = box
    total = sum(runs.tolist())  # which never overflows
    if total != width * height or (len(runs) and int(runs.min()) < 0):
        raise DatasetError(
            f"its run lengths are of {total} pixels; expected {width * height}, for its box of {width} x {height}"
        )
    return RowRuns(runs, box)


def row_lengths(mask: NDArray[np.bool_]) -> list[int]:
    """The lengths of a mask's runs, (h, w), row after row, outside and inside in turn, outside first."""
    flat = np.concatenate([[False], mask.ravel()])
    changes = np.flatnonzero(flat[1:] != flat[:-1])
    ends = np.concatenate([[0], changes, [mask.size]])
    return [int(length) for length in np.diff(ends)]


def covered(alpha: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """The pixels that are covered by half or, if none is, at all: one rule for soft masks everywhere."""
    hard = alpha >= _HALF
    return hard if hard.any() else alpha > 0
