"""Where the photos of Label Studio's tasks may come from: the operator's folders and Label Studio, and nothing else."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from serving import photo

from madeof.errors import ConfigError, PhotoError
from madeof.serve.label_studio.host import Host
from madeof.serve.label_studio.options import Address, LabelStudio, address_of
from madeof.serve.label_studio.photos import Photos

OLD_KEY = "0123456789abcdef"
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


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "files"
    (found / "upload" / "3").mkdir(parents=True)
    (found / "a b").mkdir()
    (found / "a b" / "ü.png").write_bytes(b"local")
    (found / "upload" / "3" / "0f3a-x.png").write_bytes(b"uploaded")
    (tmp_path / "secret.png").write_bytes(b"secret")
    return found


def read(photos: Photos, text: object) -> bytes:
    return photos.read(text, lambda: None).data


def why_not(photos: Photos, text: object) -> str:
    with pytest.raises(PhotoError) as raised:
        read(photos, text)
    assert "\n" not in str(raised.value)
    assert "secret" not in str(raised.value).replace("secret.png", "")
    return str(raised.value)


# Folders


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("/data/local-files/?d=a%20b/%C3%BC.png", b"local"),
        ("/data/local-files?d=a b/ü.png", b"local"),
        ("/data/local-files/?d=/a b\\ü.png", b"local"),  # as Windows writes it; a leading slash counts for nothing
        ("/data/upload/3/0f3a-x.png", b"uploaded"),
        ("upload/3/0f3a-x.png", b"uploaded"),
        ("/storage-data/uploaded/?filepath=upload/3/0f3a-x.png", b"uploaded"),
    ],
)
def test_photos_in_a_folder(folder: Path, tmp_path: Path, text: str, data: bytes) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert read(Photos(LabelStudio((empty, folder)), 1000), text) == data


def test_the_name_is_the_file_s(folder: Path) -> None:
    photos = Photos(LabelStudio((folder,)), 1000)
    assert photos.read("/data/local-files/?d=a%20b/%C3%BC.png", lambda: None).name == "ü.png"


@pytest.mark.parametrize(
    "text",
    [
        "/data/local-files/?d=../secret.png",
        "/data/local-files/?d=a%20b/../../secret.png",
        "/data/local-files/?d=%2e%2e/secret.png",
        "/data/local-files/?d=..\\secret.png",
        "/data/local-files/?d=./secret.png",
        "/data/local-files/?d=a//b.png",
        "/data/local-files/?d=",
        "/data/local-files/",
        "/data/local-files/?d=a%00.png",
        "/data/local-files/?d=a%0a.png",
        "/data/upload/3/..",
        "/data/upload/3/%2e%2e%2f%2e%2e%2fsecret.png",
        "/data/upload/3/..\\secret.png",
        "/storage-data/uploaded/?filepath=upload/3/..",
        "/storage-data/uploaded/?filepath=../secret.png",
    ],
)
def test_paths_that_climb_are_refused(folder: Path, text: str) -> None:
    said = why_not(Photos(LabelStudio((folder,)), 1000), text)
    assert "expected one without . or .. or an empty part" in said or "expected /data/local-files/" in said


def test_the_whole_disk_is_no_folder(folder: Path, tmp_path: Path) -> None:
    photos = Photos(LabelStudio((folder,)), 1000)
    assert "there is no photo" in why_not(photos, f"/data/local-files/?d={tmp_path}/secret.png")
    assert "there is no photo" in why_not(photos, "/data/local-files/?d=" + "a" * 5000)


def test_links_that_lead_out_are_refused_and_those_inside_are_not(folder: Path, tmp_path: Path) -> None:
    (folder / "out.png").symlink_to(tmp_path / "secret.png")
    (folder / "far").symlink_to(tmp_path)
    (folder / "in.png").symlink_to(folder / "a b" / "ü.png")
    (folder / "loop.png").symlink_to(folder / "loop.png")
    photos = Photos(LabelStudio((folder,)), 1000)
    assert "is a link that leads out of its folder" in why_not(photos, "/data/local-files/?d=out.png")
    assert "is a link that leads out of its folder" in why_not(photos, "/data/local-files/?d=far/secret.png")
    assert read(photos, "/data/local-files/?d=in.png") == b"local"
    assert "there is no photo" in why_not(photos, "/data/local-files/?d=loop.png")


def test_what_is_no_file_or_too_large(folder: Path) -> None:
    os.mkfifo(folder / "pipe.png")
    (folder / "large.png").write_bytes(bytes(1_000_001))
    photos = Photos(LabelStudio((folder,)), 1_000_000)
    assert "there is no photo" in why_not(photos, "/data/local-files/?d=pipe.png")
    assert "there is no photo" in why_not(photos, "/data/local-files/?d=a%20b")
    assert "large.png has 1.0 MB; expected 1 MB at most" in why_not(photos, "/data/local-files/?d=large.png")


# Anything else


@pytest.mark.parametrize(
    "text",
    [
        "http://169.254.169.254/latest/meta-data/",
        "https://example.com/a.jpg",
        "http://localhost:8080@example.com/data/upload/3/a.jpg",
        "http://localhost:80/data/upload/3/0f3a-x.png",
        "https://localhost:8080/data/upload/3/0f3a-x.png",
        "//localhost:8080/data/upload/3/0f3a-x.png",
        "http://localhost:8080/studio2/data/upload/3/0f3a-x.png",
        "s3://bucket/a.jpg",
        "gs://bucket/a.jpg",
        "file:///etc/passwd",
        "/etc/passwd",
        "a.jpg",
        "/api/users",
        "/data/upload/../../api/users",
        "/data/upload/x/a.jpg",
        "http://[::1/a",
        "http://localhost:99999/",
        "http://localhost:8080/studio/api/users",
        "/data/local-files/?" + "d=a&" * 100,
        "",
        None,
        7,
        ["/data/upload/3/0f3a-x.png"],
        "data:text/html;base64,AAAA",
        "data:image/png,AAAA",
        "data:image/png;base64,A",
        "data:image/png;base64,ü",
    ],
)
def test_other_places_are_refused(folder: Path, text: object) -> None:
    photos = Photos(LabelStudio((folder,), "http://localhost:8080/studio"), 1000)
    assert why_not(photos, text).startswith(("the photo", "the task has no photo"))


def test_nothing_is_fetched_and_no_file_read_unless_the_operator_says_so() -> None:
    said = why_not(Photos(LabelStudio(), 1000), "/data/upload/3/x.png")
    assert said == (
        "the photo is /data/upload/3/x.png, which Label Studio has: name its folder with --label-studio-photos, or "
        "its address with --label-studio-url and a key in LABEL_STUDIO_API_KEY"
    )


def test_a_photo_in_the_task_itself() -> None:
    text = base64.b64encode(photo()).decode()
    assert read(Photos(LabelStudio(), 1000), f"data:image/png;base64,{text}") == photo()


# Label Studio itself


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


# Options


def test_addresses() -> None:
    assert address_of("http://localhost:8080/") == Address("http", "localhost", 8080, "")
    assert address_of("https://[::1]/studio/") == Address("https", "::1", 443, "/studio")
    assert address_of("https://[::1]/studio/").origin == "https://[::1]:443"
    for wrong in ("", "localhost:8080", "ftp://a", "http://", "http://a:x", "http://a b", "http://u:p@a", "http://a?b"):
        with pytest.raises(ConfigError, match="the address of Label Studio is"):
            address_of(wrong)


def test_options_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no folder"):
        LabelStudio((tmp_path / "none",))
    with pytest.raises(ConfigError, match="the address of Label Studio is x; expected one such as"):
        LabelStudio((), "x")
    for key in ("", "a\nb", "ü"):
        with pytest.raises(ConfigError, match="the key of Label Studio is empty"):
            LabelStudio((), "http://a", key)
    assert OLD_KEY not in repr(LabelStudio((), "http://a", OLD_KEY))
