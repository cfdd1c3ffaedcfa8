"""Connections to a service of madeof: requests, forms, and problem responses as madeof's own errors."""

from __future__ import annotations

import contextlib
import http.client
import json
import secrets
import time
from collections.abc import Iterable
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from madeof._util.text import show, utf8
from madeof.errors import InputError, MadeofError, PhotoError, RegionError, ServiceError

_ERRORS: dict[str, type[MadeofError]] = {
    "photo": PhotoError,
    "region": RegionError,
    "input": InputError,
    "too-large": InputError,
}
_AGAIN = ("busy", "draining")  # worth another try
_LONGEST_NAME = 255  # characters, as the service has it


class UnknownImageError(ServiceError):
    """The service does not keep the image any more."""


class Part(NamedTuple):
    """A part of a form."""

    name: str
    file_name: str
    data: bytes


class Connection:
    """Requests to one service, over connections that are kept. Several threads may ask at once.

    Args:
        url: where it listens.
        token: its token, if it asks for one.
        timeout: seconds to wait for an answer.

    Raises:
        ServiceError: the address cannot be one.
    """

    def __init__(self, url: str, token: str | None, timeout: float) -> None:
        self._url = show(url)
        try:
            parts = urlsplit(url)
            host, self._port = parts.hostname, parts.port
        except ValueError:
            host, self._port = None, None
        if host is None or parts.scheme not in ("http", "https"):
            raise ServiceError(f"the address is {self._url}; expected one such as http://127.0.0.1:8000")
        self._host: str = host
        self._secure = parts.scheme == "https"
        self._prefix = parts.path.rstrip("/")
        self._timeout = timeout
        self._headers = {"Accept": "application/json"}
        if token is not None:
            self._headers["Authorization"] = f"Bearer {token}"
        self._idle: list[http.client.HTTPConnection] = []

    def get(self, path: str) -> Any:
        """The JSON of a GET; see `post` for its errors."""
        return self._ask("GET", path, None, {})

    def post(self, path: str, body: bytes, kind: str) -> Any:
        """The JSON that answers a body of this media type.

        Raises:
            InputError: the service refuses what was sent; a PhotoError or RegionError where it is that.
            UnknownImageError: it does not keep the image any more.
            ServiceError: it cannot be reached, is busy for too long, or refuses.
        """
        return self._ask("POST", path, body, {"Content-Type": kind})

    def close(self) -> None:
        """Close what is open and not in use."""
        while self._idle:
            self._idle.pop().close()

    def _ask(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Any:
        until = time.monotonic() + self._timeout
        while True:
            status, told, wait = self._exchange(method, self._prefix + path, body, {**self._headers, **headers})
            if status < 300:
                return told
            problem = told if isinstance(told, dict) else {}
            kind = str(problem.get("type", "")).rpartition(":")[2]
            if kind in _AGAIN and time.monotonic() + wait < until:
                time.sleep(wait)
                continue
            raise self._error(status, kind, show(str(problem.get("detail", "it gives no reason"))))

    def _error(self, status: int, kind: str, detail: str) -> MadeofError:
        if kind in _ERRORS:
            return _ERRORS[kind](detail)
        if kind == "unknown-image":
            return UnknownImageError(f"{self._url}: {detail}")
        return ServiceError(f"{self._url} refuses (HTTP {status}): {detail}")

    def _exchange(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, Any, float]:
        """The status, the JSON, and the seconds after which to ask again."""
        while True:
            connection, used = self._connection()
            try:
                # Where the service refuses a large body it answers before its end: so its answer is read all the same.
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    connection.request(method, path, body, headers)
                response = connection.getresponse()
                data = response.read()
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                if used and not isinstance(error, TimeoutError):
                    continue  # it was kept open for too long, and the service has closed it
                reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
                raise ServiceError(
                    f"cannot reach {self._url} ({show(reason.lower())}); expected madeof serve there: is it running?"
                ) from error
            if not response.will_close:
                self._idle.append(connection)
            return response.status, self._parsed(response, data), _seconds(response.headers.get("Retry-After"))

    def _connection(self) -> tuple[http.client.HTTPConnection, bool]:
        """A connection, and whether it was used before."""
        with contextlib.suppress(IndexError):
            return self._idle.pop(), True
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        return kind(self._host, self._port, timeout=self._timeout), False

    def _parsed(self, response: http.client.HTTPResponse, data: bytes) -> Any:
        try:
            return json.loads(data)
        except ValueError as error:
            raise ServiceError(
                f"{self._url} answers {response.status} without JSON; expected madeof serve there: check the address"
            ) from error


def form(parts: Iterable[Part]) -> tuple[bytes, str]:
    """The body of a form, and its media type."""
    boundary = secrets.token_hex(16)
    chunks = []
    for part in parts:
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{part.name}"; filename="{_safe(part.file_name)}"'
        chunks += [head.encode("utf-8"), b"\r\n\r\n", part.data, b"\r\n"]
    return b"".join([*chunks, f"--{boundary}--\r\n".encode()]), f"multipart/form-data; boundary={boundary}"


def _safe(name: str) -> str:
    """A file name without what a service takes for an attack; it is only shown."""
    bare = "".join(c if c.isprintable() and c not in '/\\"' else "_" for c in utf8(name))
    return bare[-_LONGEST_NAME:].replace("..", "__") if bare.strip(".") else "photo"


def _seconds(text: str | None) -> float:
    """Seconds of a Retry-After header, which may be a date too."""
    return float(text) if text is not None and text.isdigit() else 1.0
