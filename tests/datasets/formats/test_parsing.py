"""JSON and XML that is broken is told with its place."""

from __future__ import annotations

from pathlib import Path

import pytest
from formats_registry import error

from madeof.datasets.formats.parsing import head, read_json, read_text, read_xml, top_keys


def test_top_keys(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    for text, keys in (
        (
            '\ufeff {"a": [1, {"b": 2}], "c": "x:y", "d" : {"e": 1}, "f": -1, "g":',
            {"a": "[", "c": '"', "d": "{", "f": "-"},
        ),
        ('[{"id": 1, "data": {"x": 2}}, {"z": 1}]', {"[]id": "1", "[]data": "{"}),
        ('{"a\\"b": 1}', {'a\\"b': "1"}),
        ('{"a": "', {}),
        ("[1, 2]", {}),
        ("", {}),
        ("nothing", {}),
    ):
        path.write_text(text, encoding="utf-8")
        assert top_keys(path) == keys
    assert head(tmp_path) == ""
    assert head(tmp_path / "nothing") == ""


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"a": 1,\r\n "b": }', r"a line 2 column 7: not valid JSON: Expecting value"),
        (b'{"a": [1, 2', "a line 1 column 12: not valid JSON: Expecting ',' delimiter; the file seems to be cut off"),
        (b'{"a": "x', "; the file seems to be cut off"),
        (b"", "a line 1 column 1: not valid JSON: Expecting value; the file seems to be cut off"),
        (b"[" * 100_000, "a: not usable JSON: "),
        (b"1" * 5000, "a: not usable JSON: "),
        (b'{"a": "\xff"}', "a: not UTF-8 at byte 7; save it as UTF-8"),
    ],
)
def test_broken_json(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(content)
    assert message in error(read_json, tmp_path / "a")


def test_broken_xml(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    laughs = '<!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;">]><a>&c;</a>'
    for content, message in (
        (b"<a><b></a>", "line 1 column 9: not valid XML: mismatched tag"),
        (b"<a>\n<b", "line 2 column 1: not valid XML: unclosed token"),
        (b"", "line 1 column 1: not valid XML: no element found"),
        (b"<a>&b;</a>", "not valid XML: undefined entity"),
        (b'<?xml version="1.0" encoding="klingon"?><a/>', ": not usable XML: unknown encoding: klingon"),
        (laughs.encode(), "has a document type (<!DOCTYPE>), which we do not read"),
        (f'<?xml version="1.0" encoding="UTF-16"?>{laughs}'.encode("utf-16"), "has a document type (<!DOCTYPE>)"),
    ):
        path.write_bytes(content)
        assert message in error(read_xml, path)
    path.write_bytes('\ufeff<?xml version="1.0"?>\r\n<a b="ü"/>\r\n'.encode())
    assert read_xml(path).get("b") == "ü"
    for read in (read_xml, read_json, read_text):
        assert error(read, tmp_path / "nothing").endswith("nothing cannot be read: No such file or directory")
