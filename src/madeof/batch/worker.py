"""A worker process: a kernel that answers the tasks that come in by standard input; started by `madeof.batch.pool`.

It reads ahead while it works: the bytes of a photo at an URL are there when it is that photo's turn.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pickle
import queue
import signal
import sys
import threading
from typing import BinaryIO

from madeof.batch.remote import is_url, read_bytes
from madeof.batch.tasks import Task
from madeof.errors import MadeofError


def serve() -> None:
    """Take a pickled kernel, then tasks, until the input ends; give "ready", then an `Answered` for each, in order."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all of a terminal: our parent ends us
    given: BinaryIO = os.fdopen(os.dup(0), "rb")
    answers: BinaryIO = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not get into the answers

    def say(message: object) -> None:
        pickle.dump(message, answers, protocol=pickle.HIGHEST_PROTOCOL)
        answers.flush()

    try:
        kernel = pickle.load(given)
        try:
            kernel.load()
        except MadeofError as error:
            say(str(error))
            return
        say(True)
        tasks: queue.Queue[Task] = queue.Queue()
        threading.Thread(target=_read_ahead, args=(given, tasks), daemon=True).start()
        while True:
            say(kernel.answered(tasks.get()))
    except (EOFError, BrokenPipeError):
        os._exit(0)


def _read_ahead(given: BinaryIO, tasks: queue.Queue[Task]) -> None:
    try:
        while True:
            task = pickle.load(given)
            if isinstance(task.photo, str) and is_url(task.photo):
                with contextlib.suppress(MadeofError):  # it is said when it is this photo's turn
                    task = dataclasses.replace(task, photo=read_bytes(task.photo))
            tasks.put(task)
    except (EOFError, OSError):
        os._exit(0)  # our parent is gone, or has enough: nobody waits for the photo at hand
    except BaseException:
        sys.excepthook(*sys.exc_info())
        os._exit(1)
