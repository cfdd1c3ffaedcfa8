"""How names that users and files give are shown in messages."""

from __future__ import annotations

import json
import os
import reprlib
from collections.abc import Iterable


def show(name: str | os.PathLike[str]) -> str:
    r"""A name that prints on one line anywhere: control characters, line ends and stray bytes are escaped.

    >>> show("two\nlines.png")
    'two\\nlines.png'
    """
    text = os.fspath(name) if isinstance(name, os.PathLike) else str(name)
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def brief(value: object) -> str:
    """A value as a message shows it: on one line, and short.

    >>> brief({"a": [1, 2, 3]})
    "{'a': [1, 2, 3]}"
    """
    return show(reprlib.repr(value))


def join_some(values: Iterable[object], *, most: int = 6) -> str:
    """The first of `values` with commas between them, and how many more there are: "3, 17, 43 and 5 more"."""
    every = [str(value) for value in values]
    rest = len(every) - most
    return ", ".join(every[:most]) + (f" and {rest} more" if rest > 0 else "")


def pluralize(number: int, noun: str) -> str:
    """How many there are of something.

    >>> pluralize(1, "photo"), pluralize(12, "photo")
    ('1 photo', '12 photos')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def csv_safe(text: str) -> str:
    """A text for a cell of a CSV file: on one line, and never a formula when a spreadsheet opens it.

    >>> csv_safe("=1+1")
    "'=1+1"
    """
    text = show(text)
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def utf8(text: str) -> str:
    r"""`text` without what no encoding holds: a file name's stray byte 0xFF becomes the characters \udcff."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def percent(score: float) -> str:
    """A score for a label: no answer is 100% sure."""
    return ">99%" if score > 0.995 else f"{score:.0%}"


def brief_json(value: object) -> str:
    """A value of JSON, of any kind and size, for a message."""
    try:
        text = json.dumps(value)
    except (RecursionError, ValueError):
        text = f"a very large {type(value).__name__}"
    return text if len(text) <= 80 else text[:77] + "..."
