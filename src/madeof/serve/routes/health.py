"""`GET /healthz`, `/readyz` and `/metrics`: for whoever runs the service."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from madeof.serve.metrics import CONTENT_TYPE
from madeof.serve.openapi import problems
from madeof.serve.problems import ProblemError
from madeof.serve.schemas import Status
from madeof.serve.service import service_of

router = APIRouter()


@router.get("/healthz", summary="Whether the process answers at all", responses=problems())
async def healthz() -> Status:
    """Nothing is looked at: the answer itself is the news."""
    return Status(status="ok")


@router.get("/readyz", summary="Whether to send requests here", responses=problems(503))
async def readyz(request: Request) -> Status:
    """Yes, unless it is about to end. The model was loaded before the first connection was taken."""
    if service_of(request).draining:
        raise ProblemError("draining", "the service answers what it has taken and then ends; ask another")
    return Status(status="ready")


@router.get(
    "/metrics",
    summary="Counters for Prometheus",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}, **problems()},
)
async def metrics(request: Request) -> Response:
    """In Prometheus' text format."""
    return Response(service_of(request).metrics.text(), headers={"Content-Type": CONTENT_TYPE})
