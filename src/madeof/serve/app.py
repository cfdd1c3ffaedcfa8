"""The application: routes, guard and error handlers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response

from madeof._version import __version__
from madeof.errors import MadeofError
from madeof.inference.predictor import Predictor
from madeof.serve.guard import Guard
from madeof.serve.label_studio.backend import Backend
from madeof.serve.openapi import DESCRIPTION, describe
from madeof.serve.problems import ProblemError
from madeof.serve.routes import health, images, label_studio, model, page, predict, select
from madeof.serve.select import Selector, Superpixels
from madeof.serve.service import Service
from madeof.serve.settings import Settings

_PURGE_SECONDS = 30.0


def create_app(predictor: Predictor, settings: Settings | None = None, selector: Selector | None = None) -> FastAPI:
    """The application that answers with this predictor, and to clicks with this selector or with superpixels.

    Its `state.service` is the `Service`. Headers that never end are the server's business; see `server`.
    """
    service = Service(predictor, settings or Settings(), selector or Superpixels())

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        purging = asyncio.create_task(_purge(service))
        try:
            yield
        finally:
            purging.cancel()
            service.work.close()

    # No pages with the API's docs: they load their scripts from elsewhere.
    app = FastAPI(
        title="madeof",
        version=__version__,
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.state.service = service
    if service.settings.label_studio is not None:
        app.state.label_studio = Backend(service, service.settings.label_studio)
        app.include_router(label_studio.router)
    for routes in (predict, images, select, model, health, page):
        app.include_router(routes.router)
    page.mount(app)
    app.add_middleware(Guard, settings=service.settings, gate=service.gate, metrics=service.metrics)
    if service.settings.origins:  # outside of the guard: a browser's preflight has no token
        app.add_middleware(
            CORSMiddleware,
            allow_origins=sorted(service.settings.origins),
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Authorization", "Content-Type"],
            expose_headers=["Retry-After", "Location"],
        )
    app.add_exception_handler(ProblemError, _problem)
    app.add_exception_handler(MadeofError, _madeof_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http_error)
    describe(app, service.settings)
    return app


async def _purge(service: Service) -> None:
    """Evict expired images: photos of people must not stay in memory."""
    while True:
        await asyncio.sleep(_PURGE_SECONDS)
        service.images.purge()


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)
    service: Service = request.app.state.service
    service.metrics.problems.labels(error.kind).inc()
    return error.response()


async def _madeof_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, MadeofError)
    problem = ProblemError.of(error)
    if problem.kind == "internal":
        raise error  # the guard logs it, and tells no client what our files are called
    return await _problem(request, problem)


async def _invalid(request: Request, error: Exception) -> Response:
    """FastAPI's own checks: of parameters, for bodies are ours."""
    assert isinstance(error, RequestValidationError)
    errors = [{"at": ".".join(map(str, each["loc"])), "error": str(each["msg"])} for each in error.errors()]
    return await _problem(request, ProblemError("input", f"{errors[0]['at']}: {errors[0]['error']}", errors=errors))


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    kind = {404: "not-found", 405: "method"}.get(error.status_code, "bad-request")
    response = await _problem(request, ProblemError(kind, f"{error.detail}; see /openapi.json for what there is"))
    response.headers.update(error.headers or {})
    return response
