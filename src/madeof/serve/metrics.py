"""Metrics of the service, for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """Counters of one application: several may live in a process."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self.requests = Counter(
            "madeof_requests", "Requests answered", ("route", "method", "status"), registry=registry
        )
        self.seconds = Histogram(
            "madeof_request_seconds",
            "From a request's head to its answer",
            ("route",),
            buckets=_SECONDS,
            registry=registry,
        )
        self.problems = Counter("madeof_problems", "Problem responses by kind", ("kind",), registry=registry)
        self.photos = Counter("madeof_photos", "Photos encoded", registry=registry)
        self.regions = Counter("madeof_regions", "Regions answered", registry=registry)
        self.together = Counter("madeof_together", "Requests answered along with another", registry=registry)
        self.dropped = Counter("madeof_dropped", "Requests dropped before the work: nobody waited", registry=registry)
        self.waiting = Gauge("madeof_waiting", "Requests that wait for a thread", registry=registry)
        self.inside = Gauge("madeof_inside", "Requests let in and not answered yet", registry=registry)
        self.images = Gauge("madeof_images", "Encoded photos that are kept", registry=registry)
        self.image_bytes = Gauge("madeof_image_bytes", "Memory of the encoded photos that are kept", registry=registry)

    def text(self) -> bytes:
        """All of them, in Prometheus' text format."""
        return generate_latest(self._registry)
