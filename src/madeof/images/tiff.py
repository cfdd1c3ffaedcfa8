"""TIFF files that hold something else than one plain photo: raw files, reduced pages, kinds that are not read.

Tags are those of TIFF 6.0 and of its Technical Note 1 (SubIFDs); 50706 is DNGVersion.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from PIL.TiffImagePlugin import TiffImageFile

_SUBFILE, _BITS, _PHOTOMETRIC, _SAMPLES, _PLANAR, _FORMAT, _DNG = 254, 258, 262, 277, 284, 339, 50706
_COLOUR_FILTER = 32803
_CONVERT = "convert it to an 8-bit RGB PNG or TIFF"


def unread_kind(file: BinaryIO) -> str:
    """What the first page of a TIFF is that is whole and of a kind that is not read; "" for none that we know."""
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    try:
        file.seek(0)
        tags = ImageFileDirectory_v2(file.read(8))
        file.seek(tags.next)
        tags.load(file)
        bits = tags.get(_BITS, (1,))
        depths = {int(each) for each in (bits if isinstance(bits, tuple) else (bits,))}
        samples, form = int(tags.get(_SAMPLES, 1)), tags.get(_FORMAT, (1,))
        colour = tags.get(_PHOTOMETRIC)
    except Exception:  # the header is damaged, which its decoder says too
        return ""
    if _DNG in tags or colour == _COLOUR_FILTER:
        return f"a camera's raw file; expected a photo: {RAW}"
    numbers = {1: "integers", 2: "signed integers", 3: "floats"}.get(form[0] if isinstance(form, tuple) else form, "")
    plain = numbers == "integers" and depths <= {1, 2, 4, 8, 16} and len(depths) == 1
    layout = " in planes" if tags.get(_PLANAR) == 2 else ""
    if samples > 1 and (colour not in (2, 5, 6, 8) or samples > 5):
        what = f"{samples} bands{layout} that are no RGB"
        return f"a TIFF of {what}; expected grey or RGB: choose three of them, such as  gdal_translate -b 3 -b 2 -b 1"
    if plain and len(depths) == 1 and not (layout and 16 in depths):
        return ""
    depth = "/".join(map(str, sorted(depths)))
    return (
        f"a TIFF of {depth}-bit {numbers or 'values'} and {samples} channels{layout}; expected 8 or 16 bits: {_CONVERT}"
    )


RAW = "develop it to JPEG, PNG or TIFF (with darktable, RawTherapee or rawpy)"
"""What to do with a camera's raw file."""


def choose_page(image: TiffImageFile) -> tuple[str, bool]:
    """Go to the first page that is not marked as a reduced copy.

    Returns:
        What is wrong, or "" for nothing; and whether all other pages are such copies.
    """
    if _DNG in image.tag_v2:
        return f"a camera's raw file; expected a photo: {RAW}", False
    chosen = 0
    while _reduced(image.tag_v2):
        chosen += 1
        if chosen >= getattr(image, "n_frames", 1):
            return f"a TIFF whose pages are all reduced copies of a photo, as raw files have; expected it: {RAW}", False
        image.seek(chosen)
    tags: Any = image.tag_v2
    if tags.get(_PLANAR) == 2 and tags.get(_SAMPLES, 1) > 1 and 16 in tags.get(_BITS, (8,)):  # Pillow 13 garbles it
        return f"a TIFF of 16 bits in planes; expected the channels of a pixel together: {_CONVERT}", False
    return "", chosen > 0 or _others_are_copies(image)


def _others_are_copies(image: TiffImageFile) -> bool:
    """Whether all pages after the first are marked as reduced."""
    try:
        pages = range(1, image.n_frames if image.is_animated else 1)
        for page in pages:
            image.seek(page)
            if not _reduced(image.tag_v2):
                return False
        return bool(pages)
    except Exception:  # what is wrong with other pages does not matter
        return False
    finally:
        image.seek(0)


def _reduced(tags: Any) -> bool:
    return bool(int(tags.get(_SUBFILE, 0)) & 1)
