"""Image files up to their pixels: by content, size limit first, every fault of a decoder as one of our errors.

The one place that opens image files: photos (`images`) and masks and label maps (`regions`) both come through here.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import stat
import sys
import threading
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from madeof._util.text import show
from madeof.errors import InputError, MadeofError
from madeof.images.tiff import choose_page, unread_kind
from madeof.images.truncation import png_is_whole, tiles_cover

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

# Pillow's plugin classes, made directly: `Image.open` would try more decoders and has a size limit and a warning
# of its own, which only its global settings change.
_PLUGINS = {
    "JPEG": ("PIL.JpegImagePlugin", "JpegImageFile"),
    "PNG": ("PIL.PngImagePlugin", "PngImageFile"),
    "WEBP": ("PIL.WebPImagePlugin", "WebPImageFile"),
    "TIFF": ("PIL.TiffImagePlugin", "TiffImageFile"),
    "BMP": ("PIL.BmpImagePlugin", "BmpImageFile"),
    "GIF": ("PIL.GifImagePlugin", "GifImageFile"),
    "AVIF": ("PIL.AvifImagePlugin", "AvifImageFile"),
    "HEIC": ("pillow_heif", "HeifImageFile"),  # extra "heif"; it turns the photo itself and says so in its EXIF data
}
_EXPECTED = "expected JPEG, PNG, WebP, TIFF, BMP, GIF, AVIF or HEIC"
_BRANDS = {b"avif": "AVIF", b"avis": "AVIF"} | dict.fromkeys(
    (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), "HEIC"
)
_SIGNATURES = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
)
_TIFF_WIDTH, _TIFF_HEIGHT, _TIFF_BITS, _TIFF_PHOTOMETRIC, _ORIENTATION = 256, 257, 258, 262, 274
_HEAD = 64


@dataclass
class Opened:
    """An image file whose header was read and found in order."""

    image: Image.Image
    """Not decoded yet."""
    name: str
    """The path as given, or "photo" and the like."""
    format: str
    """"JPEG", "PNG" ...; "" for a PIL image that is no file of ours."""
    raw_size: tuple[int, int]
    """(height, width) as stored, before the EXIF rotation."""
    error: type[InputError]
    file: BinaryIO | None = None
    bits: int | None = None
    """Bits a channel as stored, where the header tells."""
    copies: bool = False
    """The other pages of a TIFF are smaller copies of this one."""

    def load(self) -> None:
        """Decode the whole of the first frame; its EXIF rotation is not applied (except for TIFF, by Pillow)."""
        with guard(self.name, self.format, self.error):
            whole = self.format not in ("TIFF", "GIF") or tiles_cover(self.image, self.raw_size)
            self.image.load()
            if self.format == "PNG" and self.file is not None:
                whole = png_is_whole(self.image, self.file)
        if not whole:
            raise self.error(
                f"{show(self.name)} holds fewer pixels than its header says; expected a whole {self.format}: "
                "it is truncated or damaged, get it again"
            )

    def data(self) -> bytes:
        """The file's bytes."""
        if self.file is None:
            return b""
        with guard(self.name, self.format, self.error):
            self.file.seek(0)
            return self.file.read()

    def animated(self) -> bool:
        """Whether the file holds more frames than the first. What is wrong with those does not matter."""
        if self.image.format == "MPO":  # a second picture of the same, or a gain map
            return False
        with quiet():
            try:
                return bool(getattr(self.image, "is_animated", False)) and not self.copies
            except Exception:
                return False

    def turned_size(self) -> tuple[int, int]:
        """(height, width) after the EXIF rotation. It needs no decoding, unless a PNG's EXIF data stand at its end."""
        if self.format == "PNG" and self.file is not None and not _has_late_metadata(self.file):
            from PIL import Image

            with quiet(), contextlib.suppress(Exception):
                Image.Image.getexif(self.image)  # PNG's own getexif would decode; the answer is kept in the image
                return self._turned(self.image._exif.get(_ORIENTATION) if self.image._exif else 1)
        return self._turned(orientation_of(self.image))

    def _turned(self, orientation: object) -> tuple[int, int]:
        height, width = self.raw_size
        return (width, height) if orientation in (5, 6, 7, 8) else (height, width)


