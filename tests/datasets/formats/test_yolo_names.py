"""The names of a data.yaml, as tools write them."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import pytest
from formats_yolo import save
from hypothesis import given, settings
from hypothesis import strategies as st

from madeof.datasets.formats.yolo_names import names_of_lines, names_of_yaml, quoted
from madeof.errors import DatasetError, MissingExtraError


@pytest.mark.parametrize(
    "text",
    [
        "names: [Wood, 'it''s', \"5\\\" tile\", a b]",
        "names: ['Wood', \"it's\", '5\" tile', \"a b\",]  # four",
        "nc: 4\nnames:\n- Wood\n- it's\n- '5\" tile'\n- a b\n",
        'path: ../x # here\nnames:\n  0: Wood\n  1: it\'s\n  2: "5\\" tile"\n  3: a b # last\n\ntrain: images\n',
        "names: {0: Wood, 1: it's, 2: '5\" tile', 3: a b}",
        "names: [Wood,\n  it's,\n  '5\" tile',\n  a b]\nnc: 4",
        "names:\n  - Wood\n\n  - it's\n  - 5\" tile\n  - a b\nroboflow:\n  names: x\n",
    ],
)
def test_names_as_tools_write_them(tmp_path: Path, text: str) -> None:
    for ends in ("\n", "\r\n"):
        names = names_of_yaml(save(tmp_path / "data.yaml", text.replace("\n", ends))).names
        assert names == {0: "Wood", 1: "it's", 2: '5" tile', 3: "a b"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nc: 2", "it has no names; expected names: and a list or a map of classes"),
        ("names: Wood", "line 1: its names are 'Wood'; expected a list"),
        (
            "nc: 1\nnames: [Wood",
            "line 2 is no YAML (expected ',' or ']', but got '<stream end>'); expected names: and a",
        ),
        ("names: [a]\npath: a: b", "line 2 is no YAML (mapping values are not allowed here)"),
        ("names: [\x07]", "is no YAML (special characters are not allowed)"),
        ("[" * 5000, "is no YAML (it is nested too deeply)"),
        ("a: &a [x, x]\nb: &b [*a, *a]\nnames: [*b, *b]", "line 3: its names are"),
        ("", "it has no names"),
        ("- names", "it has no names"),
        ("names: [a, [b]]", "line 1: its names are"),
        ("names: {a: b}", "line 1: its names are"),
        ("names:", "line 1: its names are"),
        ("names:\n  - \n  - a", "line 1: its names are"),
    ],
)
def test_names_that_cannot_be_read(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(DatasetError) as raised:
        names_of_yaml(save(tmp_path / "data.yaml", text))
    assert "data.yaml" in str(raised.value)
    assert expected in str(raised.value)


def test_a_name_is_the_text_as_it_stands_there(tmp_path: Path) -> None:
    text = "names: [no, 1e3, 2020-01-01, null, 0x10, ~]\nkpt_shape: [4, 3]\n"
    found = names_of_yaml(save(tmp_path / "data.yaml", text))
    assert list(found.names.values()) == ["no", "1e3", "2020-01-01", "null", "0x10", "~"]
    assert found.has_key_points


def test_without_pyyaml_one_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(MissingExtraError, match=r"a data\.yaml needs packages .* pip install 'madeof\[yolo\]'"):
        names_of_yaml(save(tmp_path / "data.yaml", "names: [Wood]"))


def test_names_line_by_line(tmp_path: Path) -> None:
    assert names_of_lines(save(tmp_path / "classes.txt", "Wood\r\n\r\nGlas ü \r\n")).names == {0: "Wood", 2: "Glas ü"}
    with pytest.raises(DatasetError, match=r"classes\.txt is empty"):
        names_of_lines(save(tmp_path / "classes.txt", "\n"))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(min_size=1).filter(lambda text: text.isprintable() and text == text.strip()), min_size=1))
def test_names_that_we_write_are_read(names: list[str]) -> None:
    with tempfile.TemporaryDirectory() as place:
        text = "names:\n" + "".join(f"  {number}: {quoted(name)}\n" for number, name in enumerate(names))
        assert list(names_of_yaml(save(Path(place) / "data.yaml", text)).names.values()) == names
