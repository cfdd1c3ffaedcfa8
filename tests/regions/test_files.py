"""Masks, boxes, polygons and label maps: each rule, each refusal, and second opinions from scikit-image."""

from __future__ import annotations

import io
import re
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import skimage.draw
import skimage.measure
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from small_files import png, with_tiff_tag

from madeof.errors import RegionError
from madeof.model.preprocess import Preprocessing
from madeof.regions.components import blob_map, regions_from_label_map
from madeof.regions.files import read_colours, read_label_map, read_mask
from madeof.regions.raster import from_box, from_polygon, parse_box, parse_polygon
from madeof.regions.region import Region, check_mask, mask_box, notes

SIZE = (6, 8)
INSIDE = np.zeros(SIZE, dtype=bool)
INSIDE[2:4, 1:5] = True


def encode(image: Image.Image | np.ndarray, kind: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(file, kind, **options)
    return file.getvalue()


def refused(call, *args, **options) -> str:
    """The message of the one-line RegionError that a call gets."""
    with pytest.raises(RegionError) as caught:
        call(*args, **options)
    message = str(caught.value)
    assert message.isprintable()
    return message


def palette(values: np.ndarray, colours: list[int]) -> Image.Image:
    image = Image.frombytes("P", values.shape[::-1], values.astype(np.uint8).tobytes())
    image.putpalette(colours)
    return image


# ---------------------------------------------------------------- mask files


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


# ---------------------------------------------------------------- mask arrays


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


@pytest.mark.parametrize("size", [(90, 130), (37, 61)])
def test_many_blobs_are_as_their_masks_one_by_one(size):
    random = np.random.default_rng(1)
    coarse = random.integers(0, 4, (size[0] // 6 + 1, size[1] // 6 + 1), dtype=np.uint8)
    label_map = np.kron(coarse, np.ones((6, 6), dtype=np.uint8))[: size[0], : size[1]]
    regions = regions_from_label_map(label_map)
    assert len(regions) > 15
    preprocessing = Preprocessing(side=64)
    together = preprocessing.masks(regions)
    for region, cells in zip(regions, together, strict=True):
        assert (region.area, region.box) == (region.mask.sum(), mask_box(region.mask))
        assert region.cut.shape == (region.box[3] - region.box[1], region.box[2] - region.box[0])
        assert (label_map[region.mask] == region.value).all()
        np.testing.assert_allclose(cells, preprocessing.masks([region.mask])[0], atol=1e-6)
    labelled = preprocessing.masks([label_map > 0])[0]
    np.testing.assert_allclose(together.sum(axis=0), labelled, atol=1e-5)


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


# ---------------------------------------------------------------- label maps


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


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.uint32, np.int64])
@pytest.mark.parametrize("layout", [np.ascontiguousarray, np.asfortranarray, lambda a: np.repeat(a, 2, axis=1)[:, ::2]])
def test_blobs_against_scikit_image(dtype, layout):
    rng = np.random.default_rng(1)
    for shape in ((1, 1), (1, 9), (9, 1), (37, 53)):
        label_map = layout(rng.choice([0, 1, 2, 43, 255], shape).astype(dtype))
        blobs = blob_map(label_map, ignore=(0, 255))
        second = skimage.measure.label(np.where(label_map == 255, 0, label_map), connectivity=2, background=0)
        np.testing.assert_array_equal(blobs.components, second)  # the same order too: reading order
        found = skimage.measure.regionprops(second)
        assert len(found) == len(blobs.values) == len(blobs.areas) == len(blobs.boxes)
        for k, expected in enumerate(found):
            y0, x0, y1, x1 = expected.bbox
            assert blobs.boxes[k].tolist() == [x0, y0, x1, y1]
            assert blobs.areas[k] == expected.area
            assert blobs.values[k] == label_map[tuple(expected.coords[0])]


def test_blobs_of_nothing():
    for label_map in (np.zeros((4, 5), np.uint8), np.full((4, 5), 255, np.uint8)):
        components, values, areas, boxes = blob_map(label_map, ignore=(255,))
        assert not components.any()
        assert values.shape == areas.shape == (0,)
        assert boxes.shape == (0, 4)
        assert regions_from_label_map(label_map, ignore=(0, 255)) == []


def test_label_map_regions_are_named_in_reading_order():
    label_map = np.array(
        [
            [0, 5, 0, 0, 2],
            [5, 0, 0, 0, 2],
            [0, 0, 0, 5, 0],
            [2, 0, 5, 5, 0],
        ],
        dtype=np.uint8,
    )
    regions = regions_from_label_map(label_map)
    assert [(r.name, r.value, r.area) for r in regions] == [
        ("label 2 #1", 2, 2),
        ("label 2 #2", 2, 1),
        ("label 5 #1", 5, 2),
        ("label 5 #2", 5, 3),
    ]
    np.testing.assert_array_equal(sum(r.mask * r.value for r in regions), label_map)
    assert [r.name for r in regions_from_label_map(label_map, min_area=3)] == ["label 5 #2"]
    assert [r.name for r in regions_from_label_map(label_map, ignore=(5,))] == ["label 2 #1", "label 2 #2"]


# ---------------------------------------------------------------- boxes and polygons


def test_boxes_hold_the_pixels_whose_centres_they_hold():
    assert mask_box(from_box((0, 0, 8, 6), SIZE)) == (0, 0, 8, 6)
    assert mask_box(from_box((1, 2, 5, 4), SIZE)) == (1, 2, 5, 4)
    assert mask_box(from_box((1.5, 2.6, 5.5, 4.4), SIZE)) == (1, 3, 5, 4)
    assert mask_box(from_box((-10, -10, 2, 100), SIZE)) == (0, 0, 2, 6)
    assert mask_box(from_box((3.6, 2.1, 3.7, 2.2), SIZE)) == (3, 2, 4, 3)
    assert mask_box(from_box((7.9, 5.9, 100, 100), SIZE)) == (7, 5, 8, 6)


@pytest.mark.parametrize(
    ("box", "told"),
    [
        ((5, 2, 1, 4), "the box is 5, 2, 1, 4; expected x0 < x1 and y0 < y1"),
        ((1, 2, 1, 4), "expected x0 < x1"),
        ((8, 0, 9, 2), "outside the photo of 8 x 6"),
        ((-3, 0, 0, 2), "outside the photo"),
        ((0, 0, float("nan"), 2), "four finite numbers"),
        ((0, 0, float("inf"), 2), "four finite numbers"),
        ((0, 0, 1), "four finite numbers"),
    ],
)
def test_boxes_that_are_refused(box, told):
    assert told in refused(from_box, box, SIZE)


def test_texts_of_boxes_and_polygons():
    assert parse_box("1,2.5, 3,4e1") == (1.0, 2.5, 3.0, 40.0)
    assert parse_polygon(" 1,2  3,4\n5.5,-6 ") == [(1, 2), (3, 4), (5.5, -6)]
    for text in ("", "1,2,3", "1,2,3,4,5", "a,b,c,d", "1;2;3;4", "1,2,3,\n"):
        assert "expected four numbers x0,y0,x1,y1" in refused(parse_box, text)
    for text in ("", "1,2 3,4", "1,2 3,4 5", "1,2,3 4,5 6,7", "1,2 3,4 x,y"):
        assert "expected three or more points" in refused(parse_polygon, text)


def test_polygons_against_scikit_image():
    rng = np.random.default_rng(2)
    for trial in range(60):
        size = tuple(rng.integers(5, 60, 2).tolist())
        count = int(rng.integers(3, 12)) if trial else 3000  # more edges than go in one pass
        points = rng.uniform(-10, 70, (count, 2))
        try:
            mask = from_polygon(points, size)
        except RegionError:
            mask = np.zeros(size, dtype=bool)
        # scikit-image takes pixel centres as whole numbers, and rows first
        second = skimage.draw.polygon2mask(size, points[:, ::-1] - 0.5) if trial else _even_odd(points, size)
        if second.any():
            np.testing.assert_array_equal(mask, second)


def _even_odd(points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    y, x = np.mgrid[: size[0], : size[1]] + 0.5
    inside = np.zeros(size, dtype=bool)
    for (xa, ya), (xb, yb) in zip(points, np.roll(points, -1, axis=0), strict=True):
        crosses = (ya <= y) != (yb <= y)
        with np.errstate(divide="ignore", invalid="ignore"):
            inside ^= crosses & (x >= xa + (y - ya) / (yb - ya) * (xb - xa))
    return inside


def test_a_rectangle_as_polygon_is_the_box():
    for box in ((1, 2, 5, 4), (0, 0, 8, 6), (1.5, 2.5, 5.5, 4.5), (0.2, 0.7, 3.3, 5.1)):
        x0, y0, x1, y1 = box
        for corners in ([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], [(x0, y1), (x1, y1), (x1, y0), (x0, y0)]):
            np.testing.assert_array_equal(from_polygon(corners, SIZE), from_box(box, SIZE))


def test_polygons_that_share_an_edge_share_no_pixel():
    rng = np.random.default_rng(4)
    for _ in range(50):
        corner = rng.integers(2, 15, 2) / 2
        parts = [
            from_polygon([a, b, tuple(corner)], (8, 8))
            for a, b in (((0, 0), (8, 0)), ((8, 0), (8, 8)), ((8, 8), (0, 8)), ((0, 8), (0, 0)))
        ]
        assert (np.sum(parts, axis=0) == 1).all()


def test_even_odd_leaves_a_hole():
    outer, inner = [(0, 0), (8, 0), (8, 6), (0, 6), (0, 0)], [(2, 2), (6, 2), (6, 4), (2, 4), (2, 2)]
    mask = from_polygon(outer + inner, SIZE)
    assert not mask[2:4, 2:6].any()
    assert mask.sum() == 40


def test_tiny_and_thin_polygons_mark_the_pixels_that_they_run_through():
    tiny = from_polygon([(3.1, 2.1), (3.3, 2.1), (3.2, 2.3)], SIZE)
    assert np.argwhere(tiny).tolist() == [[2, 3]]
    line = from_polygon([(1.2, 4.7), (6.8, 4.7), (6.8, 4.8)], SIZE)
    assert np.argwhere(line).tolist() == [[4, x] for x in range(1, 7)]
    point = from_polygon([(7.5, 5.5)] * 3, SIZE)
    assert np.argwhere(point).tolist() == [[5, 7]]
    far = from_polygon([(-1e8, 3.1), (1e8, 3.1), (1e8, 3.2)], SIZE)
    assert np.argwhere(far).tolist() == [[3, x] for x in range(8)]


@pytest.mark.parametrize(
    ("points", "told"),
    [
        ([(1, 1), (2, 2)], "three or more points"),
        ([], "three or more points"),
        ([1, 2, 3], "three or more points"),
        ([(1, 2), (3, 4), (5,)], "three or more points"),
        ([(1, 2), (3, 4), ("a", "b")], "three or more points"),
        ([(1, 2), (3, 4), (5, float("nan"))], "not finite"),
        ([(1, 2), (3, 4), (5, 1e300)], "not finite or over 1e+09"),
        ([(9, 1), (12, 1), (12, 4)], "outside the photo of 8 x 6"),
        ([(-5, 1), (-1, 1), (-1, 4)], "outside the photo"),
    ],
)
def test_polygons_that_are_refused(points, told):
    assert told in refused(from_polygon, points, SIZE)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    st.lists(st.tuples(*[st.floats(-20, 20) | st.integers(-20, 20).map(lambda v: v / 2)] * 2), min_size=3, max_size=9)
)
def test_any_polygon_is_a_mask_within_its_box_or_refused(points):
    try:
        mask = from_polygon(points, SIZE)
    except RegionError as error:
        message = str(error)
        assert "outside the photo" in message
        return
    x0, y0, x1, y1 = mask_box(mask)
    left, top = np.floor(np.min(points, axis=0) - 1e-9)  # a walk along an edge rounds
    right, bottom = np.floor(np.max(points, axis=0) + 1e-9) + 1
    assert left <= x0 < x1 <= right
    assert top <= y0 < y1 <= bottom
