"""Names in messages and in cells."""

from __future__ import annotations

from pathlib import Path

from madeof._util.text import cell, listed, show


def test_show_is_one_printable_line():
    for text in (
        "a.png",
        "two words.png",
        "日本.png",
        "two\nlines",
        "\x1b[31mred",
        "stray \udcff byte",
        "right \u202e left",
    ):
        assert show(text).isprintable()
        assert show(text).encode("utf-8")
    assert show("日本 ü.png") == "日本 ü.png"
    assert show("two\nlines") == show(Path("two\nlines")) == "two\\nlines"


def test_cells_are_never_formulas():
    for text in ("=1+1", "+1", "-1", "@SUM(A1)"):
        assert cell(text) == "'" + text
    assert cell("Wood = 1") == "Wood = 1"
    assert cell("\t=1") == "\\t=1"


def test_listed():
    assert listed([]) == ""
    assert listed([3, 17]) == "3, 17"
    assert listed(range(9), most=2) == "0, 1 and 7 more"
