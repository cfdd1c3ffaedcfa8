"""Regions: masks, boxes, polygons and label maps -> (H, W) masks of the photo's size.

Mask files: 0 is outside and the one other value inside, be it 1-bit, 8-bit, palette (by index) or RGB (black is
outside). Where alpha is not opaque everywhere it is the mask, and a soft one: alpha / 255, and nothing where that is
under 8 of 255, the veil that background removers leave. A 16-bit file is soft, value / 65535, unless it holds no more
than 0 and one value up to 255; so is a float TIFF in [0, 1], and an 8-bit grey file, value / 255, where that is asked
for. What could be read in two ways is an error that asks.

Label maps: the value of a pixel is its class, exactly as stored: 8- or 16-bit grey, palette indices (never through the
palette), 1-bit; RGB whose channels are equal is grey. 2- and 4-bit greys are not stretched. Of a map in colours the
whole colour is the value, 65536 R + 256 G + B; where values have names it is refused, or of OpenSurfaces the red
channel is it.

NumPy's .npy and .npz (with one array) are read too. Pictures are turned by their own EXIF rotation, as photos are;
Pillow is the one decoder.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from madeof._util.text import join_some, show
from madeof.errors import RegionError
from madeof.images.decode import Opened, guard, open_image, orientation_of, turn, white_is_zero
from madeof.regions.components import at_size
from madeof.regions.region import Mask, check_mask, check_size, not_empty

if TYPE_CHECKING:
    from PIL import Image

ARRAY_SUFFIXES = (".npy", ".npz")
"""Suffixes of NumPy's files."""

_RESIZE = "; give it that size, or have it resized (resize, --resize-masks)"
_VEIL = 8  # of 255: less alpha is no part of a cut-out
_STRETCH = {2: 85, 4: 17}  # Pillow spreads 2- and 4-bit greys over 0-255


def read_mask(
    path: str | Path | bytes | Image.Image,
    photo_size: tuple[int, int],
    *,
    raw_size: tuple[int, int] | None = None,
    resize: bool = False,
    allow_jpeg: bool = False,
    soft: bool = False,
    max_megapixels: float = 100.0,
) -> Mask:
    """Read a mask file by the rules on top of this page.

    Args:
        path: the file, or its bytes, or a PIL image.
        photo_size: (height, width) of the photo.
        raw_size: the same before the EXIF rotation, to recognise a mask of the unrotated photo.
        resize: resize a mask of another size to the photo's, nearest.
        allow_jpeg: take a JPEG, whose edges are lossy, and halve it at 128; a soft one is taken as it is.
        soft: 8-bit grey is a soft mask, value / 255.
        max_megapixels: a larger file is refused.

    Returns:
        the mask, (H, W) bool, or float32 coverage in [0, 1].

    Raises:
        RegionError: it cannot be read, is of another size, is empty, or could be read in two ways.
    """
    if (array := _array_in(path, max_megapixels)) is not None:
        mask: Mask = check_mask(array, (array.shape[0], array.shape[1]), name=show(str(path)))
        return not_empty(_fit(mask, photo_size, raw_size, show(str(path)), resize), show(str(path)))
    with open_image(path, RegionError, max_megapixels=max_megapixels, what="mask") as opened:
        name = show(opened.name)
        if opened.format == "JPEG" and not allow_jpeg:
            raise RegionError(
                f"{name} is a JPEG, whose edges are lossy; expected a PNG: "
                "allow it (allow_jpeg, --jpeg-masks) or convert it"
            )
        height, width = opened.turned_size()
        if not resize and height * width > photo_size[0] * photo_size[1]:  # known before it is decoded
            check_size((height, width), photo_size, name, _RESIZE)
        opened.load()
        with guard(opened.name, opened.format, RegionError):
            if soft:
                mask = _soft_values(opened, name)
            elif opened.format == "JPEG":
                mask = np.asarray(opened.image.convert("L")) >= 128
            else:
                mask = _mask_values(opened, name)
        mask = turn(mask, orientation_of(opened.image))
    return not_empty(_fit(mask, photo_size, raw_size, name, resize), name)


