"""Who may ask, and how much: heads are refused before bodies, bodies while they arrive."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from fastapi import FastAPI
from serving import BOX, make_app, photo, problem_of, regions, test_client
from starlette.testclient import TestClient

from madeof.errors import ConfigError
from madeof.inference.predictor import Predictor
from madeof.serve.settings import Settings


@pytest.fixture
def app(tiny_predictor: Predictor) -> FastAPI:
    return make_app(tiny_predictor)


@pytest.fixture
def client(app: FastAPI) -> TestClient:
    return test_client(app)


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "192.168.1.7", "127.0.0.1@evil.example", "", "[",
     "a b", "localhost/..", "[::2]:80"],
)  # fmt: skip
def test_a_foreign_host_is_refused(client: TestClient, host: str) -> None:
    response = client.post("/v1/images", content=b"", headers={"Host": host, "Content-Type": "image/png"})
    status, kind, detail = problem_of(response)
    assert (status, kind) == (400, "foreign-host")
    assert detail.startswith(f"the Host header is {host!r}; expected 127.0.0.1 or ::1 or localhost")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:9", "localhost.", "127.0.0.1:8000", "[::1]:8000"])
def test_this_machine_is_no_foreign_host(client: TestClient, host: str) -> None:
    assert client.get("/healthz", headers={"Host": host}).status_code == 200


def test_hosts_can_be_allowed(tiny_predictor: Predictor) -> None:
    client = test_client(make_app(tiny_predictor, hosts=frozenset({"box.lan"}), any_address=True))
    for host, status in (("box.lan:80", 200), ("10.0.0.7:8000", 200), ("[fe80::1]", 200), ("other.lan", 400)):
        assert client.get("/healthz", headers={"Host": host}).status_code == status


@pytest.mark.parametrize(
    "origin",
    ["null", "https://evil.example", "http://127.0.0.1:1", "http://localhost", "file://", "127.0.0.1", "a://127.0.0.1"],
)
def test_a_foreign_origin_is_refused(client: TestClient, origin: str) -> None:
    headers = {"Origin": origin, "Content-Type": "image/png"}
    status, kind, detail = problem_of(client.post("/v1/images", content=b"", headers=headers))
    assert (status, kind) == (403, "foreign-origin")
    assert origin in detail
    preflight = client.options("/v1/images", headers={"Origin": origin, "Access-Control-Request-Method": "POST"})
    assert preflight.status_code == 403
    assert not [name for name in preflight.headers if name.startswith("access-control")]


def test_the_own_origin_may_ask(client: TestClient) -> None:
    headers = {"Content-Type": "image/png", "Origin": "http://127.0.0.1", "Sec-Fetch-Site": "same-origin"}
    assert client.post("/v1/images", content=photo(), headers=headers).status_code == 201


def test_what_another_site_embeds_is_refused(client: TestClient) -> None:
    for site in ("cross-site", "same-site"):
        response = client.get("/v1/materials", headers={"Sec-Fetch-Site": site})
        assert problem_of(response)[:2] == (403, "foreign-origin")
    assert client.get("/healthz", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200


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


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("queue", 0),
        ("max_body_mb", float("nan")),
        ("cache_seconds", -1),
        ("workers", 257),
        ("max_points", 2),
        ("token", " "),
    ],
)
def test_settings_that_cannot_be(name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match="expected"):
        Settings(**{name: value})
