"""1,000 fuzzed photos, masks and pairs: each is answered whole or refused with one line, and nothing else happens."""

from __future__ import annotations

import io
import re
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from madeof.errors import PhotoError, RegionError
from madeof.images.photo import read_photo, size_of
from madeof.regions.components import connected_components
from madeof.regions.files import read_label_map, read_mask
from madeof.regions.region import mask_box

SIZE = (24, 40)
LIMIT = 1.0  # megapixels


def encode(image: Image.Image, kind: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def seeds(kind: str) -> list[bytes]:
    """Small valid files."""
    rng = np.random.default_rng(0)
    exif = Image.Exif()
    exif[274] = 6
    if kind == "photo":
        colour = Image.fromarray(rng.integers(0, 256, (*SIZE, 3), dtype=np.uint8))
        grey = colour.convert("L")
        return [
            encode(colour, "JPEG", exif=exif),
            encode(colour, "JPEG", progressive=True),
            encode(grey, "JPEG", restart_marker_rows=1),
            encode(colour.convert("CMYK"), "JPEG"),
            encode(colour, "PNG", exif=exif),
            encode(colour.quantize(16), "PNG", transparency=3),
            encode(colour.convert("LA"), "PNG"),
            encode(Image.fromarray(rng.integers(0, 65536, SIZE, dtype=np.uint16)), "PNG"),
            encode(colour, "WEBP", exif=exif),
            encode(colour.convert("RGBA"), "WEBP", lossless=True),
            encode(colour, "TIFF", exif=exif),
            encode(colour, "TIFF", compression="tiff_lzw"),
            encode(grey, "TIFF", compression="tiff_adobe_deflate"),
            encode(Image.fromarray(rng.random(SIZE, dtype=np.float32)), "TIFF"),
            encode(colour, "BMP"),
            encode(grey, "BMP"),
            encode(colour, "GIF"),
            encode(colour, "GIF", save_all=True, append_images=[grey.convert("RGB")]),
        ]
    values = np.zeros(SIZE, dtype=np.uint8)
    values[5:20, 8:30] = 255 if kind == "mask" else 43
    values[5:20, 8:12] = 255 if kind == "mask" else 7
    image = Image.fromarray(values)
    palette = image.convert("P")
    palette.putpalette(rng.integers(0, 256, 768).tolist())
    soft = Image.fromarray((values.astype(np.uint16) * 257) if kind == "mask" else values.astype(np.uint16))
    return [
        encode(image, "PNG", exif=exif),
        encode(image.convert("1"), "PNG"),
        encode(palette, "PNG"),
        encode(image.convert("RGBA"), "PNG"),
        encode(soft, "PNG"),
        encode(soft, "TIFF"),
        encode(image, "TIFF", compression="packbits"),
        encode(image.convert("RGB"), "WEBP", lossless=True),
        encode(image, "BMP"),
        encode(image, "GIF"),
        encode(image, "JPEG"),
    ]


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    """A few bytes changed, some cut out, some put in, or the end cut off; half of the time near the header."""
    changed = bytearray(data)
    for _ in range(int(rng.integers(1, 4))):
        at = int(rng.integers(0, len(changed) if rng.random() < 0.5 else min(len(changed), 120)))
        kind = rng.integers(0, 6)
        count = int(rng.integers(1, 9))
        if kind == 0:
            changed[at : at + count] = rng.bytes(count)
        elif kind == 1:
            changed[at] ^= 1 << int(rng.integers(0, 8))
        elif kind == 2:
            changed[at : at + count] = bytes([int(rng.choice([0, 1, 127, 128, 255]))]) * count
        elif kind == 3:
            del changed[at : at + count]
        elif kind == 4:
            changed[at:at] = rng.bytes(count)
        elif rng.random() < 0.3:
            del changed[at:]
        if not changed:
            break
    return with_checksums(bytes(changed)) if rng.random() < 0.7 else bytes(changed)


def with_checksums(data: bytes) -> bytes:
    """The same PNG with the checksums that its changed chunks should have, so that a decoder looks into them."""
    if not data.startswith(b"\x89PNG"):
        return data
    mended = bytearray(data)
    at = 8
    while at + 12 <= len(data):
        end = at + 8 + int.from_bytes(data[at : at + 4], "big")
        if end + 4 > len(data):
            break
        mended[end : end + 4] = zlib.crc32(data[at + 4 : end]).to_bytes(4, "big")
        at = end + 4
    return bytes(mended)


def cases(kind: str, count: int):
    rng = np.random.default_rng(sum(kind.encode()))
    files = seeds(kind)
    for number in range(count):
        yield rng, mutated(files[number % len(files)], rng)


@pytest.fixture(autouse=True)
def _no_traces_left():
    filters = list(warnings.filters)
    yield
    assert warnings.filters == filters


def quarter(height: int, width: int) -> tuple[int, int]:
    return height // 4, width // 4


def one_line(error: Exception) -> None:
    message = str(error)
    assert message.isprintable(), message
    assert "expected" in message, message
    assert len(message) < 500


def test_the_seeds_themselves_are_fine():
    for data in seeds("photo"):
        assert read_photo(data).pixels.size == 24 * 40 * 3
    for data in seeds("mask"):
        assert read_mask(data, SIZE, resize=True, allow_jpeg=True).any()
    for data in seeds("label map")[:-1]:  # the last is a JPEG
        assert read_label_map(data).any()


@pytest.mark.slow
@pytest.mark.parametrize("count", [500, pytest.param(5000, marks=pytest.mark.soak)])
def test_photos(count: int):
    read = reduced = 0
    for _, data in cases("photo", count):
        try:
            photo = read_photo(data, max_megapixels=LIMIT)
        except PhotoError as error:
            one_line(error)
            with pytest.raises(PhotoError, match=re.escape(str(error))):
                read_photo(data, max_megapixels=LIMIT, least_size=quarter)
            continue
        small = read_photo(data, max_megapixels=LIMIT, least_size=quarter)
        reduced += small.reduced
        assert (small.size, small.raw_size) == (photo.size, photo.raw_size)
        assert (small.damaged, small.warnings) == (photo.damaged, photo.warnings)
        assert small.pixels.flags.c_contiguous
        assert np.all(np.array(small.pixels.shape[:2]) >= np.array(photo.size) // 4)
        read += 1
        assert photo.pixels.dtype == np.uint8
        assert photo.pixels.ndim == 3
        assert photo.pixels.shape[2] == 3
        assert photo.pixels.flags.c_contiguous
        assert 0 < photo.pixels.size <= LIMIT * 3e6
        assert photo.raw_size in (photo.size, photo.size[::-1])
        assert photo.damaged == any(w.startswith("damaged") for w in photo.warnings)
        assert size_of(data) == photo.size
    assert 0.1 * count < read < 0.9 * count
    assert reduced > 0.02 * count


@pytest.mark.slow
@pytest.mark.parametrize("count", [150, pytest.param(1500, marks=pytest.mark.soak)])
def test_masks_and_label_maps(count: int):
    read = 0
    for _, data in cases("mask", count):
        try:
            mask = read_mask(data, SIZE, resize=True, allow_jpeg=True, max_megapixels=LIMIT)
        except RegionError as error:
            one_line(error)
            continue
        read += 1
        assert mask.shape == SIZE
        assert mask.any()
        assert mask.dtype in (np.bool_, np.float32)
        assert 0 <= mask.min() <= mask.max() <= 1
        x0, y0, x1, y1 = mask_box(mask)
        assert 0 <= x0 < x1 <= 40
        assert 0 <= y0 < y1 <= 24
    for _, data in cases("label map", count):
        try:
            label_map = read_label_map(data, max_megapixels=LIMIT)
        except RegionError as error:
            one_line(error)
            continue
        read += 1
        assert label_map.ndim == 2
        assert label_map.dtype.kind in "iu"
        assert label_map.min() >= 0
        blobs = connected_components(label_map)
        assert blobs.areas.sum() == np.count_nonzero(label_map)
    assert 0.2 * count < read < 1.9 * count


@pytest.mark.slow
@pytest.mark.parametrize("count", [200, pytest.param(2000, marks=pytest.mark.soak)])
def test_pairs(count: int):
    """A photo and a mask of it, either of which may be mutated or of another size."""
    photos, masks = seeds("photo"), seeds("mask")
    rng = np.random.default_rng(9)
    outcomes = {"answered": 0, "photo": 0, "mask": 0}
    for number in range(count):
        data, mask_data = photos[number % len(photos)], masks[number % len(masks)]
        data = mutated(data, rng) if rng.random() < 0.3 else data
        mask_data = mutated(mask_data, rng) if rng.random() < 0.3 else mask_data
        try:
            photo = read_photo(data, max_megapixels=LIMIT)
            mask = read_mask(mask_data, photo.size, raw_size=photo.raw_size, max_megapixels=LIMIT)
        except PhotoError as error:
            one_line(error)
            outcomes["photo"] += 1
        except RegionError as error:
            one_line(error)
            outcomes["mask"] += 1
        else:
            outcomes["answered"] += 1
            assert mask.shape == photo.pixels.shape[:2]
    assert min(outcomes.values()) > 10, outcomes
