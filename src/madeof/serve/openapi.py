"""The OpenAPI document: what FastAPI cannot see, because bodies are read by `bodies` and checked by `asking`."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from madeof.serve.problems import KINDS, MEDIA_TYPE
from madeof.serve.schemas import AskedRegions, Problem
from madeof.serve.settings import Settings

DESCRIPTION = (
    "What is this made of? Photos and regions in, materials out. Coordinates are pixels of the photo as it is shown "
    "(its EXIF rotation applied): x runs right and y down from its upper left corner."
)
_REF = "#/components/schemas/{model}"
_REGIONS = {"$ref": "#/components/schemas/AskedRegions"}
_FILE = {"type": "string", "format": "binary"}
_EXAMPLE = {"regions": [{"box": [10, 20, 110, 220]}, {"polygon": [[10, 20], [110, 20], [60, 220]], "name": "cup"}]}
_PARTS: dict[str, Any] = {
    "photo": {**_FILE, "description": "JPEG, PNG, WebP, TIFF, BMP, GIF, AVIF or HEIC"},
    "mask": {
        "type": "array",
        "items": _FILE,
        "description": "pictures of the photo's size: 0 is outside, the one other value inside; 16 bits are coverage",
    },
    "regions": {**_REGIONS, "description": "more regions, as JSON"},
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problem responses of a route, beside those that every route has."""
    return {status: _problem(status) for status in (400, 403, *statuses)}


def form(*names: str, required: tuple[str, ...] = ()) -> dict[str, Any]:
    """The content of a form with these parts."""
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {name: _PARTS[name] for name in names},
        "additionalProperties": False,
    }
    if required:
        schema["required"] = list(required)
    encoding = {"regions": {"contentType": "application/json"}} if "regions" in names else {}
    return {"multipart/form-data": {"schema": schema, "encoding": encoding}}


def json_regions() -> dict[str, Any]:
    """The content of a body of regions."""
    return {"application/json": {"schema": _REGIONS, "example": _EXAMPLE}}


def photo_bytes() -> dict[str, Any]:
    """The content of a body that is a photo's bytes."""
    return {kind: {"schema": _FILE} for kind in ("image/*", "application/octet-stream")}


def body(*contents: dict[str, Any]) -> dict[str, Any]:
    """A route's `openapi_extra` with its body."""
    content = {kind: each for part in contents for kind, each in part.items()}
    return {"requestBody": {"required": True, "content": content}}


def describe(app: FastAPI, settings: Settings) -> None:
    """Complete the application's OpenAPI document."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app, settings)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # as FastAPI's manual has it


def _document(app: FastAPI, settings: Settings) -> dict[str, Any]:
    document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for model in (AskedRegions, Problem):
        schema = model.model_json_schema(ref_template=_REF)
        schemas.update(schema.pop("$defs", {}))
        schemas[model.__name__] = schema
    schemas["AskedRegions"]["properties"]["regions"]["maxItems"] = settings.max_regions
    schemas["PolygonRegion"]["properties"]["polygon"]["maxItems"] = settings.max_points
    if settings.token is not None:
        components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        for path, operations in document["paths"].items():
            if path.startswith(("/v1/", "/metrics")):
                for operation in operations.values():
                    operation["security"] = [{"token": []}]
                    operation["responses"]["401"] = _problem(401)
    return document


def _problem(status: int) -> dict[str, Any]:
    titles = "; ".join(f"`{kind}`: {title}" for kind, (found, title) in KINDS.items() if found == status)
    return {"description": titles, "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
