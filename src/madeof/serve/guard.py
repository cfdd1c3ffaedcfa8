"""The guard around the application: heads are checked before bodies, bodies are counted while they arrive."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from madeof.serve.hosts import check_head, declared_length, is_label_studio
from madeof.serve.jobs import Gate, Place
from madeof.serve.metrics import Metrics
from madeof.serve.problems import ProblemError
from madeof.serve.settings import MB, Settings

_logger = logging.getLogger("madeof")

_LINGER = 2.0  # seconds in which the rest of a refused body is read and forgotten, so that the client sees the answer

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; font-src 'self'; "
    "connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_HEADERS = [
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode("ascii")),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
]


class Guard:
    """ASGI middleware.

    Args:
        app: what it guards.
        settings: its limits.
        gate: lets in no more than there is room for.
        metrics: counts each request.
    """

    def __init__(self, app: ASGIApp, settings: Settings, gate: Gate, metrics: Metrics) -> None:
        self._app = app
        self._settings = settings
        self._gate = gate
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.monotonic()
        incoming = _Incoming(receive, self._settings)
        outgoing = _Outgoing(send, incoming)
        try:
            await self._answer(scope, incoming, outgoing)
        except ClientDisconnect:
            pass
        except asyncio.CancelledError:  # the service ends, and its deadline for that is over
            incoming.complete = True  # no lingering
            await self._refuse(ProblemError("draining", "the service ends now; ask another"), scope, outgoing)
        except ProblemError as problem:
            await self._refuse(problem, scope, outgoing)
        except Exception:
            _logger.exception("a request failed")
            await self._refuse(ProblemError("internal", "an error of ours; the log tells more"), scope, outgoing)
        finally:
            incoming.leave()
            route = getattr(scope.get("route"), "path", "other")
            self._metrics.requests.labels(route, _method(scope), str(outgoing.status)).inc()
            if outgoing.status:
                self._metrics.seconds.labels(route).observe(time.monotonic() - started)

    async def _answer(self, scope: Scope, incoming: _Incoming, outgoing: _Outgoing) -> None:
        incoming.complete = True  # for refusals before it is known whether there is a body
        length = declared_length(scope["headers"])
        incoming.complete = length == 0
        check_head(scope, self._settings)
        incoming.expect(length)
        path = scope["path"]
        if scope["method"] == "POST" and (path.startswith("/v1/") or is_label_studio(path, self._settings)):
            incoming.place = self._gate.enter()
        if scope["method"] != "HEAD":
            await self._app(scope, incoming.receive, outgoing.send)
            return
        asked = {**scope, "method": "GET"}  # the server leaves the body of its answer out
        await self._app(asked, incoming.receive, outgoing.send)
        if "route" in asked:
            scope["route"] = asked["route"]

    async def _refuse(self, problem: ProblemError, scope: Scope, outgoing: _Outgoing) -> None:
        self._metrics.problems.labels(problem.kind).inc()
        if outgoing.status:
            return  # the server closes a connection whose answer ends in the middle
        await problem.response()(scope, outgoing.receive, outgoing.send)


class _Incoming:
    """A request's body while it arrives: within its limit, in its time, in its place."""

    def __init__(self, receive: Receive, settings: Settings) -> None:
        self._receive = receive
        self._limit = int(settings.max_body_mb * MB)
        self._seconds = settings.body_seconds
        self._until = asyncio.get_running_loop().time() + settings.body_seconds
        self._size = 0
        self.complete = False
        self.place: Place | None = None

    def expect(self, length: int | None) -> None:
        """Refuse a body whose Content-Length is too large, before reading it."""
        if length is not None and length > self._limit:
            raise self._too_large(f"{length / MB:.1f} MB")

    async def receive(self) -> Message:
        """As an ASGI application knows it.

        Raises:
            ProblemError: too much, or too slowly.
        """
        if self.complete:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError:
            raise ProblemError(
                "too-slow", f"the body was not there within {self._seconds:g} s; send less at once"
            ) from None
        self.complete = not message.get("more_body", False)
        if message["type"] == "http.request":
            count = len(message.get("body", b""))
            self._size += count
            if self._size > self._limit:
                raise self._too_large("more than that")
            if self.place is not None:
                self.place.hold(count)
        return message

    async def linger(self) -> None:
        """Read what still comes, for a moment, and forget it."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LINGER):
                while not self.complete:
                    self.complete = not (await self._receive()).get("more_body", False)

    def leave(self) -> None:
        """Make room for another request."""
        if self.place is not None:
            self.place.leave()

    def _too_large(self, found: str) -> ProblemError:
        most = f"{self._limit / MB:g} MB"
        return ProblemError("too-large", f"the body has {found}; expected {most} at most: send less at once")


class _Outgoing:
    """A request's answer: with our headers, and to its end even where the body was not read to its own."""

    def __init__(self, send: Send, incoming: _Incoming) -> None:
        self._send = send
        self._incoming = incoming
        self.receive = incoming.receive
        self.status = 0

    async def send(self, message: Message) -> None:
        """As an ASGI application knows it."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = [*message.get("headers", []), *_HEADERS]
            if not any(name.lower() == b"cache-control" for name, _ in headers):
                headers.append((b"cache-control", b"no-store"))
            if not self._incoming.complete:
                headers.append((b"connection", b"close"))
            message = {**message, "headers": headers}
        elif not message.get("more_body", False):
            self._incoming.leave()
            if not self._incoming.complete:
                # The answer is all there, and its length is known; but with its end the connection closes, and what
                # the client has sent on by then would make its system throw the answer away.
                await self._send({**message, "more_body": True})
                await self._incoming.linger()
                message = {"type": "http.response.body", "body": b""}
        await self._send(message)


def _method(scope: Scope) -> str:
    """For the metrics: clients can invent methods, and each would be a new line."""
    method: str = scope["method"]
    return method if method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS") else "other"
