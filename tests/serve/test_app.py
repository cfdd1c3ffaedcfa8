"""The service's routes: what is asked and what is answered."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from serving import BOX, HEIGHT, WIDTH, make_app, mask, metric, photo, png, problem_of, regions, test_client
from starlette.testclient import TestClient

from madeof.cli.main import main
from madeof.inference.predictor import Predictor
from madeof.regions.rle import compress, encode_rle
from madeof.serve import schemas

POLYGON = [[10, 10], [50, 10], [50, 40], [10, 40]]


@pytest.fixture
def client(tiny_predictor: Predictor) -> TestClient:
    return test_client(make_app(tiny_predictor))


def predict(
    client: TestClient, *, asked: Any = None, masks: Any = (), data: bytes | None = None, query: str = ""
) -> Any:
    files: list[Any] = [("photo", ("photo.png", data or photo(), "image/png"))]
    files += [("mask", (name, content, "image/png")) for name, content in masks]
    if asked is not None:
        files.append(("regions", (None, json.dumps(asked), "application/json")))
    return client.post(f"/v1/predict{query}", files=files)


def add(client: TestClient, data: bytes | None = None) -> dict[str, Any]:
    response = client.post("/v1/images", content=data or photo(), headers={"Content-Type": "image/png"})
    assert response.status_code == 201, response.text
    told: dict[str, Any] = response.json()
    assert response.headers["location"] == f"/v1/images/{told['id']}"
    return told


def test_the_answer_is_that_of_the_command_line(
    client: TestClient,
    tiny_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("photo.png").write_bytes(photo())
    Path("m.png").write_bytes(mask())
    corners = "10,10 50,10 50,40 10,40"
    boxes = ["--box", "10,10,50,40", "--box", "1,1,4,4", "--box", "900,0,950,9"]
    line = [
        "predict",
        "photo.png",
        "--mask",
        "m.png",
        *boxes,
        "--polygon",
        corners,
        "--model",
        str(tiny_model),
        "--json",
    ]
    for top in (5, 2):
        main([*line, "--threads", "1", "--top", str(top)])
        expected = json.loads(capsys.readouterr().out)
        asked = regions(BOX, {"box": [1, 1, 4, 4]}, {"box": [900, 0, 950, 9]}, {"polygon": POLYGON})
        response = predict(client, asked=asked, masks=[("m.png", mask())], query="" if top == 5 else f"?top={top}")
        assert response.json() == expected
        schemas.PhotoAnswer.model_validate(response.json())
    assert [each["region"] for each in expected["regions"]] == ["m.png", "box 0", "box 1", "box 2", "polygon 0"]
    assert "lies outside the photo" in expected["regions"][3]["error"]
    assert expected["regions"][2]["notes"] == ["small: 11.5 px seen"]


def test_without_a_region_the_whole_photo_is_one(client: TestClient) -> None:
    (answer,) = predict(client).json()["regions"]
    assert (answer["region"], answer["area"], answer["box"]) == ("photo", WIDTH * HEIGHT, [0, 0, WIDTH, HEIGHT])


def test_an_image_is_encoded_once_for_any_number_of_regions(client: TestClient, tiny_predictor: Predictor) -> None:
    told = add(client)
    schemas.Image.model_validate_json(json.dumps(told))
    assert (told["width"], told["height"]) == (WIDTH, HEIGHT)
    assert told["expires"].endswith("Z")
    path = f"/v1/images/{told['id']}/regions"
    first = client.post(path, json=regions(BOX)).json()
    second = client.post(path, json=regions({"polygon": POLYGON, "name": "cup"})).json()
    assert first["image"] == "photo"
    assert first["regions"] == predict(client, asked=regions(BOX)).json()["regions"]
    assert second["regions"][0]["region"] == "cup"
    assert second["regions"][0]["top"] == first["regions"][0]["top"]
    assert metric(client.app, "madeof_photos_total") == 2  # type: ignore[arg-type]  # one of them by /v1/predict


def test_every_form_of_a_region_gives_the_same(client: TestClient) -> None:
    path = f"/v1/images/{add(client)['id']}/regions"
    cut = np.ones((30, 40), dtype=np.bool_)
    runs = encode_rle(cut, (10, 10), (HEIGHT, WIDTH))
    rles = [runs.tolist(), compress(runs).decode()]
    asked = regions(
        BOX, {"polygon": POLYGON}, *({"rle": {"size": [HEIGHT, WIDTH], "counts": counts}} for counts in rles)
    )
    files = [("mask", ("a.png", mask(), "image/png")), ("regions", (None, json.dumps(asked), "application/json"))]
    answers = client.post(path, files=files).json()["regions"]
    assert [each["region"] for each in answers] == ["a.png", "box 0", "polygon 0", "rle 0", "rle 1"]
    assert len({json.dumps({**each, "region": ""}) for each in answers}) == 1
    assert answers[0]["area"] == 1200


def test_a_mask_without_a_file_name_is_numbered(client: TestClient) -> None:
    path = f"/v1/images/{add(client)['id']}/regions"
    body = b"--x\r\nContent-Disposition: form-data; name=mask\r\n\r\n" + mask() + b"\r\n--x--\r\n"
    response = client.post(path, content=body, headers={"Content-Type": "multipart/form-data; boundary=x"})
    assert response.json()["regions"][0]["region"] == "mask 0"


def test_the_exif_rotation_is_applied(client: TestClient) -> None:
    file, exif = io.BytesIO(), Image.Exif()
    exif[274] = 6
    Image.fromarray(np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8)).save(file, "JPEG", exif=exif)
    told = add(client, file.getvalue())
    assert (told["width"], told["height"]) == (HEIGHT, WIDTH)
    path = f"/v1/images/{told['id']}/regions"
    response = client.post(path, files=[("mask", ("m.png", mask(), "image/png"))])
    status, kind, detail = problem_of(response)
    assert (status, kind) == (422, "region")
    assert "fits only the unrotated photo" in detail


def test_warnings_of_a_photo_are_told(client: TestClient) -> None:
    clear = png(np.zeros((HEIGHT, WIDTH, 4), dtype=np.uint8))
    assert add(client, clear)["warnings"] == ["transparent: shown on white"]
    assert predict(client, data=clear).json()["warnings"] == ["transparent: shown on white"]


def test_a_region_that_cannot_be_used_is_its_own_error(client: TestClient) -> None:
    asked = regions(BOX, {"rle": {"size": [HEIGHT, WIDTH], "counts": [1, 2, 3]}, "name": "bad"})
    good, bad = predict(client, asked=asked).json()["regions"]
    assert "material" in good
    assert bad == {"region": "bad", "error": "its runs make 6 pixels; expected the photo's 80 x 60 = 4800"}


def test_no_region_that_can_be_used(client: TestClient) -> None:
    outside, empty = {"box": [900, 0, 950, 9]}, ("e.png", png(np.zeros((HEIGHT, WIDTH), dtype=np.uint8)))
    response = predict(client, asked=regions(outside), masks=[empty])
    status, kind, detail = problem_of(response)
    assert (status, kind) == (422, "region")
    assert detail.startswith("none of the 2 regions can be used: e.png: mask is empty;")
    assert [each["region"] for each in response.json()["errors"]] == ["e.png", "box 0"]


def test_an_image_can_be_forgotten(client: TestClient) -> None:
    name = add(client)["id"]
    assert client.delete(f"/v1/images/{name}").status_code == 204
    for response in (
        client.delete(f"/v1/images/{name}"),
        client.post(f"/v1/images/{name}/regions", json=regions(BOX)),
    ):
        assert problem_of(response)[:2] == (404, "unknown-image")


def test_the_model_and_its_materials(client: TestClient, tiny_predictor: Predictor) -> None:
    assert client.get("/v1/materials").json() == {"materials": list(tiny_predictor.materials)}
    told = client.get("/v1/model").json()
    assert (told["name"], told["version"], told["model"]) == ("tiny", "3", "tiny 3")
    assert told["materials"] == list(tiny_predictor.materials)
    assert told["limits"] == {
        "body_bytes": 64_000_000, "json_bytes": 4_000_000, "megapixels": 100, "regions": 1000,
        "region_megapixels": 2000, "points": 10_000, "seconds": 30, "image_seconds": 600,
    }  # fmt: skip


def test_health(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ready"}
    client.app.state.service.draining = True  # type: ignore[attr-defined]
    assert problem_of(client.get("/readyz"))[:2] == (503, "draining")
    assert client.get("/healthz").json() == {"status": "ok"}


def test_metrics(client: TestClient) -> None:
    predict(client, asked=regions(BOX, BOX))
    client.get("/v1/nothing/like/it")
    client.request("BREW", "/v1/predict")
    response = client.get("/metrics")
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    text = response.text
    assert 'madeof_requests_total{method="POST",route="/v1/predict",status="200"} 1.0' in text
    assert 'madeof_requests_total{method="GET",route="other",status="404"} 1.0' in text
    assert 'madeof_requests_total{method="other",route="/v1/predict",status="405"} 1.0' in text
    assert "madeof_regions_total 2.0" in text
    assert "process_resident_memory_bytes" in text


def test_nothing_is_loaded_from_elsewhere(client: TestClient) -> None:
    for path in ("/docs", "/redoc", "/nothing"):
        assert problem_of(client.get(path))[:2] == (404, "not-found")
    response = client.get("/v1/predict")
    assert problem_of(response)[:2] == (405, "method")
    assert response.headers["allow"] == "POST"


def test_the_document_is_complete(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    operations = [each for path in document["paths"].values() for each in path.values()]
    assert len(operations) >= 9
    for operation in operations:
        assert operation["summary"]
        assert {"400", "403"} <= set(operation["responses"])
        for status, response in operation["responses"].items():
            content = response.get("content", {})
            if int(status) >= 400:
                assert list(content) == ["application/problem+json"]
            elif "application/json" in content:
                assert _has_example(document, content["application/json"]["schema"])
    posts = [each for each in operations if "requestBody" in each]
    assert len(posts) >= 3
    assert document["components"]["schemas"]["AskedRegions"]["properties"]["regions"]["maxItems"] == 1000
    assert "HTTPValidationError" not in json.dumps(document["paths"])


def _has_example(document: dict[str, Any], schema: dict[str, Any]) -> bool:
    """Whether a schema, or each field that it has to have, shows an example or leaves no choice."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if {"example", "examples", "enum", "const"} & set(schema):
        return True
    fields = [schema["properties"][name] for name in schema.get("required", [])]
    return bool(fields) and all(_has_example(document, field) for field in fields)


def test_the_document_tells_of_the_token(tiny_predictor: Predictor) -> None:
    document = test_client(make_app(tiny_predictor, token="secret")).get("/openapi.json").json()
    assert document["components"]["securitySchemes"] == {"token": {"type": "http", "scheme": "bearer"}}
    assert document["paths"]["/v1/predict"]["post"]["security"] == [{"token": []}]
    assert "401" in document["paths"]["/metrics"]["get"]["responses"]
    assert "security" not in document["paths"]["/healthz"]["get"]