def read_label_map(
    path: str | Path | bytes | Image.Image,
    photo_size: tuple[int, int] | None = None,
    *,
    raw_size: tuple[int, int] | None = None,
    resize: bool = False,
    max_megapixels: float = 100.0,
    colours: Literal["whole", "red", "refuse"] = "whole",
) -> NDArray[Any]:
    """Read a label map by the rules on top of this page.

    Args:
        path: the file, or its bytes, or a PIL image.
        photo_size: (height, width) of the photo; None takes any.
        raw_size: the same before the EXIF rotation, to recognise a map of the unrotated photo.
        resize: resize a map of another size to the photo's, nearest.
        max_megapixels: a larger file is refused.
        colours: what the value of a picture in colours is.

    Returns:
        the values meant, (H, W) uint8, or uint16 or int32 where the file has more bits; never negative.

    Raises:
        RegionError: it cannot be read, is a JPEG or float, or is of another size.
    """
    name = show("the label map" if isinstance(path, bytes) else str(path))
    orientation = 1
    if (array := _array_in(path, max_megapixels)) is not None:
        values = array
    else:
        with open_image(path, RegionError, max_megapixels=max_megapixels, what="label map") as opened:
            name, orientation = show(opened.name), orientation_of(opened.image)
            if opened.format == "JPEG":
                raise RegionError(
                    f"{name} is a JPEG, whose values are lossy; expected a PNG: export the label map again"
                )
            opened.load()
            with guard(opened.name, opened.format, RegionError):
                values = _stored_values(opened, name)
    if values.ndim == 3:
        grey = (values[..., :1] == values[..., 1:]).all()
        if not grey and colours == "refuse":
            raise RegionError(
                f"{name} is in colours: its channels differ; expected the number of a material in each pixel, or "
                "beside the label maps a list of the colours, labelmap.txt with lines such as wood:128,0,0::"
            )
        values = values[..., 0] if grey or colours == "red" else _whole(values)
    if values.dtype.kind == "f":
        raise RegionError(f"{name} has float values; expected whole numbers: save it with 8 or 16 bits")
    if values.min() < 0:
        raise RegionError(f"{name} has the value {values.min()}; expected 0 (unlabelled) and above")
    values = turn(values, orientation)
    if photo_size is not None:
        values = _fit(values, photo_size, raw_size, name, resize)
    return np.ascontiguousarray(values)


def _soft_values(opened: Opened, name: str) -> Mask:
    """The loaded file as a soft mask, not yet turned."""
    image = opened.image
    if (alpha := _alpha(image)) is not None:
        return alpha
    if image.mode in ("RGB", "RGBA") and opened.bits != 16:
        channels = np.asarray(image)
        if (channels[..., :1] == channels[..., 1:3]).all():  # a grey one
            return np.asarray(channels[..., 0], dtype=np.float32) / np.float32(255)
    if image.mode not in ("L", "LA") or opened.bits in (1, *_STRETCH):
        return _mask_values(opened, name)  # what has other pixels says by itself whether it is soft
    values = _stored_values(opened, name)
    if values.max(initial=0) == 1:
        raise RegionError(
            f"{name} holds only 0 and 1, of 255; expected a soft mask up to 255: read it without soft (--soft-masks) "
            "if 1 is inside"
        )
    return values.astype(np.float32) / np.float32(255)


def _alpha(image: Any) -> Mask | None:
    """Mask from an alpha channel that is not opaque everywhere; bool if it has 0 and one other value."""
    if not image.has_transparency_data or image.mode not in ("P", "PA", "L", "LA", "1", "RGB", "RGBA"):
        return None
    alpha = np.asarray(image.convert("RGBA").getchannel("A"))
    if alpha.min() == 255:
        return None
    inside: Mask = alpha >= _VEIL
    if (alpha[inside] == alpha.max()).all():
        return inside
    return np.where(inside, alpha, np.uint8(0)).astype(np.float32) / np.float32(255)


def read_colours(path: str | Path | bytes, *, max_megapixels: float = 100.0) -> NDArray[np.int32]:
    """The whole colour of each pixel, (H, W): 65536 R + 256 G + B; of a palette the colours that it shows.

    Raises:
        RegionError: it cannot be read, or is a JPEG.
    """
    with open_image(path, RegionError, max_megapixels=max_megapixels, what="label map") as opened:
        if opened.format == "JPEG":
            raise RegionError(f"{show(opened.name)} is a JPEG, whose colours are lossy; expected a PNG")
        opened.load()
        with guard(opened.name, opened.format, RegionError):
            pixels = np.asarray(opened.image.convert("RGB"))
        return np.ascontiguousarray(turn(_whole(pixels), orientation_of(opened.image)))


def _whole(pixels: NDArray[np.uint8]) -> NDArray[np.int32]:
    return pixels.astype(np.int32) @ np.array([1 << 16, 1 << 8, 1], dtype=np.int32)


