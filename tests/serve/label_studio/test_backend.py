"""`madeof serve --label-studio`: what Label Studio asks, and what it gets. Its photos: test_label_studio_photos."""

from __future__ import annotations

import base64
import copy
import json
from pathlib import Path
from random import Random
from typing import Any

import label_studio_requests as recorded
import numpy as np
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from serving import Held, make_app, metric, photo, problem_of, test_client
from starlette.testclient import TestClient

from madeof.datasets.formats.brush import encode
from madeof.datasets.formats.pixels import png_text
from madeof.inference.prediction import Prediction
from madeof.inference.predictor import Predictor
from madeof.serve.label_studio.interface import Control, Label, read_interface
from madeof.serve.label_studio.naming import Naming
from madeof.serve.label_studio.options import LabelStudio
from madeof.serve.problems import ProblemError

TOKEN = "backend-token"
_WORDS = ("id", "from_name", "to_name", "type", "value", "x", "y", "width", "height", "rle", "points", "radiusX")
_WORDS += ("original_width", "original_height", "rotation", "annotations", "predictions", "data", "image", "result")
JSON = {"Content-Type": "application/json"}
VERSION = "tiny 3"  # of the model of made.py


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Label Studio's media folder, with the recorded upload."""
    folder = tmp_path / "media"
    (folder / "upload" / "2").mkdir(parents=True)
    (folder / "upload" / "2" / "a9955381-coffee_cup.jpg").write_bytes(photo())
    return folder


@pytest.fixture
def app(tiny_predictor: Predictor, photos: Path) -> FastAPI:
    return make_app(tiny_predictor, label_studio=LabelStudio((photos,)), token=TOKEN)


@pytest.fixture
def client(app: FastAPI) -> Any:
    with test_client(app, Authorization=recorded.AUTHORIZATION) as found:
        yield found


def ask(client: TestClient, task: dict[str, Any] | None = None, drawn: Any = None, **changed: Any) -> Any:
    """A request for predictions like the recorded ones."""
    asked = copy.deepcopy(recorded.PREDICT)
    asked["tasks"] = [{**recorded.TASK, **(task or {})}]
    if drawn is not None:
        asked["params"]["context"] = {"result": drawn}
    return client.post("/predict", json={**asked, **changed})


def results(response: Any) -> list[dict[str, Any]]:
    """The results of the one prediction."""
    assert response.status_code == 200, response.text
    (prediction,) = response.json()["results"]
    assert prediction["model_version"] == VERSION
    found: list[dict[str, Any]] = prediction["result"]
    return found


# What Label Studio sent


