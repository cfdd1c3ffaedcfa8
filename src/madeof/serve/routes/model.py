"""`GET /v1/materials` and `GET /v1/model`."""

from __future__ import annotations

from fastapi import APIRouter, Request

from madeof.serve.openapi import problems
from madeof.serve.schemas import Limits, Materials, Model
from madeof.serve.service import service_of

router = APIRouter()


@router.get("/v1/materials", summary="The materials, in the model's order", responses=problems())
async def materials(request: Request) -> Materials:
    """From the model's record."""
    return Materials(materials=list(service_of(request).predictor.materials))


@router.get("/v1/model", summary="The model, and the limits of requests", responses=problems())
async def model(request: Request) -> Model:
    """From the model's record and the settings."""
    service = service_of(request)
    record = service.predictor.record
    return Model(
        name=record.name,
        version=record.version,
        model=record.title,
        materials=list(record.materials),
        **record.calibration.to_json(),
        select=service.selector.name,
        limits=Limits(**service.settings.public()),  # type: ignore[arg-type]  # whole numbers where they are to be
    )
