"""HEAD on what has GET."""

from __future__ import annotations

import http.client

import pytest
from serving import make_app, running
from starlette.testclient import TestClient

from madeof.inference.predictor import Predictor


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/", "/v1/model"])
def test_head_is_answered_as_get(tiny_predictor: Predictor, path: str) -> None:
    with running(make_app(tiny_predictor)) as address:
        found = []
        for method in ("GET", "HEAD"):
            connection = http.client.HTTPConnection(*address, timeout=20)
            connection.request(method, path)
            answer = connection.getresponse()
            found.append((answer.status, answer.headers["Content-Length"]))
            assert bool(answer.read()) == (method == "GET")
            connection.close()
    assert found[0] == found[1]
    assert found[0][0] == 200


def test_head_of_what_has_no_get_is_refused(client: TestClient) -> None:
    assert client.head("/v1/predict").status_code == 405