def test_a_backend_is_added(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    assert client.get("/health").json() == {"status": "UP", "model_class": "madeof"}
    told = client.post("/setup", json=recorded.SETUP)
    assert told.status_code == 200
    assert told.json()["model_version"] == VERSION
    assert told.json()["controls"]["thing"] == {
        "labels": {"Brick": "Brick", "Foliage": "Foliage", "Sky": "Sky", "Wood": "Timber"},
        "left_out": [],
    }
    assert client.get("/versions").json() == {"versions": [VERSION]}
    # The token of a person that it sends is not looked at.
    assert "a-token-of-a-person" not in told.text + caplog.text


def test_a_wrong_password_is_told_where_the_backend_is_added(app: FastAPI) -> None:
    for headers in ({}, {"Authorization": recorded.WRONG_AUTHORIZATION}, {"Authorization": "Basic !"}):
        with test_client(app, **headers) as client:
            for method, path in (("GET", "/health"), ("POST", "/setup"), ("POST", "/predict"), ("GET", "/versions")):
                status, kind, detail = problem_of(client.request(method, path))
                assert (status, kind) == (401, "unauthorized")
                assert "or any user's name with the token as password" in detail


def test_the_token_alone_does_too_and_a_password_only_here(app: FastAPI) -> None:
    with test_client(app, Authorization=f"Bearer {TOKEN}") as client:
        assert client.get("/health").status_code == 200
    with test_client(app, Authorization=recorded.AUTHORIZATION) as client:
        assert problem_of(client.get("/v1/model"))[0] == 401


def test_a_task_without_regions_gets_a_choice_for_the_photo(client: TestClient) -> None:
    response = client.post("/predict", json=recorded.PREDICT)
    (found,) = results(response)
    assert found["from_name"] == "photo_is"
    assert (found["to_name"], found["type"]) == ("image", "choices")
    (choice,) = found["value"]["choices"]
    assert choice in ("Brick", "Foliage", "Sky", "Wood")
    prediction = response.json()["results"][0]
    assert 0 < prediction["score"] == found["score"] <= 1


def test_what_is_drawn_comes_back_with_its_material(client: TestClient, tiny_predictor: Predictor) -> None:
    shape, choice = results(client.post("/predict", json=recorded.INTERACTIVE))
    for one in (shape, choice):  # Label Studio puts them in the place of what was drawn, by the id
        assert one["id"] == recorded.DRAWN["id"]
        assert (one["original_width"], one["original_height"], one["image_rotation"]) == (80, 60, 0)
    assert (shape["from_name"], shape["type"]) == ("box", "rectangle")
    assert shape["value"] == recorded.DRAWN["value"]
    assert (choice["from_name"], choice["type"]) == ("material", "choices")
    # The answer is that of the predictor for the same pixels.
    mask = np.zeros((60, 80), dtype=bool)
    value = recorded.DRAWN["value"]
    y, x = (np.arange(60) + 0.5) / 60 * 100, (np.arange(80) + 0.5) / 80 * 100
    rows = (y >= value["y"]) & (y < value["y"] + value["height"])
    mask[np.ix_(rows, (x >= value["x"]) & (x < value["x"] + value["width"]))] = True
    encoded = tiny_predictor.encode(photo())
    expected = tiny_predictor.predict([mask], encoded=encoded)[0]
    assert choice["value"]["choices"] == [expected.material]
    assert choice["score"] == pytest.approx(expected.score, abs=1e-5)


def test_a_region_without_material_gets_one_and_the_others_stay(client: TestClient) -> None:
    found = results(ask(client, {"annotations": [recorded.ANNOTATION]}))
    assert [(one["id"], one["type"]) for one in found] == [
        ("a1", "rectangle"), ("a1", "choices"), ("a2", "rectanglelabels"),
    ]  # fmt: skip
    assert found[2] == recorded.ANNOTATION["result"][1]


def test_events_change_nothing_and_training_is_refused(client: TestClient) -> None:
    done = client.post("/webhook", json=recorded.CREATED)
    assert (done.status_code, done.json()["status"]) == (201, "ok")
    status, kind, detail = problem_of(client.post("/webhook", json=recorded.START_TRAINING))
    assert (status, kind) == (422, "input")
    assert detail == "this service does not train; export the annotations and give them to madeof train"


# Regions


def shapes() -> dict[str, dict[str, Any]]:
    mask = np.zeros((60, 80), dtype=bool)
    mask[20:40, 30:60] = True
    return {
        "brush": {"format": "rle", "rle": encode(mask)},
        "bitmask": {"imageDataURL": f"data:image/png;base64,{png_text(mask)}"},
        "polygon": {"points": [[10, 10], [50, 10], [30, 60]], "closed": True},
        "ellipse": {"x": 50, "y": 50, "radiusX": 20, "radiusY": 10, "rotation": 30},
        "rectangle": {"x": 10, "y": 10, "width": 30, "height": 30, "rotation": 15},
    }


def drawn(kind: str, name: str = "tool", **changed: Any) -> dict[str, Any]:
    value = shapes()[kind.removesuffix("labels")]
    return {
        "id": "r1", "from_name": name, "to_name": "image", "type": kind, "original_width": 80, "original_height": 60,
        "image_rotation": 0, "value": value, **changed,
    }  # fmt: skip


def interface(*controls: str) -> str:
    """An interface with controls: tags without labels as they are, others by their tag and attributes."""
    labels = "".join(f'<Label value="{name}"/>' for name in ("Brick", "Foliage", "Sky", "Wood"))
    inside = "".join(
        one if one.startswith("<") else f"<{one}>{labels}</{one.split()[0]}>".replace("Label v", _label_tag(one))
        for one in controls
    )
    return f'<View><Image name="image" value="$image"/>{inside}</View>'


def _label_tag(control: str) -> str:
    return "Choice v" if control.startswith("Choices") else "Label v"


KINDS = ("Brush", "Bitmask", "Polygon", "Ellipse", "Rectangle")


@pytest.mark.parametrize("kind", KINDS)
def test_a_control_that_draws_and_labels(client: TestClient, kind: str) -> None:
    given = drawn(f"{kind.lower()}labels")
    config = interface(f'{kind}Labels name="tool" toName="image"')
    (found,) = results(ask(client, drawn=[given], label_config=config))
    assert found["type"] == f"{kind.lower()}labels"
    (label,) = found["value"].pop(f"{kind.lower()}labels")
    assert label in ("Brick", "Foliage", "Sky", "Wood")
    assert found["value"] == given["value"]
    # One that has a label is asked about all the same: the person drew it to be told.
    given["value"] = {**given["value"], f"{kind.lower()}labels": ["Sky"]}
    assert results(ask(client, drawn=[given], label_config=config))[0]["value"][f"{kind.lower()}labels"] == [label]


@pytest.mark.parametrize("kind", KINDS)
def test_labels_for_a_control_that_only_draws(client: TestClient, kind: str) -> None:
    config = interface(f'<{kind} name="tool" toName="image"/>', 'Labels name="said" toName="image"')
    shape, said = results(ask(client, drawn=[drawn(kind.lower())], label_config=config))
    assert (shape["type"], shape["from_name"]) == (kind.lower(), "tool")
    assert (said["type"], said["from_name"], said["id"]) == ("labels", "said", "r1")
    assert len(said["value"]["labels"]) == 1


def test_choices_of_a_region_whose_label_says_something_else(client: TestClient) -> None:
    config = interface('Choices name="material" toName="image" perRegion="true"').replace(
        "</View>", '<RectangleLabels name="tool" toName="image"><Label value="chair"/></RectangleLabels></View>'
    )
    given = drawn("rectanglelabels")
    given["value"] = {**given["value"], "rectanglelabels": ["chair"]}
    stored = {"predictions": [{"model_version": "another", "result": [given]}]}
    shape, said = results(ask(client, stored, label_config=config))
    assert shape["value"]["rectanglelabels"] == ["chair"]
    assert (said["from_name"], said["type"]) == ("material", "choices")
    # Said already: nothing is added.
    stored["predictions"][0]["result"] = [shape, said]
    assert ask(client, stored, label_config=config).json()["results"] == [[]]


def test_the_latest_annotation_counts_and_no_prediction_of_our_own(client: TestClient) -> None:
    config = interface('RectangleLabels name="tool" toName="image"')
    one = [drawn("rectanglelabels", id=name) for name in ("old", "new", "cancelled", "own")]
    old, new, cancelled, own = one
    annotations = [
        {"result": [new], "updated_at": "2026-02-01T00:00:00Z"},
        {"result": [old], "updated_at": "2026-01-01T00:00:00Z"},
        {"result": [cancelled], "updated_at": "2026-03-01T00:00:00Z", "was_cancelled": True},
    ]
    predictions = [{"result": [own], "model_version": VERSION}]
    asked = {"annotations": annotations, "predictions": predictions}
    assert [each["id"] for each in results(ask(client, asked, label_config=config))] == ["new"]
    assert ask(client, {"predictions": predictions}, label_config=config).json()["results"] == [[]]


def test_regions_of_one_request_are_answered_each(client: TestClient) -> None:
    config = interface('RectangleLabels name="tool" toName="image"')
    some = [drawn("rectanglelabels", id=f"r{number}") for number in range(3)]
    some[1]["value"] = {**some[1]["value"], "x": 300}
    response = ask(client, drawn=some, label_config=config)
    assert [one["id"] for one in results(response)] == ["r0", "r2"]
    assert response.json()["notes"] == [
        "task 2: region r1: the polygon lies outside the photo of 80 x 60: check its pixels"
    ]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"original_width": 800}, "it was drawn on a photo of 800 x 60, but this one has 80 x 60 (width x height)"),
        ({"image_rotation": 90}, "it was drawn on the photo turned by 90 degrees"),
        ({"value": {"points": [[1, 1], [2, 2]]}}, "it has 2 points; expected 3 or more"),
        ({"value": {"points": [[1, 1]] * 10_001}}, "it has 10001 points; expected 10000 at most"),
        ({"value": {"x": 1, "y": 1, "width": 1e999, "height": 1}}, "width is inf; expected a number"),
        ({"value": {"x": 1, "y": 1, "width": 0, "height": 0}}, "r1: "),
        ({"value": {"rle": [1, 2, 3]}}, "its rle is"),
        ({"value": {"imageDataURL": "data:image/png;base64,AAAA"}}, "its mask is not a PNG in Base64"),
        ({"value": {"x": 1, "y": 1}}, "nothing that was drawn is a region"),
        ({"value": {"x": 1, "y": 1, "width": 1}, "type": "keypointlabels"}, "nothing that was drawn is a region"),
        ({"to_name": "other"}, "nothing that was drawn is a region"),
        ({"from_name": {"x": 1}}, "nothing that was drawn is a region"),
        ({"value": "all"}, "nothing that was drawn is a region"),
    ],
)
def test_broken_regions_are_problems_that_say_why(client: TestClient, changed: dict[str, Any], said: str) -> None:
    config = interface('RectangleLabels name="tool" toName="image"', 'Choices name="m" toName="image" perRegion="true"')
    asked = copy.deepcopy(recorded.PREDICT)
    asked["params"]["context"] = {"result": [drawn("rectanglelabels", **changed)]}
    body = json.dumps({**asked, "label_config": config})
    status, kind, detail = problem_of(client.post("/predict", content=body, headers=JSON))
    assert (status, kind) == (422, "region")
    assert detail.startswith("task 2: ")
    assert said in detail


