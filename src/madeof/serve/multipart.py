"""Bodies of requests: forms and JSON, read into memory and never into files, each part checked where it begins."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from madeof._util.text import show
from madeof.serve.problems import ProblemError
from madeof.serve.settings import MB, Settings

_LONGEST_NAME = 255  # characters of a file's name
_PARTS = {"photo": 1, "regions": 1}  # how many of each there may be; of masks as many as regions


@dataclass(frozen=True)
class Upload:
    """A part of a form, or a whole body."""

    name: str | None
    """The client's file name: for display only, never a path."""
    data: bytes = field(repr=False)


@dataclass(frozen=True)
class Body:
    """Contents of a request."""

    photo: Upload | None = None
    masks: tuple[Upload, ...] = ()
    regions: bytes | None = field(default=None, repr=False)
    """JSON, not parsed yet; see `schemas.AskedRegions`."""


async def read_photo_body(request: Request, settings: Settings) -> Upload:
    """The photo of a request: a form's part `photo`, or the body itself.

    Raises:
        ProblemError: there is none, or the body is of another type.
    """
    kind = media_type(request)
    if kind == "multipart/form-data":
        body = await _read_form(request, settings, ("photo",))
        return _only_photo(body)
    if kind.startswith("image/") or kind == "application/octet-stream":
        return Upload(None, b"".join([chunk async for chunk in request.stream()]))
    raise _other_type(kind, "multipart/form-data with a part photo, or a photo's bytes as image/* ")


async def read_regions_body(request: Request, settings: Settings) -> Body:
    """The regions of a request: JSON, or a form with parts `mask` and `regions`.

    Raises:
        ProblemError: the body is of another type, or damaged.
    """
    kind = media_type(request)
    if kind == "multipart/form-data":
        return await _read_form(request, settings, ("mask", "regions"))
    if kind == "application/json":
        return Body(regions=b"".join([chunk async for chunk in request.stream()]))
    raise _other_type(kind, "application/json, or multipart/form-data with parts mask and regions")


async def read_predict_body(request: Request, settings: Settings) -> Body:
    """A photo and its regions: a form with the parts `photo`, `mask` and `regions`.

    Raises:
        ProblemError: the photo is missing, the body is of another type, or damaged.
    """
    kind = media_type(request)
    if kind != "multipart/form-data":
        raise _other_type(kind, "multipart/form-data with the parts photo, mask and regions")
    body = await _read_form(request, settings, ("photo", "mask", "regions"))
    _only_photo(body)
    return body


def media_type(request: Request) -> str:
    """The request's media type, lower case, without its parameters; "" for none."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _other_type(kind: str, expected: str) -> ProblemError:
    return ProblemError("media-type", f"the body is {show(kind)[:100] or 'of no type'}; expected {expected}")


def _only_photo(body: Body) -> Upload:
    if body.photo is None:
        raise ProblemError("form", "the form has no part photo; expected one with the photo's file")
    return body.photo


async def _read_form(request: Request, settings: Settings, names: tuple[str, ...]) -> Body:
    boundary = parse_options_header(request.headers["content-type"])[1].get(b"boundary", b"")
    if not boundary:
        raise ProblemError("form", "the content type has no boundary; expected multipart/form-data; boundary=...")
    form = _Form(boundary, settings, names)
    await form.read(request.stream())
    photo = form.parts["photo"][0] if form.parts.get("photo") else None
    regions = form.parts["regions"][0].data if form.parts.get("regions") else None
    return Body(photo, tuple(form.parts.get("mask", ())), regions)


class _Form:
    """Parses a form while it arrives: what is too much is refused where it begins."""

    def __init__(self, boundary: bytes, settings: Settings, names: tuple[str, ...]) -> None:
        self.parts: dict[str, list[Upload]] = {name: [] for name in names}
        self._settings = settings
        self._headers: dict[bytes, bytes] = {}
        self._header, self._value = bytearray(), bytearray()
        self._name, self._file_name, self._data = "", "", bytearray()
        self._ended = False
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._on_part_begin,
                    "on_header_field": self._on_header_field,
                    "on_header_value": self._on_header_value,
                    "on_header_end": self._on_header_end,
                    "on_headers_finished": self._on_headers_finished,
                    "on_part_data": self._on_part_data,
                    "on_part_end": self._on_part_end,
                    "on_end": self._on_end,
                },
            )
        except FormParserError as error:
            raise ProblemError("form", f"the boundary cannot be used ({show(str(error))[:200]})") from None

    async def read(self, chunks: AsyncIterator[bytes]) -> None:
        """Read the whole body."""
        try:
            async for chunk in chunks:
                self._parser.write(chunk)
            self._parser.finalize()
        except FormParserError as error:
            raise ProblemError("form", f"the form is damaged ({show(str(error))[:200]}); expected RFC 7578") from None
        if not self._ended:  # the parser itself would leave out the part that is cut off
            raise ProblemError("form", "the form ends before its last boundary; expected all of it: send it again")

    def _on_part_begin(self) -> None:
        self._headers = {}
        self._data = bytearray()

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        self._headers[bytes(self._header).lower()] = bytes(self._value)
        self._header, self._value = bytearray(), bytearray()

    def _on_headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition"))
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        self._file_name = options.get(b"filename", b"").decode("utf-8", "replace")
        if self._name not in self.parts:
            raise ProblemError(
                "form", f"the form has a part {show(self._name)[:100]!r}; expected {' or '.join(self.parts)}"
            )
        most = _PARTS.get(self._name, self._settings.max_regions)
        if len(self.parts[self._name]) >= most:
            raise ProblemError("too-large", f"the form has more parts {self._name} than {most}; expected that at most")
        _check_file_name(self._file_name)

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        self._data += memoryview(data)[start:end]
        if self._name == "regions" and len(self._data) > self._settings.max_json_mb * MB:
            raise too_much_json(self._settings)

    def _on_part_end(self) -> None:
        self.parts[self._name].append(Upload(self._file_name or None, bytes(self._data)))
        self._data = bytearray()

    def _on_end(self) -> None:
        self._ended = True


def too_much_json(settings: Settings) -> ProblemError:
    """The problem of JSON over the limit."""
    return ProblemError("too-large", f"the JSON has more than {settings.max_json_mb:g} MB; expected that at most")


def _check_file_name(name: str) -> None:
    """Refuse a name that is a path: it is never used as one, but whoever sends such means no good."""
    if len(name) > _LONGEST_NAME:
        raise ProblemError("form", f"a file name has {len(name)} characters; expected {_LONGEST_NAME} at most")
    if name in (".", "..") or any(c in "/\\" or not c.isprintable() for c in name):
        raise ProblemError(
            "form", f"the file name {show(name)[:100]!r} is a path or has control characters; expected a bare name"
        )
