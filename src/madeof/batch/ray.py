"""A batch as a pipeline of Ray Data, on a cluster or on this machine: its actors write whole shards.

Each actor opens the source and loads the model once, takes the tasks of the shards that it is given, and writes them as
one machine would, whole or not at all; so what stands of a batch that was ended goes on on one machine, and the other
way round. The model runs in a process beside its actor (a pool of one), so that a photo that kills it is a row with its
error here too.

An actor that dies, alone or with its machine, is started again by Ray Data, as often as it takes, and its shard is done
again, to the same bytes.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
import logging
import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from madeof import errors
from madeof._util import files
from madeof._util.text import show
from madeof.batch.annotator import Kernel
from madeof.batch.circuit_breaker import Outage
from madeof.batch.pool import Pool
from madeof.batch.remote import is_url
from madeof.batch.shards import Shard, write_shard
from madeof.batch.sources.opening import Source, open_source
from madeof.batch.store import open_store
from madeof.batch.tasks import Answered, Task
from madeof.errors import BatchError, MadeofError, MissingExtraError

_CONNECTING = 10.0  # seconds
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",  # it would send them to its makers
    "RAY_BACKEND_LOG_LEVEL": "fatal",
}


@dataclasses.dataclass(frozen=True)
class Plan:
    """Everything that an actor needs to write any shard of a batch."""

    kernel: Kernel
    opening: Mapping[str, Any]
    """Arguments of `open_source`."""
    out: str
    """Place of the result."""
    per_shard: int
    """Photos in a shard."""
    total: int
    """Photos in all."""
    folder: str = dataclasses.field(default_factory=os.getcwd)
    """Base folder of relative paths."""


@dataclasses.dataclass(frozen=True)
class Written:
    """A shard that an actor has written."""

    number: int
    shard: Shard
    seconds: dict[str, float]
    """Seconds of work by kind; see `Answered.seconds`."""
    first_error: str
    """In it; "" for none."""


class ShardWriter:
    """State of an actor; Ray Data calls it with a shard's number."""

    def __init__(self, plan: Plan) -> None:
        with contextlib.suppress(OSError):  # there is none on that machine; then no path of it is either
            os.chdir(plan.folder)
        self._plan = plan
        self._pool = Pool(plan.kernel, 1)
        self._source: Source | None = None
        self._ahead: Iterator[tuple[int, Task]] = iter(())
        self._next = 0
        self._wanted = range(0)
        self._outage = Outage()
        self._seconds: dict[str, float] = {}
        self._first_error = ""

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Write the shard `batch["number"]`; give back what it is, or the error that stops the batch, as JSON."""
        number = int(batch["number"][0])
        self._seconds, self._first_error = {}, ""
        try:
            shard = self._write(number)
            told: dict[str, Any] = {
                "shard": dataclasses.asdict(shard),
                "seconds": self._seconds,
                "first_error": self._first_error,
            }
        except MadeofError as error:
            told = {"error": [type(error).__name__, str(error)]}
        return {"number": [number], "told": [json.dumps(told)]}

    def _write(self, number: int) -> Shard:
        plan = self._plan
        answers = (answered for _, answered in self._pool.map(self._tasks(number)))
        return write_shard(open_store(plan.out), number, self._watched(answers), plan.kernel.options.to)

    def _watched(self, answers: Iterator[Answered]) -> Iterator[Answered]:
        for answered in answers:
            for what, seconds in answered.seconds.items():
                self._seconds[what] = self._seconds.get(what, 0.0) + seconds
            if answered.errors and not self._first_error:
                self._first_error = next((row["error"] for row in answered.rows if row.get("error")), "")
            self._outage.check(answered)
            yield answered

    def _tasks(self, number: int) -> Iterator[tuple[int, Task]]:
        """The tasks of a shard. The source is walked on from the last one's, where that was before it."""
        plan = self._plan
        first = number * plan.per_shard
        self._wanted = range(first, min(first + plan.per_shard, plan.total))
        if self._source is None:
            self._source, _ = open_source(**plan.opening)
        if self._next == 0 or first < self._next:
            self._ahead = self._source.tasks(lambda task: task in self._wanted)
        for _ in self._wanted:
            at, task = next(self._ahead, (-1, None))
            if task is None:
                raise BatchError(f"{show(str(plan.opening['source']))} has fewer photos than at the beginning")
            self._next = at + 1
            yield at, task


