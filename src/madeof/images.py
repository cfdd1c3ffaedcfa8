"""Photos: a path, a file's bytes, a PIL image or an array -> (H, W, 3) uint8 RGB.

One rule for every kind of pixel, so that a photo never changes its look in silence:

- grey, palette and 1-bit: to RGB, exactly;
- alpha, a transparent colour: composited on white, with a warning;
- 16-bit grey (or 12-bit): the whole range scaled to 0-255 and rounded; 32-bit integers count as 16-bit if they fit;
- 16-bit RGB: the high byte (Pillow keeps no more); floats: in [0, 1], scaled; anything else is an error;
- CMYK, YCbCr, HSV, LAB: Pillow's conversion;
- the EXIF rotation is applied; a rotation that is none of 1-8 and EXIF data that cannot be read count as no rotation.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from madeof.decoding import Opened, guard, open_image, orientation_of, too_large, turn, white_is_zero
from madeof.errors import PhotoError
from madeof.text import show

if TYPE_CHECKING:
    from PIL import Image

PHOTO_SUFFIXES: tuple[str, ...] = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif")
"""The suffixes of the formats that `read_photo` reads. It goes by a file's content; these are for finding files."""

MAX_MEGAPIXELS = 100.0
"""A larger photo is refused from its header, before it is decoded."""

_MISSING_PART = 1 / 16  # of a damaged JPEG's rows or bytes: with more than this gone it is not the photo any more


@dataclass(frozen=True)
class Photo:
    """A photo as every other part of madeof sees it."""

    pixels: NDArray[np.uint8]
    """(H, W, 3) uint8 RGB in [0, 255], C-contiguous, EXIF rotation applied."""
    name: str
    """The path as given, or "photo"."""
    raw_size: tuple[int, int]
    """(height, width) as stored, before the EXIF rotation."""
    warnings: tuple[str, ...] = ()
    """What the user must know about how it was read, such as "animated: the first frame is used"."""
    damaged: bool = False
    """The file's data are damaged, but every part of the photo could be decoded."""

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of `pixels`."""
        return self.pixels.shape[0], self.pixels.shape[1]


def read_photo(
    source: str | Path | bytes | Image.Image | NDArray[Any],
    *,
    max_megapixels: float = MAX_MEGAPIXELS,
    strict: bool = False,
) -> Photo:
    """Read a photo.

    Args:
        source: the path of a JPEG, PNG, WebP, TIFF, BMP or GIF file (known by its content), such a file's bytes, a PIL
            image, or an RGB array, (H, W, 3) uint8.
        max_megapixels: a larger photo is refused before it is decoded.
        strict: damaged JPEG data are an error instead of a warning in the result.

    Raises:
        PhotoError: it is missing, too large, truncated, or not a photo that we read.
    """
    if isinstance(source, np.ndarray):
        return _from_array(source, max_megapixels)
    with open_image(source, PhotoError, max_megapixels=max_megapixels) as opened:
        damage, warnings = "", list[str]()
        if opened.format == "JPEG":
            pixels, damage = _decode_jpeg(opened)
        else:
            opened.load()
            pixels = _to_rgb(opened, warnings)
        if opened.animated():
            frame = opened.image.tell()  # a PIL image may stand at another than the first
            warnings.append(f"animated: {f'frame {frame + 1}' if frame else 'the first frame'} is used")
        pixels = turn(pixels, orientation_of(opened.image))
    if damage:
        if strict:
            raise PhotoError(f"{show(opened.name)} has damaged data ({damage}); expected a whole file: get it again")
        warnings.append(f"damaged data: {damage}")
    return Photo(
        np.ascontiguousarray(pixels), opened.name, opened.raw_size, warnings=tuple(warnings), damaged=bool(damage)
    )


def size_of(
    source: str | Path | bytes | Image.Image | NDArray[Any], *, max_megapixels: float = MAX_MEGAPIXELS
) -> tuple[int, int]:
    """The (height, width) that `read_photo` would give, from the header alone.

    Raises:
        PhotoError: it is missing, too large, or not a photo that we read. What stands behind the header is not checked.
    """
    if isinstance(source, np.ndarray):
        return _from_array(source, max_megapixels).size
    with open_image(source, PhotoError, max_megapixels=max_megapixels) as opened:
        return opened.turned_size()


def _from_array(array: NDArray[Any], max_megapixels: float) -> Photo:
    if array.ndim != 3 or array.shape[2] != 3 or array.dtype != np.uint8 or 0 in array.shape:
        raise PhotoError(
            f"the photo is an array of shape {array.shape} and dtype {array.dtype}; expected RGB, (H, W, 3) uint8"
        )
    height, width = array.shape[:2]
    if not height * width <= max_megapixels * 1e6:
        raise PhotoError(too_large("the photo", (height, width), max_megapixels))
    return Photo(np.ascontiguousarray(array), "photo", (height, width))


def _decode_jpeg(opened: Opened) -> tuple[NDArray[np.uint8], str]:
    """Decode a JPEG -> its pixels as stored, (H, W, 3), and what is damaged in it ("" for nothing).

    simplejpeg is quick and, unlike Pillow, says when the data are damaged.
    """
    data = opened.data()
    try:
        return _decode_undamaged(data, opened.image.mode), ""
    except ValueError as fault:
        damage = show(str(fault))
    if "Premature end of JPEG file" in damage:
        try:  # all of the data may be there and only the end marker not
            return _decode_undamaged(data + b"\xff\xd9", opened.image.mode), "no end marker"
        except ValueError:
            raise PhotoError(f"{show(opened.name)} is truncated; expected a whole JPEG: get it again") from None
    opened.load()
    with guard(opened.name, opened.format, PhotoError):
        pixels = np.asarray(opened.image.convert("RGB"))
    # A header that tells of more rows than the data hold, or of fewer, decodes just as "well" as one bad byte.
    missing = _flat_rows(pixels)
    if missing > _MISSING_PART * len(pixels):
        raise PhotoError(
            f"{show(opened.name)} lacks its last {missing} of {len(pixels)} rows; expected a whole JPEG: get it again"
        )
    extra = re.search(r"(\d+) extraneous bytes before marker 0xd9", damage)
    if extra and int(extra[1]) > _MISSING_PART * len(data):
        raise PhotoError(f"{show(opened.name)} holds more than its header says; expected a whole JPEG: get it again")
    return pixels, "" if "subsampling" in damage else damage  # simplejpeg does not know every subsampling, Pillow does


def _decode_undamaged(data: bytes, mode: str) -> NDArray[np.uint8]:
    """The pixels of a JPEG of Pillow's `mode`, (H, W, 3); ValueError with what is damaged in it."""
    import simplejpeg
    from PIL import Image

    if mode != "CMYK":
        rgb: NDArray[np.uint8] = simplejpeg.decode_jpeg(data, colorspace="RGB", strict=True)
        return rgb
    inverted = simplejpeg.decode_jpeg(data, colorspace="CMYK", strict=True)  # as Adobe stores it and Pillow expects it
    height, width = inverted.shape[:2]
    return np.asarray(Image.frombytes("CMYK", (width, height), (255 - inverted).tobytes()).convert("RGB"))


