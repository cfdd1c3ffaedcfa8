"""Errors over HTTP: problem details (RFC 9457), one kind for each reason, and madeof's own errors as such."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.responses import Response

from madeof._util.text import utf8
from madeof.errors import InputError, MadeofError, PhotoError, RegionError
from madeof.serve.replies import json_bytes

MEDIA_TYPE = "application/problem+json"
PREFIX = "urn:madeof:problem:"
_MOST_ERRORS = 100  # in one answer
_MOST_CHARACTERS = 1000  # of a text in it

KINDS: dict[str, tuple[int, str]] = {
    "photo": (422, "The photo cannot be used"),
    "region": (422, "No region can be used"),
    "input": (422, "The request says something that cannot be"),
    "form": (400, "The body is not the form that was expected"),
    "bad-request": (400, "The request is not one that is understood"),
    "foreign-host": (400, "The Host header names another host"),
    "unauthorized": (401, "A token is needed"),
    "foreign-origin": (403, "Another web site asks"),
    "not-found": (404, "There is nothing here"),
    "unknown-image": (404, "There is no such image"),
    "method": (405, "This cannot be done here"),
    "too-slow": (408, "The body came too slowly"),
    "too-large": (413, "The body is too large"),
    "media-type": (415, "The body is of another type"),
    "internal": (500, "Something went wrong here"),
    "busy": (503, "Too much is asked at once"),
    "timeout": (503, "It took too long"),
    "draining": (503, "The service is about to end"),
}
"""Kind -> status and title. A problem's type is `PREFIX` and its kind."""


class ProblemError(Exception):
    """An error with a problem response.

    Args:
        kind: one of `KINDS`.
        detail: one line: what we got, what we expected, what to do.
        errors: more of the same, each about one part of the request.
        retry_after: seconds after which asking again may help.
    """

    def __init__(
        self, kind: str, detail: str, *, errors: Sequence[dict[str, str]] = (), retry_after: int | None = None
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.errors = errors
        self.retry_after = retry_after

    @classmethod
    def of(cls, error: MadeofError) -> ProblemError:
        """An error of madeof as a problem: the user's faults as such, everything else as ours."""
        kinds = ((PhotoError, "photo"), (RegionError, "region"), (InputError, "input"))
        kind = next((kind for parent, kind in kinds if isinstance(error, parent)), "internal")
        return cls(kind, str(error))

    def response(self) -> Response:
        """The response."""
        status, title = KINDS[self.kind]
        body: dict[str, Any] = {"type": PREFIX + self.kind, "title": title, "status": status}
        body["detail"] = _short(self.detail)
        if self.errors:
            body["errors"] = [{key: _short(text) for key, text in each.items()} for each in self.errors[:_MOST_ERRORS]]
        headers = {}
        if self.retry_after is not None:
            headers["Retry-After"] = str(self.retry_after)
        if self.kind == "unauthorized":
            headers["WWW-Authenticate"] = 'Bearer realm="madeof"'
        return Response(json_bytes(body), status, headers, MEDIA_TYPE)


def _short(text: str) -> str:
    text = utf8(text)
    return text if len(text) <= _MOST_CHARACTERS else text[: _MOST_CHARACTERS - 4] + " ..."
