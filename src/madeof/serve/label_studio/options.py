"""The operator's settings for Label Studio."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from madeof._util.text import show
from madeof.errors import ConfigError


class Address(NamedTuple):
    """Address of a Label Studio."""

    scheme: str
    host: str
    port: int
    prefix: str
    """Path prefix: "", or such as "/label-studio"."""

    @property
    def origin(self) -> str:
        """Such as "http://localhost:8080"."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


@dataclass(frozen=True)
class LabelStudio:
    """Allowed sources of the tasks' photos. Without a folder or key, only the tasks themselves.

    Raises:
        ConfigError: a folder is none, or the address cannot be one.
    """

    photos: tuple[Path, ...] = ()
    """Folders in which the photos of /data/local-files/?d=PATH lie at PATH, and uploads at upload/PROJECT/NAME."""
    url: str | None = None
    """Address of Label Studio, the only place from which photos are fetched (with `key`)."""
    key: str | None = field(default=None, repr=False)
    """A token of a user of Label Studio who may see the photos."""

    def __post_init__(self) -> None:
        for folder in self.photos:
            if not folder.is_dir():
                raise ConfigError(f"there is no folder {show(folder)}; expected one with the photos of Label Studio")
        _ = self.address
        if self.key is not None and not (self.key.isascii() and self.key.isprintable() and self.key.strip()):
            raise ConfigError("the key of Label Studio is empty or has other than printable ASCII characters")

    @property
    def address(self) -> Address | None:
        """The parts of `url`."""
        return None if self.url is None else address_of(self.url)


def address_of(url: str) -> Address:
    """The parts of an address.

    Raises:
        ConfigError: it is none of http or https, or has more than a host, a port and a path.
    """
    problem = ConfigError(f"the address of Label Studio is {show(url)}; expected one such as http://localhost:8080")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise problem from None
    if parts.scheme not in ("http", "https") or not host or not url.isascii() or not url.isprintable() or " " in url:
        raise problem
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise problem
    return Address(parts.scheme, host, port or (443 if parts.scheme == "https" else 80), parts.path.rstrip("/"))
