"""Photos: every format and mode, EXIF, limits, damage."""

from __future__ import annotations

import io
import re
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from images_photo import FORMATS, encode, refused, scene
from PIL import Image
from small_files import png, with_tiff_tag

from madeof.errors import PhotoError
from madeof.images.photo import read_photo, size_of
from madeof.model.preprocess import resize_image


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


def test_a_photo_shows_its_name_and_size(tmp_path: Path):
    path = tmp_path / "photo.jpg"
    Image.new("RGB", (400, 600)).save(path)
    assert repr(read_photo(path)) == f"Photo('{path}', 400 x 600)"
    assert repr(read_photo(path, least_size=lambda *_: (9, 9))) == f"Photo('{path}', 400 x 600)"
    assert repr(read_photo(np.zeros((4, 5, 3), np.uint8))) == "Photo('photo', 5 x 4)"


def test_avif_is_turned_once():
    exif = Image.Exif()
    exif[274] = 6
    data = encode(Image.fromarray(scene()), "avif", quality=95, exif=exif)
    photo = read_photo(data)
    assert photo.size == size_of(data) == (64, 48)
    assert np.abs(photo.pixels.astype(int) - np.rot90(scene(), -1)).mean() < 5


def test_heic_is_turned_once():
    heif = pytest.importorskip("pillow_heif", reason="extra heif")
    exif = Image.Exif()
    exif[274] = 6
    image, file = heif.from_pillow(Image.fromarray(scene())), io.BytesIO()
    image.info["exif"] = exif.tobytes()
    image.save(file, quality=95)
    photo = read_photo(file.getvalue())
    assert photo.size == size_of(file.getvalue()) == (64, 48)
    assert np.abs(photo.pixels.astype(int) - np.rot90(scene(), -1)).mean() < 5


def test_heic_without_its_extra_says_what_to_install(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    head = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"
    message = re.escape("photo is a HEIC file; expected pillow-heif to read it: run  pip install 'madeof[heif]'")
    with pytest.raises(PhotoError, match=message):
        read_photo(head + bytes(2000))


def test_the_row_of_hugging_face_is_a_photo(tmp_path):
    data = encode(Image.fromarray(scene()), "png")
    np.testing.assert_array_equal(read_photo({"bytes": data, "path": "0.png"}).pixels, scene())
    path = tmp_path / "0.png"
    path.write_bytes(data)
    np.testing.assert_array_equal(read_photo({"bytes": None, "path": str(path)}).pixels, scene())
    with pytest.raises(PhotoError, match=r"0\.png is an empty file|0\.png is not an image"):
        read_photo({"bytes": b"nothing", "path": "0.png"})


def test_the_second_picture_of_a_phone_is_no_animation():
    file = io.BytesIO()
    Image.fromarray(scene()).save(file, "MPO", save_all=True, append_images=[Image.fromarray(scene(12, 16))])
    for source in (file.getvalue(), Image.open(file)):
        photo = read_photo(source)
        assert (photo.size, photo.warnings) == ((48, 64), ())


def test_12_bits_in_words_of_16_are_told():
    values = np.linspace(0, 4095, 64 * 48).reshape(48, 64).astype(np.uint16)
    assert read_photo(Image.fromarray(values)).warnings == (
        "dark: 16-bit values up to 4095 are shown as parts of 65535; scale them",
    )
