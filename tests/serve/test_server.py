"""The server on a real socket: slow and lying clients, clients that go, too many of them, and the end."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import signal
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from server_process import Process
from serving import (
    BOX,
    Held,
    answer,
    at_end,
    connected,
    head,
    kind_of,
    make_app,
    metric,
    photo,
    regions,
    running,
    wait_for,
)
from starlette.responses import Response, StreamingResponse

from madeof.errors import ServiceError
from madeof.inference.predictor import Predictor
from madeof.serve import guard
from madeof.serve.server import address_of, listen

PNG = "image/png"


def ask(
    address: tuple[str, int], method: str, path: str, body: bytes = b"", kind: str = PNG
) -> tuple[int, dict[str, str], bytes]:
    with connected(address) as connection:
        connection.sendall(head(method, path, Content_Type=kind, Content_Length=len(body)) + body)
        return answer(connection)


def healthy(address: tuple[str, int]) -> bool:
    return ask(address, "GET", "/healthz")[0] == 200


def test_it_answers(tiny_predictor: Predictor) -> None:
    with running(make_app(tiny_predictor)) as address, connected(address) as connection:
        connection.sendall(head("POST", "/v1/images", Content_Type=PNG, Content_Length=len(photo())) + photo())
        status, headers, body = answer(connection)
        assert (status, headers["content-type"]) == (201, "application/json")
        asked = json.dumps(regions(BOX)).encode()
        path = f"/v1/images/{json.loads(body)['id']}/regions"
        for _ in range(2):  # on the same connection
            connection.sendall(head("POST", path, Content_Type="application/json", Content_Length=len(asked)) + asked)
            status, headers, body = answer(connection)
            assert status == 200
            assert json.loads(body)["regions"][0]["area"] == 1200
            assert "server" not in headers


def test_slow_headers_are_closed_and_health_stays(tiny_predictor: Predictor) -> None:
    with running(make_app(tiny_predictor, header_seconds=0.5)) as address:
        silent, begun, between = (socket.create_connection(address, timeout=20) for _ in range(3))
        begun.sendall(b"GET /healthz HT")
        between.sendall(head("GET", "/healthz"))
        assert answer(between)[0] == 200
        between.sendall(b"GET /hea")
        assert healthy(address)
        for connection in (silent, begun, between):
            with connection:
                assert at_end(connection)
        assert healthy(address)


def test_headers_that_trickle_do_not_move_the_deadline(tiny_predictor: Predictor) -> None:
    with running(make_app(tiny_predictor, header_seconds=0.5)) as address, connected(address) as connection:
        connection.settimeout(0.05)

        def closed() -> bool:
            try:
                connection.sendall(b"A")
                return connection.recv(1) == b""
            except TimeoutError:
                return False
            except ConnectionError:
                return True

        wait_for(closed)


def test_a_slow_body_is_closed_and_health_stays(tiny_predictor: Predictor) -> None:
    app = make_app(tiny_predictor, body_seconds=0.5, queue=2)
    with running(app) as address, connected(address) as first, connected(address) as second:
        for connection in (first, second):  # as many as are let in
            connection.sendall(head("POST", "/v1/images", Content_Type=PNG, Content_Length=9999) + b"x")
        assert healthy(address)
        for connection in (first, second):
            status, headers, body = answer(connection)
            assert (status, kind_of(body), headers["connection"]) == (408, "too-slow", "close")
        assert ask(address, "POST", "/v1/images", photo())[0] == 201


def test_a_chunked_body_that_is_too_large(tiny_predictor: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused while it arrives, and the client, which goes on sending for a while, gets to read why."""
    monkeypatch.setattr(guard, "_LINGER", 0.5)
    sent = 0
    with running(make_app(tiny_predictor, max_body_mb=0.3)) as address, connected(address) as connection:
        connection.sendall(head("POST", "/v1/images", Content_Type=PNG, Transfer_Encoding="chunked"))
        for _ in range(20):
            connection.sendall(b"C350\r\n" + bytes(50_000) + b"\r\n")
            sent += 50_000
        status, headers, body = answer(connection)
        assert (status, kind_of(body), headers["connection"]) == (413, "too-large", "close")
        assert at_end(connection)
        assert sent == 1_000_000


