"""Progress."""

from __future__ import annotations

import io
from typing import IO

import pytest

from madeof.batch.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("stream", [Terminal(), io.StringIO()], ids=["terminal", "log"])
def test_progress(stream: IO[str], monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("madeof.batch.progress.time.monotonic", lambda: now[0])
    progress = Progress(5000, kept=1000, regions=5000, errors=1, stream=stream)  # type: ignore[arg-type]
    for _ in range(1000):
        now[0] += 0.125
        progress.add(5, 0)
    progress.end()
    lines = stream.getvalue().replace("\r", "\n").splitlines()  # type: ignore[attr-defined]
    assert len([line for line in lines if line]) == (251 if stream.isatty() else 5)
    assert "madeof: 1,240 of 5,000 photos (24.8%), 6,200 regions, 1 error, 8 photos/s, 7 min 50 s left" in "\n".join(
        lines
    )
    assert lines[-1].startswith("madeof: 2,000 of 5,000 photos (40.0%), 10,000 regions, 1 error, 8 photos/s")
