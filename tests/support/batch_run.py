"""What several tests of batch/run share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from madeof.batch import Batch, Options, run_batch

LINES = Options(to="jsonl")


def batch(data: Path, out: Path, model: Path, **how: Any) -> Batch:
    how = {"options": LINES, "per_shard": 4, "workers": 0, "label_maps": str(data / "labels"), **how}
    return run_batch(data / "images", out, model=model, **how)


def contents(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(out.glob("part-*"))}


def manifest(out: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads((out / "_manifest.json").read_bytes())
    return value