def test_a_body_that_is_said_to_be_too_large_is_not_waited_for(tiny_predictor: Predictor) -> None:
    with running(make_app(tiny_predictor)) as address, connected(address) as connection:
        connection.sendall(head("POST", "/v1/images", Content_Type=PNG, Content_Length=10**12))
        status, _, body = answer(connection)
        assert (status, kind_of(body)) == (413, "too-large")


@pytest.mark.parametrize(
    ("headers", "status", "kind"),
    [
        ({"Host": "evil.example", "Authorization": "Bearer t"}, 400, "foreign-host"),
        ({"Origin": "https://evil.example", "Authorization": "Bearer t"}, 403, "foreign-origin"),
        ({"Origin": "null", "Authorization": "Bearer t"}, 403, "foreign-origin"),
        ({}, 401, "unauthorized"),
    ],
)
def test_who_may_not_ask_is_told_so_before_the_body(
    tiny_predictor: Predictor, headers: dict[str, str], status: int, kind: str
) -> None:
    with running(make_app(tiny_predictor, token="t")) as address, connected(address) as connection:
        connection.sendall(head("POST", "/v1/images", Content_Type=PNG, Content_Length=9999, **headers))
        found, _, body = answer(connection)  # and not a byte of the body was sent
        assert (found, kind_of(body)) == (status, kind)


def test_a_client_that_waits_for_the_word(tiny_predictor: Predictor) -> None:
    """Expect: 100-continue: the body of a refused request is never sent."""
    with running(make_app(tiny_predictor)) as address, connected(address) as connection:
        given = {"Content_Type": PNG, "Content_Length": 10**12, "Expect": "100-continue"}
        connection.sendall(head("POST", "/v1/images", **given))
        assert answer(connection)[0] == 413
    with running(make_app(tiny_predictor)) as address, connected(address) as connection:
        given = {"Content_Type": PNG, "Content_Length": len(photo()), "Expect": "100-continue"}
        connection.sendall(head("POST", "/v1/images", **given))
        assert answer(connection)[0] == 100
        connection.sendall(photo())
        assert answer(connection)[0] == 201


@pytest.mark.parametrize(
    "request_",
    [
        b"\r\n\r\nnonsense\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        head("POST", "/v1/images", Content_Type=PNG, Content_Length="5") + b"12345678\r\n\r\n",
        head("POST", "/v1/images", Content_Type=PNG, Transfer_Encoding="chunked") + b"zz\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n\r\n",
        b"POST /v1/images HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nA: " + b"b" * 1_000_000 + b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        head("GET", "http://evil.example/"),
        head("GET", "/page/../app.py"),
        head("GET", "//evil.example/"),
        head("GET", "*"),
    ],
)
def test_what_is_no_http(tiny_predictor: Predictor, request_: bytes) -> None:
    with running(make_app(tiny_predictor, body_seconds=0.2, header_seconds=0.2)) as address:
        with connected(address) as connection:
            connection.sendall(request_)
            statuses = []
            try:
                while True:
                    statuses.append(answer(connection)[0])
            except (EOFError, ConnectionResetError):
                pass
        assert all(400 <= status < 500 for status in statuses), statuses
        assert healthy(address)


def test_two_requests_at_once_on_one_connection(tiny_predictor: Predictor) -> None:
    with running(make_app(tiny_predictor)) as address, connected(address) as connection:
        connection.sendall(
            head("POST", "/v1/images", Content_Type=PNG, Content_Length=len(photo()))
            + photo()
            + head("GET", "/healthz")
        )
        assert [answer(connection)[0] for _ in range(2)] == [201, 200]


def test_a_length_that_is_longer_than_the_body(tiny_predictor: Predictor) -> None:
    """The client sends less than it said and goes: nothing is answered, nothing is kept."""
    app = make_app(tiny_predictor)
    with running(app) as address:
        with connected(address) as connection:
            connection.sendall(head("POST", "/v1/images", Content_Type=PNG, Content_Length=9999) + photo()[:100])
            wait_for(lambda: app.state.service.gate.inside == 1)
        wait_for(lambda: app.state.service.gate.inside == 0)
        assert app.state.service.gate.bytes == 0
        assert len(app.state.service.images) == 0


