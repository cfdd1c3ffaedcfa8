"""How far a batch is, on standard error: one line that is written over on a terminal, else a line now and then."""

from __future__ import annotations

import time
from collections import deque
from typing import TextIO

from madeof._util.text import pluralize

_ON_TERMINAL, _IN_LOG = 0.5, 30.0  # seconds between lines
_SPAN = 60.0  # seconds of which the rate is that of


class Progress:
    """Progress of a batch.

    Args:
        total: photos in all; None where that is not known.
        kept: of those, photos that an earlier run has done.
        regions: regions of these.
        errors: errors of these.
        stream: where lines go; None for none.
    """

    def __init__(
        self, total: int | None, *, kept: int = 0, regions: int = 0, errors: int = 0, stream: TextIO | None = None
    ) -> None:
        self.total, self.kept = total, kept
        self.photos, self.regions, self.errors = kept, regions, errors
        self._stream = stream
        self._terminal = stream is not None and stream.isatty()
        self.started = self._said = time.monotonic()
        self._marks: deque[tuple[float, int]] = deque([(self.started, kept)])
        self._width = 0

    def add(self, regions: int, errors: int, *, photos: int = 1) -> None:
        """A photo is done, or several."""
        self.photos += photos
        self.regions += regions
        self.errors += errors
        now = time.monotonic()
        if now - self._said >= (_ON_TERMINAL if self._terminal else _IN_LOG):
            self._said = now
            self._marks.append((now, self.photos))
            while len(self._marks) > 2 and now - self._marks[1][0] > _SPAN:
                self._marks.popleft()
            self._say(self.line(now), over=True)

    def end(self) -> None:
        """The last line."""
        if self.photos > self.kept:
            self._marks = deque([(self.started, self.kept)])
            self._say(self.line(time.monotonic()), over=False)

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self.started

    def line(self, now: float) -> str:
        """Photos, regions, errors, photos a second and the time left."""
        since, photos = self._marks[0]
        rate = (self.photos - photos) / max(now - since, 1e-9)
        done = pluralize(self.photos, "photo")
        if self.total:
            done = f"{self.photos:,} of {pluralize(self.total, 'photo')} ({self.photos / self.total:.1%})"
        parts = [done, pluralize(self.regions, "region"), pluralize(self.errors, "error"), f"{rate:.3g} photos/s"]
        if self.total and rate > 0 and self.photos < self.total:
            parts.append(f"{duration((self.total - self.photos) / rate)} left")
        return ", ".join(parts)

    def _say(self, line: str, *, over: bool) -> None:
        if self._stream is None:
            return
        if self._terminal:
            text = f"madeof: {line}"
            self._stream.write(f"\r{text:<{self._width}}" + ("" if over else "\n"))
            self._width = len(text)
        else:
            self._stream.write(f"madeof: {line}\n")
        self._stream.flush()


def duration(seconds: float) -> str:
    """A time for people.

    >>> duration(42), duration(150), duration(4000), duration(200_000)
    ('42 s', '2 min 30 s', '1 h 6 min', '2 d 7 h')
    """
    whole = round(seconds)
    for unit, name, below, small in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= unit:
            rest = whole % unit // below
            return f"{whole // unit} {name}" + (f" {rest} {small}" if rest else "")
    return f"{whole} s"
