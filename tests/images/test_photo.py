"""Photos: every format and mode, EXIF, limits, damage."""

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
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile
from small_files import png, with_tiff_tag

from madeof.errors import PhotoError
from madeof.images.decode import turn
from madeof.images.photo import read_photo, size_of
from madeof.model.preprocess import resize_image

FORMATS = {
    "png": {},
    "jpeg": {"quality": 90},
    "webp": {"lossless": True},
    "tiff": {},
    "bmp": {},
    "gif": {},
}


def encode(image: Image.Image, kind: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def scene(height: int = 48, width: int = 64) -> np.ndarray:
    """Smooth, with a different colour in each corner."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 255 // width, y * 255 // height, (x + y) * 255 // (height + width)], axis=2).astype(np.uint8)


def refused(source, **options) -> str:
    """The message of the one-line PhotoError that `source` gets."""
    with pytest.raises(PhotoError) as caught:
        read_photo(source, **options)
    message = str(caught.value)
    assert message.isprintable()
    assert "expected" in message
    return message


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_by_its_content(kind, tmp_path):
    pixels = scene()
    data = encode(Image.fromarray(pixels), kind, **FORMATS[kind])
    path = tmp_path / "photo.dat"  # the suffix says nothing
    path.write_bytes(data)
    photo = read_photo(path)
    assert photo.pixels.dtype == np.uint8
    assert photo.pixels.flags.c_contiguous
    assert photo.name == str(path)
    assert photo.raw_size == photo.size == size_of(path) == size_of(data) == (48, 64)
    assert not photo.damaged
    assert photo.warnings == ()
    assert np.abs(photo.pixels.astype(int) - pixels).mean() < (5 if kind in ("jpeg", "gif") else 1e-9)
    np.testing.assert_array_equal(read_photo(data).pixels, photo.pixels)
    np.testing.assert_array_equal(read_photo(str(path)).pixels, photo.pixels)
    assert read_photo(data).name == "photo"


def test_the_same_pixels_from_a_pil_image_and_an_array():
    pixels = scene()
    np.testing.assert_array_equal(read_photo(Image.fromarray(pixels)).pixels, pixels)
    mirrored = read_photo(pixels[:, ::-1])
    np.testing.assert_array_equal(mirrored.pixels, pixels[:, ::-1])
    assert mirrored.pixels.flags.c_contiguous
    assert size_of(pixels) == size_of(Image.fromarray(pixels)) == (48, 64)


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "YCbCr", "HSV", "LAB", "RGBX"])
def test_modes_convert_as_pillow_does(mode):
    image = Image.new(mode, (4, 3))
    if mode not in ("1", "P"):
        image = Image.fromarray(scene(3, 4)).convert("L" if mode == "LAB" else mode)
    photo = read_photo(image)
    np.testing.assert_array_equal(photo.pixels, np.asarray(image.convert("RGB")))
    assert photo.warnings == ()


def test_alpha_is_composited_on_white():
    pixels = np.zeros((1, 4, 4), dtype=np.uint8)
    pixels[0, :, 3] = [0, 51, 128, 255]
    expected = np.array([255, 204, 127, 0])
    for image in (
        Image.fromarray(pixels),
        Image.fromarray(pixels).convert("LA"),
        Image.fromarray(pixels).convert("RGBa"),
    ):
        photo = read_photo(image)
        np.testing.assert_allclose(photo.pixels[0, :, 1], expected, atol=1)
        assert photo.warnings == ("transparent: shown on white",)
    pixels[..., 3] = 255
    assert read_photo(Image.fromarray(pixels)).warnings == ()


def test_a_transparent_colour_is_white():
    image = Image.fromarray(np.array([[0, 1, 2]], dtype=np.uint8)).convert("P")
    image.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    for transparency in (1, bytes([255, 0, 255])):
        photo = read_photo(encode(image, "PNG", transparency=transparency))
        assert photo.pixels[0].tolist() == [[10, 20, 30], [255, 255, 255], [70, 80, 90]]
        assert photo.warnings
    grey = read_photo(encode(Image.fromarray(np.array([[7, 9]], dtype=np.uint8)), "PNG", transparency=9))
    assert grey.pixels[0, :, 0].tolist() == [7, 255]


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bits_are_scaled_and_rounded_never_clipped(kind):
    values = np.array([[0, 128, 129, 255, 257, 32768, 65407, 65535]], dtype=np.uint16)
    photo = read_photo(encode(Image.fromarray(values), kind))
    np.testing.assert_array_equal(photo.pixels[0, :, 0], np.rint(values[0] / 257))
    assert (photo.pixels == photo.pixels[..., :1]).all()
    big_endian = Image.frombytes("I;16B", (8, 1), values.astype(">u2").tobytes())
    np.testing.assert_array_equal(read_photo(big_endian).pixels, photo.pixels)


def test_16_bit_rgb_keeps_the_high_byte():
    rows = b"\0" + np.array([65535, 0, 256, 32768, 128, 65280], dtype=">u2").tobytes()
    assert read_photo(png(2, 1, 16, 2, rows)).pixels[0].tolist() == [[255, 0, 1], [128, 0, 255]]


def test_12_bit_tiffs_span_the_whole_range_and_inverted_ones_are_refused():
    data = encode(Image.fromarray(np.full((1, 2), 65535, dtype=np.uint16)), "TIFF")
    assert read_photo(with_tiff_tag(data, 258, 12)).pixels.tolist() == [[[255] * 3] * 2]
    assert "white as zero" in refused(with_tiff_tag(data, 262, 0))


@pytest.mark.parametrize(("depth", "most"), [(1, 1), (2, 3), (4, 15)])
def test_few_bits_span_the_whole_range(depth, most):
    first = most << (8 - depth)
    assert read_photo(png(2, 1, depth, 0, bytes([0, first]))).pixels[0, :, 0].tolist() == [255, 0]


def test_wide_integers_and_floats():
    wide = np.array([[0, 65535, 257]], dtype=np.int32)
    assert read_photo(Image.fromarray(wide)).pixels[0, :, 0].tolist() == [0, 255, 1]
    floats = np.array([[0, 0.5, 1]], dtype=np.float32)
    assert read_photo(encode(Image.fromarray(floats), "TIFF")).pixels[0, :, 0].tolist() == [0, 128, 255]
    assert "from 0 to 65536" in refused(Image.fromarray(wide + (wide == 65535)))
    assert "from -1 to" in refused(Image.fromarray(wide - 1))
    assert "float values from 0 to 2" in refused(encode(Image.fromarray(floats * 2), "TIFF"))
    assert "nan" in refused(Image.fromarray(np.array([[np.nan, 1]], dtype=np.float32)))


def test_cmyk_jpeg_is_not_inverted():
    colour = Image.new("RGB", (16, 16), (200, 40, 40)).convert("CMYK")
    photo = read_photo(encode(colour, "JPEG", quality=95))
    np.testing.assert_allclose(photo.pixels[8, 8], (200, 40, 40), atol=6)


def test_grey_and_rgb_jpeg_match_pillow():
    for mode in ("L", "RGB"):
        data = encode(Image.fromarray(scene()).convert(mode), "JPEG", quality=90)
        pillow = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
        assert np.abs(read_photo(data).pixels.astype(int) - pillow).max() <= 2


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


def half(height: int, width: int) -> tuple[int, int]:
    """What pixels must keep: half of the photo, as it is shown."""
    return height // 2, width // 2


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / max(1e-9, np.mean((one.astype(float) - other) ** 2))))


def detailed(height: int, width: int) -> Image.Image:
    """Smooth shapes with grain."""
    grain = np.random.default_rng(0).normal(0, 8, (height, width, 3))
    return Image.fromarray((scene(height, width) + grain).clip(0, 255).astype(np.uint8))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_jpeg_decoded_smaller_looks_the_same(orientation):
    exif = Image.Exif()
    exif[274] = orientation
    data = encode(detailed(203, 301), "JPEG", quality=90, exif=exif)
    whole = read_photo(data)
    photo = read_photo(data, least_size=half)
    turned = (301, 203) if orientation >= 5 else (203, 301)
    assert photo.reduced
    assert not whole.reduced
    assert photo.size == whole.size == turned
    assert photo.raw_size == whole.raw_size == (203, 301)
    assert photo.pixels.shape[:2] == ((151, 102) if orientation >= 5 else (102, 151))
    assert photo.pixels.flags.c_contiguous
    assert photo.pixels.dtype == np.uint8
    assert photo.warnings == ()
    assert psnr(resize_image(photo.pixels, (64, 64)), resize_image(whole.pixels, (64, 64))) > 40


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("options", [{"subsampling": 0}, {"subsampling": 1}, {"subsampling": 2}, {"progressive": True}])
@pytest.mark.parametrize("divisor", [2, 4, 8])
def test_every_kind_of_jpeg_can_be_decoded_smaller(mode, options, divisor):
    data = encode(detailed(211, 307).convert(mode), "JPEG", quality=92, **options)
    photo = read_photo(data, least_size=lambda height, width: (height // divisor, width // divisor))
    if mode == "CMYK" and options.get("subsampling"):  # which only Pillow decodes
        assert not photo.reduced
    else:
        assert photo.pixels.shape == (-(-211 // divisor), -(-307 // divisor), 3)
    assert photo.size == (211, 307)
    assert psnr(resize_image(photo.pixels, (24, 24)), resize_image(read_photo(data).pixels, (24, 24))) > 36


@settings(deadline=None)
@given(*[st.integers(1, 90)] * 4)
def test_a_jpeg_is_never_decoded_below_what_is_needed(height, width, least_height, least_width):
    data = encode(Image.new("RGB", (width, height), (200, 40, 40)), "JPEG", quality=95)
    photo = read_photo(data, least_size=lambda *size: (least_height, least_width))
    assert photo.size == (height, width)
    assert photo.pixels.shape[0] >= min(height, least_height)
    assert photo.pixels.shape[1] >= min(width, least_width)
    if height < 2 * least_height or width < 2 * least_width:
        assert not photo.reduced
    else:
        assert photo.reduced
    np.testing.assert_allclose(photo.pixels.mean(axis=(0, 1)), (200, 40, 40), atol=6)


def test_only_a_jpeg_file_is_decoded_smaller():
    for kind in FORMATS:
        data = encode(detailed(64, 96), kind, **FORMATS[kind])
        assert read_photo(data, least_size=half).reduced == (kind == "jpeg")
        with Image.open(io.BytesIO(data)) as image:
            assert not read_photo(image, least_size=half).reduced
    assert not read_photo(scene(), least_size=half).reduced


def test_the_size_that_must_be_kept_is_asked_for_the_photo_as_it_is_shown():
    exif = Image.Exif()
    exif[274] = 6
    data = encode(detailed(60, 90), "JPEG", exif=exif)
    asked = []
    read_photo(data, least_size=lambda *size: asked.append(size) or size)
    assert asked == [(90, 60)]


def test_damage_is_told_when_decoding_smaller_too():
    rng = np.random.default_rng(0)
    data = bytearray(encode(Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)), "JPEG"))
    assert "truncated" in refused(bytes(data[:-700]), least_size=half)
    ended = read_photo(bytes(data[:-2]), least_size=half)
    assert ended.warnings == ("damaged data: no end marker",)
    data[-200:-160] = bytes(40)
    photo = read_photo(bytes(data), least_size=half)
    assert photo.damaged
    assert not photo.reduced
    np.testing.assert_array_equal(photo.pixels, read_photo(bytes(data)).pixels)
    assert "damaged data" in refused(bytes(data), strict=True, least_size=half)


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


def test_damaged_jpeg_is_flagged_and_refused_when_strict():
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    data = bytearray(encode(Image.fromarray(noise), "JPEG"))
    data[-200:-160] = bytes(40)
    photo = read_photo(bytes(data))
    assert photo.damaged
    assert photo.warnings[0].startswith("damaged data: Corrupt JPEG data")
    assert "damaged data" in refused(bytes(data), strict=True)


def test_damage_in_a_cmyk_jpeg_is_flagged_too():
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)).convert("CMYK")
    data = bytearray(encode(image, "JPEG"))
    assert not read_photo(bytes(data)).damaged
    data[-200:-160] = bytes(40)
    assert read_photo(bytes(data)).damaged
    assert "truncated" in refused(bytes(data[:-300]))


def test_a_jpeg_whose_header_lies_is_never_a_grey_half_photo():
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (96, 64, 3), dtype=np.uint8)
    data = encode(Image.fromarray(noise), "JPEG")
    height = data.index(b"\xff\xc0") + 5
    for rows, told in ((192, "lacks its last"), (48, "holds more")):
        assert told in refused(data[:height] + struct.pack(">H", rows) + data[height + 2 :])
    half = data[: len(data) // 2] + b"\xff\xd9"
    assert re.search(r"lacks its last \d+ of 96 rows", refused(half))


PNG_KINDS = [(0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (2, 8), (2, 16), (3, 1), (3, 4), (3, 8), (4, 8), (4, 16), (6, 8)]


@pytest.mark.parametrize(("colour", "depth"), PNG_KINDS)
def test_a_png_with_fewer_rows_than_its_header_says(colour, depth):
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    row = bytes(1 + -(-11 * depth * channels // 8))
    assert read_photo(png(11, 7, depth, colour, row * 7)).size == (7, 11)  # black, and whole
    for rows in (row * 6, row * 6 + row[:-1], row, b""):
        assert "expected a whole PNG" in refused(png(11, 7, depth, colour, rows))


def test_a_png_whose_data_end_early_is_no_black_half_photo():
    rows = (b"\0" + bytes(range(1, 11))) * 10
    assert read_photo(png(10, 10, 8, 0, rows)).size == (10, 10)
    assert "fewer pixels" in refused(png(10, 1000, 8, 0, rows))


def test_an_interlaced_png_that_lacks_a_part_of_its_last_pass():
    whole = bytes(2 + 2 + 3 + 2 * 3 + 2 * 5 + 4 * 5 + 4 * 9)  # the rows of the seven passes over 8 x 8 pixels
    assert read_photo(png(8, 8, 8, 0, whole, interlace=1)).size == (8, 8)
    for short in (1, 9, 18, 36, 40):
        assert "expected a whole PNG" in refused(png(8, 8, 8, 0, whole[:-short], interlace=1))


def test_a_tiff_or_bmp_whose_header_lies():
    bmp = bytearray(encode(Image.fromarray(scene()), "BMP"))
    bmp[22:26] = struct.pack("<i", 4000)
    assert "truncated" in refused(bytes(bmp))
    for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"):
        tiff = encode(Image.fromarray(scene()), "TIFF", compression=compression)
        assert read_photo(tiff).size == (48, 64)
        assert "damaged" in refused(with_tiff_tag(tiff, 257, 60)), compression


def test_a_gif_whose_frame_is_smaller_than_the_photo():
    data = encode(Image.fromarray(scene()), "GIF")
    taller = data[:8] + struct.pack("<H", 96) + data[10:]
    assert "fewer pixels" in refused(taller)


def test_no_rows_at_all():
    assert "expected" in refused(png(10, 0, 8, 0, b""))
    assert "no pixels" in refused(Image.new("RGB", (0, 4)))


def test_pillows_leave_to_read_truncated_files_changes_nothing_for_jpeg(monkeypatch):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    data = encode(Image.fromarray(scene(200, 300)), "JPEG")
    assert "truncated" in refused(data[: len(data) // 2])


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


def test_arrays_of_other_shapes_and_types_are_named():
    for array in (
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3)),
        np.zeros((0, 4, 3), np.uint8),
    ):
        message = refused(array)
        assert str(array.shape) in message
        assert str(array.dtype) in message
    assert "got a list" in refused([[1]])
    assert "got a NoneType" in refused(None)


def test_paths_that_are_no_photo(tmp_path):
    empty, text, lfs, heic, page = (tmp_path / n for n in ("empty.jpg", "text.jpg", "lfs.png", "p.heic", "page.png"))
    empty.write_bytes(b"")
    text.write_text("hello")
    lfs.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n")
    heic.write_bytes(b"\0\0\0\x18ftypheic")
    page.write_text("\n<!DOCTYPE html><html>")
    for path, told in (
        (empty, "is an empty file"),
        (text, "is not an image that we read; expected JPEG, PNG, WebP, TIFF, BMP or GIF"),
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