def test_one_bad_task_does_not_spoil_the_others(client: TestClient) -> None:
    bad = {**recorded.TASK, "id": 3, "data": {"image": "http://169.254.169.254/latest/meta-data"}}
    response = client.post("/predict", json={**recorded.PREDICT, "tasks": [bad, recorded.TASK]})
    first, second = response.json()["results"]  # as many as tasks, else Label Studio takes none
    assert first == []
    assert second["result"]
    (note,) = response.json()["notes"]
    assert note.startswith("task 3: the photo is http://169.254.169.254/latest/meta-data, of another place")


def test_tasks_for_which_there_is_no_time_are_left_for_later(tiny_predictor: Predictor, photos: Path) -> None:
    app = make_app(tiny_predictor, label_studio=LabelStudio((photos,)), request_seconds=20)
    backend = app.state.label_studio
    from madeof.serve.label_studio.backend import Asked

    found = read_interface(recorded.INTERFACE)
    assert found is not None
    asked = Asked([{**recorded.TASK, "id": number} for number in range(3)], found, None)
    told = backend.predict(asked, lambda: None, since=-1e9)
    assert [bool(one) for one in told["results"]] == [True, False, False]
    assert told["notes"] == ["task 1 and those after it: there was no time for them; ask again"]


def test_a_photo_that_somebody_draws_on_is_encoded_once(tiny_predictor: Predictor, photos: Path) -> None:
    held = Held(tiny_predictor)
    held.go.set()
    app = make_app(held, label_studio=LabelStudio((photos,)))
    with test_client(app) as client:
        for _ in range(3):
            assert results(client.post("/predict", json=recorded.INTERACTIVE))
        assert held.begun == 1
        assert metric(app, "madeof_images") == 1
        app.state.service.images.remove(next(iter(app.state.service.images._kept)))
        assert results(client.post("/predict", json=recorded.INTERACTIVE))
        assert held.begun == 2
        client.post("/predict", json=recorded.PREDICT)  # of many tasks none is kept
        assert held.begun == 3
        assert metric(app, "madeof_images") == 1


