"""The one resize and normalise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.transform import resize as skimage_resize

from madeof.errors import ModelError
from madeof.model import preprocess
from madeof.model.preprocess import Preprocessing, resize_image, resize_mask
from madeof.regions.region import Region

SIDES = st.integers(1, 20_000)


@given(SIDES, SIDES, st.sampled_from([96, 384, 448]), st.sampled_from([1, 16, 32]))
def test_fit(height: int, width: int, side: int, multiple: int) -> None:
    h, w = Preprocessing(side=side, multiple=multiple).network_size(height, width)
    assert h % multiple == w % multiple == 0
    assert max(h, w) == side
    scale = side / max(height, width)
    for got, length in ((h, height), (w, width)):
        assert abs(got - length * scale) <= max(multiple / 2, multiple - length * scale) + 1e-6
    assert Preprocessing(side=side, multiple=multiple).network_size(width, height) == (w, h)


@given(SIDES, SIDES, st.sampled_from([1024, 100_000, 1_500_000]))
def test_limit(height: int, width: int, most: int) -> None:
    h, w = Preprocessing(resize="limit", max_pixels=most).network_size(height, width)
    if height * width <= most:
        assert (h, w) == (height, width)
        return
    assert h * w <= most
    assert h >= 1
    assert w >= 1
    scale = np.sqrt(most / (height * width))
    if min(height, width) * scale >= 1:
        assert abs(h - height * scale) <= 1
        assert abs(w - width * scale) <= 1


def test_limit_of_a_line() -> None:
    assert Preprocessing(resize="limit", max_pixels=1024).network_size(1, 5000) == (1, 1024)
    assert Preprocessing(resize="limit", max_pixels=1024).network_size(5000, 1) == (1024, 1)


def test_normalise() -> None:
    preprocessing = Preprocessing(mean=(1, 2, 3), std=(2, 4, 8))
    pixels = np.random.default_rng(0).integers(0, 256, (2, 5, 7, 3), dtype=np.uint8)
    before = pixels.copy()
    values = preprocessing.normalise(pixels)
    wanted = ((pixels.astype(float) - [1, 2, 3]) / [2, 4, 8]).transpose(0, 3, 1, 2)
    assert values.dtype == np.float32
    assert values.shape == (2, 3, 5, 7)
    assert values.flags.c_contiguous
    np.testing.assert_allclose(values, wanted, rtol=1e-6)
    np.testing.assert_array_equal(pixels, before)


def test_image_is_resize_then_normalise() -> None:
    preprocessing = Preprocessing(side=64)
    pixels = np.random.default_rng(0).integers(0, 256, (100, 50, 3), dtype=np.uint8)
    image = preprocessing.image(pixels)
    assert (image.shape, image.dtype) == ((1, 3, 64, 32), np.float32)
    np.testing.assert_array_equal(image, preprocessing.normalise(resize_image(pixels, (64, 32))[None]))


def test_identical_size_is_left_alone() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (64, 32, 3), dtype=np.uint8)
    np.testing.assert_array_equal(resize_image(pixels, (64, 32)), pixels)
    mask = np.random.default_rng(0).random((64, 32)).astype(np.float32)
    np.testing.assert_array_equal(resize_mask(mask, (64, 32)), mask)
    np.testing.assert_array_equal(resize_mask(mask > 0.5, (64, 32)), (mask > 0.5).astype(np.float32))


def smooth(height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    channels = [128 + 100 * np.sin(x / 31 + k) * np.cos(y / 23 - k) for k in range(3)]
    return np.stack(channels, axis=-1).round().astype(np.uint8)


@pytest.mark.parametrize(("source", "size"), [((300, 400), (96, 128)), ((60, 80), (96, 128)), ((501, 333), (96, 64))])
def test_image_against_a_second_opinion(source: tuple[int, int], size: tuple[int, int]) -> None:
    pixels = smooth(*source)
    wanted = 255 * skimage_resize(pixels, size, order=1, anti_aliasing=source[0] > size[0], mode="edge")
    difference = np.abs(resize_image(pixels, size) - wanted)
    assert difference.mean() < 1.5
    assert difference[3:-3, 3:-3].max() < 6  # a shift by half a pixel would be more


def test_image_keeps_a_constant_and_mirrors() -> None:
    assert (resize_image(np.full((301, 77, 3), 200, np.uint8), (96, 32)) == 200).all()
    pixels = smooth(256, 320)
    mirrored = resize_image(pixels[:, ::-1].copy(), (64, 96))[:, ::-1]
    assert np.abs(mirrored.astype(int) - resize_image(pixels, (64, 96))).max() <= 1


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**32 - 1), st.booleans())
def test_mask_at_whole_factors_is_the_mean_of_each_cell(fy: int, fx: int, seed: int, soft: bool) -> None:
    random = np.random.default_rng(seed)
    mask = random.random((8 * fy, 5 * fx)).astype(np.float32)
    mask = mask * (random.random(mask.shape) < 0.3) if soft else mask < 0.2
    wanted = mask.reshape(8, fy, 5, fx).mean(axis=(1, 3), dtype=np.float64)
    np.testing.assert_allclose(resize_mask(mask, (8, 5)), wanted, atol=1e-6)


@settings(deadline=None)
@given(st.tuples(*[st.integers(1, 40)] * 4), st.integers(0, 2**32 - 1), st.booleans())
def test_mask_at_any_factor_is_the_mean_over_the_area_of_each_cell(
    sides: tuple[int, int, int, int], seed: int, soft: bool
) -> None:
    """Against a picture so large that every cell has a whole number of its pixels."""
    height, width, rows, columns = sides
    random = np.random.default_rng(seed)
    mask = random.random((height, width)).astype(np.float32)
    mask = mask * (random.random(mask.shape) < 0.3) if soft else mask < 0.2
    large = np.kron(mask, np.ones((rows, columns), dtype=np.float32))
    wanted = large.reshape(rows, height, columns, width).mean(axis=(1, 3), dtype=np.float64)
    np.testing.assert_allclose(resize_mask(mask, (rows, columns)), wanted, atol=1e-5)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_pixel_vanishes(data: st.DataObject) -> None:
    height, width = data.draw(st.integers(1, 4000)), data.draw(st.integers(1, 4000))
    size = 32 * data.draw(st.integers(1, 12)), 32 * data.draw(st.integers(1, 12))
    y, x = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    mask = np.zeros((height, width), bool)
    mask[y, x] = True
    cells = resize_mask(mask, size)
    assert cells.shape == size
    assert cells.max() > 0
    ys, xs = np.nonzero(cells)
    scale_y, scale_x = height / size[0], width / size[1]
    reach_y, reach_x = max(scale_y, 1), max(scale_x, 1)  # and it stays where it is
    assert (np.abs((ys + 0.5) * scale_y - (y + 0.5)) <= reach_y).all()
    assert (np.abs((xs + 0.5) * scale_x - (x + 0.5)) <= reach_x).all()


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_the_sum_of_coverage_is_kept(data: st.DataObject) -> None:
    height, width = data.draw(st.integers(2, 700)), data.draw(st.integers(2, 700))
    size = 32 * data.draw(st.integers(1, 6)), 32 * data.draw(st.integers(1, 6))
    y0, y1 = sorted(data.draw(st.lists(st.integers(0, height), min_size=2, max_size=2, unique=True)))
    x0, x1 = sorted(data.draw(st.lists(st.integers(0, width), min_size=2, max_size=2, unique=True)))
    mask = np.zeros((height, width), bool)
    mask[y0:y1, x0:x1] = True
    cells = resize_mask(mask, size)
    assert cells.min() >= 0
    assert cells.max() <= 1 + 1e-6
    cell = height / size[0] * width / size[1]
    assert cells.sum(dtype=float) * cell == pytest.approx(mask.sum(), rel=1e-4)
    if (y0, x0, y1, x1) == (0, 0, height, width):
        np.testing.assert_allclose(cells, 1, atol=1e-6)


@given(st.integers(0, 2**32 - 1))
def test_bool_and_float_masks_are_one(seed: int) -> None:
    random = np.random.default_rng(seed)
    mask = random.random(random.integers(1, 200, 2)) < random.random()
    wanted = resize_mask(mask, (64, 32))
    for kind in (np.float32, np.float64):
        np.testing.assert_allclose(resize_mask(mask.astype(kind), (64, 32)), wanted, atol=1e-6)


def slow(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Each cell's mean over its area, in 64 bits, from how much of each pixel lies in each cell."""

    def parts(length: int, cells: int) -> np.ndarray:
        cell, pixel = np.arange(cells)[:, None] * length / cells, np.arange(length)[None]
        return (np.minimum(cell + length / cells, pixel + 1) - np.maximum(cell, pixel)).clip(0)

    down, across = parts(mask.shape[0], size[0]), parts(mask.shape[1], size[1])
    return down @ mask.astype(np.float64) @ across.T / (mask.size / (size[0] * size[1]))


