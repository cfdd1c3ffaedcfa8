"""Files of JSON, XML and text: a quick look at their beginning, and all of them, with errors that say where."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, NoReturn
from xml.etree import ElementTree

from madeof._util.text import show
from madeof.errors import DatasetError

_HEAD = 1 << 16  # bytes that tell a file's format
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s{}\[\]:,"]+')


def head(path: Path) -> str:
    """The beginning of a text file in UTF-8, without a byte order mark; "" of what is no file or cannot be read."""
    try:
        if not path.is_file():
            return ""
        with path.open("rb") as file:
            return file.read(_HEAD).decode("utf-8-sig", errors="replace")
    except (OSError, ValueError):
        return ""


def top_keys(path: Path) -> dict[str, str]:
    """What keys a JSON file's object has, by its beginning: each with the first character of its value.

    Of a list, those of its first object, each with "[]" before it: {"[]data": "{"}.
    """
    found: dict[str, str] = {}
    text = head(path).lstrip()
    if not text.startswith(("{", "[")):
        return found
    prefix, level = ("[]", 2) if text[0] == "[" else ("", 1)
    depth = 0
    key, last, wants_value = "", "", False
    for match in _TOKEN.finditer(text):
        token = match.group()
        if wants_value and depth == level:
            found[prefix + key] = token[0]
            wants_value = False
        if token in "{[":
            depth += 1
        elif token in "}]":
            depth -= 1
            if depth < level:
                break
        elif token == ":" and depth == level and last.startswith('"'):
            key, wants_value = last[1:-1], True
        last = token
    return found


def read_text(path: Path) -> str:
    """A text file in UTF-8, with or without a byte order mark.

    Raises:
        DatasetError: it cannot be read or is not UTF-8.
    """
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DatasetError(f"{show(path)}: not UTF-8 at byte {error.start}; save it as UTF-8") from error
    except OSError as error:
        raise DatasetError(f"{show(path)} cannot be read: {error.strerror or error}") from error


def read_json(path: Path) -> Any:
    """The value of a JSON file. NaN and Infinity come as floats: whoever takes a number checks it.

    Raises:
        DatasetError: it cannot be read or is not JSON; line and column are named.
    """
    text = read_text(path)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        where = f"{show(path)} line {error.lineno} column {error.colno}"
        cut_off = error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated")
        raise DatasetError(
            f"{where}: not valid JSON: {error.msg}{'; the file seems to be cut off' if cut_off else ''}"
        ) from error
    except (RecursionError, ValueError) as error:  # nested too deep; a number of thousands of digits
        raise DatasetError(f"{show(path)}: not usable JSON: {error}") from error


def read_xml(path: Path) -> ElementTree.Element:
    """The root of an XML file. A document type, which could make other text of the file's, is refused.

    Raises:
        DatasetError: it cannot be read or is not XML (line and column are named), or has a document type.
    """

    class Builder(ElementTree.TreeBuilder):
        def doctype(self, name: str, public: str | None, system: str | None) -> NoReturn:
            raise DatasetError(f"{show(path)}: has a document type (<!DOCTYPE>), which we do not read; take it out")

    try:
        with path.open("rb") as file:
            return ElementTree.parse(file, ElementTree.XMLParser(target=Builder())).getroot()
    except ElementTree.ParseError as error:
        line, column = error.position
        reason = str(error).partition(":")[0]
        raise DatasetError(f"{show(path)} line {line} column {column + 1}: not valid XML: {reason}") from error
    except (ValueError, LookupError) as error:  # an encoding that there is not
        if isinstance(error, DatasetError):
            raise
        raise DatasetError(f"{show(path)}: not usable XML: {error}") from error
    except OSError as error:
        raise DatasetError(f"{show(path)} cannot be read: {error.strerror or error}") from error
