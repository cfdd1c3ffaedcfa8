"""`run_batch`: photos of any number in, shards of their answers out, killed and gone on with at any time.

The photos are numbered in the order of their source, and shard k holds those from k * n to (k + 1) * n - 1. So what is
to be done is known from the shards that are finished, and the result depends neither on when a batch was killed nor on
the number of workers.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TextIO

from madeof._util.text import join_some, pluralize, show
from madeof.batch import manifest
from madeof.batch.annotator import Kernel
from madeof.batch.circuit_breaker import Outage
from madeof.batch.pool import Pool, cores
from madeof.batch.progress import Progress
from madeof.batch.shards import PROGRESS, Shard, finished_shards, name_of, shards_from, write_shard
from madeof.batch.sources.opening import Source, open_source
from madeof.batch.store import LOCK, Store, open_store
from madeof.batch.tasks import FORMS, Answered, Options, Task
from madeof.errors import BatchError, InputError, WriteError
from madeof.export.tables import pyarrow_of
from madeof.model.hub import folder_of

if TYPE_CHECKING:
    from madeof.batch.ray import Plan

PER_SHARD = 1000
"""Photos in a shard."""

_logger = logging.getLogger("madeof")

Answering = Callable[[Iterator[tuple[int, Task]]], Iterator[tuple[int, Answered]]]
"""Answers numbered tasks in their order."""


class Engine(Protocol):
    """Context manager that runs a kernel on many tasks, such as `Pool`."""

    def __enter__(self) -> Engine: ...

    def __exit__(self, *error: Any) -> None: ...

    def map(self, tasks: Iterator[tuple[int, Task]]) -> Iterator[tuple[int, Answered]]:
        """The answers for numbered tasks, in their order."""
        ...


@dataclass(frozen=True)
class Batch:
    """Summary of a batch run."""

    photos: int
    regions: int
    """Those that have an answer."""
    errors: int
    """Photos and regions that have none."""
    shards: tuple[Shard, ...]
    kept: int
    """Photos that an earlier run had done."""
    wall_seconds: float
    """Seconds that this run took."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Seconds of this run by kind: decode, regions, encode and classify in the workers, and write."""


def run_batch(
    source: str | Path,
    out: str | Path,
    *,
    model: str | Path | None = None,
    options: Options | None = None,
    images: str | None = None,
    label_maps: str | None = None,
    format: str | None = None,
    columns: str | None = None,
    per_shard: int = PER_SHARD,
    workers: int | None = None,
    max_errors: int | None = None,
    overwrite: bool = False,
    engine: Callable[[Kernel], Engine] | None = None,
    on: Literal["processes", "ray"] = "processes",
    address: str | None = None,
    progress: TextIO | None = None,
) -> Batch:
    """Name the materials of all regions of all photos of a source, and write them to a folder, a shard at a time.

    Ended or killed at any time and called again with the same arguments, it goes on: finished shards are kept.

    Args:
        source: a folder, a glob, a table, WebDataset tars, an annotation file; see `madeof.batch.sources.open_source`.
        out: the folder of the result, local or at an URL. It is made.
        model: see `madeof.load`.
        options: what decides the answers besides.
        images: the folder of the photos of a table or of annotations, where they are not beside it.
        label_maps: for a folder of photos, the folder of their label maps.
        format: the name of the annotations' format.
        columns: see `madeof.batch.sources.open_source`.
        per_shard: photos in a shard.
        workers: processes, or actors of Ray; None takes one for each core, and 0 works in this process.
        max_errors: stop when there are more errors than that, counting those of earlier runs.
        overwrite: throw away what another batch left in `out`.
        engine: what runs the kernel in place of `workers`.
        on: processes of this machine, or a Ray cluster, whose machines have the source, `out` and the model at the same
            places.
        address: of the cluster; None for a new one on this machine.
        progress: where lines about the progress go.

    Raises:
        DatasetError: the source cannot be read.
        ModelError: there is no such model.
        BatchError: `out` holds another batch, or is being written by one; there are too many errors; a store cannot be
            reached; no photo has an answer. What is finished stays, and the same call goes on from there.
        WriteError: a file cannot be written.
        MissingExtraError: what reads the source or writes the result is not installed.
    """
    options = options or Options()
    _check(options, per_shard, workers, max_errors)
    source, out = os.fspath(source), os.fspath(out)
    opened, hint = open_source(source, images=images, label_maps=label_maps, format=format, columns=columns)
    if hint:
        _logger.warning(hint)
    where = {"images": images, "label_maps": label_maps, "format": format, "columns": columns}
    description = manifest.describe(opened, source, where, options, per_shard)
    description["model"] = manifest.describe_model(model, sets=options.coverage is not None)
    store = open_store(out)
    with store.lock():
        done, complete = _prepare(store, out, description, options, overwrite)
        run = _Run(store, opened, options, per_shard, max_errors, description)
        if complete:
            return run.finished(done, sum(shard.photos for shard in done.values()))
        if on == "ray":
            from madeof.batch.ray import Plan, count_tasks

            opening = {"source": source, **where}
            plan = Plan(Kernel(folder_of(model), options), opening, out, per_shard, count_tasks(opened))
            return run.go_on_ray(plan, workers, address, done, progress)
        return run.go(
            engine or (lambda kernel: Pool(kernel, cores() if workers is None else workers)),
            Kernel(folder_of(model), options),
            done,
            progress,
        )


