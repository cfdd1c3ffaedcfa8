"""Photos and shards at URLs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import fsspec
from batch_run import LINES, batch, contents

from madeof.batch import run_batch


def test_remote_in_and_out(batch_photos: Path, tiny_model: Path, tmp_path: Path) -> None:
    system = fsspec.filesystem("memory")
    for path in batch_photos.glob("*/*.png"):
        system.pipe_file(f"/bucket/{path.parent.name}/{path.name}", path.read_bytes())
    how: dict[str, Any] = {"model": tiny_model, "options": LINES, "workers": 0, "per_shard": 4}
    done = run_batch("memory://bucket/images", "memory://bucket/out", label_maps="memory://bucket/labels", **how)
    assert (done.photos, done.errors, done.regions) == (10, 1, 27)
    batch(batch_photos, tmp_path / "out", tiny_model)
    first, local = (
        [json.loads(line)["regions"] for line in text.splitlines() if b"regions" in line]
        for text in (system.cat_file("/bucket/out/part-000000.jsonl"), contents(tmp_path / "out")["part-000000.jsonl"])
    )
    assert first == local
    system.rm_file("/bucket/out/part-000001.jsonl")
    assert (
        run_batch("memory://bucket/images", "memory://bucket/out", label_maps="memory://bucket/labels", **how).kept == 6
    )
    assert not system.exists("/bucket/out/_progress")
