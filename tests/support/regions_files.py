"""What several tests of regions/files share."""

from __future__ import annotations

import pytest

from madeof.errors import RegionError

SIZE = (6, 8)


def refused(call, *args, **options) -> str:
    """The message of the one-line RegionError that a call gets."""
    with pytest.raises(RegionError) as caught:
        call(*args, **options)
    message = str(caught.value)
    assert message.isprintable()
    return message
