"""`POST /v1/predict`: a photo and its regions at once."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from madeof.regions.request import WHOLE_PHOTO
from madeof.serve.answering import Question, answer
from madeof.serve.asking import requests_of
from madeof.serve.encoding import encode
from madeof.serve.jobs import Job
from madeof.serve.multipart import read_predict_body
from madeof.serve.openapi import body, form, problems
from madeof.serve.problems import ProblemError
from madeof.serve.replies import json_bytes
from madeof.serve.schemas import PhotoAnswer
from madeof.serve.service import Service, service_of

router = APIRouter()

Top = Annotated[int, Query(ge=1, le=1000, description="how many materials to tell of each region")]

Coverage = Annotated[
    float | None, Query(ge=0.5, le=0.99, description="tell the set of materials that holds the true one so often")
]


def check_coverage(service: Service, coverage: float | None) -> None:
    """Refuse a coverage where the model has no sets."""
    if coverage is not None and service.predictor.record.calibration.prediction_sets is None:
        raise ProblemError("input", "this model has no sets; expected a question without coverage")


@router.post(
    "/v1/predict",
    summary="Name the material of regions of a photo",
    description="Without a region the whole photo is one.",
    responses={200: {"model": PhotoAnswer}, **problems(408, 413, 415, 422, 503)},
    openapi_extra=body(form("photo", "mask", "regions", required=("photo",))),
)
async def predict(request: Request, top: Top = 5, coverage: Coverage = None) -> Response:
    """Read it all, then encode and answer on a thread."""
    service = service_of(request)
    check_coverage(service, coverage)
    given = await read_predict_body(request, service.settings)
    assert given.photo is not None
    photo = given.photo

    def work(job: Job) -> bytes:
        asked = requests_of(given, service.settings) or [WHOLE_PHOTO]  # first: it is quick, and may be refused
        encoded = encode(service, photo)
        question = Question(asked, job.check, coverage, service.settings.reading, service.settings.most_pixels)
        answer(service.predictor, encoded, [question])
        result = question.result(service.predictor, encoded)
        service.metrics.regions.inc(len(asked))
        return json_bytes(result.to_dict(top))

    return Response(await service.work.run(request, work), media_type="application/json")