# Names


def prediction(**scores: float) -> Prediction:
    return Prediction(tuple(scores), np.array(list(scores.values()), dtype=np.float32), area=1, box=(0, 0, 1, 1))


def control(*labels: tuple[str, str], least: float = 0.0) -> Control:
    found = [Label(value, tuple(names.split(", "))) for value, names in labels]
    return Control("c", "choices", tuple(found), least)


def test_scores_of_materials_of_one_label_are_added() -> None:
    scores = prediction(Wood=0.4, Glass=0.35, Mirror=0.25)
    naming = Naming(control(("Shiny", "glass, MIRROR"), ("Wood", "Wood")), scores.materials)
    assert naming.name(scores) == ("Shiny", pytest.approx(0.6))
    assert naming.labels == {"Wood": "Wood", "Glass": "Shiny", "Mirror": "Shiny"}


def test_a_material_that_is_no_label_leaves_the_region_without() -> None:
    scores = prediction(Wood=0.2, Glass=0.5, Mirror=0.3)
    naming = Naming(control(("Wood", "Wood"), ("Mirror", "Mirror")), scores.materials)
    assert naming.left_out == ("Glass",)
    assert naming.name(scores) is None
    assert Naming(control(("Wood", "Wood"), ("Glass", "Glass")), scores.materials).name(scores) == ("Glass", 0.5)


def test_the_least_score_of_a_control() -> None:
    scores = prediction(Wood=0.6, Glass=0.4)
    labels = ("Wood", "Wood"), ("Glass", "Glass")
    assert Naming(control(*labels, least=0.7), scores.materials).name(scores) is None
    assert Naming(control(*labels, least=0.5), scores.materials).name(scores) == ("Wood", pytest.approx(0.6))