def _flat_rows(pixels: NDArray[np.uint8]) -> int:
    """How many rows at the bottom are of one colour, as a decoder leaves those that it has no data for."""
    same = (pixels == pixels[-1, -1]).all(axis=(1, 2))[::-1]
    return len(same) if same.all() else int(same.argmin())


def _to_rgb(opened: Opened, warnings: list[str]) -> NDArray[np.uint8]:
    """The loaded image of any mode -> (H, W, 3) uint8 by the rules on top; adds to `warnings`."""
    from PIL import Image

    image, name = opened.image, show(opened.name)
    with guard(opened.name, opened.format, PhotoError):
        if white_is_zero(image):
            raise PhotoError(f"{name} is a 16-bit or float TIFF with white as zero; expected black as zero: convert it")
        if image.mode.startswith("I;16") or image.mode == "I":
            values = np.asarray(image)
            if values.min() < 0 or values.max() > 65535:
                raise PhotoError(
                    f"{name} has 32-bit values from {values.min()} to {values.max()}; "
                    "expected 0 to 65535: save it with 8 or 16 bits"
                )
            most = 4095 if opened.bits == 12 else 65535
            return _grey((values.astype(np.uint32) * 255 + most // 2) // most)
        if image.mode == "F":
            values = np.asarray(image)
            if not (values.min() >= 0 and values.max() <= 1):  # so written, it is true for NaN
                raise PhotoError(
                    f"{name} has float values from {values.min():g} to {values.max():g}; expected 0 to 1: scale them"
                )
            return _grey(np.rint(values * 255))
        if image.has_transparency_data:
            seen = image.convert("RGBA")
            if seen.getchannel("A").getextrema() != (255, 255):
                warnings.append("transparent: shown on white")
                seen = Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen)
            image = seen
        return np.asarray(image.convert("RGB"))


def _grey(values: NDArray[Any]) -> NDArray[np.uint8]:
    return np.repeat(values.astype(np.uint8)[:, :, None], 3, axis=2)
