"""Masks, boxes, polygons and label maps: each rule, each refusal, and second opinions from scikit-image."""

from __future__ import annotations

import io
import re
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from regions_files import SIZE, refused
from small_files import png, with_tiff_tag

from madeof.regions.files import read_colours, read_label_map, read_mask
from madeof.regions.region import Region, check_mask, mask_box, notes

INSIDE = np.zeros(SIZE, dtype=bool)
INSIDE[2:4, 1:5] = True


def encode(image: Image.Image | np.ndarray, kind: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(file, kind, **options)
    return file.getvalue()


def palette(values: np.ndarray, colours: list[int]) -> Image.Image:
    image = Image.frombytes("P", values.shape[::-1], values.astype(np.uint8).tobytes())
    image.putpalette(colours)
    return image


def alpha_only() -> Image.Image:
    return Image.fromarray(np.dstack([np.full((*SIZE, 3), 200), INSIDE * 90]).astype(np.uint8))


@pytest.mark.parametrize(
    "image",
    [
        Image.fromarray(INSIDE),
        INSIDE.astype(np.uint8),
        (INSIDE * 255).astype(np.uint8),
        (INSIDE * 43).astype(np.uint8),
        INSIDE.astype(np.uint16),
        (INSIDE * 255).astype(np.uint16),
        palette(INSIDE, [0, 0, 0, 9, 9, 9]),
        palette(INSIDE, [90, 0, 0, 0, 90, 0]),
        np.repeat((INSIDE * 255).astype(np.uint8)[..., None], 3, axis=2),
        np.dstack([INSIDE * 0, INSIDE * 7, INSIDE * 0]).astype(np.uint8),
        np.dstack([INSIDE * 255, INSIDE * 255, INSIDE * 255, INSIDE * 0 + 255]).astype(np.uint8),
        alpha_only(),
        alpha_only().convert("LA"),
    ],
    ids=[
        "bool",
        "0/1",
        "0/255",
        "0/43",
        "16bit01",
        "16bit255",
        "palette",
        "palette2",
        "rgb",
        "green",
        "opaque",
        "alpha",
        "la",
    ],
)
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_every_kind_of_mask_file_means_the_same(image, kind, tmp_path):
    path = tmp_path / "mask.bin"
    path.write_bytes(encode(image, kind))
    mask = read_mask(path, SIZE)
    assert mask.dtype == np.bool_
    np.testing.assert_array_equal(mask, INSIDE)


@pytest.mark.parametrize("kind", ["BMP", "GIF", "WEBP"])
def test_masks_of_the_other_formats(kind):
    options = {"lossless": True} if kind == "WEBP" else {}
    np.testing.assert_array_equal(read_mask(encode((INSIDE * 255).astype(np.uint8), kind, **options), SIZE), INSIDE)


def test_a_palette_mask_with_a_transparent_colour_is_read_by_its_alpha():
    image = palette(INSIDE * 1 + (np.arange(8) % 2) * 2, [0] * 12)
    data = encode(image, transparency=bytes([0, 255, 0, 255]))
    np.testing.assert_array_equal(read_mask(data, SIZE), INSIDE)


def test_16_bit_and_float_files_are_coverage():
    soft = np.zeros(SIZE, dtype=np.uint16)
    soft[2, 1:5] = [1, 256, 32768, 65535]
    for kind in ("PNG", "TIFF"):
        mask = read_mask(encode(soft, kind), SIZE)
        assert mask.dtype == np.float32
        np.testing.assert_allclose(mask, soft / 65535, atol=1e-7)
    hard = read_mask(encode((INSIDE * 65535).astype(np.uint16)), SIZE)
    assert hard.dtype == np.bool_
    np.testing.assert_array_equal(hard, INSIDE)
    floats = (soft / 65535).astype(np.float32)
    np.testing.assert_array_equal(read_mask(encode(floats, "TIFF"), SIZE), floats)
    assert "from 0 to 2" in refused(read_mask, encode(floats * 2, "TIFF"), SIZE)
    floats[0, 0] = np.nan
    assert "nan" in refused(read_mask, encode(floats, "TIFF"), SIZE)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_several_values_are_an_error_that_asks(dtype):
    values = np.zeros(SIZE, dtype=dtype)
    values[1, :3] = [3, 17, 43]
    message = refused(read_mask, encode(values), SIZE)
    assert "several values (0, 3, 17, 43)" in message
    assert "--label-map" in message
    assert "16-bit" in message
    many = np.arange(48).reshape(SIZE).astype(dtype)
    assert "(0, 1, 2, 3, 4, 5 and 42 more)" in refused(read_mask, encode(many), SIZE)
    colours = np.zeros((*SIZE, 3), dtype=np.uint8)
    colours[0, :2] = [(255, 0, 0), (0, 255, 0)]
    assert "several colours (#000000, #00ff00, #ff0000)" in refused(read_mask, encode(colours), SIZE)


def test_a_palette_whose_black_is_not_value_0_is_an_error_that_asks():
    assert "which is inside?" in refused(read_mask, encode(palette(INSIDE, [255, 255, 255, 0, 0, 0])), SIZE)


def test_the_alpha_of_a_cut_out_is_a_soft_mask_without_its_veil():
    alpha = np.array([[0, 1, 3, 7], [8, 100, 200, 255]], dtype=np.uint8)
    image = Image.fromarray(np.dstack([np.full((2, 4, 3), 200, np.uint8), alpha]))
    wanted = np.array([[0, 0, 0, 0], [8, 100, 200, 255]]) / 255
    for source in (image, encode(image), encode(image.convert("RGBA"), "TIFF")):
        for soft in (False, True):
            np.testing.assert_allclose(read_mask(source, (2, 4), soft=soft), wanted, atol=1e-6)
    image.putalpha(Image.fromarray(np.where(alpha > 100, 0, np.minimum(alpha, 3)).astype(np.uint8)))
    assert "is empty" in refused(read_mask, encode(image), (2, 4))


def test_an_8_bit_mask_is_soft_where_that_is_asked_for():
    values = np.arange(48).reshape(SIZE).astype(np.uint8) * 5
    for image in (
        Image.fromarray(values),
        Image.fromarray(np.dstack([values] * 3)),
        Image.fromarray(values).convert("LA"),
    ):
        mask = read_mask(encode(image), SIZE, soft=True)
        assert mask.dtype == np.float32
        np.testing.assert_allclose(mask, values / 255, atol=1e-6)
    for hard in (INSIDE, (INSIDE * 255).astype(np.uint8), palette(INSIDE, [0, 0, 0, 9, 9, 9])):
        np.testing.assert_array_equal(read_mask(encode(hard), SIZE, soft=True), INSIDE)
    assert "holds only 0 and 1, of 255" in refused(read_mask, encode((INSIDE * 1).astype(np.uint8)), SIZE, soft=True)
    colours = np.dstack([values, values, values[::-1]])
    assert "several colours" in refused(read_mask, encode(colours), SIZE, soft=True)


def test_an_empty_mask():
    for empty in (INSIDE & False, (INSIDE * 0).astype(np.uint8), (INSIDE * 0).astype(np.uint16), alpha_only()):
        if isinstance(empty, Image.Image):
            empty.putalpha(0)
        assert "is empty" in refused(read_mask, encode(empty), SIZE)
    assert "is empty" in refused(read_mask, encode((INSIDE * 0).astype(np.float32), "TIFF"), SIZE)


def test_a_mask_of_another_size_names_both(tmp_path):
    path = tmp_path / "small\nmask.png"
    path.write_bytes(encode(INSIDE))
    message = refused(read_mask, path, (12, 16))
    assert "small\\nmask.png is 8 x 6 but the photo is 16 x 12" in message
    assert "--resize-masks" in message
    resized = read_mask(path, (12, 16), resize=True)
    np.testing.assert_array_equal(resized, np.kron(INSIDE, np.ones((2, 2))) > 0)
    np.testing.assert_array_equal(read_mask(encode(resized), SIZE, resize=True), INSIDE)
    assert read_mask(path, (5, 11), resize=True).shape == (5, 11)


def test_a_mask_that_fits_only_the_unrotated_photo_says_so():
    for options in ({}, {"resize": True}):
        message = refused(read_mask, encode(INSIDE), (8, 6), raw_size=(6, 8), **options)
        assert "is 8 x 6 but the photo is 6 x 8" in message
        assert "only the unrotated photo" in message
    assert "unrotated" in refused(read_mask, encode(INSIDE), (16, 12), raw_size=(12, 16), resize=True)
    assert "unrotated" not in refused(read_mask, encode(INSIDE), (16, 12), raw_size=(12, 16))
    np.testing.assert_array_equal(read_mask(encode(INSIDE.T), (8, 6), raw_size=(6, 8)), INSIDE.T)
    assert "unrotated" in refused(read_label_map, encode(INSIDE), (8, 6), raw_size=(6, 8))


def test_a_masks_own_exif_rotation_counts():
    exif = Image.Exif()
    exif[274] = 6
    data = encode((INSIDE * 255).astype(np.uint8), exif=exif)
    np.testing.assert_array_equal(read_mask(data, (8, 6)), np.rot90(INSIDE, -1))


def test_jpeg_masks_are_refused_unless_asked_for():
    inside = np.kron(INSIDE, np.ones((16, 16), dtype=bool))
    data = encode((inside * 255).astype(np.uint8), "JPEG", quality=60)
    assert "is a JPEG, whose edges are lossy" in refused(read_mask, data, inside.shape)
    np.testing.assert_array_equal(read_mask(data, inside.shape, allow_jpeg=True), inside)


def test_what_is_no_mask(tmp_path):
    assert "is empty; expected" not in refused(read_mask, b"", SIZE)
    assert "no such file" in refused(read_mask, tmp_path / "none.png", SIZE)
    assert "is a folder" in refused(read_label_map, tmp_path)
    assert "megapixels" in refused(read_mask, encode(INSIDE), SIZE, max_megapixels=1e-6)
    assert "decoded" in refused(read_mask, encode(INSIDE)[:50], SIZE)
    no_palette = palette(INSIDE, [0] * 768)
    bare = re.sub(rb"....PLTE.{772}", b"", encode(no_palette), flags=re.DOTALL)
    assert "PLTE" not in str(bare)
    assert "mask" in refused(read_mask, bare, (6, 7))
    assert "CMYK" in refused(read_mask, encode(Image.new("CMYK", (8, 6)), "TIFF"), SIZE)


def test_arrays_that_are_masks():
    assert check_mask(INSIDE, SIZE) is INSIDE
    for values in (
        INSIDE.astype(np.uint8),
        INSIDE * 255,
        INSIDE.astype(int),
        INSIDE.astype(np.int64) * 255,
        INSIDE.tolist(),
    ):
        mask = check_mask(values, SIZE)
        assert mask.dtype == np.bool_
        np.testing.assert_array_equal(mask, INSIDE)
    soft = check_mask(INSIDE * 0.25, SIZE)
    assert soft.dtype == np.float32
    assert soft.max() == 0.25


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (INSIDE & False, "mask is empty"),
        (INSIDE * 0.0, "mask is empty"),
        (INSIDE * 1e-30, "mask is empty"),
        (INSIDE * 7, "the values 0, 7; expected 0 and 1, or 0 and 255"),
        (INSIDE * 254 + 1, "the values 1, 255"),
        (INSIDE * -1, "the values -1, 0"),
        (INSIDE * 1.5, "from 0 to 1.5; expected coverage from 0 to 1"),
        (INSIDE - 0.5, "from -0.5"),
        (np.where(INSIDE, np.nan, 1), "nan"),
        (np.where(INSIDE, np.inf, 1), "inf"),
        (INSIDE[None], "shape (1, 6, 8)"),
        (INSIDE[..., None], "shape (6, 8, 1)"),
        (INSIDE.T, "mask is 6 x 8 but the photo is 8 x 6"),
        (INSIDE.astype(object), "dtype object"),
        (INSIDE.astype(complex), "dtype complex"),
        (np.zeros((0, 0), bool), "is 0 x 0"),
        (3, "shape ()"),
    ],
)
def test_arrays_that_are_not(values, told):
    assert told in refused(check_mask, values, SIZE)


