"""Encoded photos that the service keeps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from madeof.images.photo import Photo
from madeof.inference.predictor import Encoded
from madeof.serve.cache import Images
from madeof.serve.metrics import Metrics
from madeof.serve.problems import ProblemError
from madeof.serve.settings import Settings


def encoded(megabytes: float = 1.0) -> Encoded:
    pixels = np.zeros((1, 1, 3), dtype=np.uint8)
    return Encoded(Photo(pixels, "photo", (1, 1)), (np.zeros(int(megabytes * 250_000), dtype=np.float32),))


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def images(clock: Clock | None = None, **settings: Any) -> Images:
    return Images(Settings(**settings), Metrics(), clock or Clock())


def test_images_within_a_number() -> None:
    kept = images(cache_images=2)
    first, second = kept.add(encoded()), kept.add(encoded())
    kept.get(first)  # so that the second is the longest unused
    third = kept.add(encoded())
    assert len(kept) == 2
    assert kept.get(first)
    assert kept.get(third)
    with pytest.raises(ProblemError, match="there is no image of this id"):
        kept.get(second)


def test_images_within_a_size() -> None:
    kept = images(cache_mb=10)
    names = [kept.add(encoded(4)) for _ in range(3)]
    assert (len(kept), round(kept.nbytes / 1e6)) == (2, 8)
    kept.remove(names[1])
    kept.remove(names[2])
    assert (len(kept), kept.nbytes) == (0, 0)
    with pytest.raises(ProblemError, match=r"the encoded photo takes 11\.0 MB; expected 10 at most") as raised:
        kept.add(encoded(11))
    assert raised.value.kind == "too-large"


def test_images_within_an_age() -> None:
    clock = Clock()
    kept = images(clock, cache_seconds=10)
    used, unused = kept.add(encoded()), kept.add(encoded())
    clock.now = 9
    kept.get(used)
    clock.now = 11
    kept.purge()
    assert len(kept) == 1
    assert kept.get(used)
    with pytest.raises(ProblemError, match="unused for 10 s"):
        kept.get(unused)


def test_ids_are_not_guessed() -> None:
    kept = images()
    names = {kept.add(encoded(0.001)) for _ in range(100)}
    assert len(names) == 100
    assert all(len(name) >= 22 for name in names)
