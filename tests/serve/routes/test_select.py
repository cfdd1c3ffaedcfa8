"""Clicks over HTTP."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from serve_select import HEIGHT, WIDTH, _blocks, _overlap
from serving import make_app, png, problem_of, test_client

from madeof.inference.predictor import Predictor
from madeof.regions.rle import decode_rle, decompress


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
    cut, (x, y) = decode_rle(decompress(told["rle"]["counts"].encode()), (HEIGHT, WIDTH))
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
