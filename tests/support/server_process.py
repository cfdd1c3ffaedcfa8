"""A service in a process of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest


class Process:
    """`madeof serve` itself."""

    def __init__(self, model: Path, *options: str, **variables: str) -> None:
        line = [sys.executable, "-W", "error", "-m", "madeof", "serve", "--port", "0", "--model", str(model), *options]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src"), **variables}
        # A shell starts what runs in the background with Ctrl-C ignored, and that is inherited.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            self.process = subprocess.Popen(line, stderr=subprocess.PIPE, text=True, env=environment)
        finally:
            signal.signal(signal.SIGINT, before)
        assert self.process.stderr is not None
        self.first = self.process.stderr.readline()
        found = re.search(r"http://([^:]+):(\d+)/", self.first)
        if not found:
            pytest.fail(self.first + self.process.communicate()[1])
        self.address = found[1], int(found[2])

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def end(self, number: int) -> tuple[int, str]:
        """Exit status and the rest of standard error."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> tuple[int, str]:
        _, rest = self.process.communicate(timeout=30)
        return self.process.returncode, rest
