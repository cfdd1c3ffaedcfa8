"""Shared state of the routes: predictor, images, job queue and counters."""

from __future__ import annotations

from dataclasses import dataclass, field

from starlette.requests import Request

from madeof.inference.predictor import Encoded, Predictor
from madeof.serve.cache import Images
from madeof.serve.jobs import Gate, Work
from madeof.serve.metrics import Metrics
from madeof.serve.select import Selector, Superpixels
from madeof.serve.settings import Settings


@dataclass
class Service:
    """One application's parts."""

    predictor: Predictor
    settings: Settings
    selector: Selector = field(default_factory=Superpixels)
    """Selector of the region around a click."""
    metrics: Metrics = field(default_factory=Metrics)
    draining: bool = False
    """True during shutdown: accepted requests are answered, /readyz fails."""
    images: Images = field(init=False)
    work: Work = field(init=False)
    gate: Gate = field(init=False)

    def __post_init__(self) -> None:
        self.images = Images(self.settings, self.metrics)
        self.work = Work(self.settings, self.metrics)
        self.gate = Gate(self.settings, self.metrics)

    def image(self, name: str) -> Encoded:
        """The kept photo of this id.

        Raises:
            ProblemError: there is none.
        """
        return self.images.get(name)


def service_of(request: Request) -> Service:
    """The service that a request came to."""
    service: Service = request.app.state.service
    return service
