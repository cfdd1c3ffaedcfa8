"""What the tests of this room share."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "files"
    (found / "upload" / "3").mkdir(parents=True)
    (found / "a b").mkdir()
    (found / "a b" / "ü.png").write_bytes(b"local")
    (found / "upload" / "3" / "0f3a-x.png").write_bytes(b"uploaded")
    (tmp_path / "secret.png").write_bytes(b"secret")
    return found
