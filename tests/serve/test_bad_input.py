"""Bad input of every kind, and what it gets: a problem that says what is wrong, and never an error of ours."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from serving import BOX, HEIGHT, WIDTH, make_app, mask, photo, png, problem_of, regions, test_client
from starlette.testclient import TestClient

from madeof.inference.predictor import Predictor

FORM = "multipart/form-data; boundary=x"


@pytest.fixture(scope="module")
def client(tiny_predictor: Predictor) -> TestClient:
    return test_client(make_app(tiny_predictor, max_megapixels=1, max_regions=20, max_points=100, max_json_mb=0.02))


@pytest.fixture(scope="module")
def image(client: TestClient) -> str:
    response = client.post("/v1/images", content=photo(), headers={"Content-Type": "image/png"})
    return f"/v1/images/{response.json()['id']}/regions"


def part(name: str, data: bytes, file_name: str | None = "f.png") -> bytes:
    """A part of a form with the boundary x."""
    file = f'; filename="{file_name}"' if file_name is not None else ""
    head = f'--x\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'
    return head.encode("utf-8", "surrogateescape") + data + b"\r\n"


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few kilobytes with as many pixels as one likes, all of them 0."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes((width // 8 + 1) * height), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


PHOTOS: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "photo is an empty file"),
    "text": (b"hello", "photo is not an image that we read"),
    "page": (b"<!doctype html><script>alert(1)</script>", "photo is a web page"),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "photo is an SVG file"),
    "truncated": (photo()[:3000], "photo"),
    "large": (bomb(1001, 1000), "photo has 1.0 megapixels (1001 x 1000); expected at most 1"),
    "bomb": (bomb(100_000, 100), "photo has 10.0 megapixels"),
    "path": (b"/etc/passwd", "photo is not an image that we read"),
    "url": (b"http://169.254.169.254/latest/meta-data", "photo is not an image that we read"),
}


@pytest.mark.parametrize("kind", PHOTOS)
def test_photos(client: TestClient, kind: str) -> None:
    data, said = PHOTOS[kind]
    raw = client.post("/v1/images", content=data, headers={"Content-Type": "image/jpeg"})
    formed = client.post("/v1/images", files={"photo": ("p.jpg", data)})
    predicted = client.post("/v1/predict", files={"photo": ("p.jpg", data)})
    for response in (raw, formed, predicted):
        status, problem, detail = problem_of(response)
        assert (status, problem) == (422, "photo")
        assert detail.startswith(said)


FORMS: dict[str, tuple[bytes, int, str, str]] = {
    "nothing": (b"", 400, "form", "the form ends before its last boundary"),
    "no photo": (part("mask", mask()) + b"--x--\r\n", 400, "form", "the form has no part photo"),
    "no boundary inside": (b"photo", 400, "form", "the form is damaged"),
    "cut off": (part("photo", photo())[:-40], 400, "form", "the form ends before its last boundary"),
    "no end": (part("photo", photo()), 400, "form", "the form ends before its last boundary"),
    "unknown part": (
        part("phto", b"") + b"--x--\r\n",
        400,
        "form",
        "the form has a part 'phto'; expected photo or mask",
    ),
    "no name": (b"--x\r\nA: b\r\n\r\n\r\n--x--\r\n", 400, "form", "the form has a part ''"),
    "two photos": (part("photo", b"") * 2 + b"--x--\r\n", 413, "too-large", "the form has more parts photo than 1"),
    "many masks": (part("mask", b"") * 21 + b"--x--\r\n", 413, "too-large", "the form has more parts mask than 20"),
    "huge JSON": (part("regions", bytes(20_001)) + b"--x--\r\n", 413, "too-large", "the JSON has more than 0.02 MB"),
    "path": (
        part("photo", b"", "../../etc/passwd") + b"--x--\r\n",
        400,
        "form",
        "the file name '../../etc/passwd' is a path",
    ),
    "absolute": (
        part("photo", b"", "/etc/passwd") + b"--x--\r\n",
        400,
        "form",
        "the file name '/etc/passwd' is a path",
    ),
    "up": (part("photo", b"", "..") + b"--x--\r\n", 400, "form", "the file name '..' is a path"),
    "backslash": (part("photo", b"", "a\\..\\b") + b"--x--\r\n", 400, "form", "the file name 'a\\\\..\\\\b' is a path"),
    "bell": (
        part("photo", b"", "a\u202eb") + b"--x--\r\n",
        400,
        "form",
        "the file name 'a\\\\u202eb' is a path or has control",
    ),
    "long name": (part("photo", b"", "a" * 256) + b"--x--\r\n", 400, "form", "a file name has 256 characters"),
    "long header": (b"--x\r\n" + b"A" * 90_000 + b": b\r\n\r\n\r\n--x--\r\n", 400, "form", "the form is damaged"),
}


@pytest.mark.parametrize("kind", FORMS)
def test_forms(client: TestClient, kind: str) -> None:
    body, status, problem, said = FORMS[kind]
    response = client.post("/v1/predict", content=body, headers={"Content-Type": FORM})
    assert problem_of(response)[:2] == (status, problem)
    assert problem_of(response)[2].startswith(said)


def test_a_file_name_with_nul(client: TestClient) -> None:
    body = part("photo", photo(), "a\0.png") + b"--x--\r\n"
    status, problem, _ = problem_of(client.post("/v1/predict", content=body, headers={"Content-Type": FORM}))
    assert (status, problem) == (400, "form")


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/v1/predict", "application/json"),
        ("/v1/predict", "multipart/mixed; boundary=x"),
        ("/v1/images", "text/html"),
        ("/v1/images", ""),
        ("regions", "text/plain"),
        ("regions", "application/x-www-form-urlencoded"),
    ],
)
def test_other_media_types(client: TestClient, image: str, path: str, kind: str) -> None:
    response = client.post(path.replace("regions", image), content=b"{}", headers={"Content-Type": kind})
    status, problem, detail = problem_of(response)
    assert (status, problem) == (415, "media-type")
    assert "expected" in detail


@pytest.mark.parametrize("boundary", ["", "boundary=", "boundary=" + "x" * 5000, "boundary=\x01"])
def test_boundaries(client: TestClient, boundary: str) -> None:
    headers = {"Content-Type": f"multipart/form-data; {boundary}"}
    response = client.post("/v1/predict", content=part("photo", photo()) + b"--x--\r\n", headers=headers)
    assert problem_of(response)[:2] == (400, "form")


JSONS: dict[str, tuple[Any, str]] = {
    "empty": (b"", "JSON: Invalid JSON"),
    "no UTF-8": (b'{"regions": [{"box": [1, 2, 3, 4], "name": "\xff"}]}', "JSON: Invalid JSON"),
    "deep": (b"[" * 9000, "JSON: Invalid JSON: recursion limit exceeded"),
    "a list": ([], "JSON: Input should be an object"),
    "no regions": ({}, "regions: Field required"),
    "more": ({"regions": [BOX], "image": "/etc/passwd"}, "image: Extra inputs are not permitted"),
    "a URL": (
        regions({"mask": "http://evil.example/m.png"}),
        "regions[0]: expected an object with box, polygon or rle",
    ),
    "null": (regions(BOX, None), "regions[1]: expected an object with box, polygon or rle"),
    "a text": (regions({"box": "1,2,3,4"}), "regions[0].box: Input should be a valid"),
    "three": (regions({"box": [1, 2, 3]}), "regions[0].box[3]: Field required"),
    "text in a box": (regions({"box": [1, 2, 3, "4"]}), "regions[0].box[3]: Input should be a valid number"),
    "true": (regions({"box": [True, 2, 3, 4]}), "regions[0].box[0]: Input should be a valid number"),
    "NaN": (b'{"regions": [{"box": [NaN, 2, 3, 4]}]}', "regions[0].box[0]: Input should be a finite number"),
    "infinity": (b'{"regions": [{"box": [1e999, 2, 3, 4]}]}', "regions[0].box[0]: Input should be a finite number"),
    "two points": (regions({"polygon": [[1, 2], [3, 4]]}), "regions[0].polygon: List should have at least 3 items"),
    "flat": (regions({"polygon": [1, 2, 3, 4, 5, 6]}), "regions[0].polygon[0]: Input should be a valid"),
    "long name": (regions({**BOX, "name": "a" * 201}), "regions[0].name: String should have at most 200 characters"),
    "negative run": (regions({"rle": {"size": [60, 80], "counts": [-1]}}), "regions[0].rle.counts"),
    "faults only": (b'{"regions":[' + b"1," * 9000 + b"1]}", "regions[0]: expected an object with box, polygon or rle"),
}


@pytest.mark.parametrize("kind", JSONS)
def test_json(client: TestClient, image: str, kind: str) -> None:
    asked, said = JSONS[kind]
    data = asked if isinstance(asked, bytes) else json.dumps(asked).encode()
    plain = client.post(image, content=data, headers={"Content-Type": "application/json"})
    formed = client.post(image, files=[("regions", (None, data, "application/json"))])
    predicted = client.post("/v1/predict", files=[("photo", ("p.png", photo())), ("regions", (None, data))])
    for response in (plain, formed, predicted):
        status, problem, detail = problem_of(response)
        assert (status, problem) == (422, "input")
        assert detail.startswith('the JSON is not {"regions": [...]} as documented (' + said)
        assert len(response.content) < 3000


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (regions(), "got no region; expected at least one"),
        (regions(*[BOX] * 21), "got 21 regions; expected 20 at most: ask again for the rest"),
        (
            regions({"polygon": [[i, i * i % 60] for i in range(101)]}),
            "regions[0].polygon has 101 points; expected 100 at most",
        ),
    ],
)
def test_numbers_of_regions_and_points(client: TestClient, image: str, asked: Any, said: str) -> None:
    status, problem, detail = problem_of(client.post(image, json=asked))
    assert (status, problem) == (422, "input")
    assert detail.startswith(said)


def test_masks_and_regions_count_together(client: TestClient, image: str) -> None:
    files = [("mask", ("m.png", mask()))] * 20 + [("regions", (None, json.dumps(regions(BOX))))]
    assert problem_of(client.post(image, files=files))[:2] == (422, "input")


def test_json_over_its_limit(client: TestClient, image: str) -> None:
    response = client.post(image, json=regions(*[BOX] * 1000))
    assert problem_of(response)[:2] == (413, "too-large")


REGIONS: dict[str, tuple[Any, str]] = {
    "outside": ({"box": [900, 0, 950, 9]}, "lies outside the photo of 80 x 60"),
    "turned over": ({"box": [9, 9, 1, 1]}, "expected x0 < x1 and y0 < y1"),
    "far": ({"polygon": [[0, 0], [1e300, 0], [0, 1]]}, "coordinates that are not finite or over 1e+09"),
    "RLE of another size": ({"rle": {"size": [10**9, 10**9], "counts": "0"}}, "runs are of a photo of 1000000000"),
    "RLE turned": ({"rle": {"size": [80, 60], "counts": "0"}}, "they seem to be turned by a quarter"),
    "RLE cut off": ({"rle": {"size": [60, 80], "counts": "o"}}, "its runs end within a number"),
    "RLE of other letters": ({"rle": {"size": [60, 80], "counts": "\u00e9 "}}, "its runs hold the character"),
    "RLE of many bits": ({"rle": {"size": [60, 80], "counts": "o" * 50 + "0"}}, "a number of more than 60 bits"),
    "RLE bomb": ({"rle": {"size": [60, 80], "counts": [2**53, 2**53]}}, "expected the photo's 80 x 60"),
    "RLE of nothing": ({"rle": {"size": [60, 80], "counts": [4800]}}, "nothing inside"),
}


@pytest.mark.parametrize("kind", REGIONS)
def test_regions(client: TestClient, image: str, kind: str) -> None:
    asked, said = REGIONS[kind]
    response = client.post(image, json=regions(BOX, asked))
    assert response.status_code == 200, response.text
    good, bad = response.json()["regions"]
    assert "material" in good
    assert said in bad["error"]
    assert problem_of(client.post(image, json=regions(asked)))[:2] == (422, "region")


def label_map() -> bytes:
    return png(np.arange(HEIGHT * WIDTH, dtype=np.uint8).reshape(HEIGHT, WIDTH) % 5)


MASKS: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: png(np.zeros((HEIGHT, WIDTH), dtype=np.uint8)), "mask is empty"),
    "no file": (lambda: b"", "mask is an empty file"),
    "label map": (label_map, "mask has several values"),
    "smaller": (lambda: mask(40, 50), "mask is 50 x 40 but the photo is 80 x 60"),
    "larger": (lambda: bomb(900, 900), "mask is 900 x 900 but the photo is 80 x 60"),
    "bomb": (lambda: bomb(100_000, 100), "mask has 10.0 megapixels"),
    "truncated": (lambda: photo()[:2000], "mask"),
}


@pytest.mark.parametrize("kind", MASKS)
def test_masks(client: TestClient, image: str, kind: str) -> None:
    make, said = MASKS[kind]
    response = client.post(image, files=[("mask", ("a.png", make())), ("mask", ("b.png", mask()))])
    assert response.status_code == 200, response.text
    bad, good = response.json()["regions"]
    assert "material" in good
    assert bad["region"] == "a.png"
    assert bad["error"].startswith(said)


def test_a_mask_that_is_larger_than_the_photo_is_not_decoded(
    client: TestClient, image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from madeof.images.decode import Opened

    monkeypatch.setattr(Opened, "load", lambda _: pytest.fail("it was decoded"))
    response = client.post(image, files=[("mask", ("a.png", bomb(900, 900)))])
    assert problem_of(response)[:2] == (422, "region")


@pytest.mark.parametrize("query", ["top=0", "top=1001", "top=x", "top=", "top=1e3", "top=5&top=x"])
def test_queries(client: TestClient, image: str, query: str) -> None:
    status, problem, detail = problem_of(client.post(f"{image}?{query}", json=regions(BOX)))
    assert (status, problem) == (422, "input")
    assert detail.startswith("query.top: Input should be")


@pytest.mark.parametrize("name", ["x", "..", "%2e%2e%2f", "a" * 3000, "\u00e9", "%ff", "'; drop table"])
def test_unknown_images(client: TestClient, name: str) -> None:
    assert client.post(f"/v1/images/{name}/regions", json=regions(BOX)).status_code in (400, 404)
    assert client.delete(f"/v1/images/{name}").status_code in (400, 404, 405)


def test_nothing_is_written_to_a_disk(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    import os
    import tempfile

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a file was made")

    for name in ("SpooledTemporaryFile", "TemporaryFile", "NamedTemporaryFile", "mkstemp", "mkdtemp"):
        monkeypatch.setattr(tempfile, name, refuse)
    opened = os.open

    def open_to_read(path: Any, flags: int, *given: Any, **named: Any) -> int:
        assert not flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT), path
        return opened(path, flags, *given, **named)

    monkeypatch.setattr(os, "open", open_to_read)
    large = png(np.random.default_rng(0).integers(0, 256, (800, 1000, 3), dtype=np.uint8))  # 2.4 MB
    files = [("photo", ("p.png", large)), ("mask", ("m.png", png(np.ones((800, 1000), dtype=np.uint8))))]
    assert client.post("/v1/predict", files=files).status_code == 200