def test_area_box_and_notes():
    region = Region("mask.png", INSIDE)
    assert (region.area, region.box) == (8, (1, 2, 5, 4))
    assert isinstance(region.area, int)
    soft = Region("soft", INSIDE.astype(np.float32) / 4)
    assert (soft.area, soft.box) == (2.0, (1, 2, 5, 4))
    assert region.notes() == notes(INSIDE) == ("small: 8 px",)
    assert soft.notes() == ("small: 2 px",)
    assert notes(np.ones((8, 8), bool)) == ()
    one = np.zeros(SIZE, bool)
    one[5, 7] = True
    assert mask_box(one) == (7, 5, 8, 6)


def test_label_maps_are_exact():
    values = np.array([[0, 1, 43, 44], [200, 254, 255, 7]], dtype=np.uint8)
    np.testing.assert_array_equal(read_label_map(encode(values)), values)
    np.testing.assert_array_equal(read_label_map(encode(values, "TIFF")), values)
    wide = values.astype(np.uint16) * 257
    wide[0, 1] = 1
    for kind in ("PNG", "TIFF"):
        found = read_label_map(encode(wide, kind), (2, 4))
        assert found.dtype == np.uint16
        np.testing.assert_array_equal(found, wide)
    widest = wide.astype(np.int32) + 70000
    np.testing.assert_array_equal(read_label_map(encode(widest, "TIFF")), widest)
    np.testing.assert_array_equal(read_label_map(encode(INSIDE)), INSIDE)


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_palette_label_maps_are_indices_whatever_the_colours(bits):
    values = (np.arange(12) % (1 << bits)).reshape(3, 4)
    colours = np.random.default_rng(0).integers(0, 256, 3 << bits).tolist()
    np.testing.assert_array_equal(read_label_map(encode(palette(values, colours), bits=bits)), values)


