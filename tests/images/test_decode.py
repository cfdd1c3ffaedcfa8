"""Files of images: EXIF, turning, damage and lies in headers, limits, what is no photo."""

from __future__ import annotations

import concurrent.futures
import io
import os
import re
import struct
import tracemalloc
import warnings
from pathlib import Path

import numpy as np
import pytest
from images_photo import FORMATS, encode, refused, scene
from PIL import Image
from small_files import png, with_tiff_tag

from madeof.errors import PhotoError
from madeof.images.decode import turn
from madeof.images.photo import read_photo, size_of

CORNERS = {  # where the stored top left and top right corners go: (row, column) of the turned photo
    1: ((0, 0), (0, -1)),
    2: ((0, -1), (0, 0)),
    3: ((-1, -1), (-1, 0)),
    4: ((-1, 0), (-1, -1)),
    5: ((0, 0), (-1, 0)),
    6: ((0, -1), (-1, -1)),
    7: ((-1, -1), (0, -1)),
    8: ((-1, 0), (0, 0)),
}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation(kind, orientation, tmp_path):
    stored = np.full((16, 32, 3), 128, dtype=np.uint8)
    stored[:8, :8], stored[:8, -8:] = (255, 0, 0), (0, 0, 255)
    exif = Image.Exif()
    exif[274] = orientation
    options = {"quality": 95} if kind == "JPEG" else {"lossless": True} if kind == "WEBP" else {}
    path = tmp_path / "photo"
    path.write_bytes(encode(Image.fromarray(stored), kind, exif=exif, **options))
    photo = read_photo(path)
    assert photo.raw_size == (16, 32)
    assert photo.size == size_of(path) == ((32, 16) if orientation >= 5 else (16, 32))
    assert photo.pixels.flags.c_contiguous
    left, right = CORNERS[orientation]
    assert photo.pixels[left].argmax() == 0
    assert photo.pixels[left].max() > 200
    assert photo.pixels[right].argmax() == 2
    with Image.open(path) as image:  # a PIL image whose rotation was not applied yet
        np.testing.assert_array_equal(read_photo(image).pixels, photo.pixels)


def test_png_exif_behind_the_pixels_counts_too():
    exif = Image.Exif()
    exif[274] = 6
    early = encode(Image.fromarray(scene()), "PNG", exif=exif)
    start = early.index(b"eXIf") - 4
    end = start + 12 + int.from_bytes(early[start : start + 4], "big")
    late = early[:start] + early[end:-12] + early[start:end] + early[-12:]
    assert size_of(late) == size_of(early) == (64, 48)
    np.testing.assert_array_equal(read_photo(late).pixels, read_photo(early).pixels)


@pytest.mark.parametrize("orientation", [0, 9, 255, 65535])
def test_a_rotation_that_does_not_exist_is_none(orientation):
    exif = Image.Exif()
    exif[274] = orientation
    np.testing.assert_array_equal(read_photo(encode(Image.fromarray(scene()), "PNG", exif=exif)).pixels, scene())


