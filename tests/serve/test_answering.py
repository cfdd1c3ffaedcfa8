"""Few bytes that ask for much work: refused before it, with the limit named; what is allowed stays within memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from serving import HEIGHT, WIDTH, make_app, mask, photo, problem_of, regions, test_client

from madeof.inference.predictor import Predictor
from madeof.regions.request import RegionRequest
from madeof.regions.shapes import Bits, Box, Shape

WHOLE = {"box": [0, 0, WIDTH, HEIGHT]}
ZIGZAG = {"polygon": [[i % WIDTH, HEIGHT * (i % 2)] for i in range(200)]}
RLE = {"rle": {"size": [HEIGHT, WIDTH], "counts": [1, HEIGHT * WIDTH - 1]}}


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the regions that were made."""
    found = []
    real = RegionRequest.resolve

    def resolve(request: RegionRequest, *given: Any) -> Any:
        found.append(request.name)
        return real(request, *given)

    monkeypatch.setattr(RegionRequest, "resolve", resolve)
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
        assert made == ["box 0"]
        assert client.get("/v1/model").json()["limits"]["region_megapixels"] == 0.1


def test_masks_are_refused_before_one_is_decoded(tiny_predictor: Predictor, made: list[str]) -> None:
    files: list[Any] = [("photo", photo()), *[("mask", mask())] * 5]
    with test_client(make_app(tiny_predictor, max_region_megapixels=0.02)) as client:
        assert problem_of(client.post("/v1/predict", files=files))[:2] == (422, "input")
    assert made == []


@pytest.mark.parametrize("shape", [Box(0, 0, 9, 9), Bits(np.ones((9, 9), dtype=np.bool_))], ids=["before", "after"])
def test_other_questions_about_the_same_photo_are_answered(tiny_predictor: Predictor, shape: Shape) -> None:
    """They are worked on together, and only the one that is too much is refused."""
    from madeof.serve.answering import Question, answer

    encoded = tiny_predictor.encode(photo())
    small = Question([RegionRequest("a", shape)], lambda: None, most_pixels=100)
    large = Question([RegionRequest("b", shape)] * 2, lambda: None, most_pixels=100)
    answer(tiny_predictor, encoded, [small, large])
    assert small.result(tiny_predictor, encoded).answers[0].prediction is not None
    with pytest.raises(Exception, match="the regions have"):
        large.result(tiny_predictor, encoded)
