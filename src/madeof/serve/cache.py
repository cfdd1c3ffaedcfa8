"""Cache of encoded photos, bounded in number, size and age, under unguessable names."""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from madeof.inference.predictor import Encoded
from madeof.serve.jobs import holding
from madeof.serve.metrics import Metrics
from madeof.serve.problems import ProblemError
from madeof.serve.select import Prepared
from madeof.serve.settings import MB, Settings


@dataclass
class _Kept:
    encoded: Encoded
    until: float
    nbytes: int
    """As counted last: what is encoded of its windows makes it grow."""
    prepared: Prepared | None = None
    """For clicks; made at the first one."""
    lock: threading.Lock = field(default_factory=threading.Lock)
    """Held while the selector is prepared."""


class Images:
    """The encoded photos. Threads may come at once.

    Args:
        settings: its limits.
        metrics: receives the size of the cache.
        clock: seconds from any moment on.
    """

    def __init__(self, settings: Settings, metrics: Metrics, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = settings.cache_images
        self._most_bytes = settings.cache_mb * MB
        self.seconds = settings.cache_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, _Kept] = OrderedDict()  # the longest unused first
        self.nbytes = 0
        metrics.images.set_function(lambda: len(self._kept))
        metrics.image_bytes.set_function(lambda: self.nbytes)

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, encoded: Encoded) -> str:
        """Keep a photo; the longest unused go where it needs room. Returns its id.

        Raises:
            ProblemError: it is larger than all that may be kept.
        """
        if encoded.nbytes > self._most_bytes:
            raise ProblemError(
                "too-large",
                f"the encoded photo takes {encoded.nbytes / MB:.1f} MB; expected {self._most_bytes / MB:g} at most: "
                "use POST /v1/predict, or raise --cache-mb",
            )
        name = secrets.token_urlsafe(16)
        with self._lock:
            self._purge()
            self._count()
            while self._kept and (len(self._kept) >= self._most or self.nbytes + encoded.nbytes > self._most_bytes):
                self._remove(next(iter(self._kept)))
            self._kept[name] = _Kept(encoded, self._clock() + self.seconds, encoded.nbytes)
            self.nbytes += encoded.nbytes
        return name

    def get(self, name: str) -> Encoded:
        """The photo; its time begins anew.

        Raises:
            ProblemError: there is none of this id.
        """
        return self._get(name).encoded

    def prepared(
        self, name: str, make: Callable[[Encoded], Prepared], check: Callable[[], None] = lambda: None
    ) -> Prepared:
        """Prepared selector of a photo: computed once, cached and counted with the photo.

        Args:
            name: the photo's id.
            make: makes it.
            check: raises where nobody waits any more, while another makes it.

        Raises:
            ProblemError: there is none of this id.
        """
        kept = self._get(name)
        with holding(kept.lock, check):
            if kept.prepared is not None:
                return kept.prepared
            made = make(kept.encoded)
            with self._lock:
                self._hold(name, kept, made)
        return made

    def _get(self, name: str) -> _Kept:
        with self._lock:
            self._purge()
            kept = self._kept.get(name)
            if kept is None:
                raise self._unknown()
            kept.until = self._clock() + self.seconds
            self._kept.move_to_end(name)
            self._count()
            while self.nbytes > self._most_bytes and len(self._kept) > 1:
                self._remove(next(iter(self._kept)))
            return kept

    def _hold(self, name: str, kept: _Kept, made: Prepared) -> None:
        """Keep what was made of a photo, unless that is gone by now or the two together are more than may be kept."""
        if self._kept.get(name) is not kept or kept.nbytes + made.nbytes > self._most_bytes:
            return
        kept.prepared = made
        kept.nbytes += made.nbytes
        self.nbytes += made.nbytes
        self._kept.move_to_end(name)
        while self.nbytes > self._most_bytes:
            self._remove(next(iter(self._kept)))

    def remove(self, name: str) -> None:
        """Forget a photo.

        Raises:
            ProblemError: there is none of this id.
        """
        with self._lock:
            self._purge()
            if name not in self._kept:
                raise self._unknown()
            self._remove(name)

    def purge(self) -> None:
        """Forget what is too old."""
        with self._lock:
            self._purge()

    def _purge(self) -> None:
        now = self._clock()
        while self._kept and (oldest := next(iter(self._kept.items())))[1].until <= now:
            self._remove(oldest[0])

    def _count(self) -> None:
        """Count anew what is kept."""
        for kept in self._kept.values():
            kept.nbytes = kept.encoded.nbytes + (kept.prepared.nbytes if kept.prepared else 0)
        self.nbytes = sum(kept.nbytes for kept in self._kept.values())

    def _remove(self, name: str) -> None:
        self.nbytes -= self._kept.pop(name).nbytes

    def _unknown(self) -> ProblemError:
        return ProblemError(
            "unknown-image",
            f"there is no image of this id; it may have been unused for {self.seconds:g} s, or others needed its room: "
            "send the photo again",
        )
