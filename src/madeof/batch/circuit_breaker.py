"""When a store does not answer for several photos one after another, it is down, and the photos are not bad."""

from __future__ import annotations

from madeof.batch.tasks import Answered
from madeof.errors import BatchError

_MOST = 10


class Outage:
    """Watches the answers of a batch."""

    def __init__(self) -> None:
        self._photos = 0

    def check(self, answered: Answered) -> None:
        """Raise a BatchError where this is the last of too many photos one after another that could not be reached."""
        self._photos = self._photos + 1 if answered.unreachable else 0
        if self._photos >= _MOST:
            raise BatchError(
                f"{self._photos} photos one after another could not be reached; the last: {answered.unreachable}; when "
                "they can be, run the same again: it goes on"
            )
