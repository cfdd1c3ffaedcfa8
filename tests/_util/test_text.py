"""Names in messages and in cells."""

from __future__ import annotations

from pathlib import Path

import pytest

from madeof._util.text import csv_safe, join_some, percent, pluralize, show, utf8


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
        assert csv_safe(text) == "'" + text
    assert csv_safe("Wood = 1") == "Wood = 1"
    assert csv_safe("\t=1") == "\\t=1"


def test_listed():
    assert join_some([]) == ""
    assert join_some([3, 17]) == "3, 17"
    assert join_some(range(9), most=2) == "0, 1 and 7 more"


@pytest.mark.parametrize(
    ("score", "label"),
    [(0.0, "0%"), (0.004, "0%"), (0.5, "50%"), (0.991, "99%"), (0.9949, "99%"), (0.9951, ">99%"), (1.0, ">99%")],
)
def test_no_label_says_100_percent_and_only_what_would_is_above_99(score: float, label: str) -> None:
    assert percent(score) == label


def test_what_no_encoding_holds_is_written_out() -> None:
    assert utf8("a\udcff.jpg") == "a\\udcff.jpg"
    assert utf8("straße.jpg") == "straße.jpg"


def test_counted() -> None:
    assert [pluralize(n, "region") for n in (0, 1, 2, 12_345)] == [
        "0 regions",
        "1 region",
        "2 regions",
        "12,345 regions",
    ]
