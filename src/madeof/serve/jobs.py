"""Bounded job queue and its worker threads. Jobs whose client has gone are dropped."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any

from starlette.requests import ClientDisconnect, Request

from madeof.serve.metrics import Metrics
from madeof.serve.problems import ProblemError
from madeof.serve.settings import MB, Settings

_logger = logging.getLogger("madeof")

_TOGETHER = 32  # requests about one photo that are answered together at most
_LOOK = 0.1  # seconds between two looks whether anybody still waits
_LONGEST_ADVICE = 60  # seconds of Retry-After


class Gate:
    """Counts who is let in, and the bytes of their bodies; more than the settings allow get a 503 at once.

    Whoever is in holds a place from the head of the request to the end of the answer, so that the queue behind needs no
    limit of its own. Only the event loop's thread comes here.
    """

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self._most = settings.queue
        self._most_bytes = settings.max_waiting_mb * MB
        self._metrics = metrics
        self.inside = 0
        self.bytes = 0
        self.seconds = 0.1  # moving estimate of a request's time
        self.workers = settings.worker_count

    def enter(self) -> Place:
        """A place.

        Raises:
            ProblemError: there is none.
        """
        if self.inside >= self._most:
            raise self.busy(f"{self.inside} requests are in work or wait already")
        return Place(self)

    def busy(self, why: str) -> ProblemError:
        """The refusal, with the time after which there should be a place."""
        wait = min(_LONGEST_ADVICE, max(1, math.ceil(self.seconds)))
        return ProblemError("busy", f"{why}; ask again after {wait} s", retry_after=wait)


class Place:
    """A place inside the gate, to be left exactly once or more often."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._bytes = 0
        self._since = time.monotonic()
        self._left = False
        gate.inside += 1

    def hold(self, count: int) -> None:
        """Have so many more bytes of a body in memory.

        Raises:
            ProblemError: all bodies together would be too much.
        """
        gate = self._gate
        if gate.bytes + count > gate._most_bytes:
            raise gate.busy(f"the bodies of {gate.inside} requests fill the memory for them")
        gate.bytes += count
        self._bytes += count

    def leave(self) -> None:
        """Make room for another."""
        if self._left:
            return
        self._left = True
        gate = self._gate
        gate.inside -= 1
        gate.bytes -= self._bytes
        gate.seconds += 0.1 * (time.monotonic() - self._since - gate.seconds)


class Job:
    """A piece of work that somebody waits for."""

    def __init__(
        self, payload: Any, do: Callable[[Sequence[Job]], Sequence[Any]], key: Hashable, seconds: float
    ) -> None:
        self.payload = payload
        self.do = do
        self.key = key
        self.gone = False
        """The client has gone."""
        self._seconds = seconds
        self._until = time.monotonic() + seconds
        self._loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Any] = self._loop.create_future()

    def check(self) -> None:
        """Raise if the client has gone or the time is over.

        Raises:
            ClientDisconnect: the client is gone.
            ProblemError: the time is over.
        """
        if self.gone:
            raise ClientDisconnect
        if time.monotonic() > self._until:
            raise late(self._seconds)

    def settle(self, outcome: Any) -> None:
        """Give the outcome, a value or an exception, to whoever waits; from any thread."""
        with contextlib.suppress(RuntimeError):  # the loop is closed: the service has ended
            self._loop.call_soon_threadsafe(self._settle, outcome)

    def _settle(self, outcome: Any) -> None:
        if self.future.done():
            return
        if isinstance(outcome, BaseException):
            self.future.set_exception(outcome)
            self.future.exception()  # retrieved, so that asyncio does not log it
        else:
            self.future.set_result(outcome)


class Work:
    """Threads that do jobs in the order of their coming."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self._seconds = settings.request_seconds
        self._count = settings.worker_count
        self._metrics = metrics
        self._waiting: deque[Job] = deque()
        self._condition = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._closed = False
        metrics.waiting.set_function(lambda: len(self._waiting))

    async def run(self, request: Request, function: Callable[[Job], Any]) -> Any:
        """The value of `function(job)`, done on a thread; it should call `job.check()` now and then.

        Raises:
            ClientDisconnect: the client went away meanwhile.
            ProblemError: the time is over, or what `function` raises.
        """
        return await self.run_together(request, None, lambda jobs: [function(jobs[0])])

    async def run_together(
        self, request: Request, payload: Any, do: Callable[[Sequence[Job]], Sequence[Any]], key: Hashable = None
    ) -> Any:
        """This job's part of what `do(jobs)` gives: a list with an outcome, value or exception, for each job.

        Args:
            request: whose client is watched.
            payload: what `do` finds in `job.payload`.
            do: called once for all the jobs with the same key that wait when a thread is free.
            key: None is never the same as another.
        """
        job = Job(payload, do, key, self._seconds)
        with self._condition:
            self._start()
            self._waiting.append(job)
            self._condition.notify()
        watcher = asyncio.ensure_future(_gone(request))
        try:
            await asyncio.wait((job.future, watcher), timeout=self._seconds, return_when=asyncio.FIRST_COMPLETED)
            if job.future.done():
                return job.future.result()
            if watcher.done():
                raise ClientDisconnect
            raise late(self._seconds)
        finally:
            job.gone = True
            watcher.cancel()

    def close(self) -> None:
        """Do what waits, and end the threads."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()

    def _start(self) -> None:
        if not self._threads:
            for number in range(self._count):
                thread = threading.Thread(target=self._loop, name=f"madeof work {number}", daemon=True)
                self._threads.append(thread)
                thread.start()

    def _loop(self) -> None:
        while jobs := self._next():
            outcomes: Sequence[Any]
            try:
                outcomes = jobs[0].do(jobs)
            except BaseException as error:  # whatever it is, somebody waits for it
                outcomes = [error] * len(jobs)
            for job, outcome in zip(jobs, outcomes, strict=True):
                job.settle(outcome)

    def _next(self) -> list[Job]:
        """The next job and those that can be done with it; none where the service ends."""
        with self._condition:
            while True:
                while self._waiting:
                    job = self._waiting.popleft()
                    if self._wanted(job):
                        return [job, *self._others(job.key)]
                if self._closed:
                    return []
                self._condition.wait()

    def _others(self, key: Hashable) -> list[Job]:
        if key is None:
            return []
        same = [job for job in self._waiting if job.key == key][: _TOGETHER - 1]
        for job in same:
            self._waiting.remove(job)
        wanted = [job for job in same if self._wanted(job)]
        self._metrics.together.inc(len(wanted))
        return wanted

    def _wanted(self, job: Job) -> bool:
        try:
            job.check()
        except (ClientDisconnect, ProblemError) as error:
            self._metrics.dropped.inc()
            job.settle(error)
            return False
        return True


def late(seconds: float) -> ProblemError:
    """The problem of a request that took too long."""
    return ProblemError(
        "timeout", f"it was not answered within {seconds:g} s; ask for less at once, or later", retry_after=5
    )


@contextlib.contextmanager
def holding(lock: threading.Lock, check: Callable[[], None]) -> Iterator[None]:
    """Wait for a lock and hold it; `check` raises where nobody waits any more."""
    while not lock.acquire(timeout=_LOOK):
        check()
    try:
        yield
    finally:
        lock.release()


async def _gone(request: Request) -> None:
    """Wait until the client disconnects. The body must have been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
