"""Photos: a path, a file's bytes, a PIL image or an array -> (H, W, 3) uint8 RGB.

One rule for every kind of pixel, so that a photo never changes its look in silence:

- grey, palette and 1-bit: to RGB, exactly;
- alpha, a transparent colour: composited on white, with a warning;
- 16-bit grey (or 12-bit): the whole range scaled to 0-255 and rounded; 32-bit integers count as 16-bit if they fit;
- 16-bit RGB: the high byte (Pillow keeps no more); floats: in [0, 1], scaled; anything else is an error;
- CMYK, YCbCr, HSV, LAB: Pillow's conversion;
- an embedded ICC profile of RGB that is not sRGB: converted to sRGB;
- the EXIF rotation is applied; a rotation that is none of 1-8 and EXIF data that cannot be read count as no rotation.

A JPEG can be decoded at a half, a quarter or an eighth of its size, which costs less than decoding and shrinking it.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, Union

import numpy as np
from numpy.typing import NDArray

from madeof._util.text import show
from madeof.errors import PhotoError
from madeof.images.colour import to_srgb
from madeof.images.decode import Opened, guard, open_image, orientation_of, too_large, turn, white_is_zero

if TYPE_CHECKING:
    from PIL import Image

PHOTO_SUFFIXES: tuple[str, ...] = tuple(
    f".{kind}" for kind in re.findall(r"\w+", "jpg jpeg png webp tif tiff bmp gif jfif jpe mpo heic heif hif avif")
)
"""The suffixes of the formats that `read_photo` reads. It goes by a file's content; these are for finding files."""

UNREAD_SUFFIXES: tuple[str, ...] = tuple(
    f".{kind}"
    for kind in re.findall(
        r"\w+",
        "dng cr2 cr3 crw nef nrw arw srf sr2 orf rw2 raf pef srw x3f 3fr erf kdc mrw raw jxl jp2 j2k jpx psd exr hdr "
        "tga ppm pgm pnm ico svg eps",
    )
)
"""The suffixes of photos and pictures that it does not read: a folder's are named, so that none is left out unseen."""

MAX_MEGAPIXELS = 100.0
"""A larger photo is refused from its header, before it is decoded."""

_MISSING_PART = 1 / 16  # of a damaged JPEG's rows or bytes: with more than this gone it is not the photo any more

_TILE = 256  # pixels


@dataclass(frozen=True, repr=False)
class Photo:
    """A photo as every other part of madeof sees it."""

    pixels: NDArray[np.uint8]
    """(H, W, 3) uint8 RGB in [0, 255], C-contiguous, EXIF rotation applied. Smaller than the photo where `reduced`."""
    name: str
    """The path as given, or "photo"."""
    raw_size: tuple[int, int]
    """(height, width) as stored, before the EXIF rotation."""
    warnings: tuple[str, ...] = ()
    """What the user must know about how it was read, such as "animated: the first frame is used"."""
    damaged: bool = False
    """The file's data are damaged, but every part of the photo could be decoded."""
    full_size: tuple[int, int] | None = None
    """(height, width) of the photo as it is shown, where `pixels` may be smaller; None where they are of its size."""
    source: bytes | None = field(default=None, repr=False)
    """The file that it was read from, where it is `reduced`: `finer` decodes it again. Bytes and not a path, for the
    file at a path may be another one by then."""

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the photo as it is shown, which its masks have too."""
        return self.full_size or (self.pixels.shape[0], self.pixels.shape[1])

    def __repr__(self) -> str:
        height, width = self.size
        return f"Photo({show(self.name)!r}, {width} x {height}{', damaged' if self.damaged else ''})"

    @property
    def reduced(self) -> bool:
        """Whether `pixels` were decoded at less than the photo's size."""
        return self.size != self.pixels.shape[:2]


ImageLike: TypeAlias = Union[str, Path, bytes, "Image.Image", NDArray[Any], Photo]
"""A photo as every door of madeof takes it: a path, a file's bytes, a PIL image, an RGB array (H, W, 3) uint8, or a
photo that was read before."""


