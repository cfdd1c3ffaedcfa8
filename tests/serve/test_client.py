"""`madeof.Client`: a service's model, used as a `Predictor`."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI
from PIL import Image
from serving import HEIGHT, WIDTH, Held, make_app, metric, photo, png, running, wait_for

import madeof
from madeof import Client, InputError, PhotoError, RegionError, ServiceError
from madeof.inference.predictor import Predictor
from madeof.regions.region import Region
from madeof.serve.http import Part, form


@pytest.fixture(scope="module")
def app(tiny_predictor: Predictor) -> FastAPI:
    return make_app(tiny_predictor, queue=50)


@pytest.fixture(scope="module")
def url(app: FastAPI) -> Iterator[str]:
    with running(app) as (host, port):
        yield f"http://{host}:{port}"


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    with Client(url) as client:
        yield client


def array(seed: int = 0) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)


def masks() -> list[Any]:
    """Of every kind that a predictor takes."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    disc = (x - 40) ** 2 + (y - 30) ** 2 < 400
    soft = np.clip(1 - np.hypot(x - 30, y - 20) / 15, 0, 1).astype(np.float32)
    polygon = Region.from_polygon("polygon", [(5, 5), (60, 9), (30, 50)], (HEIGHT, WIDTH))
    return [
        disc,
        soft,
        polygon,
        disc.astype(np.uint8) * 255,
        soft * 1e-4,
        Region.from_box("box", (70, 50, 80, 60), (HEIGHT, WIDTH)),
        np.ones((HEIGHT, WIDTH), dtype=bool),
        soft > 0.9,
    ]


def test_it_answers_as_the_predictor(client: Client, tiny_predictor: Predictor) -> None:
    assert client.materials == tiny_predictor.materials
    assert client.model == "tiny 3"
    read = client.set_image(array())
    assert (read.size, read.warnings, read.damaged, read.pixels.size) == ((HEIGHT, WIDTH), (), False, 0)
    expected = tiny_predictor.predict(masks(), encoded=tiny_predictor.encode(array()))
    found = client.predict(masks())
    assert [each.material for each in found] == [each.material for each in expected]
    assert [each.box for each in found] == [each.box for each in expected]
    np.testing.assert_allclose([each.area for each in found], [each.area for each in expected], atol=0.005)
    np.testing.assert_allclose([each.scores for each in found], [each.scores for each in expected], atol=2e-6)
    np.testing.assert_allclose(client.scores(masks()), [each.scores for each in expected], atol=2e-6)
    assert [each.uncertain for each in found] == [each.uncertain for each in expected]
    assert client.scores([]).shape == (0, len(client.materials))


def test_photos_in_every_form(client: Client, tmp_path: Path) -> None:
    name = tmp_path / '\u00fc "q" \\ ..\n.png'
    name.write_bytes(photo())
    answers = []
    for image in (array(), Image.fromarray(array()), photo(), name, str(name)):
        read = client.set_image(image)
        assert read.size == (HEIGHT, WIDTH)
        answers.append(client.predict(masks()[:1])[0].top())
    assert read.name == str(name)
    assert all(answer == answers[0] for answer in answers)


def test_a_turned_photo(client: Client) -> None:
    file, exif = io.BytesIO(), Image.Exif()
    exif[274] = 6
    Image.fromarray(array()).save(file, "JPEG", exif=exif)
    for image in (file.getvalue(), Image.open(file)):
        read = client.set_image(image)
        assert (read.size, read.raw_size) == ((WIDTH, HEIGHT), (HEIGHT, WIDTH))


def test_warnings_come_along(client: Client) -> None:
    clear = np.zeros((9, 9, 4), dtype=np.uint8)
    for image in (png(clear), Image.fromarray(clear)):
        assert client.set_image(image).warnings == ("transparent: shown on white",)


def test_several_photos_at_once(client: Client, tiny_predictor: Predictor) -> None:
    encoded = [client.encode(array(seed)) for seed in range(3)]
    for seed, each in enumerate(encoded):
        expected = tiny_predictor.scores(masks(), encoded=tiny_predictor.encode(array(seed)))
        np.testing.assert_allclose(client.scores(masks(), encoded=each), expected, atol=2e-6)
    with ThreadPoolExecutor(3) as pool:
        at_once = list(pool.map(lambda each: client.scores(masks(), encoded=each), encoded))
    for each, found in zip(encoded, at_once, strict=True):
        np.testing.assert_allclose(found, client.scores(masks(), encoded=each), atol=2e-6)


def test_the_errors_are_those_of_the_predictor(client: Client, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="got masks but no photo: call set_image first"):
        client.predict(masks())
    (tmp_path / "t.jpg").write_text("text")
    with pytest.raises(PhotoError, match=r"t\.jpg is not an image that we read"):
        client.set_image(tmp_path / "t.jpg")
    with pytest.raises(PhotoError, match=r"no\.jpg cannot be opened"):
        client.set_image("no.jpg")
    with pytest.raises(PhotoError, match="photo"):
        client.set_image(photo()[:2000])
    with pytest.raises(PhotoError, match="got a int; expected"):
        client.set_image(3)
    client.set_image(array())
    for bad, said in (
        (np.zeros((HEIGHT, WIDTH), dtype=bool), "mask 0 is empty"),
        (np.ones((3, 3), dtype=bool), "mask 0 is 3 x 3 but the photo is 80 x 60"),
        (np.full((HEIGHT, WIDTH), 7), "mask 0 has the values 7"),
    ):
        with pytest.raises(RegionError, match=said):
            client.predict([bad])
    with pytest.raises(PhotoError):
        client.set_image(b"")
    with pytest.raises(InputError, match="no photo"):  # the one before does not stay in its place
        client.predict(masks())


