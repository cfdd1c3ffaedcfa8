"""The photo of a task: its bytes, from where the operator allows it and from nowhere else.

Label Studio has, for a photo in a task's data,
- `/data/local-files/?d=PATH`: in one of the operator's folders, or from the operator's Label Studio;
- `/data/upload/PROJECT/NAME` (or `upload/...`, or `/storage-data/uploaded/?filepath=upload/...`): likewise;
- either of them behind the address of the operator's Label Studio: the same;
- `data:image/...;base64,...`: the photo itself.
Anything else, such as another web address or s3://, is refused: a service that fetches what it is told to fetch can be
made to look into the network that it is in.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from madeof._util.text import show
from madeof.errors import PhotoError
from madeof.serve.label_studio.host import Host
from madeof.serve.label_studio.options import Address, LabelStudio
from madeof.serve.multipart import Upload

_UPLOAD = re.compile(r"/?(?:data/)?upload/([0-9]{1,18})/([^/]+)", re.ASCII)
_LOCAL = ("/data/local-files", "/data/local-files/")
_STORAGE = ("/storage-data/uploaded", "/storage-data/uploaded/")
_MOST_FIELDS = 20  # of a query
# A pipe would block; links were followed by then, and one that is there since is none of ours.
_FLAGS = sum(getattr(os, flag, 0) for flag in ("O_RDONLY", "O_NONBLOCK", "O_NOFOLLOW", "O_BINARY"))


class Place(NamedTuple):
    """Place of a photo in Label Studio."""

    project: str | None
    """Project of an upload; None for a local file."""
    path: str
    """Path of a local file, or an upload's name."""


class Photos:
    """Reads photos.

    Args:
        options: what the operator allows.
        most_bytes: of a photo.
    """

    def __init__(self, options: LabelStudio, most_bytes: int) -> None:
        self._folders = [folder.resolve() for folder in options.photos]
        self._address = options.address
        self._most_bytes = most_bytes
        self._host: Host | None = None
        if self._address is not None and options.key is not None:
            self._host = Host(self._address, options.key, most_bytes)

    def read(self, text: object, check: Callable[[], None]) -> Upload:
        """Read the photo of a task.

        Args:
            text: what stands there.
            check: raises where nobody waits any more.

        Raises:
            PhotoError: it may not be read, is not there, or is too large.
        """
        if not isinstance(text, str) or not text:
            raise PhotoError("the task has no photo where the labelling interface says; expected its address")
        if text.startswith("data:"):
            return Upload(None, _decoded(text))
        place = place_of(text, self._address)
        name = place.path.rpartition("/")[2]
        for folder in self._folders:
            data = self._in(folder, place)
            if data is not None:
                return Upload(name, data)
        if self._host is not None:
            if place.project is not None:
                return Upload(name, self._host.upload(place.project, place.path, check))
            return Upload(name, self._host.local_file(place.path, check))
        if self._folders:
            raise PhotoError(f"there is no photo {_brief(place.path)} in the folders of --label-studio-photos")
        raise PhotoError(
            f"the photo is {_brief(text)}, which Label Studio has: name its folder with --label-studio-photos, or "
            "its address with --label-studio-url and a key in LABEL_STUDIO_API_KEY"
        )

    def _in(self, folder: Path, place: Place) -> bytes | None:
        """The file's bytes; None where this folder has none."""
        parts = place.path.split("/") if place.project is None else ["upload", place.project, place.path]
        try:
            file = folder.joinpath(*parts).resolve()
        except (OSError, RuntimeError):  # too long a name; links in a circle
            return None
        if not file.is_relative_to(folder):
            raise PhotoError(f"{_brief(place.path)} is a link that leads out of its folder; expected a file in it")
        try:
            opened = os.open(file, _FLAGS)
        except OSError:
            return None
        try:
            found = os.fstat(opened)
            if not stat.S_ISREG(found.st_mode):
                return None
            if found.st_size > self._most_bytes:
                most = f"{self._most_bytes / 1e6:g} MB"
                raise PhotoError(f"{_brief(place.path)} has {found.st_size / 1e6:.1f} MB; expected {most} at most")
            with os.fdopen(opened, "rb", closefd=False) as stream:
                return stream.read(self._most_bytes)
        finally:
            os.close(opened)


def place_of(text: str, address: Address | None) -> Place:
    """Parse the place of a photo from a task.

    Raises:
        PhotoError: it is no place of Label Studio's, or a path that climbs.
    """
    try:
        parts = urlsplit(text)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        query = parse_qs(parts.query, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise PhotoError(f"the photo is {_brief(text)}, which is no address") from None
    path = parts.path
    if parts.scheme or parts.netloc:
        here = (parts.scheme, parts.hostname or "", port)
        if address is None or here != address[:3] or not path.startswith(f"{address.prefix}/"):
            expected = "none is named by --label-studio-url" if address is None else f"expected {address.origin}"
            raise PhotoError(f"the photo is {_brief(text)}, of another place than Label Studio ({expected})")
        path = path.removeprefix(address.prefix)
    if path in _LOCAL:
        return Place(None, _climbing(query.get("d", [""])[-1].replace("\\", "/").lstrip("/")))
    path = query.get("filepath", [""])[-1] if path in _STORAGE else unquote(path)
    upload = _UPLOAD.fullmatch(path)
    if upload is None:
        raise PhotoError(f"the photo is {_brief(text)}; expected /data/local-files/, /data/upload/ or data:image/")
    return Place(upload[1], _climbing(upload[2]))


def _climbing(path: str) -> str:
    """The path, unless it is none that stays where it is put."""
    if not path or not path.isprintable() or "\\" in path or any(part in ("", ".", "..") for part in path.split("/")):
        raise PhotoError(f"the photo's path is {_brief(path)}; expected one without . or .. or an empty part")
    return path


def _decoded(text: str) -> bytes:
    head, _, data = text.partition(",")
    if not head.startswith("data:image/") or not head.endswith(";base64"):
        raise PhotoError(f"the photo is {_brief(head)}; expected data:image/...;base64,...")
    try:
        return base64.b64decode("".join(data.split()), validate=True)
    except (binascii.Error, ValueError):
        raise PhotoError("the photo's data: is not Base64; it may be cut off") from None


def _brief(text: str) -> str:
    return show(text if len(text) <= 100 else f"{text[:97]}...")