@contextlib.contextmanager
def open_image(
    source: str | Path | bytes | Image.Image,
    error: type[InputError],
    *,
    max_megapixels: float,
    what: str = "photo",
) -> Iterator[Opened]:
    """Open an image and read its header; the file is closed at the block's end.

    Raises:
        InputError: the one given as `error`. It is missing, no image of a format that we read, too large, or its header
            is damaged.
    """
    with contextlib.ExitStack() as stack:
        if isinstance(source, str | Path):
            name = str(source)
            file: BinaryIO = stack.enter_context(_open_file(name, error, what))
        elif isinstance(source, bytes | bytearray | memoryview):
            name, file = what, io.BytesIO(source)
        elif isinstance(source, Mapping) and source.keys() == {"bytes", "path"}:  # a row of Hugging Face's datasets
            inner = source["bytes"] or source["path"] or b""
            named = what if isinstance(inner, str) else str(source["path"] or what)
            yield stack.enter_context(open_image(inner, error, max_megapixels=max_megapixels, what=named))
            return
        else:
            yield _from_pil(source, error, max_megapixels, what)
            return
        head = file.read(_HEAD)
        kind = _format_of(head)
        if kind is None:
            raise error(f"{show(name)} is {_describe(head)}; {_EXPECTED}")
        module, plugin = _PLUGINS[kind]
        if kind == "HEIC" and importlib.util.find_spec(module) is None:
            raise error(
                f"{show(name)} is a HEIC file; expected pillow-heif to read it: "
                "run  pip install 'madeof[heif]', or save it as JPEG"
            )
        try:
            with guard(name, kind, error):
                file.seek(0)
                image: Image.Image = getattr(importlib.import_module(module), plugin)(file, "")
                unread, copies = choose_page(image) if kind == "TIFF" else ("", False)  # type: ignore[arg-type]
        except error:
            unread = unread_kind(file) if kind == "TIFF" else ""
            if not unread:
                raise
        if unread:
            raise error(f"{show(name)} is {unread}")
        opened = Opened(image, name, kind, _raw_size(image), error, file, _bits(image, kind, head), copies)
        _check_size(opened.raw_size, name, error, max_megapixels)
        yield opened


@contextlib.contextmanager
def guard(name: str, kind: str, error: type[InputError]) -> Iterator[None]:
    """Whatever a decoder raises or warns becomes one line of ours."""
    from PIL import Image

    label = kind.replace("WEBP", "WebP") or "image"
    try:
        with quiet():
            yield
    except MadeofError:
        raise
    except MemoryError as fault:
        raise error(f"{show(name)} does not fit into memory; expected a smaller {label}: shrink it") from fault
    except Image.DecompressionBombError as fault:
        raise error(f"{show(name)} is larger than Pillow decodes; expected a smaller {label}: shrink it") from fault
    except Exception as fault:  # decoders raise anything: OSError, SyntaxError, struct.error, IndexError, ...
        reason = show(str(fault).strip().split("\n")[0][:120]) or type(fault).__name__
        raise error(
            f"{show(name)} cannot be decoded ({reason}); expected a whole {label}: it is truncated "
            "or damaged, get it again"
        ) from fault


class quiet:
    """Pillow's warnings are ignored while at least one thread is inside.

    `warnings.catch_warnings` alone is not safe among threads: the second to enter would keep the first one's filters
    for ever. So the first one in sets the filter and the last one out takes it away.
    """

    _lock = threading.Lock()
    _inside = 0
    _catch: warnings.catch_warnings[None] | None = None

    def __enter__(self) -> None:
        with quiet._lock:
            quiet._inside += 1
            if quiet._inside == 1:
                quiet._catch = warnings.catch_warnings()
                quiet._catch.__enter__()
                warnings.filterwarnings("ignore", module=r"PIL\.")

    def __exit__(self, *_: object) -> None:
        with quiet._lock:
            quiet._inside -= 1
            if quiet._inside == 0 and quiet._catch is not None:
                quiet._catch.__exit__(None, None, None)
                quiet._catch = None


