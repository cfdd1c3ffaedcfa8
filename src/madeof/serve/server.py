"""The server: uvicorn, with deadlines for headers and for taking answers, and an end that waits for the answers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
from collections.abc import Iterator
from types import FrameType
from typing import Any

import h11
import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from madeof.errors import ServiceError
from madeof.serve.problems import KINDS, MEDIA_TYPE, PREFIX
from madeof.serve.service import Service
from madeof.serve.settings import MB

_MOST_CONNECTIONS = 1000  # more are closed as they come: each holds a file descriptor
_MOST_HEADER_BYTES = 32_768
_KEEP_ALIVE = 5  # seconds
_BACKLOG = 512


class Server(uvicorn.Server):
    """A server of one application on one socket.

    Args:
        app: what `create_app` gave.
    """

    def __init__(self, app: FastAPI) -> None:
        self.service: Service = app.state.service
        settings = self.service.settings

        class Protocol(_Protocol):
            header_seconds = settings.header_seconds
            answer_seconds = settings.answer_seconds
            most_unsent = settings.max_waiting_mb * MB

        # h11 and asyncio always, whatever else is installed: the deadlines below are written and tested for these.
        super().__init__(
            uvicorn.Config(
                app,
                http=Protocol,
                ws="none",
                loop="asyncio",
                lifespan="on",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                backlog=_BACKLOG,
                timeout_keep_alive=_KEEP_ALIVE,
                timeout_graceful_shutdown=settings.drain_seconds,
                h11_max_incomplete_event_size=_MOST_HEADER_BYTES,
            )
        )

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take no more, answer what was let in, then end."""
        self.service.draining = True
        super().handle_exit(sig, frame)

    def serve_on(self, listening: socket.socket) -> None:
        """Serve until SIGTERM or SIGINT.

        Raises:
            KeyboardInterrupt: it was SIGINT, or the user has enough of waiting.
        """
        with _no_death_by_sigterm():
            self.run(sockets=[listening])


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises:
        ServiceError: there is no such address here, or it is taken.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            listening.listen(_BACKLOG)
        except BaseException:
            listening.close()
            raise
        return listening
    except (OSError, UnicodeError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ServiceError(
            f"cannot listen on {host}, port {port} ({reason}); expected a free address of this machine: "
            "choose another --host or --port"
        ) from error


@contextlib.contextmanager
def _no_death_by_sigterm() -> Iterator[None]:
    """Uvicorn raises the signal that ended it once more, at its end; what was asked for was done by then."""
    before = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class _Protocol(H11Protocol):
    """A connection. Its headers have to arrive in time, from its first byte or the end of the last answer on.

    So does the client have to take its answers: what it does not read stays in memory here, whether the application is
    done with it or not. Where such answers are too much together, those that wait the longest go first.
    """

    header_seconds: float
    answer_seconds: float
    most_unsent: float
    _deadline: asyncio.TimerHandle | None = None
    _taking: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """See `asyncio.Protocol`."""
        super().connection_made(transport)
        if len(self.connections) > _MOST_CONNECTIONS:
            transport.abort()
            return
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self._unwatch()
        self._taken()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """Called with new bytes, and with those that came early when an answer is complete."""
        super().handle_events()
        self._watch()

    def on_response_complete(self) -> None:
        """Called with the end of an answer."""
        super().on_response_complete()
        self._watch()
        if self._unsent():
            self._taken()
            self._wait_for_taking()

    def pause_writing(self) -> None:
        """Called when there is more to send than the client takes."""
        super().pause_writing()
        self._wait_for_taking()

    def resume_writing(self) -> None:
        """Called when the write buffer has drained."""
        super().resume_writing()
        self._taken()

    def send_400_response(self, msg: str) -> None:
        """Answer invalid HTTP, unless a response has begun."""
        kind = "bad-request"
        status, title = KINDS[kind]
        detail = f"{msg} Expected HTTP/1.1"
        body = json.dumps({"type": PREFIX + kind, "title": title, "status": status, "detail": detail}).encode()
        headers = [("content-type", MEDIA_TYPE), ("content-length", str(len(body))), ("connection", "close")]
        with contextlib.suppress(h11.LocalProtocolError):
            for event in (h11.Response(status_code=status, headers=headers), h11.Data(data=body), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _watch(self) -> None:
        """Set the deadline where headers are waited for, and keep it however many bytes trickle in."""
        if self.conn.their_state is not h11.IDLE:
            self._unwatch()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(self.header_seconds, self._too_slow)

    def _unwatch(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        self._deadline = None
        if self._unsent():  # it still reads the last answer, for which there is another deadline
            self._watch()
        else:
            self.transport.abort()

    def _unsent(self) -> int:
        return self.transport.get_write_buffer_size()

    def _wait_for_taking(self) -> None:
        if self._taking is None:
            self._taking = self.loop.call_later(self.answer_seconds, self._not_taken)
        waiting = [each for each in self.connections if isinstance(each, _Protocol) and each._taking is not None]
        waiting.sort(key=lambda each: each._taking.when())  # type: ignore[union-attr]  # it is not None, see above
        unsent = sum(each._unsent() for each in waiting)
        for each in waiting[:-1]:
            if unsent <= self.most_unsent:
                break
            unsent -= each._unsent()
            each.transport.abort()

    def _taken(self) -> None:
        if self._taking is not None:
            self._taking.cancel()
            self._taking = None

    def _not_taken(self) -> None:
        self._taking = None
        if self._unsent():
            self.transport.abort()


def address_of(listening: socket.socket) -> str:
    """The socket's address as a browser takes it."""
    host, port = listening.getsockname()[:2]
    shown: Any = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}/"