def test_labels_of_another_list_are_known_by_the_crosswalk() -> None:
    materials = ("Fabric / cloth", "Paper / tissue", "Plastic - clear", "Plastic - opaque", "Wood", "Sky")
    labels = [(name, name) for name in ("Fabric", "Paper", "Plastic", "Wood", "Metal", "Glass")]
    naming = Naming(control(*labels), materials)
    assert naming.labels["Fabric / cloth"] == "Fabric"
    assert naming.labels["Plastic - clear"] == naming.labels["Plastic - opaque"] == "Plastic"
    assert naming.left_out == ("Sky",)
    # A label with a list of its own has no others.
    own = [*labels[:2], ("Plastic", "Plastic - clear"), *labels[3:]]
    assert Naming(control(*own), materials).left_out == ("Plastic - opaque", "Sky")


def test_a_project_without_any_material_is_told(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    config = interface('<Choices name="c" toName="image"><Choice value="cat"/></Choices>')
    told = client.post("/setup", json={**recorded.SETUP, "schema": config})
    assert told.json()["controls"]["c"]["labels"] == {}
    assert "project 2.1795543660 has no label that is a material" in caplog.text
    status, kind, detail = problem_of(ask(client, label_config=config))
    assert (status, kind) == (422, "input")
    assert detail.startswith(
        "none of the project's labels (cat) is a material of the model (Brick, Foliage, Sky, Wood)"
    )


# The labelling interface


def test_an_interface() -> None:
    found = read_interface(recorded.INTERFACE)
    assert found is not None
    assert (found.image, found.key) == ("image", "image")
    assert list(found.drawing) == ["thing"]
    assert found.drawing["thing"].labels[-1] == Label("Timber", ("Wood", "Bamboo"))
    assert [one.name for one in found.choices] == ["material"]
    assert [one.name for one in found.whole] == ["photo_is"]


def test_an_alias_is_what_stands_in_results() -> None:
    config = interface().replace(
        "</View>",
        '<RectangleLabels name="r" toName="a,image" model_score_threshold="0.25">'
        '<Label value="Holz" alias="Wood"/><Label/></RectangleLabels></View>',
    )
    found = read_interface(config)
    assert found is not None
    assert found.drawing["r"].labels == (Label("Wood", ("Holz", "Wood")),)
    assert found.drawing["r"].least == 0.25


@pytest.mark.parametrize("config", ["<View/>", interface(), "<View><Text name='t' value='$t'/></View>"])
def test_an_interface_with_nothing_to_say(client: TestClient, config: str) -> None:
    assert read_interface(config) is None
    assert client.post("/setup", json={**recorded.SETUP, "schema": config}).json() == {"model_version": VERSION}
    assert "has no Image with labels or choices" in problem_of(ask(client, label_config=config))[2]


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("<View>", "the labelling interface is not valid XML: no element found"),
        ('<!DOCTYPE v [<!ENTITY a "aaaa">]><v>&a;</v>', "the labelling interface has a document type (<!DOCTYPE>)"),
        ('<!DOCTYPE v SYSTEM "http://example.com/x.dtd"><v/>', "the labelling interface has a document type"),
        ("<v>&a;</v>", "the labelling interface is not valid XML: undefined entity"),
        ("<v>" * 100 + "x", "the labelling interface is not valid XML"),
        ("\ud800", "the labelling interface is not valid XML"),
        ("<v/>" + " " * 1_000_000 + "x", "the labelling interface has 1000005 characters; expected 1000000"),
        (None, "the labelling interface (label_config) is missing"),
        (7, "the labelling interface (label_config) is missing"),
    ],
)
def test_interfaces_that_cannot_be_read(config: Any, said: str) -> None:
    with pytest.raises(ProblemError) as raised:
        read_interface(config)
    assert raised.value.kind == "input"
    assert said in raised.value.detail


# Requests that are none of Label Studio's

_leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(_WORDS)
_anything = st.recursive(
    _leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_WORDS), inner, max_size=6),
    max_leaves=20,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(task=_anything, result=_anything, value=_anything, random=st.randoms(use_true_random=False))
