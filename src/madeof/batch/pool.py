"""Worker processes, one for each core, each with a kernel of its own on one thread.

Processes and not threads: what Python itself does for a photo (masks, rows) then runs side by side too, and a photo
that kills its process, by its memory or by a fault in a decoder, costs that photo alone.
"""

from __future__ import annotations

import contextlib
import math
import os
import pickle
import queue
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from madeof.batch.annotator import Kernel
from madeof.batch.tasks import Answered, Task
from madeof.errors import BatchError
from madeof.export.tables import table_rows
from madeof.inference.photo_result import Unanswered

_WINDOW = (
    4  # tasks that a worker has at once: the next ones are there when it has done one, even while we write a shard
)
_MOST_WAITING = 16  # tasks for each worker that were begun and not taken: where one is slow, the others go on
_MOST_BYTES = 256 << 20  # of the photos that these hold
_TRIES = 3  # of a task whose worker dies, each in a new process
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def cores() -> int:
    """How many processors this process may use: those it is bound to, and no more than its container is granted."""
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with contextlib.suppress(OSError, ValueError):
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        if quota != "max":
            bound = min(bound, math.ceil(int(quota) / int(period)))
    return max(1, bound)


@dataclass
class _Job:
    number: int
    task: Task
    tries: int = 0
    answered: Answered | None = None


@dataclass
class _Worker:
    process: subprocess.Popen[bytes]
    jobs: deque[_Job] = field(default_factory=deque)
    """Sent and not answered, in order."""
    ready: bool = False

    def send(self, value: object) -> None:
        """Send it the kernel or a task. That it is dead is found out by its answers."""
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):
            pickle.dump(value, self.process.stdin, protocol=pickle.HIGHEST_PROTOCOL)
            self.process.stdin.flush()


class Pool:
    """Workers that answer tasks, for a `with` block: they end with it.

    Args:
        kernel: what each of them runs.
        workers: how many; 0 answers in this process.
    """

    def __init__(self, kernel: Kernel, workers: int) -> None:
        self._kernel = kernel
        self._messages: queue.SimpleQueue[tuple[_Worker, Any]] = queue.SimpleQueue()
        self._workers: list[_Worker] = []
        self._count = workers

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.process.wait()
            self._close(worker)

    def map(self, tasks: Iterator[tuple[int, Task]]) -> Iterator[tuple[int, Answered]]:
        """The answers for numbered tasks, in their order. Few tasks are taken ahead of the answers that are asked for.

        Raises:
            BatchError: a worker cannot start.
        """
        if not self._count:
            yield from ((number, self._kernel.answered(task)) for number, task in tasks)
            return
        open_jobs: deque[_Job] = deque()  # begun and not given back, in order
        again: deque[_Job] = deque()  # those whose worker died
        more, held = True, 0
        while True:
            while more and len(open_jobs) < _MOST_WAITING * self._count and held <= _MOST_BYTES and self._room(again):
                following = next(tasks, None)
                if following is None:
                    more = False
                    break
                job = _Job(*following)
                held += job.task.nbytes
                open_jobs.append(job)
                again.append(job)
                self._hand_out(again)
            self._hand_out(again)
            if not open_jobs:
                return
            self._take(*self._messages.get(), again)
            while open_jobs and open_jobs[0].answered is not None:
                job = open_jobs.popleft()
                assert job.answered is not None
                held -= job.task.nbytes
                yield job.number, job.answered

    def _room(self, again: deque[_Job]) -> bool:
        """Whether a worker can take another task."""
        held = sum(len(worker.jobs) for worker in self._workers) + len(again)
        return held < _WINDOW * self._count

    def _hand_out(self, again: deque[_Job]) -> None:
        """Give tasks to the workers that have the fewest; start those that are missing."""
        while again:
            if len(self._workers) < self._count and all(worker.jobs for worker in self._workers):
                self._workers.append(self._start())
            worker = min(self._workers, key=lambda each: len(each.jobs))
            if len(worker.jobs) >= _WINDOW or (again[0].tries and worker.jobs):
                return  # what killed a worker goes to one that has nothing else
            job = again.popleft()
            worker.jobs.append(job)
            worker.send(job.task)

    def _take(self, worker: _Worker, message: object, again: deque[_Job]) -> None:
        """Take what a worker says; None says that it is dead."""
        if isinstance(message, Answered):
            worker.jobs.popleft().answered = message
        elif message is True:
            worker.ready = True
        elif isinstance(message, str):
            raise BatchError(f"a worker could not load the model: {message}")
        else:
            self._bury(worker, again)

    def _bury(self, worker: _Worker, again: deque[_Job]) -> None:
        """Have the tasks of a dead worker done by others; the one that it was at may be why it died."""
        self._workers.remove(worker)
        status = worker.process.wait()
        self._close(worker)
        if not worker.ready:
            raise BatchError(
                f"a worker process ended with status {status} before it was ready; see what it wrote above"
            )
        jobs, worker.jobs = worker.jobs, deque()
        if jobs:
            jobs[0].tries += 1
            if jobs[0].tries == _TRIES:
                job = jobs.popleft()
                job.answered = self._given_up(job.task, status)
        again.extendleft(reversed(jobs))

    def _given_up(self, task: Task, status: int) -> Answered:
        how = f"signal {-status}" if status < 0 else f"status {status}"
        why = "; perhaps it needs too much memory: give fewer workers" if status == -9 else ""
        error = f"its worker process died of it {_TRIES} times ({how}){why}"
        found = Unanswered(task.image, error).to_dict()
        return Answered([found] if self._kernel.options.to == "jsonl" else table_rows(found), 0, 1)

    def _start(self) -> _Worker:
        # Our own process and not multiprocessing's: that would run the caller's script anew in each worker.
        code = f"import sys; sys.path[:] = {sys.path!r}; from madeof.batch.worker import serve; serve()"
        process = subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **_ONE_THREAD},
        )
        worker = _Worker(process)
        worker.send(self._kernel)
        threading.Thread(target=self._listen, args=(worker,), daemon=True).start()
        return worker

    def _listen(self, worker: _Worker) -> None:
        """Pass on what a worker says until it is dead; a thread of its own for each."""
        assert worker.process.stdout is not None
        try:
            while True:
                self._messages.put((worker, pickle.load(worker.process.stdout)))
        except (EOFError, OSError, ValueError, pickle.UnpicklingError):  # cut off in the middle, or closed by us
            self._messages.put((worker, None))

    def _close(self, worker: _Worker) -> None:
        for pipe in (worker.process.stdin, worker.process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
