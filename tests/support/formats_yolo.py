"""What several tests of formats/yolo share."""

from __future__ import annotations

from pathlib import Path


def save(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode("utf-8"))
    return path