@settings(max_examples=150, deadline=None)
@given(st.data(), st.integers(0, 2**32 - 1), st.sampled_from(["sparse", "dense", "all", "soft"]))
def test_masks_and_regions_against_a_slow_reference(data: st.DataObject, seed: int, kind: str) -> None:
    """Any size, any place of the region, either way of adding up."""
    height, width = data.draw(st.integers(1, 900)), data.draw(st.integers(1, 300))
    size = data.draw(st.integers(1, 96)), data.draw(st.integers(1, 96))
    y0, x0 = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    y1, x1 = data.draw(st.integers(y0 + 1, height)), data.draw(st.integers(x0 + 1, width))
    values = np.random.default_rng(seed).random((y1 - y0, x1 - x0))
    cut = {"sparse": values < 0.02, "dense": values < 0.9, "all": values >= 0, "soft": values.astype(np.float32)}[kind]
    mask = np.zeros((height, width), cut.dtype)
    mask[y0:y1, x0:x1] = cut
    wanted = slow(mask, size)
    region = Region("cut", cut, corner=(x0, y0), photo_size=(height, width))
    np.testing.assert_array_equal(region.mask, mask)
    for long in (0, 10**9):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(preprocess, "_LONG", long)
            for given in (mask, region, np.asfortranarray(mask)):
                np.testing.assert_allclose(resize_mask(given, size), wanted, atol=1e-5 if kind == "soft" else 2e-6)