def _array_in(path: str | Path | bytes | Image.Image, max_megapixels: float) -> NDArray[Any] | None:
    """The array (H, W) of a NumPy file; None where it is none.

    Raises:
        RegionError: it cannot be read, holds several arrays, or an array that is no picture.
    """
    if not isinstance(path, str | Path) or Path(path).suffix.lower() not in ARRAY_SUFFIXES:
        return None
    name = show(str(path))
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
        if isinstance(found, np.lib.npyio.NpzFile):
            with found:
                if len(found.files) != 1:
                    raise RegionError(f"{name} holds {len(found.files)} arrays; expected one")
                found = found[found.files[0]]
        if found.ndim == 3 and 1 in found.shape:
            found = found.squeeze()
        if found.ndim != 2 or not found.size or found.dtype.kind not in "biuf":
            raise RegionError(f"{name} holds an array {found.shape} of {found.dtype}; expected (H, W) of numbers")
        if found.size > max_megapixels * 1e6:
            raise RegionError(f"{name} has {found.size / 1e6:.1f} megapixels; the limit is {max_megapixels:g}")
        return np.array(found).astype(found.dtype.newbyteorder("="), copy=False)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        if isinstance(error, RegionError):
            raise
        raise RegionError(f"{name} is no file of NumPy that we can read: {error}") from error


def _mask_values(opened: Opened, name: str) -> Mask:
    """The loaded file as a mask, not yet turned."""
    image = opened.image
    if (alpha := _alpha(image)) is not None:
        return alpha
    values = _stored_values(opened, name)
    if values.dtype.kind == "f":
        return check_mask(values, (values.shape[0], values.shape[1]), name=name)
    colours = values.ndim == 3
    if colours:
        values = _whole(values)
    inside: NDArray[np.bool_] = values != 0
    least, most = int(values.min()), int(values.max())
    two = least >= 0 and int(values[inside].min(initial=most)) == most  # at most one value besides 0
    if two and image.mode == "P" and most > 0 and _is_black(image, most) and not _is_black(image, 0):
        raise RegionError(
            f"{name} is a palette file whose value {most} is black and whose value 0 is not: which is inside? "
            "expected black outside: save it as 8-bit grey"
        )
    wide = image.mode.startswith("I")
    if wide and least >= 0 and 255 < most <= 65535:
        coverage: Mask = (values / 65535).astype(np.float32)
        return coverage if (inside & (values < 65535)).any() else inside
    if two and not (wide and most > 65535):
        return inside
    found = [f"#{v:06x}" if colours else v for v in np.unique(values).tolist()]
    raise RegionError(
        f"{name} has several {'colours' if colours else 'values'} ({join_some(found)}); expected 0 and one other: "
        "a label map goes to label_map (--label-map), a soft mask needs soft=True (--soft-masks) or 16-bit values, "
        "any other has to be black and white"
    )


def _stored_values(opened: Opened, name: str) -> NDArray[Any]:
    """A loaded file's numbers as stored: (H, W) integers or floats, or (H, W, 3) uint8."""
    image = opened.image
    if white_is_zero(image):
        raise RegionError(f"{name} is a TIFF with white as zero; expected black as zero: convert it to PNG")
    if image.mode == "1":
        return np.asarray(image).astype(np.uint8)
    if image.mode in ("P", "PA", "L", "LA"):
        values: NDArray[Any] = np.asarray(image)
        values = values[..., 0] if values.ndim == 3 else values
        if image.mode == "L" and opened.bits in _STRETCH:
            values = values // _STRETCH[opened.bits]
        return values
    if image.mode in ("RGB", "RGBA"):
        if opened.bits == 16:
            raise RegionError(f"{name} is 16-bit RGB, of which only 8 bits can be read; expected grey: convert it")
        return np.asarray(image)[..., :3]
    if image.mode == "F" or image.mode.startswith("I"):
        values = np.asarray(image)
        return values.astype(values.dtype.newbyteorder("="), copy=False)
    raise RegionError(f"{name} has the pixels {image.mode}; expected grey, palette, alpha or RGB: convert it to PNG")


def _is_black(image: Any, index: int) -> bool:
    palette = image.getpalette("RGB") or []
    return palette[3 * index : 3 * index + 3] == [0, 0, 0]


def _fit(
    array: NDArray[Any], size: tuple[int, int], raw_size: tuple[int, int] | None, name: str, resize: bool
) -> NDArray[Any]:
    """The array at the photo's size, nearest, if that is wished."""
    height, width = array.shape
    if raw_size is not None and raw_size != size and (height, width) != size:
        fits_raw = height * raw_size[1] == width * raw_size[0] and height * size[1] != width * size[0]
        if (height, width) == raw_size or (resize and fits_raw):
            raise RegionError(
                f"{name} is {width} x {height} but the photo is {size[1]} x {size[0]} after its EXIF rotation: "
                "it fits only the unrotated photo; expected a mask of the photo as it is shown: turn it"
            )
    if (height, width) != size and resize:
        array = at_size(array, size)
    check_size(array.shape, size, name, _RESIZE)
    return array