def read_photo(
    source: str | Path | bytes | Image.Image | NDArray[Any],
    *,
    max_megapixels: float = MAX_MEGAPIXELS,
    strict: bool = False,
    least_size: Callable[[int, int], tuple[int, int]] | None = None,
) -> Photo:
    """Read a photo.

    Args:
        source: the path of a JPEG, PNG, WebP, TIFF, BMP, GIF, AVIF or HEIC file (known by its content), such a file's
            bytes, a row {"bytes", "path"} of Hugging Face's datasets, a PIL image, or an RGB array, (H, W, 3) uint8.
        max_megapixels: a larger photo is refused before it is decoded.
        strict: damaged JPEG data are an error instead of a warning in the result.
        least_size: lets a JPEG be decoded smaller, for speed: from the (height, width) of the photo as it is shown, it
            tells those that `pixels` must have at least. None decodes all of it.

    Raises:
        PhotoError: it is missing, too large, truncated, or not a photo that we read.
    """
    if isinstance(source, np.ndarray):
        return _from_array(source, max_megapixels)
    with open_image(source, PhotoError, max_megapixels=max_megapixels) as opened:
        damage, warnings = "", list[str]()
        full_size, kept = None, None
        if opened.format == "JPEG":
            height, width = opened.turned_size()
            divisor = _divisor((height, width), least_size(height, width)) if least_size else 1
            full_size = (height, width) if divisor > 1 else None
            data = opened.data()
            pixels, damage = _decode_jpeg(opened, data, divisor)
            if divisor > 1 and pixels.shape[:2] != opened.raw_size:
                kept = data
        else:
            opened.load()
            pixels = _to_rgb(opened, warnings)
        if opened.animated():
            frame = opened.image.tell()  # a PIL image may stand at another than the first
            warnings.append(f"animated: {f'frame {frame + 1}' if frame else 'the first frame'} is used")
        pixels = to_srgb(_turned(pixels, orientation_of(opened.image)), opened.image.info.get("icc_profile"))
    if damage:
        if strict:
            raise PhotoError(f"{show(opened.name)} has damaged data ({damage}); expected a whole file: get it again")
        warnings.append(f"damaged data: {damage}")
    return Photo(pixels, opened.name, opened.raw_size, tuple(warnings), bool(damage), full_size, kept)


def finer(photo: Photo, least: tuple[int, int]) -> NDArray[np.uint8]:
    """The pixels of a photo, at least `least` of them where it has so many.

    Args:
        photo: where it is `reduced` and has its `source`, that is decoded again, to no more than is needed.
        least: (height, width).

    Returns:
        (H, W, 3) uint8 RGB of the whole photo, turned as `photo.pixels`; those themselves where they are enough, or all
        that there is.
    """
    height, width = photo.pixels.shape[:2]
    if photo.source is None or not photo.reduced or (height >= least[0] and width >= least[1]):
        return photo.pixels
    return read_photo(photo.source, max_megapixels=float("inf"), least_size=lambda *_: least).pixels


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


def _divisor(size: tuple[int, int], least: tuple[int, int]) -> int:
    """By what to divide both sides of a JPEG: the most that leaves `least`. Decoders are quick for these alone."""
    return next((d for d in (8, 4, 2) if all(side // d >= enough for side, enough in zip(size, least, strict=True))), 1)


def _turned(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Apply an EXIF rotation to (H, W, 3) pixels; C-contiguous."""
    view = turn(pixels, orientation)
    if view.strides[1] == 3:  # whole rows, at most in another order
        return np.ascontiguousarray(view)
    result = np.empty(view.shape, dtype=np.uint8)
    for y in range(0, view.shape[0], _TILE):  # channel by channel, and in tiles that the cache holds: 3 times as fast
        for x in range(0, view.shape[1], _TILE):
            for channel in range(3):
                result[y : y + _TILE, x : x + _TILE, channel] = view[y : y + _TILE, x : x + _TILE, channel]
    return result


def _decode_jpeg(opened: Opened, data: bytes, divisor: int) -> tuple[NDArray[np.uint8], str]:
    """Decode a JPEG -> its pixels as stored, (H, W, 3), and what is damaged in it ("" for nothing).

    Both sides are divided by `divisor` (1, 2, 4, 8) and rounded up, unless there is damage or a rare subsampling.
    simplejpeg is quick and, unlike Pillow, says when the data are damaged: all of them are read at any size.
    """
    height, width = (-(-side // divisor) for side in opened.raw_size)
    size = (height, width) if divisor > 1 else (0, 0)
    try:
        return _decode_undamaged(data, opened.image.mode, size), ""
    except ValueError as fault:
        damage = show(str(fault))
    if "Premature end of JPEG file" in damage:
        try:  # all of the data may be there and only the end marker not
            return _decode_undamaged(data + b"\xff\xd9", opened.image.mode, size), "no end marker"
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


def _decode_undamaged(data: bytes, mode: str, size: tuple[int, int]) -> NDArray[np.uint8]:
    """The pixels of a JPEG of Pillow's `mode`, (H, W, 3), of `size` (0, 0: its own); ValueError with its damage."""
    import simplejpeg
    from PIL import Image

    decode = functools.partial(simplejpeg.decode_jpeg, data, min_height=size[0], min_width=size[1], strict=True)
    if mode != "CMYK":
        rgb: NDArray[np.uint8] = decode(colorspace="RGB")
        return rgb
    inverted = decode(colorspace="CMYK")  # as Adobe stores it and Pillow expects it
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
            if 255 < values.max() <= most // 4:
                warnings.append(f"dark: 16-bit values up to {values.max()} are shown as parts of {most}; scale them")
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