def send_photo(address: tuple[str, int]) -> socket.socket:
    connection = socket.create_connection(address, timeout=20)
    connection.sendall(head("POST", "/v1/images", Content_Type=PNG, Content_Length=len(photo())) + photo())
    return connection


def test_too_many_at_once(tiny_predictor: Predictor) -> None:
    """The fourth is refused while the three before it still wait; those are answered."""
    held = Held(tiny_predictor)
    app = make_app(held, queue=3)
    with running(app) as address:
        inside = [send_photo(address) for _ in range(3)]
        wait_for(lambda: app.state.service.gate.inside == 3)
        for _ in range(5):
            status, headers, body = ask(address, "POST", "/v1/images", photo())
            assert (status, kind_of(body)) == (503, "busy")
            assert int(headers["retry-after"]) >= 1
        assert healthy(address)
        assert not held.go.is_set()
        held.go.set()
        for connection in inside:
            with connection:
                assert answer(connection)[0] == 201
        wait_for(lambda: app.state.service.gate.inside == 0)
        assert ask(address, "POST", "/v1/images", photo())[0] == 201


def test_a_client_that_is_gone_is_dropped_before_the_work(tiny_predictor: Predictor) -> None:
    held = Held(tiny_predictor)
    app = make_app(held, queue=10)
    with running(app) as address:
        first = send_photo(address)
        wait_for(lambda: held.begun == 1)
        for connection in [send_photo(address) for _ in range(5)]:
            wait_for(lambda: metric(app, "madeof_waiting") > 0)
            connection.close()
        wait_for(lambda: app.state.service.gate.inside == 1)
        last = send_photo(address)
        held.go.set()
        for connection in (first, last):
            with connection:
                assert answer(connection)[0] == 201
        assert held.begun == 2
        assert metric(app, "madeof_waiting") == 0


def test_a_client_that_is_gone_during_the_work(tiny_predictor: Predictor) -> None:
    held = Held(tiny_predictor)
    app = make_app(held)
    with running(app) as address:
        connection = send_photo(address)
        wait_for(lambda: held.begun == 1)
        connection.close()
        wait_for(lambda: app.state.service.gate.inside == 0)
        held.go.set()
        assert ask(address, "POST", "/v1/images", photo())[0] == 201
        assert len(app.state.service.images) == 1


def test_what_takes_too_long(tiny_predictor: Predictor) -> None:
    held = Held(tiny_predictor)
    app = make_app(held, request_seconds=0.3)
    with running(app) as address:
        waiting = [send_photo(address) for _ in range(2)]
        for connection in waiting:
            with connection:
                status, headers, body = answer(connection)
                assert (status, kind_of(body), headers["retry-after"]) == (503, "timeout", "5")
        held.go.set()
        assert ask(address, "POST", "/v1/images", photo())[0] == 201
        assert held.begun == 2  # the second of the two was dropped


@pytest.fixture
def large(tiny_predictor: Predictor) -> Callable[..., Any]:
    """An application with a route whose answer is larger than the system's buffers, whole or in pieces."""

    def make(**settings: Any) -> Any:
        app = make_app(tiny_predictor, **settings)

        async def pieces() -> AsyncIterator[bytes]:
            for _ in range(1000):
                yield bytes(100_000)

        app.add_api_route("/whole", lambda: Response(bytes(30_000_000)))
        app.add_api_route("/pieces", lambda: StreamingResponse(pieces()))
        return app

    return make


@pytest.mark.parametrize("path", ["/whole", "/pieces"])
@pytest.mark.parametrize("given", [{}, {"Connection": "close"}])
def test_a_client_that_does_not_read_its_answer(large: Callable[..., Any], path: str, given: dict[str, str]) -> None:
    with running(large(answer_seconds=0.5)) as address, connected(address) as connection:
        connection.sendall(head("GET", path, **given))
        assert connection.recv(15) == b"HTTP/1.1 200 OK"
        assert healthy(address)
        time.sleep(1.0)  # and it is gone, though there was far more to come
        received = 0
        with contextlib.suppress(ConnectionResetError):
            while data := connection.recv(2**20):
                received += len(data)
        assert received < 20_000_000