def orientation_of(image: Image.Image) -> int:
    """The EXIF rotation still to apply, 1-8; 1 when there is none or it cannot be read."""
    with quiet():
        try:
            value = image.getexif().get(_ORIENTATION, 1)
        except Exception:  # broken EXIF data raise anything; they say nothing about the pixels
            return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def turn(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Apply an EXIF rotation to (H, W, ...) pixels. A view, where it can be one."""
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    rows = -1 if orientation in (3, 4, 7, 8) else 1
    columns = -1 if orientation in (2, 3, 6, 7) else 1
    return pixels[::rows, ::columns]


def too_large(name: str, size: tuple[int, int], max_megapixels: float) -> str:
    """The message for an image over the limit."""
    height, width = size
    return (
        f"{show(name)} has {height * width / 1e6:.1f} megapixels ({width} x {height}); expected at most "
        f"{max_megapixels:g}: shrink it or raise the limit (max_megapixels, --max-megapixels)"
    )


def white_is_zero(image: Image.Image) -> bool:
    """Whether a TIFF's grey values run from white to black, which Pillow honours for 8 bits only."""
    tags = getattr(image, "tag_v2", {})
    return image.mode.startswith(("I", "F")) and tags.get(_TIFF_PHOTOMETRIC) == 0


def _open_file(name: str, error: type[InputError], what: str) -> BinaryIO:
    try:
        path = Path(name)
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            many = f", or several ({show(name.rstrip('/'))}/*.jpg), or run  madeof batch {show(name)}"
            raise error(f"{show(name)} is a folder; {_EXPECTED}: name one file{many if what == 'photo' else ''}")
        if not stat.S_ISREG(mode):  # a pipe or device could block or never end
            raise error(f"{show(name)} is not an ordinary file; {_EXPECTED}: save it as a file")
        return path.open("rb")
    except (OSError, ValueError) as fault:
        if isinstance(fault, MadeofError):
            raise
        reason = (getattr(fault, "strerror", None) or str(fault)).lower()
        raise error(f"{show(name)} cannot be opened ({reason}); expected a {what} file: check its path") from fault


def _from_pil(image: Any, error: type[InputError], max_megapixels: float, what: str) -> Opened:
    pil = sys.modules.get("PIL.Image")
    if pil is None or not isinstance(image, pil.Image):
        raise error(
            f"got a {type(image).__name__}; expected the {what} as a path, a file's bytes, a PIL image or a NumPy array"
        )
    _check_size(_raw_size(image), f"the {what}", error, max_megapixels)
    return Opened(image, what, "", _raw_size(image), error)


def _format_of(head: bytes) -> str | None:
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[4:8] == b"ftyp":  # mif1 says only that it is a picture; AVIF or HEIC is among the brands after it
        brands = [head[8:12], *(head[at : at + 4] for at in range(16, min(len(head), head[3]), 4))]
        kinds = [_BRANDS[brand] for brand in brands if brand in _BRANDS]
        return "AVIF" if "AVIF" in kinds else next(iter(kinds), None)
    return next((kind for start, kind in _SIGNATURES if head.startswith(start)), None)


def _describe(head: bytes) -> str:
    if not head:
        return "an empty file"
    if head.startswith(b"version https://git-lfs"):
        return "a Git-LFS pointer and not the file itself (run  git lfs pull)"
    if head[4:8] == b"ftyp":
        return "a video file"
    start = head.lstrip(b"\xef\xbb\xbf \r\n\t")[:5].lower()
    known = {b"%pdf-": "a PDF file", b"<svg ": "an SVG file", b"<?xml": "an XML file", b"<!doc": "a web page",
             b"<html": "a web page", b"8bps\0": "a Photoshop file", b"\x93nump": "a NumPy array file"}  # fmt: skip
    return known.get(start, "not an image that we read")


def _raw_size(image: Image.Image) -> tuple[int, int]:
    """(height, width) as stored. Pillow gives a TIFF's size already turned."""
    tags = getattr(image, "tag_v2", {})
    if tags.get(_ORIENTATION) in (5, 6, 7, 8):
        return image.width, image.height
    return image.height, image.width


def _check_size(size: tuple[int, int], name: str, error: type[InputError], max_megapixels: float) -> None:
    height, width = size
    if height < 1 or width < 1:
        raise error(
            f"{show(name)} has no pixels ({width} x {height}); expected at least one: it is damaged, get it again"
        )
    if not height * width <= max_megapixels * 1e6:  # so written, a limit that is not a number refuses all
        raise error(too_large(name, size, max_megapixels))


def _bits(image: Image.Image, kind: str, head: bytes) -> int | None:
    """Bits a channel as stored: Pillow stretches 2- and 4-bit greys to 0-255, which a label map must undo."""
    if kind == "PNG" and len(head) > 24:
        return head[24]
    if kind == "TIFF":
        bits = getattr(image, "tag_v2", {}).get(_TIFF_BITS, 1)
        return int(bits[0] if isinstance(bits, tuple) else bits)
    return None


def _has_late_metadata(file: BinaryIO) -> bool:
    """Whether a PNG holds more than its end behind its pixels. Walks over the chunks' heads."""
    file.seek(8)
    behind = False
    while len(head := file.read(8)) == 8 and head[4:] != b"IEND":
        if head[4:] != b"IDAT" and behind:
            return True
        behind = behind or head[4:] == b"IDAT"
        file.seek(int.from_bytes(head[:4], "big") + 4, io.SEEK_CUR)
    return False
