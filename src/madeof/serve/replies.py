"""Answers as JSON."""

from __future__ import annotations

import json
from typing import Any


def json_bytes(value: Any) -> bytes:
    """`value` as JSON in UTF-8. NaN and infinity are refused: they are not JSON."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8")
