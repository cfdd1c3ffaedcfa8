"""Several processes that train together: started, watched and ended as one.

Where one of them fails or is killed, the others would wait for it for ever, so they are ended too.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any

from madeof.errors import MadeofError, TrainingError

_LOOKS = 1.0  # seconds between two looks at the processes
_GRACE = 5.0  # seconds that a process has to end
_Failure = tuple[type[MadeofError] | None, str]


def run_together(count: int, function: Callable[..., None], *arguments: Any) -> None:
    """Run `function(*arguments)` in `count` new processes that find each other, and wait until all of them are done.

    They find each other by the variables that PyTorch and Lightning Fabric read (RANK's kin: LOCAL_RANK, WORLD_SIZE,
    MASTER_ADDR, MASTER_PORT). They end with the process that started them, whatever ends it.

    Args:
        count: how many processes.
        function: of a module, so that a new process can import it.
        arguments: picklable.

    Raises:
        MadeofError: what one of the processes raised.
        TrainingError: one of them was killed.
        RuntimeError: one of them failed in a way that nobody foresaw; its traceback.
    """
    context = multiprocessing.get_context("spawn")
    port = _free_port()
    processes: list[SpawnProcess] = []
    reports: list[Connection] = []
    try:
        for rank in range(count):
            ours, theirs = context.Pipe(duplex=False)
            process = context.Process(target=_take_part, args=(rank, count, port, theirs, function, arguments))
            process.start()
            theirs.close()
            processes.append(process)
            reports.append(ours)
        while running := [process for process in processes if process.exitcode is None]:
            wait([process.sentinel for process in running], timeout=_LOOKS)
            if any(process.exitcode for process in processes):
                _raise_first(processes, reports)
    finally:
        _end(processes)


def _take_part(
    rank: int, count: int, port: int, report: Connection, function: Callable[..., None], arguments: Sequence[Any]
) -> None:
    """Entry point of a process."""
    # Ctrl-C reaches all of them: the one that started the others ends them.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    names = {"LOCAL_RANK": rank, "NODE_RANK": 0, "WORLD_SIZE": count, "MASTER_PORT": port}
    os.environ.update({name: str(value) for name, value in names.items()}, MASTER_ADDR="127.0.0.1")
    _speak(logging.INFO if rank == 0 else logging.CRITICAL)
    status = 1
    try:
        function(*arguments)
        status = 0
    except MadeofError as error:
        report.send((type(error), str(error)))
    except Exception:
        report.send((None, traceback.format_exc()))
    finally:
        sys.stderr.flush()
        # Nothing is taken apart: where DDP's own parts are what holds the process group last, that waits for a thread
        # that waits for Python's lock (PyTorch 2.13), for ever.
        os._exit(status)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)


def _speak(level: int) -> None:
    """Set up logging of a process: the first logs as the command line does, the others nothing."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(name)s: %(message)s"))
    logger = logging.getLogger("madeof")
    logger.addHandler(handler)
    logger.setLevel(level)
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # else each says that it has found the others
    logging.getLogger("lightning.fabric").setLevel(logging.WARNING)


def _raise_first(processes: Sequence[SpawnProcess], reports: Sequence[Connection]) -> None:
    """Raise what went wrong first; what others say who lost their partner is only what follows from it."""
    for process in processes:  # who lost its partner may be seen before the partner
        process.join(_LOOKS)
    failures: list[_Failure] = []
    for report in reports:
        with contextlib.suppress(EOFError):  # it said nothing
            if report.poll():
                failures.append(report.recv())
    for kind, text in failures:
        if kind is not None:
            raise kind.__new__(kind, text)
    for rank, process in enumerate(processes):
        code = process.exitcode or 0
        if code < 0:
            raise TrainingError(
                f"process {rank} of {len(processes)} was ended by {signal.Signals(-code).name} (not enough memory?), "
                "and the others with it; go on with --resume"
            )
    text = failures[0][1] if failures else f"exit statuses {[process.exitcode for process in processes]}"
    raise RuntimeError(f"a process of the training failed:\n{text}")


def _end(processes: Sequence[SpawnProcess]) -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        process.join(_GRACE)
        if process.exitcode is None:  # deep in a library that does not listen
            process.kill()
            process.join()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