def _check(options: Options, per_shard: int, workers: int | None, max_errors: int | None) -> None:
    if options.to not in FORMS:
        raise InputError(f"to is {str(options.to)[:80]!r}; expected one of {', '.join(FORMS)}")
    for name, value, least in (
        ("per_shard", per_shard, 1),
        ("top", options.top, 1),
        ("workers", workers, 0),
        ("max_errors", max_errors, 0),
    ):
        if value is not None and value < least:
            raise InputError(f"{name} is {value}; expected {least} or more")
    if options.to == "parquet":
        pyarrow_of("writing Parquet", "batch")


def _prepare(
    store: Store, out: str, description: dict[str, Any], options: Options, overwrite: bool
) -> tuple[dict[int, Shard], bool]:
    """The shards that are finished, and whether they are all; then the store has a manifest, and no other batch."""
    found = manifest.read(store, out)
    if found is not None and overwrite:
        _clear(store)
        manifest.write(store, description, done=False)
        return {}, False
    if found is None:
        if others := [name for name in store.names() if name != LOCK]:
            raise WriteError(
                f"{show(out)} is a folder with files in it ({join_some(map(show, others), most=3)}) and no manifest of "
                "a batch; give a new or an empty folder"
            )
        manifest.write(store, description, done=False)
        return {}, False
    manifest.check_same(found, description, out)
    if found["done"]:
        # Shards in the manifest whose files are gone are done again.
        listed_there = dict(enumerate(shards_from(found["shards"])))
        whole = {n: s for n, s in listed_there.items() if store.is_whole(s.name, s.bytes, s.sha256)}
        damaged = [shard.name for number, shard in listed_there.items() if number not in whole]
    else:
        whole, damaged = finished_shards(store, options.to)
    if damaged:
        _logger.warning(
            "%s: %s damaged or gone (%s); done again",
            show(out),
            pluralize(len(damaged), "shard"),
            join_some(damaged, most=3),
        )
    return whole, bool(found["done"]) and not damaged


def _clear(store: Store) -> None:
    """Remove a batch: its manifest last, so that this can be killed and begun again too."""
    for name in store.names(PROGRESS):
        store.remove(f"{PROGRESS}/{name}")
    store.remove(PROGRESS)
    for name in store.names():
        if name.startswith("part-") and name.endswith(tuple(f".{form}" for form in FORMS)):
            store.remove(name)
    store.remove(manifest.MANIFEST)


