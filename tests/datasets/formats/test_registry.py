"""The registry of formats, and what all of them use: photos are found, files are parsed with errors that say where."""

from __future__ import annotations

from pathlib import Path

import pytest
from formats_registry import error

from madeof.cli import arguments
from madeof.datasets.formats import FORMATS, format_named, recognise


def test_every_format_is_a_module_that_does_what_the_registry_says() -> None:
    assert tuple(FORMATS) == arguments.FORMATS  # --help knows them without loading them
    for one in FORMATS.values():
        assert callable(one.reader.matches)
        assert callable(one.reader.read)
        assert one.writes == hasattr(one.reader, "write")
        if one.writes:
            assert one.writer is one.reader
        else:
            refusal = f"{one.title} is a format that we read and do not write; we write coco, "
            assert refusal in error(getattr, one, "writer")
    assert format_named(" Label-Studio ").name == "label_studio"
    assert error(format_named, "coconut").startswith(
        "there is no format 'coconut'; the formats are coco, label_studio, "
    )


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"\xff\xfe\x00", b"<a/>", b"a,b\n1,2\n", b"1 2 3\n"])
@pytest.mark.parametrize("name", ["a.json", "a.xml", "a.txt", "a.csv", "a"])
def test_what_is_none_of_them_is_not_recognised(content: bytes, name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    assert recognise(tmp_path / name) is None


def test_folders_and_nothing_are_not_recognised(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "empty", tmp_path / "nothing", tmp_path / "a\0b"):
        assert recognise(path) is None