def test_any_json_gets_an_answer_or_a_problem(
    client: TestClient, task: Any, result: Any, value: Any, random: Random
) -> None:
    changed = result if isinstance(result, dict) else {}
    shape = {**drawn("rectangle")["value"], **value} if isinstance(value, dict) else value
    some = [{**drawn("rectangle", name="box"), **changed, "value": shape}]
    asked = {**recorded.PREDICT, "tasks": [{**recorded.TASK, **task} if isinstance(task, dict) else task]}
    context = random.choice([{"result": some}, {"result": result}, result])
    body = json.dumps({**asked, "params": {"context": context}})
    response = client.post("/predict", content=body, headers=JSON)
    assert response.status_code in (200, 422), response.text
    if response.status_code == 200:
        assert len(response.json()["results"]) == 1
    else:
        problem_of(response)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "the body is not valid JSON"),
        (b"[]", "the JSON is no object"),
        (b"[" * 100_000, "the body is not valid JSON"),
        (b'{"tasks": 1}', "the request has no tasks"),
        (b'{"tasks": [1]}', "the request has no tasks"),
        (b'{"tasks": []}', "the request has no tasks"),
        (b'{"tasks": [{}]}', "the labelling interface (label_config) is missing"),
        (b'{"tasks": [' + b"{}, " * 1000 + b"{}]}", "got 1001 tasks; expected 1000 at most"),
        (
            b'{"tasks": [{"annotations": [{"result": [' + b"1, " * 1000 + b"1]}]}]}",
            "a task has more than 1000 results; expected that at most",
        ),
    ],
)
def test_bodies_that_say_nothing(client: TestClient, body: bytes, said: str) -> None:
    response = client.post("/predict", content=body, headers=JSON)
    status, kind, detail = problem_of(response)
    assert (status, kind) == (422, "input")
    assert said in detail


def test_bodies_of_another_type_or_too_large(client: TestClient, app: FastAPI) -> None:
    assert problem_of(client.post("/setup", content=b"{}"))[:2] == (415, "media-type")
    large = b'{"schema": "' + b"a" * 4_000_000 + b'"}'
    for path in ("/setup", "/predict", "/webhook"):
        response = client.post(path, content=large, headers=JSON)
        assert problem_of(response)[:2] == (413, "too-large")
    assert app.state.service.gate.inside == 0


def test_results_that_json_cannot_hold_are_refused(client: TestClient) -> None:
    config = interface('RectangleLabels name="tool" toName="image"')
    given = drawn("rectanglelabels", id="said", meta={"text": "\ud800"})
    given["value"] = {**given["value"], "rectanglelabels": ["Sky"]}
    asked = {**recorded.PREDICT, "label_config": config}
    asked["tasks"] = [{**recorded.TASK, "annotations": [{"result": [given, drawn("rectanglelabels")]}]}]
    body = json.dumps(asked)
    response = client.post("/predict", content=body, headers=JSON)
    assert problem_of(response)[2] == "a result has a number or a character that JSON cannot hold"


def test_the_page_is_still_there_for_people(client: TestClient) -> None:
    assert client.get("/").json() == {"status": "UP", "model_class": "madeof"}
    page = client.get("/", headers={"Accept": "text/html,*/*"})
    assert "<!doctype html>" in page.text.lower()


def test_other_sites_and_hosts_are_refused_here_too(client: TestClient) -> None:
    assert problem_of(client.get("/health", headers={"Origin": "http://evil.example"}))[1] == "foreign-origin"
    assert problem_of(client.post("/predict", headers={"Sec-Fetch-Site": "cross-site"}))[1] == "foreign-origin"
    assert problem_of(client.get("/health", headers={"Host": "evil.example"}))[1] == "foreign-host"


def test_without_the_option_there_is_nothing(tiny_predictor: Predictor) -> None:
    with test_client(make_app(tiny_predictor)) as client:
        for method, path in (("GET", "/health"), ("POST", "/setup"), ("POST", "/predict"), ("POST", "/webhook")):
            assert problem_of(client.request(method, path))[1] == "not-found"


def test_a_full_house_is_busy(tiny_predictor: Predictor, photos: Path) -> None:
    app = make_app(tiny_predictor, label_studio=LabelStudio((photos,)), queue=1)
    app.state.service.gate.enter()
    with test_client(app) as client:
        response = client.post("/predict", json=recorded.PREDICT)
        assert problem_of(response)[:2] == (503, "busy")
        assert int(response.headers["Retry-After"]) >= 1


def test_a_photo_in_the_task_itself(tiny_predictor: Predictor) -> None:
    app = make_app(tiny_predictor, label_studio=LabelStudio())
    text = base64.b64encode(photo()).decode()
    with test_client(app) as client:
        assert results(ask(client, {"data": {"image": f"data:image/png;base64,{text}"}}))
