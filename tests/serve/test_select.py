"""Click to select: what is found around a point, and the route that finds it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from serving import make_app, png, problem_of, test_client

from madeof.inference.predictor import Predictor
from madeof.regions.rle import cut_runs, decompress
from madeof.regions.superpixels import find_patches
from madeof.serve.select import Segments, segment

HEIGHT, WIDTH = 120, 160


def _blocks(height: int = HEIGHT, width: int = WIDTH) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """A red disc with a hole as large as a few pixels, on grey, both with grain; and the disc."""
    y, x = np.mgrid[:height, :width]
    away = np.hypot(y - height / 2, x - width / 2)
    disc = away < height * 0.42
    pixels = np.where(disc[:, :, None], [180, 60, 50], [120, 120, 125]).astype(float)
    pixels[away < 2] = 250
    pixels += np.random.default_rng(0).normal(0, 8, pixels.shape)
    return np.clip(pixels, 0, 255).astype(np.uint8), disc


def _overlap(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """Intersection over union."""
    return float((a & b).sum() / (a | b).sum())


@pytest.fixture(scope="module")
def segments() -> Segments:
    return segment(_blocks()[0])


def test_superpixels_cover_the_photo_and_hang_together() -> None:
    from skimage.measure import label

    patches = find_patches(_blocks()[0])
    assert patches.labels.shape == (HEIGHT, WIDTH)
    assert patches.areas.sum() == HEIGHT * WIDTH
    assert sorted(np.unique(patches.labels)) == list(range(len(patches.areas)))
    assert label(patches.labels + 1, connectivity=1).max() == len(patches.areas)
    touching = {(a, b) for a, b in patches.pairs.tolist()}
    labels = patches.labels
    across = np.stack([labels[:, 1:], labels[:, :-1]]).reshape(2, -1).T
    assert {tuple(sorted(pair)) for pair in across.tolist() if pair[0] != pair[1]} <= touching


def test_a_click_finds_the_thing_and_a_click_beside_it_the_ground(segments: Segments) -> None:
    disc = _blocks()[1]
    found = segments.find([(80, 40)], [], 0, (HEIGHT, WIDTH))
    assert found is not None
    assert _overlap(found.mask > 0, disc) > 0.97
    ground = segments.find([(5, 5)], [], 0, (HEIGHT, WIDTH))
    assert ground is not None
    assert _overlap(ground.mask > 0, ~disc) > 0.97
    assert not (ground.mask & found.mask).sum() > 0.02 * disc.sum()


def test_sizes_go_from_a_patch_to_the_whole_photo(segments: Segments) -> None:
    areas = []
    for size in range(-20, 21):
        found = segments.find([(80, 40)], [], size, (HEIGHT, WIDTH))
        assert found is not None
        areas.append(found.area)
    assert areas == sorted(areas)
    assert areas[0] < 0.02 * HEIGHT * WIDTH
    assert areas[-1] == HEIGHT * WIDTH


def test_points_outside_hold_the_region_back(segments: Segments) -> None:
    disc = _blocks()[1]
    found = segments.find([(80, 40)], [(5, 5)], 20, (HEIGHT, WIDTH))
    assert found is not None
    assert _overlap(found.mask > 0, disc) > 0.9
    both = segments.find([(80, 40), (5, 5)], [], 0, (HEIGHT, WIDTH))
    assert both is not None
    assert both.area > 0.95 * HEIGHT * WIDTH
    assert segments.find([(80, 40)], [(80, 40)], 0, (HEIGHT, WIDTH)) is None


def test_the_mask_is_of_the_whole_photo_where_the_pixels_are_fewer(segments: Segments) -> None:
    found = segments.find([(80 * 5, 40 * 5)], [], 0, (HEIGHT * 5, WIDTH * 5))
    assert found is not None
    assert found.size == (HEIGHT * 5, WIDTH * 5)
    large = np.kron(_blocks()[1], np.ones((5, 5), bool))
    assert _overlap(found.mask > 0, large) > 0.95


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (7, 1), (2, 2), (3, 500), (400, 5)])
def test_photos_of_any_shape(size: tuple[int, int]) -> None:
    random = np.random.default_rng(0)
    for pixels in (
        np.full((*size, 3), 90, np.uint8),
        random.integers(0, 256, (*size, 3), dtype=np.uint8),
    ):
        found = segment(pixels).find([(size[1] / 2, size[0] / 2)], [], 0, size)
        assert found is not None
        assert 1 <= found.area <= size[0] * size[1]


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.tuples(st.floats(0, 1), st.floats(0, 1)),
    st.integers(-20, 20),
)
def test_any_click_gives_a_region_around_it(
    seed: int, shape: tuple[int, int], where: tuple[float, float], size: int
) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (*shape, 3), dtype=np.uint8)
    photo = (shape[0] * 2, shape[1] * 2)
    found = segment(pixels).find([(where[0] * photo[1], where[1] * photo[0])], [], size, photo)
    assert found is not None
    assert found.size == photo
    assert found.area >= 1


def _ask(predictor: Predictor, asked: Any, **options: Any) -> Any:
    app = make_app(predictor, **options)
    with test_client(app) as client:
        pixels, _ = _blocks()
        told = client.post("/v1/images", content=png(pixels), headers={"Content-Type": "image/png"}).json()
        if isinstance(asked, bytes):
            return client.post(
                f"/v1/images/{told['id']}/select", content=asked, headers={"Content-Type": "application/json"}
            )
        return client.post(f"/v1/images/{told['id']}/select", json=asked)


def test_the_route_gives_run_lengths_that_the_regions_route_takes(tiny_predictor: Predictor) -> None:
    response = _ask(tiny_predictor, {"points": [[80, 40]]})
    assert response.status_code == 200, response.text
    told = response.json()
    assert told["rle"]["size"] == [HEIGHT, WIDTH]
    cut, (x, y) = cut_runs(decompress(told["rle"]["counts"].encode()), (HEIGHT, WIDTH))
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[y : y + cut.shape[0], x : x + cut.shape[1]] = cut
    assert _overlap(mask, _blocks()[1]) > 0.97
    assert told["area"] == mask.sum()
    assert told["box"] == [x, y, x + cut.shape[1], y + cut.shape[0]]


@pytest.mark.parametrize(
    ("asked", "kind", "text"),
    [
        ({"points": []}, "input", "points"),
        ({"points": [[1, 2]] * 101}, "input", "points"),
        ({"points": [[1]]}, "input", "points.0"),
        ({"points": [[500, 2]]}, "input", "the point 500, 2 lies outside the photo of 160 x 120"),
        ({"points": [[1, 2]], "outside": [[1, -2]]}, "input", "the point 1, -2 lies outside"),
        ({"points": [[1, 2]], "size": 21}, "input", "size"),
        ({"points": [[1, 2]], "file": "/etc/passwd"}, "input", "file"),
        (b'{"points": [[NaN, 1]]}', "input", "points"),
        (b"no json", "input", "JSON"),
        (b'{"points": [[1e999, 1]]}', "input", "points"),
        ({"points": [[80, 40]], "outside": [[80, 40]]}, "region", "same patch"),
    ],
)
def test_the_route_refuses_with_a_reason(tiny_predictor: Predictor, asked: Any, kind: str, text: str) -> None:
    status, found, detail = problem_of(_ask(tiny_predictor, asked))
    assert (status, found) == (422, kind)
    assert text in detail


def test_the_route_has_the_limits_of_the_others(tiny_predictor: Predictor) -> None:
    body = b'{"points": [[1, 2]]' + b" " * 3000 + b"}"
    assert problem_of(_ask(tiny_predictor, body, max_json_mb=0.002))[:2] == (413, "too-large")
    with test_client(make_app(tiny_predictor)) as client:
        assert problem_of(client.post("/v1/images/unknown/select", json={"points": [[1, 2]]}))[1] == "unknown-image"
