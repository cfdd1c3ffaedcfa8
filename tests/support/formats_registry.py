"""What several tests of formats/registry share."""

from __future__ import annotations

from typing import Any

import pytest

from madeof.errors import DatasetError


def error(call: Any, *args: Any) -> str:
    with pytest.raises(DatasetError) as caught:
        call(*args)
    assert "\n" not in str(caught.value)
    return str(caught.value)
