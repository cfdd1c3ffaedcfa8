"""Few bytes that ask for much work: refused before it, with the limit named; what is allowed stays within memory."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from serving import HEIGHT, WIDTH, make_app, mask, photo, problem_of, regions, test_client

from madeof.errors import RegionError
from madeof.images.photo import Photo
from madeof.inference.predictor import Predictor
from madeof.regions.raster import cut_polygon
from madeof.regions.region import Region
from madeof.regions.rle import Runs
from madeof.serve import asking
from madeof.serve.effort import of_points, of_runs

WHOLE = {"box": [0, 0, WIDTH, HEIGHT]}
ZIGZAG = {"polygon": [[i % WIDTH, HEIGHT * (i % 2)] for i in range(200)]}
RLE = {"rle": {"size": [HEIGHT, WIDTH], "counts": [1, HEIGHT * WIDTH - 1]}}


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the regions that were made."""
    found = []

    def counted(function: Any) -> Any:
        def make(*given: Any) -> Region:
            found.append(given[1])
            region: Region = function(*given)
            return region

        return make

    for name in ("_from_box", "_from_polygon", "_from_runs", "_from_mask"):
        monkeypatch.setattr(asking, name, counted(getattr(asking, name)))
    return found


@pytest.mark.parametrize("shape", [WHOLE, ZIGZAG, RLE, {"polygon": [[-1e9, -1e9], [1e9, -1e9], [0, 1e9]]}])
def test_shapes_are_refused_before_one_is_made(tiny_predictor: Predictor, made: list[str], shape: Any) -> None:
    app = make_app(tiny_predictor, max_region_megapixels=0.1)
    with test_client(app) as client:
        told = client.post("/v1/images", content=photo(), headers={"Content-Type": "image/png"}).json()
        path = f"/v1/images/{told['id']}/regions"
        response = client.post(path, json=regions(*[shape] * 50))
        status, kind, detail = problem_of(response)
        assert (status, kind) == (422, "input")
        assert "megapixels, each counted for itself" in detail
        assert detail.endswith("expected 0.1 at most: ask for fewer at once")
        assert made == []
        assert client.post(path, json=regions(WHOLE)).status_code == 200
        assert client.get("/v1/model").json()["limits"]["region_megapixels"] == 0.1


def test_masks_are_refused_before_one_is_decoded(tiny_predictor: Predictor, made: list[str]) -> None:
    files: list[Any] = [("photo", photo()), *[("mask", mask())] * 5]
    with test_client(make_app(tiny_predictor, max_region_megapixels=0.02)) as client:
        assert problem_of(client.post("/v1/predict", files=files))[:2] == (422, "input")
    assert made == []


def test_other_questions_about_the_same_photo_are_answered(tiny_predictor: Predictor) -> None:
    """They are worked on together, and only the one that is too much is refused."""
    from madeof.serve.answering import Question, answer

    encoded = tiny_predictor.encode(photo())

    def make(photo: Photo) -> Region:
        return Region.from_box("box", (0, 0, 9, 9), photo.size)

    small = Question([("a", make)], lambda: None, most_pixels=100)
    large = Question([("b", make)] * 2, lambda: None, most_pixels=100)
    answer(tiny_predictor, encoded, [small, large])
    assert small.result(tiny_predictor, encoded).answers[0].prediction is not None
    with pytest.raises(Exception, match="the regions have"):
        large.result(tiny_predictor, encoded)


@given(st.lists(st.integers(-1, 12), min_size=1, max_size=12), st.booleans())
def test_no_runs_are_counted_as_less_than_their_columns(counts: list[int], full: bool) -> None:
    height, width = 5, 8
    if full:  # the photo, exactly
        counts = [*counts, height * width - sum(counts)]
    for runs in (
        Runs(np.array(counts), (height, width)),
        Runs(b"".join(b"%c" % max(0, 48 + each) for each in counts), (5, 8)),
    ):
        counted = of_runs(runs, (height, width))
        try:
            cut, _ = runs.cut((height, width))
        except RegionError:
            continue
        assert height * width >= counted >= min(height * width, cut.shape[1] * height)


_POINTS = st.lists(st.tuples(st.floats(-50, 150), st.floats(-50, 150)), min_size=3, max_size=30)


@given(_POINTS)
def test_what_is_counted_is_never_less_than_the_box_of_what_is_made(points: list[tuple[float, float]]) -> None:
    try:
        cut, _ = cut_polygon(points, (100, 100))
    except Exception:
        return
    height, width = cut.shape
    assert of_points(points, True, (100, 100)) >= max(0, height - 2) * max(0, width - 2)


def test_an_outline_is_counted_by_its_length() -> None:
    box = [(10, 10), (50, 10), (50, 30), (10, 30)]
    assert of_points([box[0], box[2]], False, (100, 100)) == 40 * 20
    assert of_points(box, True, (100, 100)) == 40 * 20 + 5 * 120
    assert of_points([(-10, -10), (500, -10), (500, 500), (-10, 500)], True, (100, 100)) == 100 * 100 + 5 * 400


def _even_odd(points: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Pixel by pixel and edge by edge."""
    rows, columns = np.mgrid[: size[0], : size[1]] + 0.5
    inside = np.zeros(size, dtype=np.bool_)
    for (x0, y0), (x1, y1) in zip(points, np.roll(points, -1, axis=0), strict=True):
        if y0 != y1:
            crossed = (rows > min(y0, y1)) & (rows <= max(y0, y1))
            inside ^= crossed & (columns > x0 + (rows - y0) / (y1 - y0) * (x1 - x0))
    return inside


@pytest.mark.parametrize("at_once", [7, 300, 5000])
def test_polygons_are_the_same_in_however_many_pieces(monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    from madeof.regions import raster as shapes

    monkeypatch.setattr(shapes, "_PIXELS_AT_ONCE", at_once)
    random = np.random.default_rng(0)
    for count in (3, 4, 20, 400):
        points = random.uniform(-20, 110, (count, 2))
        assert (shapes.from_polygon(points, (80, 90)) == _even_odd(points, (80, 90))).all()


def test_a_polygon_of_a_large_photo_takes_little_more_than_its_mask() -> None:
    """It took 28 bytes a pixel."""
    zigzag = [(i * 4, 3000 * (i % 2)) for i in range(1000)]
    tracemalloc.start()
    try:
        cut, _ = cut_polygon(zigzag, (3000, 4000))
        assert tracemalloc.get_traced_memory()[1] < 6 * cut.size
    finally:
        tracemalloc.stop()
