"""The ranges of a model's numbers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import madeof
from madeof.errors import ModelError
from madeof.model.ranges import read_ranges
from madeof.model.record import RANGES, Record


def test_no_ranges(tiny_model: Path) -> None:
    with pytest.raises(ModelError, match=r"has no ranges\.json, .* openvino-int8 needs: export .* with --ranges"):
        madeof.load(tiny_model, engine="openvino-int8")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "holds no ranges; expected an object"),
        ("{}", "holds no ranges"),
        ('{"a": [0, 0]}', r"the range of a is \[0, 0\]; expected \[low, high\] around 0"),
        ('{"a": [1, 2]}', r"the range of a is \[1, 2\]"),
        ('{"a": [-1, 1e400]}', r"the range of a is \[-1, inf\]"),
        ('{"a": [-1, NaN]}', r"the range of a is \[-1, nan\]"),
        ('{"a": [false, true]}', r"the range of a is \[False, True\]"),
        ('{"a": 3}', "the range of a is 3"),
        ('{"a": [-1, 1]}', r"encoder\.onnx is not a graph that OpenVINO can run \(its ranges are not of this graph\)"),
    ],
)
def test_wrong_ranges(copy: Path, text: str, message: str) -> None:
    (copy / RANGES).write_text(text)
    with pytest.raises(ModelError, match="ranges.json (has|is not the file)"):  # the hashes are looked at first
        madeof.load(copy, engine="openvino-int8")
    Record.read(copy).write(copy)
    with pytest.raises(ModelError, match=message) as caught:
        madeof.load(copy, engine="openvino-int8")
    assert len(str(caught.value)) < 600
    assert madeof.load(copy, engine="openvino").record.name == "tiny"  # which does not need them


def test_ranges_are_read_as_written(model: Path) -> None:
    ranges = read_ranges(model, Record.read(model))
    assert len(ranges) > 3
    assert "image" not in ranges
    assert {k: list(v) for k, v in ranges.items()} == json.loads((model / RANGES).read_text())
