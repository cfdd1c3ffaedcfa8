"""OpenCV's and pycocotools' own results come back to the pixel."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from madeof.regions import as_regions, regions_from_label_map

pytestmark = pytest.mark.ecosystem
SIZE = (70, 90)


def blotches(seed: int) -> np.ndarray:
    """Blotches with holes, islands in these, single pixels and what touches the edges."""
    from scipy.ndimage import gaussian_filter

    noise = gaussian_filter(np.random.default_rng(seed).normal(size=SIZE), 0.4 + seed % 5)
    return np.asarray(noise > np.quantile(noise, 0.35 + 0.1 * (seed % 4)))


@pytest.fixture(scope="module")
def cv2() -> Any:
    return pytest.importorskip("cv2")


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("mode", ["RETR_TREE", "RETR_CCOMP"])
@pytest.mark.parametrize("chain", ["CHAIN_APPROX_NONE", "CHAIN_APPROX_SIMPLE"])
def test_contours_with_holes(cv2: Any, seed: int, mode: str, chain: str) -> None:
    mask = blotches(seed)
    found = cv2.findContours(mask.astype(np.uint8), getattr(cv2, mode), getattr(cv2, chain))
    regions = as_regions(found, SIZE)
    wanted = sorted(region.mask.tobytes() for region in regions_from_label_map(mask.astype(np.uint8)))
    assert sorted(region.mask.tobytes() for region in regions) == wanted


@pytest.mark.parametrize("seed", range(20))
def test_outer_contours_are_what_opencv_fills(cv2: Any, seed: int) -> None:
    contours, _ = cv2.findContours(blotches(seed).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    for region, contour in zip(as_regions(contours, SIZE), contours, strict=True):
        filled = cv2.drawContours(np.zeros(SIZE, np.uint8), [contour], -1, 1, thickness=-1)
        np.testing.assert_array_equal(region.mask, filled > 0)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_run_lengths_of_pycocotools() -> None:
    coco = pytest.importorskip("pycocotools.mask")
    masks = [blotches(seed) for seed in range(6)]
    runs = coco.encode(np.asfortranarray(np.stack(masks, axis=-1).astype(np.uint8)))
    np.testing.assert_array_equal([region.mask for region in as_regions(runs, SIZE)], masks)
    decoded = np.moveaxis(coco.decode(runs), -1, 0)
    assert decoded[0].flags.f_contiguous
    np.testing.assert_array_equal([region.mask for region in as_regions(decoded, SIZE)], masks)
    labels = decoded[0] * np.uint8(5)
    fortran, c_order = regions_from_label_map(labels), regions_from_label_map(np.ascontiguousarray(labels))
    assert [(r.name, r.box) for r in fortran] == [(r.name, r.box) for r in c_order]
