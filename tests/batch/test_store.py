"""Where shards go."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest
from batch_run import batch, contents

from madeof.batch import Options
from madeof.batch.store import Local, Summed
from madeof.errors import BatchError, WriteError


def test_two_at_once_are_refused(batch_photos: Path, tiny_model: Path, tmp_path: Path) -> None:
    with (
        Local(tmp_path / "out").lock(),
        pytest.raises(BatchError, match=r"out is being written by another batch; wait"),
    ):
        batch(batch_photos, tmp_path / "out", tiny_model)
    batch(batch_photos, tmp_path / "out", tiny_model)


@pytest.mark.parametrize("to", ["jsonl", "parquet"])
def test_a_full_disk_leaves_nothing_half_written(
    batch_photos: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, to: Any
) -> None:
    written = {"calls": 0}
    write = Summed.write

    def full(self: Summed, batch_photos: Any) -> int:
        written["calls"] += 1
        if written["calls"] > 12:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(self, batch_photos)

    monkeypatch.setattr(Summed, "write", full)
    with pytest.raises(
        WriteError, match=r"cannot write .*part-00000\d.*: No space left on device; nothing was changed"
    ):
        batch(batch_photos, tmp_path / "out", tiny_model, options=Options(to=to), per_shard=1)
    assert not list(tmp_path.rglob("*.tmp"))
    monkeypatch.undo()
    batch(batch_photos, tmp_path / "out", tiny_model, options=Options(to=to), per_shard=1)
    batch(batch_photos, tmp_path / "whole", tiny_model, options=Options(to=to), per_shard=1)
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")
