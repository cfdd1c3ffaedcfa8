"""Arrays in a file, read without trust."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from madeof._util.npz import array_bytes, read_arrays
from madeof.errors import ModelError


@pytest.fixture
def archive() -> bytes:
    return array_bytes({"a": np.arange(6, dtype="<f4").reshape(2, 3)})


def test_arrays(archive: bytes) -> None:
    import io
    import zipfile

    wanted = {"a": ("<f4", 2)}
    np.testing.assert_array_equal(read_arrays(archive, Path("x.npz"), wanted)["a"], [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(np.load(io.BytesIO(archive), allow_pickle=False)["a"], [[0, 1, 2], [3, 4, 5]])
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.npy", b"0" * 1000)
    for data, message in [
        (b"", "not a file of arrays"),
        (archive[:-10], "not a file of arrays"),
        (packed.getvalue(), "the array a is compressed"),
        (array_bytes({"a": np.zeros((2, 3))}), "expected <f4 of 2"),
        (array_bytes({"a": np.full((2, 3), np.nan, np.float32)}), "not finite"),
        (array_bytes({"b": np.zeros(1)}), r"holds b\.npy; expected a"),
        (archive.replace(b"(2, 3)", b"(9, 9)"), "x.npz"),
        (archive.replace(b"(2, 3), }", b"(1<<40)}"), "x.npz"),
    ]:
        with pytest.raises(ModelError, match=message):
            read_arrays(data, Path("x.npz"), wanted)
