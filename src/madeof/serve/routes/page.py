"""The page: files that come with the package, at / and /page/. Nothing that a client sent is ever among them."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, FastAPI, Response
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

FOLDER = Path(__file__).parent.parent / "page"
_INDEX = FOLDER / "index.html"
_EXAMPLE = Path(__file__).parent.parent.parent / "demo" / "coffee.jpg"
_FRESH = {"Cache-Control": "no-cache"}  # asks whether it changed: a new version of the package shows at once

router = APIRouter()


@router.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
async def index() -> Response:
    """The page itself."""
    if not _INDEX.is_file():
        raise HTTPException(404, "this installation has no page")
    return FileResponse(_INDEX, headers=_FRESH)


@router.api_route("/page/example.jpg", methods=["GET", "HEAD"], include_in_schema=False)
async def example() -> Response:
    """The photo of `madeof demo`, for those who have none at hand."""
    return FileResponse(_EXAMPLE, headers=_FRESH)


def mount(app: FastAPI) -> None:
    """Serve the page's files."""
    app.mount("/page", _Files(directory=FOLDER, check_dir=False))


class _Files(StaticFiles):
    """Files that a browser asks about before it uses what it has."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """See `StaticFiles`."""
        response = await super().get_response(path, scope)
        response.headers.update(_FRESH)
        return response
