"""Settings of the service, shared by the library, the command line and `GET /v1/model`."""

from __future__ import annotations

import dataclasses
import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from madeof.errors import ConfigError
from madeof.serve.label_studio.options import LabelStudio

if TYPE_CHECKING:
    from madeof.regions.options import ReadOptions

MB = 1_000_000
_ORIGIN = re.compile(r"https?://[a-z0-9.\-\[\]:]+")  # as browsers write it: in lower case, without a path


def _limit(default: float, least: float, most: float, text: str) -> Any:
    return field(default=default, metadata={"least": least, "most": most, "help": text})


@dataclass(frozen=True)
class Settings:
    """Limits of the service, each with its help in its field's metadata.

    Raises:
        ConfigError: a limit is out of its range, or the token is empty.
    """

    workers: int = _limit(0, 0, 256, "requests running at once, each on --threads threads; 0 is one per core")
    queue: int = _limit(32, 1, 100_000, "requests queued or running; more get 503")
    max_body_mb: float = _limit(64, 0.001, 4096, "largest request body, in megabytes")
    max_json_mb: float = _limit(4, 0.001, 1024, "largest JSON of a request, in megabytes")
    max_waiting_mb: float = _limit(512, 0.001, 65536, "memory for request bodies, in megabytes; more get 503")
    max_megapixels: float = _limit(100, 1e-6, 10_000, "largest photo or mask, in megapixels")
    max_regions: int = _limit(1000, 1, 1_000_000, "most regions per request")
    max_region_megapixels: float = _limit(
        2000, 0.001, 1_000_000, "most pixels of all regions of a request, in megapixels"
    )
    max_points: int = _limit(10_000, 3, 1_000_000, "most points of a polygon")
    header_seconds: float = _limit(10, 0.01, 3600, "timeout for a request's headers, in seconds")
    body_seconds: float = _limit(60, 0.01, 86_400, "timeout for a request's body, in seconds")
    request_seconds: float = _limit(30, 0.01, 86_400, "timeout for processing a request, in seconds")
    answer_seconds: float = _limit(60, 0.01, 86_400, "timeout for sending the response, in seconds")
    drain_seconds: int = _limit(30, 1, 86_400, "seconds to finish accepted requests after SIGTERM")
    cache_mb: float = _limit(256, 0.001, 1_000_000, "cache of encoded photos, in megabytes")
    cache_images: int = _limit(100, 1, 1_000_000, "most encoded photos in the cache")
    cache_seconds: float = _limit(600, 0.01, 86_400_000, "seconds until an unused photo leaves the cache")

    token: str | None = field(default=None, repr=False)
    """Token required in `Authorization: Bearer`; None for no authorisation."""
    hosts: frozenset[str] = frozenset({"localhost", "127.0.0.1", "::1"})
    """The names that the Host header may have, lower case, without port."""
    any_address: bool = False
    """Whether the Host header may be any IP address. DNS rebinding needs a name, so that this is no hole."""
    origins: frozenset[str] = frozenset()
    """Web sites, such as "https://shop.example", whose pages may ask (CORS)."""
    label_studio: LabelStudio | None = None
    """Settings for Label Studio; None if it may not ask."""

    def __post_init__(self) -> None:
        for limit in limits():
            value, least, most = getattr(self, limit.name), limit.metadata["least"], limit.metadata["most"]
            if not least <= value <= most:  # so written, it is true for NaN
                raise ConfigError(f"{limit.name} is {value:g}; expected {least:g} to {most:g}")
        for origin in self.origins:
            if not _ORIGIN.fullmatch(origin):
                raise ConfigError(f"the origin is {origin[:200]!r}; expected one such as https://shop.example, no path")
        if self.token is not None and not (self.token.isascii() and self.token.isprintable() and self.token.strip()):
            raise ConfigError("the token is empty or has other than printable ASCII characters; expected a long secret")

    @property
    def most_pixels(self) -> float:
        """Most pixel cost of all regions of a request; see `regions.cost`."""
        return self.max_region_megapixels * MB

    @property
    def reading(self) -> ReadOptions:
        """How photos and masks are read."""
        from madeof.regions.options import ReadOptions  # only here: `--help` loads no NumPy

        return ReadOptions(self.max_megapixels)

    @property
    def worker_count(self) -> int:
        """Number of worker threads."""
        if self.workers:
            return self.workers
        affinity = getattr(os, "sched_getaffinity", None)
        return len(affinity(0)) if affinity else os.cpu_count() or 1

    def public(self) -> dict[str, float]:
        """Limits for clients; see `schemas.Limits`."""
        return {
            "body_bytes": int(self.max_body_mb * MB),
            "json_bytes": int(self.max_json_mb * MB),
            "megapixels": self.max_megapixels,
            "regions": self.max_regions,
            "region_megapixels": self.max_region_megapixels,
            "points": self.max_points,
            "seconds": self.request_seconds,
            "image_seconds": self.cache_seconds,
        }


def limits() -> list[dataclasses.Field[Any]]:
    """The fields of `Settings` that are limits: those that the command line sets too."""
    return [each for each in dataclasses.fields(Settings) if "help" in each.metadata]
