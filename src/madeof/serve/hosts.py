"""Who may ask: checks of a request's head, before anything of its body is read."""

from __future__ import annotations

import base64
import binascii
import hmac
import ipaddress
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.types import Scope

from madeof._util.text import show
from madeof.serve.problems import ProblemError
from madeof.serve.settings import Settings

_PRIVATE = ("/v1/", "/metrics")  # what needs the token, and what no other web site may ask for
_LABEL_STUDIO = ("/health", "/setup", "/predict", "/webhook", "/versions")


def check_head(scope: Scope, settings: Settings) -> None:
    """Refuse who may not ask.

    A web page of another site can make a browser send requests here. Its Origin header then names that site, or its
    Host header does, where the site's name was made to lead here (DNS rebinding).

    Raises:
        ProblemError: another host, another origin, no token, or a path that climbs.
    """
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    path: str = scope["path"]
    if not path.startswith("/") or any(c in path for c in "\\\0") or ".." in path.split("/"):
        raise ProblemError("bad-request", f"the path {show(path)[:200]!r} is none of ours; see /openapi.json")
    hosts = [value for name, value in headers if name == b"host"]
    host = hosts[0].decode("latin-1") if len(hosts) == 1 else ""
    if not _known(host, settings):
        raise ProblemError(
            "foreign-host",
            f"the Host header is {show(host)[:200]!r}; expected {' or '.join(sorted(settings.hosts))}: "
            "name others with --allow-host",
        )
    label_studio = is_label_studio(path, settings)
    private = path.startswith(_PRIVATE) or label_studio
    origins = [value.decode("latin-1") for name, value in headers if name == b"origin"]
    allowed = any(origin in settings.origins for origin in origins)
    foreign = [origin for origin in origins if _place(origin) != host.lower() and origin not in settings.origins]
    elsewhere = private and _first(headers, b"sec-fetch-site") in (b"cross-site", b"same-site")
    if foreign or (elsewhere and not allowed):
        page = show(foreign[0] if foreign else "another site")[:200]
        hint = "allow it with --cors ORIGIN"
        if foreign and _known(_place(foreign[0]), settings):
            hint = (
                f"the Host header is {show(host)[:200]!r}; a proxy in front must keep the client's (nginx: "
                "proxy_set_header Host $http_host)"
            )
        raise ProblemError(
            "foreign-origin",
            f"the page of {page!r} asks; expected one of this service, at the same host and port: {hint}",
        )
    if private and settings.token is not None:
        token = _token(_first(headers, b"authorization"), basic=label_studio)
        if token is None or not hmac.compare_digest(token, settings.token.encode("ascii")):
            expected = ", or any user's name with the token as password" if label_studio else ""
            raise ProblemError(
                "unauthorized", f"there is no token or a wrong one; expected Authorization: Bearer TOKEN{expected}"
            )


def is_label_studio(path: str, settings: Settings) -> bool:
    """Whether this is a path of Label Studio's, where it may ask here."""
    return settings.label_studio is not None and path in _LABEL_STUDIO


def _token(authorization: bytes, basic: bool) -> bytes | None:
    """The token that a client gives. Label Studio can give no more than a user's name and a password."""
    scheme, _, given = authorization.partition(b" ")
    if scheme.lower() == b"bearer":
        return given.strip()
    if scheme.lower() != b"basic" or not basic:
        return None
    try:
        return base64.b64decode(given.strip(), validate=True).partition(b":")[2]
    except binascii.Error:
        return None


def declared_length(headers: Iterable[tuple[bytes, bytes]]) -> int | None:
    """How long the body is said to be; 0 for none, None where that is not said.

    Raises:
        ProblemError: the header is no number.
    """
    given = dict(headers)
    if b"transfer-encoding" in given:
        return None
    text = given.get(b"content-length", b"0").strip()
    if not text.isdigit() or len(text) > 18:
        raise ProblemError("bad-request", f"Content-Length is {show(text.decode('latin-1'))[:50]!r}; expected a number")
    return int(text)


def _known(host: str, settings: Settings) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname
    except ValueError:
        return False
    if not name or any(c in host for c in "/?#@\\ "):
        return False
    name = name.removesuffix(".")
    if name in settings.hosts:
        return True
    if not settings.any_address:
        return False
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _place(origin: str) -> str:
    """Host and port of an origin, as a browser writes them in the Host header; "" for null and the like."""
    scheme, _, place = origin.partition("://")
    return place.lower() if scheme.lower() in ("http", "https") else ""


def _first(headers: list[tuple[bytes, bytes]], wanted: bytes) -> bytes:
    return next((value for name, value in headers if name == wanted), b"")
