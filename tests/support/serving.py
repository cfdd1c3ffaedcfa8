"""What the tests of the service share: an application on a small model, a real server in a thread, bare sockets."""

from __future__ import annotations

import contextlib
import io
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from fastapi import FastAPI
from PIL import Image
from starlette.testclient import TestClient

from madeof.inference.predictor import Predictor
from madeof.serve.app import create_app
from madeof.serve.server import Server, listen
from madeof.serve.settings import Settings

HEIGHT, WIDTH = 60, 80
BOX = {"box": [10, 10, 50, 40]}
PROBLEM = "application/problem+json"


def png(array: Any) -> bytes:
    """A PNG of an array."""
    file = io.BytesIO()
    Image.fromarray(array).save(file, "PNG")
    return file.getvalue()


def photo(seed: int = 0, height: int = HEIGHT, width: int = WIDTH) -> bytes:
    """A PNG of grain."""
    return png(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


def mask(height: int = HEIGHT, width: int = WIDTH) -> bytes:
    """A PNG of a box."""
    array = np.zeros((height, width), dtype=np.uint8)
    array[10:40, 10:50] = 255
    return png(array)


def regions(*asked: Any) -> dict[str, Any]:
    """The JSON of regions."""
    return {"regions": list(asked)}


class Held:
    """A predictor that encodes no photo before it is let go, and counts those that it began."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor
        self.go = threading.Event()
        self.begun = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._predictor, name)

    def encode(self, *given: Any, **named: Any) -> Any:
        """See `Predictor`."""
        self.begun += 1
        assert self.go.wait(30)
        return self._predictor.encode(*given, **named)


def make_app(predictor: Any, **settings: Any) -> FastAPI:
    """An application with these settings."""
    return create_app(predictor, Settings(**{"workers": 1, **settings}))


def test_client(app: FastAPI, **headers: str) -> TestClient:
    """A client without a network. Errors of ours come as 500, as to any client."""
    return TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False, headers=headers)


test_client.__test__ = False  # type: ignore[attr-defined]  # pytest takes it for a test


def problem_of(response: Any) -> tuple[int, str, str]:
    """Status, kind and detail of a problem response, which must be one."""
    assert response.headers["content-type"] == PROBLEM, response.text
    body = response.json()
    assert body["status"] == response.status_code
    assert body["title"]
    assert "\n" not in body["detail"]
    return response.status_code, body["type"].removeprefix("urn:madeof:problem:"), body["detail"]


@contextlib.contextmanager
def running(app: FastAPI) -> Iterator[tuple[str, int]]:
    """A real server on loopback, in a thread; gives its host and port."""
    server = Server(app)
    with listen("127.0.0.1", 0) as listening:
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            wait_for(lambda: server.started)
            yield listening.getsockname()
        finally:
            server.should_exit = True
            thread.join(30)
            assert not thread.is_alive()


def wait_for(condition: Callable[[], Any], seconds: float = 20.0) -> Any:
    """Wait until something is true, and give it."""
    until = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < until, "it never came true"
        time.sleep(0.01)
    return value


@contextlib.contextmanager
def connected(address: tuple[str, int]) -> Iterator[socket.socket]:
    """A bare connection."""
    with socket.create_connection(address, timeout=20) as connection:
        yield connection


def head(method: str, path: str, **headers: Any) -> bytes:
    """A request's head; underscores in names of headers stand for hyphens."""
    lines = [f"{method} {path} HTTP/1.1", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    if "Host" not in headers:
        lines.insert(1, "Host: 127.0.0.1")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def answer(connection: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """One answer and no byte more: status, headers, body."""
    top = b""
    while not top.endswith(b"\r\n\r\n"):
        top += _received(connection, 1)
    lines = top.decode("latin-1").strip().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
    return int(lines[0].split()[1]), headers, _received(connection, int(headers.get("content-length", 0)))


def _received(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = connection.recv(count - len(data))
        if not more:
            raise EOFError(f"the connection ended after {data!r}")
        data += more
    return data


def kind_of(body: bytes) -> str:
    """The kind of a problem."""
    kind: str = json.loads(body)["type"].removeprefix("urn:madeof:problem:")
    return kind


def at_end(connection: socket.socket) -> bool:
    """Whether the other side has closed; waits for it."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def metric(app: FastAPI, line: str) -> float:
    """The value of a line of the metrics."""
    for each in app.state.service.metrics.text().decode().splitlines():
        if each.startswith(line + " "):
            return float(each.rsplit(" ", 1)[1])
    return 0.0
