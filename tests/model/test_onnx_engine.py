"""Engines by name."""

from __future__ import annotations

from pathlib import Path

import pytest

import madeof
from madeof.errors import InputError
from madeof.model.onnx_engine import ENGINES, check_engine


@pytest.mark.parametrize("engine", ["", "OpenVINO", "tensorrt", "x" * 1000])
def test_unknown_engine(model: Path, engine: str) -> None:
    with pytest.raises(
        InputError, match="; expected one of onnxruntime, openvino, openvino-bf16, openvino-int8$"
    ) as caught:
        madeof.load(model, engine=engine)
    assert str(caught.value).startswith("engine is '")
    assert len(str(caught.value)) < 200


def test_known_engines() -> None:
    assert [check_engine(name) for name in ENGINES] == list(ENGINES)
