"""A batch in a process of its own, killed with SIGKILL at a chosen moment; run by tests/batch/test_kills.py.

Arguments: how it ends, then the command line of `madeof`. It ends "after SECONDS" of work, imports not counted;
"saving N", in the N-th write of a file, between its bytes and its name; or "never".
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> int:
    kind, _, number = sys.argv[1].partition(" ")
    import madeof.batch
    from madeof.cli.main import main as madeof

    if kind == "saving":
        countdown, replace = iter(range(int(number), -1, -1)), Path.replace

        def dying_replace(self: Path, target: Any) -> Path:
            if next(countdown) == 0:
                die()
            return replace(self, target)

        Path.replace = dying_replace  # type: ignore[method-assign]
    if kind == "after":
        threading.Timer(float(number), die).start()
    started = time.monotonic()
    status = madeof(sys.argv[2:])
    print(f"worked {time.monotonic() - started:.2f} s", file=sys.stderr)
    return status


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # a timer may still be waiting
