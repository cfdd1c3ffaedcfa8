"""Photos from the one Label Studio that the operator named: its own files only, with the operator's key."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from madeof._util.text import show
from madeof.errors import PhotoError
from madeof.serve.label_studio.options import Address

_SECONDS = 10.0  # for a photo; and for each wait for bytes of it
_CHUNK = 65_536
_MOST_TOKEN_BYTES = 65_536


class Host:
    """One Label Studio. No redirect is followed, and no proxy asked. Threads may come at once.

    Args:
        address: where it listens.
        key: a user's token: an old one ("Token ..."), or a personal access token, which is changed for access tokens.
        most_bytes: of a photo.
        seconds: for a photo.
    """

    def __init__(self, address: Address, key: str, most_bytes: int, seconds: float = _SECONDS) -> None:
        self._address = address
        self._key = key
        self._most_bytes = most_bytes
        self._seconds = seconds
        self._lock = threading.Lock()
        # A personal access token is a JWT, which has two dots.
        self._authorization = None if key.count(".") == 2 else f"Token {key}"

    def upload(self, project: str, name: str, check: Callable[[], None]) -> bytes:
        """A photo that was uploaded to a project; errors are those of `local_file`."""
        return self._photo(f"/data/upload/{quote(project, safe='')}/{quote(name, safe='')}", check)

    def local_file(self, path: str, check: Callable[[], None]) -> bytes:
        """A photo of Label Studio's local files.

        Args:
            path: in its LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT.
            check: raises where nobody waits any more.

        Raises:
            PhotoError: it cannot be had, or is too large.
        """
        return self._photo(f"/data/local-files/?d={quote(path)}", check)

    def _photo(self, path: str, check: Callable[[], None]) -> bytes:
        status, data = self._ask("GET", path, check, self._most_bytes, self._authorization or self._renewed(check))
        if status == 401 and self._key.count(".") == 2:  # an access token lives for minutes
            status, data = self._ask("GET", path, check, self._most_bytes, self._renewed(check))
        if status == 200:
            return data
        reasons = {401: "the key is not valid", 403: "the key's user may not see it", 404: "it is not there"}
        reason = reasons.get(status, "a redirect, which is not followed" if 300 <= status < 400 else "no photo")
        raise PhotoError(f"{self._where(path)} answers {status}: {reason}")

    def _renewed(self, check: Callable[[], None]) -> str:
        """A new access token (`POST /api/token/refresh`, see label_studio_sdk/tokens/client.py)."""
        with self._lock:
            path = "/api/token/refresh"
            status, data = self._ask("POST", path, check, _MOST_TOKEN_BYTES, None, json.dumps({"refresh": self._key}))
            try:
                told: Any = json.loads(data)
            except ValueError:
                told = None
            access = told.get("access") if isinstance(told, dict) else None
            if status != 200 or not isinstance(access, str) or not (access.isascii() and access.isprintable()):
                raise PhotoError(f"{self._where(path)} answers {status} and no token: is LABEL_STUDIO_API_KEY valid?")
            self._authorization = f"Bearer {access}"
            return self._authorization

    def _ask(
        self,
        method: str,
        path: str,
        check: Callable[[], None],
        most_bytes: int,
        authorization: str | None,
        body: str | None = None,
    ) -> tuple[int, bytes]:
        headers = {"Accept": "*/*", "Connection": "close"}
        if authorization is not None:
            headers["Authorization"] = authorization
        if body is not None:
            headers["Content-Type"] = "application/json"
        until = time.monotonic() + self._seconds
        connection = self._connection()
        try:
            connection.request(method, self._address.prefix + path, body, headers)
            with connection.getresponse() as response:
                data = bytearray()
                while response.status == 200 and (chunk := response.read1(_CHUNK)):
                    check()
                    data += chunk
                    if len(data) > most_bytes:
                        raise PhotoError(f"{self._where(path)} has over {most_bytes / 1e6:g} MB; expected that at most")
                    if time.monotonic() > until:
                        raise TimeoutError(f"not there within {self._seconds:g} s")
                if response.status == 200 and response.length:
                    raise ConnectionError("it ended too soon")
                return response.status, bytes(data)
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise PhotoError(f"{self._where(path)} cannot be had ({show(reason)})") from error
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        kind = http.client.HTTPSConnection if self._address.scheme == "https" else http.client.HTTPConnection
        return kind(self._address.host, self._address.port, timeout=min(self._seconds, _SECONDS))

    def _where(self, path: str) -> str:
        return f"{self._address.origin}{self._address.prefix}{show(path)[:200]}"
