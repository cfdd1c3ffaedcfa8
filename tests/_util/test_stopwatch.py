"""Seconds by what they were spent on."""

from __future__ import annotations

import time

import pytest

from madeof._util.stopwatch import Stopwatch


def test_times_add_up_also_of_what_fails() -> None:
    watch = Stopwatch()
    with watch("sleep"):
        time.sleep(0.01)
    first = watch.seconds["sleep"]
    with pytest.raises(KeyError), watch("sleep"):
        raise KeyError
    with watch("other"):
        pass
    assert watch.seconds["sleep"] > first >= 0.01
    assert list(watch.seconds) == ["sleep", "other"]
