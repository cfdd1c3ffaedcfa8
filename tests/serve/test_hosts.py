"""Who may ask: hosts and origins."""

from __future__ import annotations

import pytest
from serving import make_app, photo, problem_of, test_client
from starlette.testclient import TestClient

from madeof.errors import ConfigError
from madeof.inference.predictor import Predictor
from madeof.serve.settings import Settings


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


def test_a_proxy_that_changes_the_host_header_is_told_what_to_do(tiny_predictor: Predictor) -> None:
    client = test_client(make_app(tiny_predictor, hosts=frozenset({"127.0.0.1", "box.example"})))
    headers = {"Origin": "http://box.example", "Host": "127.0.0.1:8000"}
    status, kind, detail = problem_of(client.get("/v1/model", headers=headers))
    assert (status, kind) == (403, "foreign-origin")
    assert "the Host header is '127.0.0.1:8000'; a proxy in front must keep the client's (nginx: proxy_set_h" in detail
    assert client.get("/v1/model", headers={**headers, "Host": "box.example"}).status_code == 200


def test_a_site_may_be_allowed_to_ask(tiny_predictor: Predictor) -> None:
    site = "https://shop.example"
    client = test_client(make_app(tiny_predictor, origins=frozenset({site}), token="secret"))
    headers = {
        "Origin": site,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    preflight = client.options("/v1/images", headers=headers)
    assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (200, site)
    asked = {"Origin": site, "Sec-Fetch-Site": "cross-site"}
    assert client.get("/v1/model", headers=asked).status_code == 401
    answer = client.get("/v1/model", headers={**asked, "Authorization": "Bearer secret"})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, site)
    other = client.get("/v1/model", headers={"Origin": "https://evil.example", "Authorization": "Bearer secret"})
    assert problem_of(other)[:2] == (403, "foreign-origin")
    assert "access-control-allow-origin" not in other.headers


def test_an_origin_that_is_none_is_refused() -> None:
    for origin in ("*", "shop.example", "https://shop.example/", "null"):
        with pytest.raises(ConfigError, match="expected one such as"):
            Settings(origins=frozenset({origin}))
