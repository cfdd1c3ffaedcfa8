"""The two graphs as they run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from madeof.errors import InputError, ModelError
from madeof.model.record import Record
from madeof.model.runtime import Sessions


@pytest.fixture(scope="module")
def sessions(tiny_model: Path) -> Sessions:
    return Sessions(tiny_model, Record.read(tiny_model), threads=1)


@pytest.mark.parametrize(("height", "width", "regions"), [(64, 96, 1), (96, 32, 5)])
def test_shapes(sessions: Sessions, height: int, width: int, regions: int) -> None:
    features = sessions.encode(np.zeros((1, 3, height, width), np.float32))
    assert all(f.dtype == np.float32 and f.shape[0] == 1 for f in features)
    logits = sessions.classify(features, np.ones((regions, 1, height // 4, width // 4), np.float32))
    assert logits.shape == (regions, 4)
    assert logits.dtype == np.float32


def test_wrong_inputs_name_file_and_shapes(sessions: Sessions, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ModelError, match=r"encoder\.onnx failed on inputs of shapes \[\(1, 4, 64, 96\)\] \(") as caught:
        sessions.encode(np.zeros((1, 4, 64, 96), np.float32))
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")  # ONNX Runtime logs nothing of its own


@pytest.mark.parametrize("threads", [-1, 1025, 10**30])
def test_threads(tiny_model: Path, threads: int) -> None:
    with pytest.raises(InputError, match=rf"threads is {threads}; expected 0 \(one for each core\) to 1024"):
        Sessions(tiny_model, Record.read(tiny_model), threads=threads)
