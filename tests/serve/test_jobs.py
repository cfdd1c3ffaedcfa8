"""The queue, the images that are kept, and requests that are answered together."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from serving import (
    BOX,
    HEIGHT,
    WIDTH,
    Held,
    make_app,
    metric,
    photo,
    problem_of,
    regions,
    running,
    test_client,
    wait_for,
)

from madeof.inference.predictor import Predictor
from madeof.regions.region import Region
from madeof.regions.request import RegionRequest
from madeof.regions.shapes import Box
from madeof.serve import answering
from madeof.serve.answering import Question, answer
from madeof.serve.encoding import slim
from madeof.serve.jobs import Gate
from madeof.serve.metrics import Metrics
from madeof.serve.problems import ProblemError
from madeof.serve.settings import Settings


def test_of_a_large_photo_few_pixels_are_kept(tiny_predictor: Predictor) -> None:
    large = tiny_predictor.encode(np.zeros((1500, 3000, 3), dtype=np.uint8))
    kept = slim(large)
    assert kept.photo.size == (1500, 3000)
    assert kept.photo.pixels.shape == (707, 1414, 3)
    assert kept.features is large.features
    region = Region.from_box("box 0", (0, 0, 2000, 1000), kept.photo.size)
    (few,), (all_,) = (tiny_predictor.predict([region], encoded=each) for each in (kept, large))
    assert few.top() == all_.top()


def test_the_gate_counts_requests_and_bytes() -> None:
    gate = Gate(Settings(queue=2, max_waiting_mb=1), Metrics())
    first, second = gate.enter(), gate.enter()
    with pytest.raises(ProblemError, match="2 requests are in work or wait already; ask again after 1 s") as raised:
        gate.enter()
    assert (raised.value.kind, raised.value.retry_after) == ("busy", 1)
    first.hold(900_000)
    with pytest.raises(ProblemError, match="fill the memory"):
        second.hold(200_000)
    for _ in range(2):
        first.leave()
    second.hold(200_000)
    second.leave()
    assert (gate.inside, gate.bytes) == (0, 0)


def test_the_time_to_wait_is_that_of_the_last_requests() -> None:
    gate = Gate(Settings(queue=1), Metrics())
    gate.seconds = 7.2
    gate.enter()
    with pytest.raises(ProblemError) as raised:
        gate.enter()
    assert raised.value.retry_after == 8


def test_regions_of_several_requests_are_answered_together(
    tiny_predictor: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And each gets its own answers, its own `top` and its own error."""
    sizes: list[int] = []
    real = tiny_predictor.predict

    def predict(masks: Sequence[Any], **named: Any) -> Any:
        sizes.append(len(masks))
        return real(masks, **named)

    monkeypatch.setattr(tiny_predictor, "predict", predict)
    held = Held(tiny_predictor)
    held.go.set()
    app = make_app(held, queue=20)
    client = test_client(app)
    names = []
    for seed in (1, 2):
        told = client.post("/v1/images", content=photo(seed), headers={"Content-Type": "image/png"})
        names.append(told.json()["id"])
    asked = [regions({"box": [i, i, 30 + i, 30 + i]}) for i in range(4)]
    alone = [
        client.post(f"/v1/images/{names[0]}/regions?top={i + 1}", json=each).json() for i, each in enumerate(asked)
    ]
    other = client.post(f"/v1/images/{names[1]}/regions", json=asked[0]).json()
    held.go.clear()
    sizes.clear()
    with running(app), ThreadPoolExecutor(10) as pool:
        first = pool.submit(client.post, "/v1/images", content=photo(), headers={"Content-Type": "image/png"})
        wait_for(lambda: held.begun == 3)  # the one thread is busy: what comes now waits
        futures = [
            pool.submit(client.post, f"/v1/images/{names[0]}/regions?top={i + 1}", json=each)
            for i, each in enumerate(asked)
        ]
        apart = pool.submit(client.post, f"/v1/images/{names[1]}/regions", json=asked[0])
        bad = pool.submit(client.post, f"/v1/images/{names[0]}/regions", json=regions({"box": [9, 9, 1, 1]}))
        wait_for(lambda: metric(app, "madeof_waiting") == 6)
        held.go.set()
        assert first.result().status_code == 201
        together = [future.result().json() for future in futures]
        assert [list(each["regions"][0]["box"]) for each in together] == [[i, i, 30 + i, 30 + i] for i in range(4)]
        assert [_rounded(each) for each in together] == [_rounded(each) for each in alone]
        assert _rounded(apart.result().json()) == _rounded(other)
        assert problem_of(bad.result())[:2] == (422, "region")
    assert sorted(sizes) == [1, 4]
    assert metric(app, "madeof_together_total") == 4


def _rounded(answer: dict[str, Any]) -> Any:
    """Without the last digits, in which a batch may differ."""
    return json.loads(json.dumps(answer), parse_float=lambda text: round(float(text), 4))


def test_of_many_large_regions_few_are_held_at_once(tiny_predictor: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "_PIXELS_AT_ONCE", 3 * WIDTH * HEIGHT)
    sizes: list[int] = []
    real = tiny_predictor.predict
    monkeypatch.setattr(
        tiny_predictor, "predict", lambda masks, **named: sizes.append(len(masks)) or real(masks, **named)
    )
    image = tiny_predictor.encode(photo())
    whole = [RegionRequest("box", Box(0, 0, WIDTH, HEIGHT))] * 8
    question = Question(whole, lambda: None)
    answer(tiny_predictor, image, [question])
    assert sizes == [3, 3, 2]
    assert len(question.result(tiny_predictor, image).answers) == 8


def test_a_question_that_nobody_waits_for_leaves_the_others_alone(tiny_predictor: Predictor) -> None:
    image = tiny_predictor.encode(photo())
    box = [RegionRequest("box", Box(*BOX["box"]))] * 3
    calls = iter([None, ProblemError("timeout", "late")])

    def check() -> None:
        if error := next(calls):
            raise error

    late, good = Question(box, check), Question(box, lambda: None)
    answer(tiny_predictor, image, [late, good])
    with pytest.raises(ProblemError, match="late"):
        late.result(tiny_predictor, image)
    assert len(good.result(tiny_predictor, image).answers) == 3


def test_photos_encoded_at_once_do_not_mix(tiny_predictor: Predictor) -> None:
    """Threads share the predictor: each gets what it would get alone."""
    client = test_client(make_app(tiny_predictor, workers=4, queue=50))
    files = [{"photo": (f"{seed}.png", photo(seed))} for seed in range(24)]
    alone = [client.post("/v1/predict", files=each).json() for each in files]
    assert len({json.dumps(each["regions"]) for each in alone}) == 24
    with ThreadPoolExecutor(8) as pool:
        at_once = list(pool.map(lambda each: client.post("/v1/predict", files=each).json(), files))
    assert [_rounded(each) for each in at_once] == [_rounded(each) for each in alone]


def test_the_threads_end_with_the_service(tiny_predictor: Predictor) -> None:
    def working() -> int:
        return sum(thread.name.startswith("madeof work") for thread in threading.enumerate())

    before = working()
    app = make_app(tiny_predictor, workers=3)
    with test_client(app) as client:
        client.post("/v1/images", content=photo(), headers={"Content-Type": "image/png"})
        assert working() == before + 3
    wait_for(lambda: working() == before)