def test_more_regions_than_a_request_may_have(tiny_predictor: Predictor) -> None:
    app = make_app(tiny_predictor, max_regions=3, max_json_mb=0.001)
    given = masks() * 2
    with running(app) as (host, port), Client(f"http://{host}:{port}/") as client:
        client.set_image(array())
        expected = tiny_predictor.scores(given, encoded=tiny_predictor.encode(array()))
        np.testing.assert_allclose(client.scores(given), expected, atol=2e-6)
        assert metric(app, 'madeof_requests_total{method="POST",route="/v1/images/{id}/regions",status="200"}') > 5


def test_a_photo_that_was_forgotten_is_sent_again(app: FastAPI, client: Client) -> None:
    client.set_image(array())
    other = client.encode(array(1))
    expected = client.scores(masks()), client.scores(masks(), encoded=other)
    for name in list(app.state.service.images._kept):
        app.state.service.images.remove(name)
    np.testing.assert_array_equal(client.scores(masks()), expected[0])
    np.testing.assert_array_equal(client.scores(masks(), encoded=other), expected[1])
    before = metric(app, "madeof_photos_total")
    client.predict(masks())
    assert metric(app, "madeof_photos_total") == before


def test_a_busy_service_is_asked_again(tiny_predictor: Predictor) -> None:
    held = Held(tiny_predictor)
    app = make_app(held, queue=1)
    with running(app) as (host, port), ThreadPoolExecutor(2) as pool:
        url = f"http://{host}:{port}"
        with Client(url) as one, Client(url) as two, Client(url, timeout=0.5) as hasty:
            first = pool.submit(one.set_image, array())
            wait_for(lambda: held.begun == 1)
            with pytest.raises(ServiceError, match=r"refuses \(HTTP 503\): 1 requests are in work or wait already"):
                hasty.set_image(array())
            second = pool.submit(two.set_image, array())
            wait_for(lambda: metric(app, 'madeof_problems_total{kind="busy"}') >= 2)
            held.go.set()
            assert first.result().size == second.result().size


def test_a_token(tiny_predictor: Predictor) -> None:
    with running(make_app(tiny_predictor, token="s3cret")) as (host, port):
        url = f"http://{host}:{port}"
        with pytest.raises(ServiceError, match=r"refuses \(HTTP 401\): there is no token or a wrong one"):
            Client(url)
        with Client(url, "s3cret") as client:
            assert client.set_image(array()).size == (HEIGHT, WIDTH)


def test_a_body_that_is_too_large(tiny_predictor: Predictor) -> None:
    with running(make_app(tiny_predictor, max_body_mb=0.01)) as (host, port), Client(f"http://{host}:{port}") as client:
        with pytest.raises(InputError, match=r"expected 0\.01 MB at most"):
            client.set_image(np.random.default_rng(0).integers(0, 256, (800, 1000, 3), dtype=np.uint8))
        assert client.set_image(photo(height=9, width=9)).size == (9, 9)


def test_a_connection_that_the_service_has_closed(app: FastAPI, client: Client) -> None:
    client.set_image(array())
    (idle,) = client._connection._idle
    assert idle.sock is not None
    idle.sock.shutdown(socket.SHUT_RDWR)
    assert len(client.predict(masks())) == len(masks())


@pytest.mark.parametrize("url", ["", "127.0.0.1:8000", "ftp://a", "http://", "http://[", "http://a:x"])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(ServiceError, match=r"expected one such as http://127\.0\.0\.1:8000"):
        Client(url)


def test_nobody_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with pytest.raises(
        ServiceError, match=rf"cannot reach http://127\.0\.0\.1:{port} \(connection refused\); expected"
    ):
        Client(f"http://127.0.0.1:{port}")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<html>", "answers 200 without JSON"),
        (b"{}", "answers, but not as madeof serve does"),
        (b"[]", "answers, but not as madeof serve does"),
        (b"", "answers 200 without JSON"),
    ],
)
def test_another_service_answers(body: bytes, said: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def reply() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(9999)
                connection.sendall(
                    b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (len(body), body)
                )

        thread = threading.Thread(target=reply)
        thread.start()
        with pytest.raises(ServiceError, match=said):
            Client(f"http://127.0.0.1:{listening.getsockname()[1]}")
        thread.join()


def test_an_answer_that_is_cut_off() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def reply() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(9999)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{")

        thread = threading.Thread(target=reply)
        thread.start()
        with pytest.raises(ServiceError, match="cannot reach"):
            Client(f"http://127.0.0.1:{listening.getsockname()[1]}")
        thread.join()


@pytest.mark.parametrize("name", ["", "a.png", '../"\r\nX: y', "..", "\udcff", "a" * 999, "\u00fc\u4e2d"])
def test_names_in_forms_are_harmless(client: Client, name: str) -> None:
    body, kind = form([Part("photo", name, photo())])
    assert client._connection.post("/v1/images", body, kind)["width"] == WIDTH
    assert body.count(b"\r\nContent-Disposition") + body.count(b"\r\nX:") == 1


def test_it_is_public() -> None:
    assert madeof.Client is Client
    assert issubclass(ServiceError, OSError)
