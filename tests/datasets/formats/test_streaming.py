"""A long JSON list, one entry at a time, is what json reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from formats_registry import error
from hypothesis import given, settings
from hypothesis import strategies as st

from madeof.datasets.formats import streaming
from madeof.datasets.formats.streaming import stream


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are read a few characters at a time."""
    monkeypatch.setattr(streaming, "_BLOCK", 3)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=80, deadline=None)
@given(
    value=st.dictionaries(st.text(max_size=3), values, max_size=4),
    indent=st.sampled_from([None, 1, "\t"]),
    ends=st.sampled_from(["\n", "\r\n"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig"]),
    ascii=st.booleans(),
    block=st.sampled_from([1, 2, 7, 100_000]),
)
def test_a_stream_is_what_json_reads(
    value: dict[str, Any], indent: Any, ends: str, encoding: str, ascii: bool, block: int, tmp_path_factory: Any
) -> None:
    path = tmp_path_factory.getbasetemp() / "stream.json"
    text = json.dumps(value, indent=indent, ensure_ascii=ascii)
    path.write_bytes(text.replace("\n", ends).encode(encoding, "surrogatepass"))
    found: dict[str, Any] = {key: [] for key, one in value.items() if isinstance(one, list)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streaming, "_BLOCK", block)
        for key, number, one in stream(path):
            if number < 0:
                found[key] = one
            else:
                assert number == len(found[key])
                found[key].append(one)
    assert found == value


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"a": [1, 2', "line 1 column 12: not valid JSON: the file ends too soon, as if it was cut off"),
        (
            '{"a": [\r\n{"b": 1},\r\n{"b": ',
            "line 3 column 7: not valid JSON: the file ends too soon, as if it was cut off",
        ),
        ('{"a": [{"b": "x', "not valid JSON: "),
        ('{"a": 1}\n\n x', "line 3 column 2: not valid JSON: expected the end of the file"),
        ('{"a": [\n1\n2]}', 'line 3 column 1: not valid JSON: expected ","'),
        ('{"a" 1}', 'line 1 column 6: not valid JSON: expected ":"'),
        ('{"a": 1 "b": 2}', 'line 1 column 9: not valid JSON: expected ","'),
        ("{1: 2}", "not valid JSON: expected a key in double quotes"),
        ('{"a": [\n{"b": }]}', "line 2 column 7: not valid JSON: Expecting value"),
        ("[1, 2]", "line 1 column 1: not valid JSON: expected a JSON object, which begins with {"),
        ("", "line 1 column 1: not valid JSON: the file ends too soon"),
        ('{"a": [' + "[" * 100_000, "not valid JSON: "),
        ('{"a": ' + "1" * 5000 + "}", "not valid JSON: Exceeds the limit"),
    ],
)
@pytest.mark.usefixtures("small_blocks")
def test_a_broken_stream(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(content.encode())
    assert message in error(lambda: list(stream(tmp_path / "a.json")))


def test_a_stream_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b'{"a": "\xff"}')
    assert "a.json: not UTF-8 (invalid start byte); save it as UTF-8" in error(
        lambda: list(stream(tmp_path / "a.json"))
    )
    assert "cannot be read: No such file" in error(lambda: list(stream(tmp_path / "b.json")))
