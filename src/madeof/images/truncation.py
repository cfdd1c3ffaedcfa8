"""Files that hold fewer pixels than their header says and that Pillow takes all the same, leaving the rest black."""

from __future__ import annotations

import io
import zlib
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

if TYPE_CHECKING:
    from PIL import Image

_PLANAR_CONFIGURATION = 284
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # of each PNG colour type
# Adam7: the first column and row of each pass, and the steps (PNG specification, section 8.2)
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_CHUNK = 1 << 20


def tiles_cover(image: Image.Image, size: tuple[int, int]) -> bool:
    """Whether the strips or tiles of a TIFF, or a GIF's first frame, cover (height, width). Ask before decoding."""
    height, width = size
    tiles: list[Any] = getattr(image, "tile", [])
    covered = 0
    for _, (x0, y0, x1, y1), *_ in tiles:
        covered += max(0, min(x1, width) - max(x0, 0)) * max(0, min(y1, height) - max(y0, 0))
    planes = len(image.getbands()) if getattr(image, "tag_v2", {}).get(_PLANAR_CONFIGURATION) == 2 else 1
    return covered >= height * width * (planes if len(tiles) > 1 else 1)


def png_is_whole(image: Image.Image, file: BinaryIO) -> bool:
    """Whether a decoded PNG's data hold all of its rows.

    Missing rows are black, so only a photo whose last row is black has its data counted, which takes as long as
    decoding them. An interlaced one is always counted.
    """
    file.seek(16)
    head = file.read(13)
    width, height = int.from_bytes(head[:4], "big"), int.from_bytes(head[4:8], "big")
    depth, colour, interlaced = head[8], head[9], head[12]
    last = image.crop((0, image.height - 1, image.width, image.height))
    if not interlaced and np.asarray(last).any():
        return True
    bits = depth * _CHANNELS[colour]
    expected = 0
    for x, y, across, down in _PASSES if interlaced else ((0, 0, 1, 1),):
        columns, rows = -(-(width - x) // across), -(-(height - y) // down)
        expected += rows * (1 + (columns * bits + 7) // 8) if columns > 0 and rows > 0 else 0
    return _pixel_bytes(file, expected) >= expected


def _pixel_bytes(file: BinaryIO, enough: int) -> int:
    """How many bytes a PNG's pixel data unpack to; stops when there are `enough`."""
    unpack = zlib.decompressobj()
    count = 0
    file.seek(8)
    while len(head := file.read(8)) == 8 and head[4:] != b"IEND" and count < enough:
        length = int.from_bytes(head[:4], "big")
        if head[4:] != b"IDAT":
            file.seek(length + 4, io.SEEK_CUR)
            continue
        data = file.read(length)
        while data and count < enough:
            count += len(unpack.decompress(data, _CHUNK))
            data = unpack.unconsumed_tail
        file.seek(4, io.SEEK_CUR)
    while count < enough and (more := unpack.decompress(unpack.unconsumed_tail, _CHUNK)):
        count += len(more)
    return count
