"""`/v1/images`: a photo encoded once, then any number of its regions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request, Response

from madeof._util.text import utf8
from madeof.inference.predictor import Encoded
from madeof.serve.answering import Question, answer
from madeof.serve.asking import requests_of
from madeof.serve.encoding import encode, slim
from madeof.serve.jobs import Job
from madeof.serve.multipart import Body, read_photo_body, read_regions_body
from madeof.serve.openapi import body, form, json_regions, photo_bytes, problems
from madeof.serve.problems import ProblemError
from madeof.serve.replies import json_bytes
from madeof.serve.routes.predict import Coverage, Top, check_coverage
from madeof.serve.schemas import Image, PhotoAnswer
from madeof.serve.service import Service, service_of

router = APIRouter()


@dataclass(frozen=True)
class _Ask:
    body: Body
    top: int
    coverage: float | None


@router.post(
    "/v1/images",
    status_code=201,
    summary="Encode a photo once",
    responses={201: {"model": Image}, **problems(408, 413, 415, 422, 503)},
    openapi_extra=body(form("photo", required=("photo",)), photo_bytes()),
)
async def add_image(request: Request) -> Response:
    """Encode on a thread, and keep."""
    service = service_of(request)
    upload = await read_photo_body(request, service.settings)
    encoded = await service.work.run(request, lambda _: slim(encode(service, upload)))
    name = service.images.add(encoded)
    photo = encoded.photo
    height, width = photo.size
    expires = datetime.now(UTC) + timedelta(seconds=service.images.seconds)
    told: dict[str, Any] = {"id": name, "width": width, "height": height}
    told["expires"] = expires.isoformat(timespec="seconds").replace("+00:00", "Z")
    if photo.warnings:
        told["warnings"] = [utf8(warning) for warning in photo.warnings]
    if photo.damaged:
        told["damaged"] = True
    return Response(json_bytes(told), 201, {"Location": f"/v1/images/{name}"}, "application/json")


@router.post(
    "/v1/images/{id}/regions",
    summary="Name the material of regions of an encoded photo",
    responses={200: {"model": PhotoAnswer}, **problems(404, 408, 413, 415, 422, 503)},
    openapi_extra=body(json_regions(), form("mask", "regions")),
)
async def ask_regions(request: Request, id: str, top: Top = 5, coverage: Coverage = None) -> Response:
    """Answer together with whoever else asks of the same photo."""
    service = service_of(request)
    check_coverage(service, coverage)
    service.image(id)  # before the body
    given = await read_regions_body(request, service.settings)
    encoded = service.image(id)
    told = await service.work.run_together(
        request, _Ask(given, top, coverage), lambda jobs: _answer(service, encoded, jobs), key=id
    )
    return Response(told, media_type="application/json")


@router.delete(
    "/v1/images/{id}",
    status_code=204,
    summary="Forget an encoded photo",
    response_class=Response,
    responses=problems(404, 422),
)
async def remove_image(request: Request, id: str) -> Response:
    """Delete an image. Requests in progress finish."""
    service_of(request).images.remove(id)
    return Response(status_code=204)


def _answer(service: Service, encoded: Encoded, jobs: Sequence[Job]) -> list[Any]:
    """The outcome of each job, all of them about this photo: the JSON, or an error."""
    outcomes: list[Any] = [None] * len(jobs)
    questions: dict[int, Question] = {}
    for i, job in enumerate(jobs):
        try:
            asked = requests_of(job.payload.body, service.settings)
            if not asked:
                raise ProblemError("input", "got no region; expected at least one")
            settings = service.settings
            questions[i] = Question(asked, job.check, job.payload.coverage, settings.reading, settings.most_pixels)
        except ProblemError as problem:
            outcomes[i] = problem
    answer(service.predictor, encoded, list(questions.values()))
    for i, question in questions.items():
        try:
            result = question.result(service.predictor, encoded)
            outcomes[i] = json_bytes(result.to_dict(jobs[i].payload.top))
            service.metrics.regions.inc(len(question.requests))
        except Exception as error:
            outcomes[i] = error
    return outcomes