def test_a_client_that_reads_slowly_gets_it_all(large: Callable[..., Any]) -> None:
    """It takes longer than is allowed for the next request's headers, and than a kept connection may be idle."""
    with running(large(header_seconds=0.2, answer_seconds=20)) as address, connected(address) as connection:
        connection.sendall(head("GET", "/whole"))
        time.sleep(0.8)
        status, headers, body = answer(connection)
        assert (status, len(body)) == (200, int(headers["content-length"]))


def test_answers_that_nobody_reads_are_bounded_together(large: Callable[..., Any]) -> None:
    with running(large(max_waiting_mb=70)) as address:
        connections = [socket.create_connection(address, timeout=20) for _ in range(3)]
        for connection in connections:
            connection.sendall(head("GET", "/whole"))
            assert connection.recv(15) == b"HTTP/1.1 200 OK"
        assert healthy(address)
        received = []
        for connection in connections:
            with connection:
                received.append(15)
                with contextlib.suppress(ConnectionResetError, TimeoutError):
                    while received[-1] < 30_000_000 and (data := connection.recv(2**20)):
                        received[-1] += len(data)
        assert [count >= 30_000_000 for count in received] == [False, True, True]


def test_an_address_that_is_taken(tiny_predictor: Predictor) -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ServiceError, match=rf"cannot listen on 127.0.0.1, port {port} \(Address already in use\)"):
            listen("127.0.0.1", port)
    with pytest.raises(ServiceError, match="cannot listen on no.such.host.invalid"):
        listen("no.such.host.invalid", 0)
    with listen("::1", 0) as six:
        assert re.fullmatch(r"http://\[::1\]:\d+/", address_of(six))


def test_sigterm_under_load(tiny_model: Path) -> None:
    """Whatever was let in is answered, whole; the exit is clean."""
    body = photo(height=600, width=800)
    outcomes: list[Any] = []

    def load(address: tuple[str, int]) -> None:
        while True:
            connection = http.client.HTTPConnection(*address, timeout=20)
            try:
                connection.request("POST", "/v1/images", body, {"Content-Type": PNG})
                response = connection.getresponse()
                data = response.read()
            except OSError:  # nobody listens any more, or it was in the system's queue and never let in
                return
            finally:
                connection.close()
            outcomes.append((response.status, "id" in json.loads(data)))

    with Process(tiny_model, "--threads", "1", "--workers", "1") as served, connected(served.address) as waiting:
        threads = [threading.Thread(target=load, args=(served.address,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        wait_for(lambda: len(outcomes) >= 8)
        waiting.sendall(head("POST", "/v1/images", Content_Type=PNG, Content_Length=len(body)) + body[:1000])
        assert ask(served.address, "GET", "/healthz")[0] == 200  # by now the upload above was let in
        served.process.send_signal(signal.SIGTERM)
        waiting.sendall(body[1000:])
        assert answer(waiting)[0] == 201
        assert served.wait() == (0, "madeof: ended\n")
        for thread in threads:
            thread.join(30)
    assert set(outcomes) == {(201, True)}


def test_the_drain_has_its_own_deadline(tiny_model: Path) -> None:
    with Process(tiny_model, "--drain-seconds", "1") as served, connected(served.address) as stuck:
        stuck.sendall(head("POST", "/v1/images", Content_Type=PNG, Content_Length=9999) + b"x")
        assert ask(served.address, "GET", "/healthz")[0] == 200
        status, rest = served.end(signal.SIGTERM)
        assert status == 0
        assert rest.endswith("madeof: ended\n")
        assert "Traceback" not in rest
        answered, _, body = answer(stuck)
        assert (answered, kind_of(body)) == (503, "draining")
        assert at_end(stuck)


def test_ctrl_c(tiny_model: Path) -> None:
    with Process(tiny_model, MADEOF_TOKEN="a b/") as served:
        assert served.first.rstrip().endswith("/#token=a%20b%2F (Ctrl-C ends it)")
        assert ask(served.address, "GET", "/v1/materials")[0] == 401
        assert served.end(signal.SIGINT) == (130, "madeof: interrupted\n")
