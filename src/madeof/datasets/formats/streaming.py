"""A JSON file too large to hold: its top object key by key, and long lists element by element."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from madeof._util.text import show
from madeof.errors import DatasetError

_BLOCK = 1 << 22  # characters that are read at once
_BLANK = re.compile(r"[ \t\n\r]*")


def stream(path: Path) -> Iterator[tuple[str, int, Any]]:
    """The values of a JSON file's top object in the order of the file.

    No more of it is in memory than a block and the element at hand. NaN and Infinity come as floats.

    Yields:
        (key, number from 0, element) for each element of a list, and (key, -1, value) for any other value.

    Raises:
        DatasetError: it cannot be read, is not UTF-8 or not JSON (line and column are named), or its top is no object.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from _Text(path, file).values()
    except UnicodeDecodeError as error:
        raise DatasetError(f"{show(path)}: not UTF-8 ({error.reason}); save it as UTF-8") from error
    except OSError as error:
        raise DatasetError(f"{show(path)} cannot be read: {error.strerror or error}") from error


class _Text:
    """A part of the file, from where we are."""

    def __init__(self, path: Path, file: TextIO) -> None:
        self._path, self._file = path, file
        self._decode = json.JSONDecoder().raw_decode
        self._text, self._at, self._done = "", 0, False
        self._line, self._column = 1, 1  # of the text's first character

    def values(self) -> Iterator[tuple[str, int, Any]]:
        """See `stream`."""
        if self._next() != "{":
            raise self._error("a JSON object, which begins with {")
        self._at += 1
        while self._next() != "}":
            key = self._value()
            if not isinstance(key, str):
                raise self._error('a key in double quotes, or "}"')
            self._take(":")
            if self._next() == "[":
                self._at += 1
                number = 0
                while self._next() != "]":
                    yield key, number, self._value()
                    number += 1
                    if self._next() != "]":
                        self._take(",")
                self._at += 1
            else:
                yield key, -1, self._value()
            if self._next() != "}":
                self._take(",")
        self._at += 1
        if self._next():
            raise self._error("the end of the file")

    def _next(self) -> str:
        """The next character that is no blank; "" at the end."""
        while True:
            blank = _BLANK.match(self._text, self._at)
            self._at = blank.end() if blank else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def _take(self, character: str) -> None:
        if self._next() != character:
            raise self._error(f'"{character}"')
        self._at += 1

    def _value(self) -> Any:
        """The value that begins at the next character."""
        self._next()
        while True:
            try:
                value, end = self._decode(self._text, self._at)
            except json.JSONDecodeError as error:
                # It may only be cut by the end of what is read.
                if not self._more():
                    self._at = error.pos
                    raise self._error("", error.msg) from error
                continue
            except (RecursionError, ValueError) as error:  # nested too deep; a number of thousands of digits
                raise self._error("", str(error)) from error
            if end + 2 >= len(self._text) and self._more():  # a number may go on: "1" as "1.5", as "1e-5"
                continue
            self._at = end
            return value

    def _more(self) -> bool:
        """Read on, and drop what is behind us; False at the end of the file."""
        # The more is waiting the more is read, so that a long value is not decoded again and again.
        block = "" if self._done else self._file.read(max(_BLOCK, len(self._text) - self._at))
        if not block:
            self._done = True
            return False
        self._line, self._column = self._place()
        self._text, self._at = self._text[self._at :] + block, 0
        return True

    def _place(self) -> tuple[int, int]:
        """The line and column where we are."""
        lines = self._text.count("\n", 0, self._at)
        if not lines:
            return self._line, self._column + self._at
        return self._line + lines, self._at - self._text.rfind("\n", 0, self._at)

    def _error(self, expected: str, reason: str = "") -> DatasetError:
        line, column = self._place()
        if self._done and (self._at >= len(self._text.rstrip()) or reason.startswith("Unterminated")):
            reason = "the file ends too soon, as if it was cut off"
        elif expected:
            reason = f"expected {expected}"
        return DatasetError(f"{show(self._path)} line {line} column {column}: not valid JSON: {reason}")
