"""Photos that Label Studio's own server has."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from label_studio_photos import OLD_KEY, read, why_not

from madeof.errors import PhotoError
from madeof.serve.label_studio.host import Host
from madeof.serve.label_studio.options import LabelStudio, address_of
from madeof.serve.label_studio.photos import Photos

PERSONAL_KEY = "eyJh.eyJ0.M1aK"  # of the form of a JWT


class Studio(ThreadingHTTPServer):
    """What Label Studio is to a backend that wants photos."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.headers: dict[str, str] = {}
        self.asked: list[tuple[str, str, str]] = []
        self.access = 0
        self.status = 200
        self.pause = 0.0
        self.declared: int | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Studio

    def do_GET(self) -> None:
        given = self.headers.get("Authorization", "")
        self.server.asked.append(("GET", self.path, given))
        if given not in (f"Token {OLD_KEY}", f"Bearer access-{self.server.access}"):
            self._answer(401, b"no")
        elif self.server.status != 200:
            self._answer(self.server.status, b"other")
        elif self.path in self.server.files:
            self._answer(200, self.server.files[self.path])
        else:
            self._answer(404, b"none")

    def do_POST(self) -> None:
        self.server.asked.append(("POST", self.path, self.headers.get("Authorization", "")))
        told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/api/token/refresh" and told == {"refresh": PERSONAL_KEY}:
            self.server.access += 1
            self._answer(200, json.dumps({"access": f"access-{self.server.access}"}).encode())
        else:
            self._answer(401, b'{"detail": "no"}')

    def _answer(self, status: int, data: bytes) -> None:
        self.send_response(status)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(self.server.declared or len(data)))
        self.end_headers()
        with contextlib.suppress(OSError):
            for at in range(0, len(data), 1000) if self.server.pause else [0]:
                self.wfile.write(data[at : at + 1000] if self.server.pause else data)
                time.sleep(self.server.pause)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def studio() -> Iterator[Studio]:
    with Studio() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("key", [OLD_KEY, PERSONAL_KEY])
def test_photos_from_label_studio(studio: Studio, folder: Path, key: str) -> None:
    studio.files = {"/data/upload/3/a%20b.png": b"one", "/data/local-files/?d=x/%C3%BC.png": b"two"}
    photos = Photos(LabelStudio((folder,), studio.url, key), 1000)
    assert read(photos, "/data/upload/3/0f3a-x.png") == b"uploaded"  # the folder has it
    assert studio.asked == []
    assert read(photos, "/data/upload/3/a b.png") == b"one"
    assert read(photos, f"{studio.url}/data/upload/3/a%20b.png") == b"one"
    assert read(photos, "/data/local-files/?d=x/%C3%BC.png&x=1") == b"two"
    gets = [path for method, path, _ in studio.asked if method == "GET"]
    assert set(gets) == set(studio.files)
    posts = [given for method, _, given in studio.asked if method == "POST"]
    assert posts == ([""] if key == PERSONAL_KEY else [])  # once


def test_an_access_token_that_is_over_is_renewed(studio: Studio) -> None:
    studio.files = {"/data/upload/3/a.png": b"one"}
    photos = Photos(LabelStudio((), studio.url, PERSONAL_KEY), 1000)
    assert read(photos, "/data/upload/3/a.png") == b"one"
    studio.access = 7
    assert read(photos, "/data/upload/3/a.png") == b"one"
    assert studio.access == 8


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("wrong", "answers 401: the key is not valid"),
        ("a.b.c", "and no token: is LABEL_STUDIO_API_KEY valid?"),
    ],
)
def test_keys_that_are_not_valid(studio: Studio, key: str, said: str) -> None:
    assert said in why_not(Photos(LabelStudio((), studio.url, key), 1000), "/data/upload/3/a.png")


@pytest.mark.parametrize(
    ("status", "said"),
    [(302, "answers 302: a redirect, which is not followed"), (403, "may not see it"), (500, "answers 500: no photo")],
)
def test_answers_that_are_no_photo(studio: Studio, status: int, said: str) -> None:
    studio.status = status
    studio.headers = {"Location": f"{studio.url}/elsewhere"}
    assert said in why_not(Photos(LabelStudio((), studio.url, OLD_KEY), 1000), "/data/upload/3/a.png")
    assert len(studio.asked) == 1


def test_photos_that_are_too_large_cut_off_or_slow(studio: Studio) -> None:
    studio.files = {"/data/upload/3/a.png": bytes(20_000)}
    address = address_of(studio.url)
    assert "has over 0.01 MB; expected that at most" in why_not(
        Photos(LabelStudio((), studio.url, OLD_KEY), 10_000), "/data/upload/3/a.png"
    )
    studio.declared = 30_000
    with pytest.raises(PhotoError, match=r"cannot be had"):
        Host(address, OLD_KEY, 100_000).upload("3", "a.png", lambda: None)
    studio.declared, studio.pause = None, 0.05
    with pytest.raises(PhotoError, match=r"cannot be had \((not there within 0.2 s|timed out)\)"):
        Host(address, OLD_KEY, 100_000, seconds=0.2).upload("3", "a.png", lambda: None)


def test_who_does_not_wait_any_more_ends_it(studio: Studio) -> None:
    studio.files = {"/data/upload/3/a.png": bytes(1000)}

    def gone() -> None:
        raise InterruptedError

    with pytest.raises(PhotoError, match="cannot be had"):  # an OSError here; the real one is none
        Host(address_of(studio.url), OLD_KEY, 10_000).upload("3", "a.png", gone)


def test_where_nobody_listens() -> None:
    said = why_not(Photos(LabelStudio((), "http://127.0.0.1:1", OLD_KEY), 1000), "/data/upload/3/a.png")
    assert said == "http://127.0.0.1:1/data/upload/3/a.png cannot be had (Connection refused)"
