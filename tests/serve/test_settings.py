"""The settings of the service."""

from __future__ import annotations

from typing import Any

import pytest

from madeof.errors import ConfigError
from madeof.serve.settings import Settings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("queue", 0),
        ("max_body_mb", float("nan")),
        ("cache_seconds", -1),
        ("workers", 257),
        ("max_points", 2),
        ("token", " "),
    ],
)
def test_settings_that_cannot_be(name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match="expected"):
        Settings(**{name: value})