@pytest.mark.parametrize("long", [0, 10**9])
def test_more_rows_in_a_cell_than_a_byte_counts(long: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preprocess, "_LONG", long)
    mask = np.random.default_rng(0).random((3000, 40)) < 0.9
    np.testing.assert_allclose(resize_mask(mask, (2, 3)), slow(mask, (2, 3)), atol=2e-6)


def test_masks_and_regions_together() -> None:
    preprocessing = Preprocessing(side=64)
    mask = np.zeros((50, 100), bool)
    mask[3:9, 20:31] = True
    masks = preprocessing.masks([mask, Region("box", mask[3:9, 20:31], corner=(20, 3), photo_size=(50, 100))])
    np.testing.assert_array_equal(masks[0], masks[1])
    assert masks.shape == (2, 1, 32, 64)


def test_least_size_is_above_the_network_size() -> None:
    assert Preprocessing(side=384).least_size(3000, 4000) == (432, 576)
    assert Preprocessing(resize="limit", max_pixels=10_000).least_size(1000, 1000) == (150, 150)
    assert Preprocessing(resize="limit").least_size(10, 11) == (15, 17)


def test_a_photo_decoded_smaller_has_the_network_size_of_the_whole() -> None:
    preprocessing = Preprocessing(side=64)
    assert preprocessing.network_size(200, 149) == (64, 32)
    assert preprocessing.network_size(100, 75) == (64, 64)
    assert preprocessing.image(np.zeros((100, 75, 3), np.uint8), (200, 149)).shape == (1, 3, 64, 32)


def test_masks() -> None:
    preprocessing = Preprocessing(side=64)
    given = [np.eye(50, 100) > 0, np.zeros((50, 100)), np.full((50, 100), 0.25)]
    masks = preprocessing.masks(given)
    assert (masks.shape, masks.dtype) == ((3, 1, 32, 64), np.float32)
    assert not masks[1].any()
    np.testing.assert_allclose(masks[2], 0.25)
    np.testing.assert_array_equal(preprocessing.masks(np.stack(given))[:, 0, 0], masks[:, 0, 0])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"resize": "squash"}, "preprocessing: resize is 'squash'; expected one of ('fit', 'limit')"),
        ({"mean": (1.0, 2.0)}, "preprocessing: mean is [1, 2]; expected three numbers on the scale 0-255"),
        ({"mean": (1.0, float("nan"), 2.0)}, "preprocessing: mean is [1, nan, 2]"),
        ({"std": (1.0, 0.0, 2.0)}, "preprocessing: std is [1, 0, 2]; expected three numbers above 0"),
        ({"std": (1.0, float("inf"), 2.0)}, "preprocessing: std is [1, inf, 2]"),
        ({"side": 31}, "preprocessing: side is 31; expected 32 to 8192"),
        ({"multiple": 0}, "preprocessing: multiple is 0; expected 1 to 1024"),
        ({"max_pixels": 10**9}, "preprocessing: max_pixels is 1e+09; expected 1024 to 100000000"),
        ({"crop": 3}, "unexpected keyword argument 'crop'"),
    ],
)
def test_wrong_settings(values: dict[str, object], message: str) -> None:
    with pytest.raises(ModelError) as caught:
        Preprocessing.from_dict(values)
    assert message in str(caught.value)


def test_masks_in_cells_are_the_means_of_the_net_s_pixels() -> None:
    random = np.random.default_rng(3)
    mask = random.random((300, 411)) < 0.3
    fine, coarse = Preprocessing(side=128), Preprocessing(side=128, mask_stride=4)
    assert (fine.mask_size(300, 411), coarse.mask_size(300, 411)) == ((96, 128), (24, 32))
    whole, cells = fine.masks([mask]), coarse.masks([mask])
    np.testing.assert_allclose(cells[0, 0], whole[0, 0].reshape(24, 4, 32, 4).mean(axis=(1, 3)), atol=1e-6)
