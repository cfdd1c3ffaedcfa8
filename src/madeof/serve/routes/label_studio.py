"""Label Studio's contract: `/`, `/health`, `/setup`, `/predict`, `/webhook` and `/versions`. See `label_studio`."""

from __future__ import annotations

import json
import logging
import time
from typing import Any

from fastapi import APIRouter, Request, Response

from madeof._util.text import show
from madeof.serve.label_studio.backend import Asked, Backend
from madeof.serve.label_studio.interface import read_interface
from madeof.serve.multipart import media_type, too_much_json
from madeof.serve.problems import ProblemError
from madeof.serve.replies import json_bytes
from madeof.serve.routes import page
from madeof.serve.service import service_of
from madeof.serve.settings import MB

_logger = logging.getLogger("madeof")

router = APIRouter(include_in_schema=False)  # the contract is Label Studio's
_UP = {"status": "UP", "model_class": "madeof"}


@router.get("/")
async def root(request: Request) -> Response:
    """The page for people, the status for programs."""
    if "text/html" in request.headers.get("accept", ""):
        return await page.index()
    return _json(_UP)


@router.get("/health")
async def health() -> Response:
    """Whether it is up. It needs the token, so that Label Studio can tell who adds it that the password is wrong."""
    return _json(_UP)


@router.post("/setup")
async def setup(request: Request) -> Response:
    """The model's version, and what the project's labels are to it. Nothing is kept.

    Label Studio also sends a token of the project's owner, at which we do not look.
    """
    backend = _backend(request)
    given = await _object(request)
    schema = given.get("schema")
    told: dict[str, Any] = {"model_version": backend.version}
    interface = read_interface(schema) if schema else None
    if interface is not None:
        namings = backend.namings(interface)
        if not any(naming.labels for naming in namings):
            _logger.warning("Label Studio: project %s has no label that is a material", show(str(given.get("project"))))
        told["controls"] = {
            naming.control.name: {"labels": naming.labels, "left_out": naming.left_out} for naming in namings
        }
    return _json(told)


@router.post("/predict")
async def predict(request: Request) -> Response:
    """Predictions for tasks, or for what somebody draws."""
    since = time.monotonic()
    service, backend = service_of(request), _backend(request)
    asked = _asked(await _object(request), service.settings.max_regions)
    told = await service.work.run(request, lambda job: backend.predict(asked, job.check, since))
    return _json(told)


@router.post("/webhook")
async def webhook(request: Request) -> Response:
    """Events of a project, of which none changes anything here."""
    given = await _object(request)
    if given.get("action") == "START_TRAINING":
        raise ProblemError("input", "this service does not train; export the annotations and give them to madeof train")
    return _json({"status": "ok", "result": None}, 201)


@router.get("/versions")
async def versions(request: Request) -> Response:
    """There is one."""
    return _json({"versions": [_backend(request).version]})


def _backend(request: Request) -> Backend:
    backend: Backend = request.app.state.label_studio
    return backend


async def _object(request: Request) -> dict[str, Any]:
    """The JSON object of a request."""
    settings = service_of(request).settings
    if media_type(request) != "application/json":
        raise ProblemError("media-type", f"the body is {media_type(request)[:100] or 'of no type'}; expected JSON")
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > settings.max_json_mb * MB:
            raise too_much_json(settings)
    try:
        given = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ProblemError("input", f"the body is not valid JSON ({show(str(error))[:200]})") from None
    if not isinstance(given, dict):
        raise ProblemError("input", "the JSON is no object; expected one as Label Studio sends it")
    return given


def _asked(given: dict[str, Any], most: int) -> Asked:
    """Fields of a request for predictions that are used."""
    tasks = given.get("tasks")
    if not isinstance(tasks, list) or not tasks or not all(isinstance(task, dict) for task in tasks):
        raise ProblemError("input", "the request has no tasks; expected a list of objects")
    if len(tasks) > most:
        raise ProblemError("input", f"got {len(tasks)} tasks; expected {most} at most: ask again for the rest")
    params = given.get("params")
    context = params.get("context") if isinstance(params, dict) else None
    drawn = context.get("result") if isinstance(context, dict) else None
    drawn = drawn if isinstance(drawn, list) and drawn else None
    if max(map(_size, [{"annotations": [{"result": drawn}]}, *tasks])) > most:
        raise ProblemError("input", f"a task has more than {most} results; expected that at most")
    interface = read_interface(given.get("label_config"))
    if interface is None:
        raise ProblemError("input", "the labelling interface has no Image with labels or choices; expected both")
    return Asked(tasks, interface, drawn)


def _size(task: dict[str, Any]) -> int:
    """How many results a task has, in the longest of its annotations and predictions."""
    some = [one for part in ("annotations", "predictions") for one in _list(task.get(part)) if isinstance(one, dict)]
    return max((len(_list(one.get("result"))) for one in some), default=0)


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _json(value: Any, status: int = 200) -> Response:
    try:
        return Response(json_bytes(value), status, media_type="application/json")
    except ValueError:  # what the client's own results held
        raise ProblemError("input", "a result has a number or a character that JSON cannot hold") from None