class Session:
    """A Ray cluster for a `with` block: the one at an address, the one that this process uses, or a new one here.

    Args:
        address: of a running cluster, as `ray.init` takes it.

    Raises:
        MissingExtraError: Ray is not installed.
        BatchError: there is no cluster.
    """

    def __init__(self, address: str | None = None) -> None:
        self._ray = ray_of("batch on Ray")
        self._address = address
        self._ours = False

    def __enter__(self) -> Any:
        ray = self._ray
        if ray.is_initialized():
            return ray
        _check_there(self._address or "")
        new: dict[str, Any] = {} if self._address else {"include_dashboard": False}
        logging.getLogger("ray").setLevel(logging.ERROR)
        try:
            ray.init(
                self._address or "local",
                configure_logging=False,
                log_to_driver=False,
                logging_level=logging.ERROR,
                **new,
            )
        except (ConnectionError, ValueError, RuntimeError, OSError) as error:
            said = show(str(error) or type(error).__name__)[:300]
            raise BatchError(f"no Ray cluster at {self._address or 'this machine'}: {said}") from error
        self._ours = True
        return ray

    def __exit__(self, *_: object) -> None:
        if self._ours:
            self._ray.shutdown()


def _check_there(address: str) -> None:
    """Raise a BatchError where nothing listens at `host:port` or `ray://host:port`: Ray would try for many minutes."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not colon or not port.isdecimal():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECTING).close()
    except (OSError, OverflowError) as error:
        raise BatchError(
            f"nothing answers at {show(address)} ({error}); expected a Ray cluster: check its address, or leave it "
            "out for one on this machine"
        ) from error


def ray_of(what: str) -> Any:
    """The package `ray` with `ray.data`, which then says no more than it must.

    Raises:
        MissingExtraError: it is not installed, and `what` needs it.
    """
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise MissingExtraError(what, "ray") from error
    return ray


def shards_on_ray(
    plan: Plan, numbers: Sequence[int], *, workers: int | None = None, address: str | None = None
) -> Iterator[Written]:
    """Have shards written by the actors of a Ray cluster.

    Args:
        plan: what they write. The source and the result must be at the same place on all machines of the cluster.
        numbers: of the shards.
        workers: how many actors; None for one on each core of the cluster.
        address: of the cluster; None for a new one on this machine.

    Yields:
        the shards, each when it is finished, in any order.

    Raises:
        MadeofError: what stops a batch; the shards that are finished stay.
    """
    if not numbers:
        return
    with Session(address) as ray:
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        count = min(workers or int(ray.cluster_resources().get("CPU", 1)), len(numbers))
        rows = ray.data.from_items([{"number": number} for number in numbers], override_num_blocks=len(numbers))
        written = rows.map_batches(
            ShardWriter,
            fn_constructor_args=(plan,),
            batch_size=1,
            compute=actors(ray, count, count, waiting=1),  # a pool whose actors have one task each would never grow
            num_cpus=1,
        )
        try:
            for row in written.iter_rows():
                yield _written(int(row["number"]), json.loads(row["told"]))
        except ray.exceptions.RayError as error:
            raise BatchError(f"the Ray cluster failed: {_line(error)}; what is finished stays, go on later") from error
        finally:
            if not is_url(plan.out):
                files.remove_temporaries(Path(plan.out))  # of actors that died


def actors(ray: Any, least: int, most: int | None, *, waiting: int | None = None) -> Any:
    """Ray Data's pool of `least` to `most` actors, each with so many tasks `waiting` for it or done by it."""
    return ray.data.ActorPoolStrategy(min_size=least, max_size=most, max_tasks_in_flight_per_actor=waiting)


def _written(number: int, told: dict[str, Any]) -> Written:
    if "error" in told:
        name, text = told["error"]
        kind: type[MadeofError] = getattr(errors, name, BatchError)
        raise kind.__new__(kind, text)
    return Written(number, Shard(**told["shard"]), told["seconds"], told["first_error"])


def _line(error: Exception) -> str:
    """The last line of Ray's long story, which is the error itself."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return show(lines[-1])[:300] if lines else type(error).__name__


def count_tasks(source: Source) -> int:
    """How many tasks a source has; one that does not know is walked through."""
    if source.total is not None:
        return source.total
    counter = itertools.count()
    for _ in source.tasks(lambda number: next(counter) < 0):
        pass
    return next(counter)


def answers_of(pool: Pool, tasks: Sequence[Task]) -> list[Answered]:
    """The answers for some tasks, in their order."""
    return [answered for _, answered in pool.map(iter(enumerate(tasks)))]