@pytest.mark.parametrize(("depth", "packed"), [(1, 0b01100000), (2, 0b00011011), (4, 0x3A)])
def test_greys_of_few_bits_are_not_stretched(depth, packed):
    count = 8 // depth
    expected = [(packed >> (8 - depth * (i + 1))) & ((1 << depth) - 1) for i in range(count)]
    assert read_label_map(png(count, 1, depth, 0, bytes([0, packed])))[0].tolist() == expected


def test_label_maps_in_colours():
    rng = np.random.default_rng(0)
    colours = rng.integers(0, 256, (5, 6, 4), dtype=np.uint8)
    red, green, blue, _ = np.moveaxis(colours.astype(np.int32), 2, 0)
    whole = red * 65536 + green * 256 + blue
    for channels in (3, 4):
        data = encode(colours[..., :channels])
        np.testing.assert_array_equal(read_label_map(data), whole)
        np.testing.assert_array_equal(read_label_map(data, colours="red"), colours[..., 0])
        np.testing.assert_array_equal(read_colours(data), whole)
        assert "is in colours: its channels differ" in refused(partial(read_label_map, colours="refuse"), data)
    grey = encode(np.repeat(colours[..., :1], 3, axis=2))
    np.testing.assert_array_equal(read_label_map(grey, colours="refuse"), colours[..., 0])


