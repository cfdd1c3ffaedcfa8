"""Hostile uploads by the hundred: each gets an answer or a problem, never an error of ours, and harms no other."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from serving import BOX, PROBLEM, make_app, mask, photo, png, regions, test_client
from starlette.testclient import TestClient

from madeof.inference.predictor import Predictor

REFUSED = (400, 403, 404, 405, 413, 415, 422)
_PHOTO, _MASK = photo(height=12, width=16), mask()
_NAMES = st.sampled_from(["photo", "mask", "regions", "", "Photo", "photo[]", "x" * 300, "ph\u00f6to"]) | st.text(
    max_size=8
)
_TYPES = [
    "application/json",
    "image/png",
    "multipart/form-data; boundary=x",
    "text/plain",
    "application/octet-stream",
    "",
]
_NUMBERS = st.one_of(
    st.integers(-(2**70), 2**70), st.floats(), st.booleans(), st.none(), st.text(max_size=5), st.integers(-5, 100)
)
_POINTS = st.lists(st.lists(_NUMBERS, min_size=1, max_size=3), max_size=6)
_RLES = st.fixed_dictionaries(
    {},
    optional={"size": st.lists(_NUMBERS, max_size=3), "counts": st.text(max_size=30) | st.lists(_NUMBERS, max_size=9)},
)
_ANY = st.recursive(
    _NUMBERS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)
_REGION = st.fixed_dictionaries(
    {},
    optional={
        "box": st.lists(_NUMBERS, max_size=5) | _ANY,
        "polygon": _POINTS | _ANY,
        "rle": _RLES | _ANY,
        "name": st.text(max_size=250) | _ANY,
    },
)
_ASKED = st.lists(_REGION, max_size=5).map(lambda each: {"regions": each}) | _ANY


@st.composite
def damaged(draw: st.DrawFn, source: bytes) -> bytes:
    """Some bytes with a part of them gone, changed, or twice there."""
    data = bytearray(source)
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + 60)))
        data[start:end] = draw(
            st.sampled_from([b"", bytes(data[start:end]) * 2, b"\0" * (end - start)]) | st.binary(max_size=9)
        )
    return bytes(data)


@st.composite
def forms(draw: st.DrawFn) -> bytes:
    """Bodies that are nearly forms."""
    body = b""
    for _ in range(draw(st.integers(0, 4))):
        name, file_name = (
            draw(_NAMES),
            draw(st.none() | st.text(max_size=12) | st.sampled_from(["../a", "C:\\b", "a.png"])),
        )
        file = "" if file_name is None else f'; filename="{file_name}"'
        content = draw(
            st.sampled_from([_PHOTO, _MASK, b""])
            | damaged(_PHOTO)
            | damaged(_MASK)
            | _ASKED.map(lambda each: json.dumps(each).encode("utf-8", "surrogatepass"))
        )
        head = f'--x\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'
        body += head.encode("utf-8", "surrogatepass") + content + b"\r\n"
    return draw(st.just(body + b"--x--\r\n") | damaged(body + b"--x--\r\n"))


_BODIES = st.one_of(
    forms(),
    forms(),
    _ASKED.map(lambda each: json.dumps(each).encode("utf-8", "surrogatepass")),
    damaged(_PHOTO),
    damaged(json.dumps(regions(BOX)).encode()),
    st.binary(max_size=200),
)
_REQUESTS = st.tuples(
    st.sampled_from(["/v1/predict", "/v1/images", "regions", "regions"]), _BODIES, st.none() | st.sampled_from(_TYPES)
)


@pytest.fixture(scope="module")
def client(tiny_predictor: Predictor) -> TestClient:
    return test_client(make_app(tiny_predictor, max_megapixels=1, cache_images=20))


class Checked:
    """Sends requests and looks at what comes back; now and then at whether a good one still gets what it should."""

    def __init__(self, client: TestClient) -> None:
        self._client = client
        self._count = 0
        self._expected: Any = None
        self.statuses: set[int] = set()

    def __call__(self, request: tuple[str, bytes, str | None]) -> None:
        path, body, kind = request
        if self._count % 50 == 0:
            self._good()
        self._count += 1
        if kind is None:  # what fits the body best
            kind = "multipart/form-data; boundary=x" if body[:3] == b"--x" else "application/json"
            kind = "image/png" if body[:4] == _PHOTO[:4] else kind
        if path == "regions":
            path = f"/v1/images/{self._image}/regions"
        response = self._client.post(path, content=body, headers={"Content-Type": kind})
        self.statuses.add(response.status_code)
        assert response.status_code in (200, 201, *REFUSED), response.text
        if response.status_code >= 400:
            assert response.headers["content-type"] == PROBLEM
            assert len(response.content) < 20_000
        told = response.json()
        assert isinstance(told, dict)

    def _good(self) -> None:
        told = self._client.post("/v1/images", content=_PHOTO, headers={"Content-Type": "image/png"}).json()
        self._image = told["id"]
        asked = regions({"box": [1, 1, 9, 9]}, {"polygon": [[0, 0], [16, 0], [0, 12]]})
        answer = self._client.post(f"/v1/images/{self._image}/regions", json=asked).json()
        self._expected = self._expected or answer
        assert answer == self._expected


def fuzz(client: TestClient, count: int) -> set[int]:
    checked = Checked(client)

    @settings(
        max_examples=count, deadline=None, database=None, derandomize=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )  # fmt: skip
    @given(request=_REQUESTS)
    @example(request=("/v1/images", _PHOTO, "image/png"))
    @example(request=("regions", json.dumps(regions(BOX)).encode(), "application/json"))
    def run(request: tuple[str, bytes, str | None]) -> None:
        checked(request)

    _run: Callable[[], None] = run
    _run()
    return checked.statuses


@pytest.mark.slow
def test_500_uploads(client: TestClient) -> None:
    assert {200, 201, 400, 415, 422} <= fuzz(client, 500)


@pytest.mark.soak
def test_20_000_uploads(client: TestClient) -> None:
    assert {200, 201, 400, 415, 422} <= fuzz(client, 20_000)


def test_a_photo_of_one_colour_stays_right_among_bad_ones(client: TestClient) -> None:
    """The answer to a good request does not depend on the bad ones before it."""
    import numpy as np

    red = png(np.full((20, 20, 3), (200, 30, 30), dtype=np.uint8))
    first = client.post("/v1/predict", files={"photo": ("r.png", red)}).json()
    for data in (red[:50], b"", red.replace(b"IDAT", b"IDAX"), red[:-30]):
        assert client.post("/v1/predict", files={"photo": ("r.png", data)}).status_code == 422
        assert client.post("/v1/predict", files={"photo": ("r.png", red)}).json() == first
