"""What the tests of this room share."""

from __future__ import annotations

import pytest

from madeof.viz import labels


@pytest.fixture
def found(monkeypatch):
    """The arrangements that `draw` makes of its labels."""
    made = []
    arrange = labels.arrange

    def spy(*args):
        made.append(arrange(*args))
        return made[-1]

    monkeypatch.setattr(labels, "arrange", spy)
    return made