def test_broken_exif_is_none():
    data = encode(Image.fromarray(scene()), "JPEG")
    for junk in (b"", b"II*\0", b"MM\0*\0\0\0\x08\xff\xff" + bytes(range(64)), os.urandom(200)):
        body = b"Exif\0\0" + junk
        broken = data[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[2:]
        assert read_photo(broken).size == size_of(broken) == (48, 64)


def test_animated_gives_the_first_frame_and_a_warning():
    frames = [Image.new("RGB", (8, 6), colour) for colour in ("red", "blue", "lime")]
    for kind, options in (("GIF", {}), ("PNG", {}), ("WEBP", {"lossless": True}), ("TIFF", {})):
        data = encode(frames[0], kind, save_all=True, append_images=frames[1:], **options)
        photo = read_photo(data)
        assert photo.warnings == ("animated: the first frame is used",), kind
        assert (photo.pixels == (255, 0, 0)).all(), kind
        with Image.open(io.BytesIO(data)) as image:
            image.seek(1)
            photo = read_photo(image)
        assert photo.warnings == ("animated: frame 2 is used",), kind
        assert (photo.pixels == (0, 0, 255)).all(), kind


@pytest.mark.parametrize("size", [(1, 1), (3, 700), (700, 3), (256, 257), (513, 300)])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_turning_in_tiles_is_turning(size, orientation):
    pixels = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[274] = orientation
    turned = read_photo(encode(Image.fromarray(pixels), "PNG", exif=exif)).pixels
    np.testing.assert_array_equal(turned, turn(pixels, orientation))
    assert turned.flags.c_contiguous


@pytest.mark.parametrize("kind", FORMATS)
def test_truncated_at_any_length_is_an_error_or_the_whole_photo(kind):
    rng = np.random.default_rng(3)
    noise = rng.integers(0, 256, (40, 50, 3), dtype=np.uint8)
    data = encode(Image.fromarray(noise), kind, **FORMATS[kind])
    whole = read_photo(data).pixels
    lengths = {*range(0, len(data), max(1, len(data) // 60)), *range(len(data) - 24, len(data))}
    messages = []
    for length in lengths:
        try:
            cut = read_photo(data[:length]).pixels
        except PhotoError as error:
            messages.append(str(error))
        else:  # only what stands behind the pixels was cut off
            np.testing.assert_array_equal(cut, whole)
    assert len(messages) >= 60
    assert all(message.isprintable() for message in messages)


def test_a_jpeg_without_its_end_marker_is_whole_but_flagged():
    data = encode(Image.fromarray(scene()), "JPEG")
    photo = read_photo(data[:-2])
    np.testing.assert_array_equal(photo.pixels, read_photo(data).pixels)
    assert photo.damaged
    assert photo.warnings == ("damaged data: no end marker",)


def test_a_tiff_or_bmp_whose_header_lies():
    bmp = bytearray(encode(Image.fromarray(scene()), "BMP"))
    bmp[22:26] = struct.pack("<i", 4000)
    assert "truncated" in refused(bytes(bmp))
    for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"):
        tiff = encode(Image.fromarray(scene()), "TIFF", compression=compression)
        assert read_photo(tiff).size == (48, 64)
        assert "damaged" in refused(with_tiff_tag(tiff, 257, 60)), compression


def test_a_photo_over_the_limit_is_refused_from_its_header():
    for kind in FORMATS:
        data = encode(Image.new("RGB", (200, 100)), kind)
        assert "0.0 megapixels (200 x 100); expected at most 0.01" in refused(data, max_megapixels=0.01)
        assert read_photo(data, max_megapixels=0.02).size == (100, 200)
    bomb = png(20000, 20000, 8, 0, bytes(1000))
    tracemalloc.start()
    try:
        message = refused(bomb)
        with pytest.raises(PhotoError):
            size_of(bomb)
        assert tracemalloc.get_traced_memory()[1] < 2e6
    finally:
        tracemalloc.stop()
    assert "400.0 megapixels (20000 x 20000); expected at most 100" in message
    assert "megapixels" in refused(scene(), max_megapixels=0.001)
    assert "at most nan" in refused(scene(), max_megapixels=float("nan"))
    assert "megapixels" in refused(Image.fromarray(scene()), max_megapixels=0.001)


def test_a_limit_above_pillows_own_is_ours_to_set(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)  # else this would take a real photo of 90 megapixels
    for kind in ("PNG", "JPEG", "BMP", "GIF"):
        assert read_photo(encode(Image.new("RGB", (100, 100)), kind)).size == (100, 100)
    for kind in ("WEBP", "TIFF"):
        assert "larger than Pillow decodes" in refused(encode(Image.new("RGB", (100, 100)), kind))


def test_paths_that_are_no_photo(tmp_path):
    empty, text, lfs, heic, page = (tmp_path / n for n in ("empty.jpg", "text.jpg", "lfs.png", "p.heic", "page.png"))
    empty.write_bytes(b"")
    text.write_text("hello")
    lfs.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n")
    heic.write_bytes(b"\0\0\0\x18ftypheic")
    page.write_text("\n<!DOCTYPE html><html>")
    for path, told in (
        (empty, "is an empty file"),
        (text, "is not an image that we read; expected JPEG, PNG, WebP, TIFF, BMP, GIF, AVIF or HEIC"),
        (lfs, "git lfs pull"),
        (heic, "HEIC"),
        (page, "a web page"),
        (tmp_path, "is a folder"),
        (tmp_path / "missing.jpg", "no such file"),
        (Path("/dev/null"), "not an ordinary file"),
        (tmp_path / ("x" * 300), "cannot be opened"),
        ("a\0b", "cannot be opened"),
    ):
        message = refused(path)
        assert told in message
        assert message.startswith(str(path).replace("\0", "\\x00"))
        with pytest.raises(PhotoError, match=re.escape(told)):
            size_of(path)


def test_formats_that_pillow_knows_and_we_do_not():
    for kind in ("PPM", "TGA", "ICO", "PDF"):
        assert "expected JPEG" in refused(encode(Image.new("RGB", (32, 32)), kind))


def test_no_permission(tmp_path, monkeypatch):
    path = tmp_path / "secret.png"
    path.write_bytes(b"x")

    def refuse(*_, **__):  # whoever runs the tests may be allowed to read everything
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert "permission denied" in refused(path)


def test_odd_names_are_read_and_shown_on_one_line(tmp_path):
    data = encode(Image.fromarray(scene()), "PNG")
    for name in ("two words.png", "two\nlines.png", "-dash.png", os.fsdecode(b"not-utf8-\xff.png"), "\x1b[31m.png"):
        path = tmp_path / name
        path.write_bytes(data)
        assert read_photo(path).name == str(path)
        path.write_bytes(data[:40])
        message = refused(path)
        message.encode("utf-8")
        assert "\n" not in message


def test_threads_read_side_by_side_and_leave_the_warning_filters_alone():
    exif = b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + bytes(64)
    data = encode(Image.fromarray(scene()), "TIFF", tiffinfo={271: "x"})
    broken = encode(Image.fromarray(scene()), "JPEG")
    broken = broken[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + broken[2:]
    before = list(warnings.filters)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        photos = list(pool.map(read_photo, [data, broken] * 50))
    assert warnings.filters == before
    assert {photo.size for photo in photos} == {(48, 64)}