@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
def test_numpy_files(name: str, tmp_path: Path):
    path = tmp_path / name

    def save(*arrays: np.ndarray) -> Path:
        with path.open("wb") as file:
            np.save(file, arrays[0]) if name == "a.npy" else np.savez_compressed(file, *arrays)
        return path

    values = np.array([[0, 7, 300], [0, 0, 7]])
    np.testing.assert_array_equal(read_label_map(save(values.astype(">i4"))), values)
    np.testing.assert_array_equal(read_label_map(save(np.asfortranarray(values)[None])), values)
    np.testing.assert_array_equal(read_mask(save(values > 0), (2, 3)), values > 0)
    np.testing.assert_array_equal(read_mask(save((values > 0) * np.uint8(255)), (2, 3)), values > 0)
    assert "is 3 x 2" in refused(partial(read_mask, photo_size=(5, 5)), path)
    assert "float values" in refused(read_label_map, save(values / 2))
    assert "the value -1" in refused(read_label_map, save(values - 1))
    assert "megapixels; the limit is 1e-06" in refused(partial(read_label_map, max_megapixels=1e-6), path)
    assert "holds an array (2, 3, 3)" in refused(read_label_map, save(np.repeat(values[..., None], 3, axis=2)))
    assert "holds an array (1,) of |S1" in refused(read_label_map, save(np.array(["x"]).astype("S")))
    with path.open("wb") as file:
        np.save(file, np.array([{}], dtype=object), allow_pickle=True)
    assert "is no file of NumPy that we can read" in refused(read_label_map, path)
    path.write_bytes(b"")
    assert "is no file of NumPy that we can read" in refused(read_label_map, path)
    if name == "a.npz":
        assert "holds 2 arrays; expected one" in refused(read_label_map, save(values, values))


def test_label_maps_that_are_refused():
    assert "is a JPEG" in refused(read_label_map, encode(np.zeros((8, 8), np.uint8), "JPEG"))
    assert "float values" in refused(read_label_map, encode(np.zeros((8, 8), np.float32), "TIFF"))
    assert "the value -3" in refused(read_label_map, encode(np.full((8, 8), -3, np.int32), "TIFF"))
    assert "16-bit RGB" in refused(read_label_map, png(1, 1, 16, 2, bytes(7)))
    white = with_tiff_tag(encode(np.ones((8, 8), np.uint16), "TIFF"), 262, 0)
    assert "white as zero" in refused(read_label_map, white)
    assert "is 8 x 8 but the photo is 4 x 9" in refused(read_label_map, encode(np.ones((8, 8), np.uint8)), (9, 4))


def test_label_maps_are_resized_nearest():
    values = np.arange(1, 7, dtype=np.uint8).reshape(2, 3)
    large = read_label_map(encode(values), (4, 6), resize=True)
    np.testing.assert_array_equal(large, np.kron(values, np.ones((2, 2), np.uint8)))
    np.testing.assert_array_equal(read_label_map(encode(large), (2, 3), resize=True), values)
