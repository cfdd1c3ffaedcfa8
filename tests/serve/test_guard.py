"""Who may ask, and how much: heads are refused before bodies, bodies while they arrive."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from serving import BOX, make_app, photo, problem_of, regions, test_client
from starlette.testclient import TestClient

from madeof.inference.predictor import Predictor


@pytest.mark.parametrize(
    "path",
    ["/page/%2e%2e/app.py", "/page/..%2fapp.py", "/v1/images/%00/regions", "/page/..%5capp.py"],
)
def test_a_path_that_climbs(client: TestClient, path: str) -> None:
    response = client.build_request("GET", "http://127.0.0.1/")
    response.url = response.url.copy_with(raw_path=path.encode())
    assert problem_of(client.send(response))[:2] == (400, "bad-request")


def test_a_token(tiny_predictor: Predictor) -> None:
    client = test_client(make_app(tiny_predictor, token="s3cret"))
    for headers in (
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Basic s3cret"},
        {"Authorization": "s3cret"},
    ):
        response = client.post("/v1/images", content=b"", headers={"Content-Type": "image/png", **headers})
        assert problem_of(response)[:2] == (401, "unauthorized")
        assert response.headers["www-authenticate"] == 'Bearer realm="madeof"'
        assert client.get("/metrics", headers=headers).status_code == 401
    good = {"Authorization": "Bearer s3cret"}
    assert client.get("/v1/materials", headers=good).status_code == 200
    assert client.get("/metrics", headers=good).status_code == 200
    assert [client.get(path).status_code for path in ("/healthz", "/readyz", "/openapi.json")] == [200, 200, 200]
    assert "s3cret" not in repr(client.app.state.service.settings)  # type: ignore[attr-defined]


def test_every_answer_has_the_headers(client: TestClient) -> None:
    answers = [client.get(path) for path in ("/healthz", "/nothing", "/v1/materials", "/")]
    answers += [client.get("/healthz", headers={"Host": "evil.example"}), client.post("/v1/images", content=b"")]
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert answer.headers["cache-control"] in ("no-store", "no-cache")
        assert not [name for name in answer.headers if name.startswith("access-control") or name == "server"]


def test_a_body_that_is_said_to_be_too_large(tiny_predictor: Predictor) -> None:
    client = test_client(make_app(tiny_predictor, max_body_mb=0.5))
    headers = {"Content-Length": "500001", "Content-Type": "image/png"}
    response = client.post("/v1/images", content=b"short", headers=headers)
    status, kind, detail = problem_of(response)
    assert (status, kind) == (413, "too-large")
    assert detail == "the body has 0.5 MB; expected 0.5 MB at most: send less at once"
    assert response.headers["connection"] == "close"


def test_a_body_that_turns_out_too_large(tiny_predictor: Predictor) -> None:
    """It is read as far as its limit and, while the answer waits to be sent, for a moment more, but not kept."""
    app = make_app(tiny_predictor, max_body_mb=0.5)
    read: list[int] = []  # chunks read before the answer began
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if not sent and len(read) < 1000:
            read.append(10_000)
            return {"type": "http.request", "body": bytes(10_000), "more_body": True}
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"host", b"127.0.0.1"), (b"content-type", b"image/png"), (b"transfer-encoding", b"chunked")]
    scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
             "path": "/v1/images", "raw_path": b"/v1/images", "query_string": b"", "root_path": "",
             "headers": headers, "server": ("127.0.0.1", 80), "client": ("127.0.0.1", 1)}  # fmt: skip
    asyncio.run(asyncio.wait_for(app(scope, receive, send), 30))
    body = json.loads(b"".join(message.get("body", b"") for message in sent))
    assert (sent[0]["status"], body["type"]) == (413, "urn:madeof:problem:too-large")
    assert "more than that; expected 0.5 MB at most" in body["detail"]
    assert len(read) == 51  # the fifty first are within the limit
    service: Any = app.state.service
    assert (service.gate.inside, service.gate.bytes) == (0, 0)


@pytest.mark.parametrize("length", ["-1", "1e3", "+5", "9" * 30, "", "1, 2"])
def test_a_length_that_is_none(client: TestClient, length: str) -> None:
    response = client.post("/v1/images", content=b"x", headers={"Content-Length": length, "Content-Type": "image/png"})
    assert problem_of(response)[:2] == (400, "bad-request")


def test_all_bodies_together_have_a_limit(tiny_predictor: Predictor) -> None:
    client = test_client(make_app(tiny_predictor, max_waiting_mb=0.01))
    response = client.post("/v1/images", content=bytes(20_000), headers={"Content-Type": "image/png"})
    status, kind, detail = problem_of(response)
    assert (status, kind) == (503, "busy")
    assert "fill the memory" in detail
    assert response.headers["retry-after"] == "1"
    assert (
        client.post("/v1/images", content=photo(height=9, width=9), headers={"Content-Type": "image/png"}).status_code
        == 201
    )


def test_an_error_of_ours_tells_nothing(tiny_predictor: Predictor, caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        record, materials = tiny_predictor.record, tiny_predictor.materials

        def encode(self, *_: Any, **__: Any) -> None:
            raise RuntimeError("/secret/path")

    client = test_client(make_app(Broken()))
    response = client.post("/v1/images", content=photo(), headers={"Content-Type": "image/png"})
    assert problem_of(response) == (500, "internal", "an error of ours; the log tells more")
    assert "/secret/path" in caplog.text
    assert client.get("/healthz").status_code == 200


def test_what_is_wrong_with_the_model_is_no_fault_of_the_client(tiny_predictor: Predictor) -> None:
    from madeof.errors import ModelError

    class Damaged:
        record, materials = tiny_predictor.record, tiny_predictor.materials
        encode = tiny_predictor.encode

        def predict(self, *_: Any, **__: Any) -> None:
            raise ModelError("/models/m/classifier.onnx gives scores that are not finite numbers")

    client = test_client(make_app(Damaged()))
    told = client.post("/v1/images", content=photo(), headers={"Content-Type": "image/png"}).json()
    response = client.post(f"/v1/images/{told['id']}/regions", json=regions(BOX))
    assert problem_of(response) == (500, "internal", "an error of ours; the log tells more")