@dataclass
class _Run:
    """The work itself."""

    store: Store
    source: Source
    options: Options
    per_shard: int
    max_errors: int | None
    description: dict[str, Any]
    seconds: dict[str, float] = field(default_factory=dict)
    outage: Outage = field(default_factory=Outage)
    first_error: str = ""
    waited: float = 0.0
    """Seconds in which there was no answer to write."""

    def go(
        self, engine: Callable[[Kernel], Engine], kernel: Kernel, done: dict[int, Shard], stream: TextIO | None
    ) -> Batch:
        """Do the shards that are not `done`, and finish."""
        progress = self._begin(done, stream)
        kept = progress.kept
        tasks = self.source.tasks(lambda number: number // self.per_shard not in done)
        try:
            with engine(kernel) as running:
                answers = running.map(tasks)
                for number, group in groupby(answers, lambda each: each[0] // self.per_shard):
                    self.waited, started = 0.0, time.perf_counter()
                    done[number] = write_shard(self.store, number, self._watched(group, progress), self.options.to)
                    self._add_seconds({"write": time.perf_counter() - started - self.waited})
        finally:
            progress.end()
        return self.finished(done, kept, progress.seconds)

    def go_on_ray(
        self, plan: Plan, workers: int | None, address: str | None, done: dict[int, Shard], stream: TextIO | None
    ) -> Batch:
        """As `go`, by the actors of a Ray cluster, which write the shards themselves."""
        from madeof.batch.ray import shards_on_ray

        progress = self._begin(done, stream)
        kept = progress.kept
        missing = [number for number in range(-(-plan.total // self.per_shard)) if number not in done]
        try:
            for written in shards_on_ray(plan, missing, workers=workers, address=address):
                shard = done[written.number] = written.shard
                progress.add(shard.regions, shard.errors, photos=shard.photos)
                self._add_seconds(written.seconds)
                self.first_error = self.first_error or written.first_error
                self._check_errors(progress.errors)
        finally:
            progress.end()
        return self.finished(done, kept, progress.seconds)

    def _begin(self, done: dict[int, Shard], stream: TextIO | None) -> Progress:
        kept = sum(shard.photos for shard in done.values())
        if kept:
            _logger.info("going on: %s in %s are done", pluralize(kept, "photo"), pluralize(len(done), "shard"))
        progress = Progress(
            self.source.total,
            kept=kept,
            regions=sum(shard.regions for shard in done.values()),
            errors=sum(shard.errors for shard in done.values()),
            stream=stream,
        )
        self._check_errors(progress.errors)
        return progress

    def _watched(self, answers: Iterator[tuple[int, Answered]], progress: Progress) -> Iterator[Answered]:
        while True:
            started = time.perf_counter()
            _, answered = next(answers, (0, None))
            self.waited += time.perf_counter() - started
            if answered is None:
                return
            progress.add(answered.regions, answered.errors)
            self._add_seconds(answered.seconds)
            if answered.errors and not self.first_error:
                self.first_error = next((row["error"] for row in answered.rows if row.get("error")), "")
            self.outage.check(answered)
            self._check_errors(progress.errors)
            yield answered

    def _add_seconds(self, spent: dict[str, float]) -> None:
        for what, seconds in spent.items():
            self.seconds[what] = self.seconds.get(what, 0.0) + seconds

    def _check_errors(self, errors: int) -> None:
        if self.max_errors is not None and errors > self.max_errors:
            raise BatchError(
                f"stopped at {pluralize(errors, 'error')}, more than the {self.max_errors} allowed; what is finished "
                "is kept: run the same with a higher limit, and it goes on"
            )

    def finished(self, done: dict[int, Shard], kept: int, wall_seconds: float = 0.0) -> Batch:
        """Write the manifest of what is whole, and leave nothing else behind."""
        if sorted(done) != list(range(len(done))):
            raise BatchError("shards are missing in the middle: the source gave fewer photos than before; run it again")
        shards = tuple(done[number] for number in sorted(done))
        photos, regions, errors = (
            sum(getattr(shard, what) for shard in shards) for what in ("photos", "regions", "errors")
        )
        manifest.write(self.store, self.description, shards, done=True)
        for name in self.store.names(PROGRESS):
            self.store.remove(f"{PROGRESS}/{name}")
        self.store.remove(PROGRESS)
        batch = Batch(photos, regions, errors, shards, kept, wall_seconds, self.seconds)
        if photos and not regions:
            said = f": {show(self.first_error)}" if self.first_error else f"; see {name_of(0, self.options.to)}"
            raise BatchError(f"none of {pluralize(photos, 'photo')} has an answer{said}")
        return batch
