"""`POST /v1/images/{id}/select`: the region around a click, for people who draw."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from madeof._util.text import show
from madeof.regions.rle import compress, encode_rle
from madeof.serve.jobs import Job
from madeof.serve.multipart import read_regions_body, too_much_json
from madeof.serve.openapi import body, problems
from madeof.serve.problems import ProblemError
from madeof.serve.replies import json_bytes
from madeof.serve.schemas import Number, TightBox
from madeof.serve.service import Service, service_of
from madeof.serve.settings import MB

router = APIRouter()

_MOST_POINTS = 100
_Points = Annotated[list[tuple[Number, Number]], Field(max_length=_MOST_POINTS)]


class AskedSelection(BaseModel):
    """A selection, in pixels of the photo as it is shown."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    points: _Points = Field(min_length=1, description="x, y of points that the region holds", examples=[[[60, 40]]])
    outside: _Points = Field(default=[], description="x, y of points that it does not hold")
    size: Annotated[int, Field(ge=-20, le=20)] = Field(
        default=0, description="0 for the region that stands out; steps to smaller (-) or larger (+) ones"
    )


class Selection(BaseModel):
    """The region that was found."""

    rle: dict[str, Any] = Field(
        description="its mask as COCO's compressed run lengths, as a region of a question",
        examples=[{"size": [4, 3], "counts": "129"}],
    )
    area: int = Field(description="pixels", examples=[20000])
    box: TightBox


@router.post(
    "/v1/images/{id}/select",
    summary="Find the region around a point of an encoded photo",
    responses={200: {"model": Selection}, **problems(404, 408, 413, 415, 422, 503)},
    openapi_extra=body(
        {"application/json": {"schema": AskedSelection.model_json_schema(), "example": {"points": [[60, 40]]}}}
    ),
)
async def select(request: Request, id: str) -> Response:
    """Find it by colours and edges, or by SAM where the service has one; the model is not asked."""
    service = service_of(request)
    service.image(id)  # before the body
    given = await read_regions_body(request, service.settings)
    if given.regions is None:
        raise ProblemError("media-type", "the body is a form; expected application/json")
    if len(given.regions) > service.settings.max_json_mb * MB:
        raise too_much_json(service.settings)
    asked = _parse(given.regions, service.image(id).photo.size)
    # Together, because a person clicks on while the first click on a photo is worked on, and no thread need wait then.
    told = await service.work.run_together(
        request, asked, lambda jobs: [_outcome(service, id, job) for job in jobs], key=("select", id)
    )
    return Response(told, media_type="application/json")


def _parse(data: bytes, size: tuple[int, int]) -> AskedSelection:
    try:
        asked = AskedSelection.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "JSON"
        text = f'the JSON is not {{"points": [[x, y]]}} as documented ({where}: {first["msg"]})'
        raise ProblemError("input", show(text)[:300]) from None
    for x, y in [*asked.points, *asked.outside]:
        if not (0 <= x <= size[1] and 0 <= y <= size[0]):
            raise ProblemError(
                "input", f"the point {x:g}, {y:g} lies outside the photo of {size[1]} x {size[0]}: check its pixels"
            )
    return asked


def _outcome(service: Service, id: str, job: Job) -> bytes | Exception:
    """The JSON for one job, or its error."""
    try:
        job.check()
        return _found(service, id, job)
    except Exception as error:
        return error


def _found(service: Service, id: str, job: Job) -> bytes:
    asked: AskedSelection = job.payload
    photo = service.image(id).photo
    selector = service.selector
    prepared = service.images.prepared(id, lambda encoded: selector.prepare(encoded.photo.pixels, job.check), job.check)
    region = prepared.find(asked.points, asked.outside, asked.size, photo.size)
    if region is None:
        raise ProblemError("region", selector.nothing)
    mask = region.cut.astype(bool, copy=False)
    counts = compress(encode_rle(mask, region.corner, photo.size)).decode("ascii")
    told = {"rle": {"size": list(photo.size), "counts": counts}, "area": int(region.area), "box": list(region.box)}
    return json_bytes(told)
