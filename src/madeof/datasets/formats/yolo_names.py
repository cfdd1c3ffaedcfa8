"""The names of classes in YOLO data sets: a list of lines, or the `names` of a `data.yaml`.

A `data.yaml` is read for its `names` and `kpt_shape` only, in the ways that tools write them: a list or a map, on one
line or several, with or without quotes. So no YAML package is needed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from madeof._util.text import brief, show
from madeof.datasets.formats.parsing import read_text
from madeof.errors import DatasetError

_KEY = re.compile(r"^([A-Za-z_][\w-]*)\s*:(?:\s+(.*))?$")
_ITEM = re.compile(r"^\s*-(?:\s+(.*))?$")
_ENTRY = re.compile(r"""^\s+['"]?(\d+)['"]?\s*:(?:\s+(.*))?$""")
_TOKEN = re.compile(
    r"""\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^']|'')*)'|([\[\]{},])|(:)(?=\s|$)|((?:[^\[\]{},:]|:(?!\s))+))"""
)
_ESCAPES = {"n": "\n", "t": "\t", "0": "\0", "r": "\r"}


class Classes(NamedTuple):
    """What a data set says of its classes."""

    names: dict[int, str]
    """By number."""
    has_key_points: bool = False
    """Key points follow the box in each line."""


def names_of_lines(path: Path) -> Classes:
    """The names of a file with one on each line: classes.txt, obj.names.

    Raises:
        DatasetError: it cannot be read, or holds no name.
    """
    lines = [line.strip() for line in read_text(path).splitlines()]
    names = {number: line for number, line in enumerate(lines) if line}
    if not names:
        raise DatasetError(f"{show(path)} is empty; expected the name of a class on each line")
    return Classes(names)


def names_of_yaml(path: Path) -> Classes:
    """The names of a data.yaml.

    Raises:
        DatasetError: it cannot be read, or its names are not there or not as tools write them.
    """
    lines = read_text(path).splitlines()
    sections = list(_sections(lines))
    has_key_points = any(section == "kpt_shape" for section, _, _ in sections)
    for section, line, text in sections:
        if section == "names":
            names = _names(text)
            if not names:
                raise DatasetError(
                    f"{show(path)} line {line}: its names are {brief(' '.join(text).strip())}; expected a list [wood, "
                    "glass], or a map 0: wood"
                )
            return Classes(names, has_key_points)
    raise DatasetError(f"{show(path)}: it has no names; expected names: and a list or a map of classes")


def _sections(lines: list[str]) -> Iterator[tuple[str, int, list[str]]]:
    """Each key at the left edge, its line from 1, and the lines of its value."""
    key, at, text = "", 0, list[str]()
    for number, line in enumerate(lines, start=1):
        line = _without_comment(line).rstrip()
        match = _KEY.match(line)
        if match:
            if key:
                yield key, at, text
            key, at, text = match[1], number, [match[2] or ""]
        elif line:
            text.append(line)
    if key:
        yield key, at, text


def _names(text: list[str]) -> dict[int, str]:
    first, rest = text[0].strip(), text[1:]
    if first.startswith(("[", "{")):
        return _inline(" ".join([first, *rest]))
    if first:
        return {}
    items = [_ITEM.match(line) for line in rest]
    if all(items):
        names = {number: _plain(item[1] or "") for number, item in enumerate(items) if item}
    else:
        entries = [_ENTRY.match(line) for line in rest]
        if not all(entries):
            return {}
        names = {int(entry[1]): _plain(entry[2] or "") for entry in entries if entry}
    return {} if "" in names.values() else names


def _inline(text: str) -> dict[int, str]:
    """The names of [a, b] or {0: a, 1: b}; {} of anything else."""
    tokens, at = list[tuple[str, str]](), 0
    while at < len(text.rstrip()):
        match = _TOKEN.match(text, at)
        if not match:
            return {}
        at = match.end()
        double, single, mark, colon, plain = match.groups()
        if mark or colon:
            tokens.append(("mark", mark or colon))
        elif double is not None:
            tokens.append(("text", _unescaped(double)))
        elif single is not None:
            tokens.append(("text", single.replace("''", "'")))
        elif plain.strip():
            tokens.append(("text", plain.strip()))
    if len(tokens) < 2 or (tokens[0][1], tokens[-1][1]) not in (("[", "]"), ("{", "}")):
        return {}
    names: dict[int, str] = {}
    groups: list[list[tuple[str, str]]] = [[]]
    for token in tokens[1:-1]:
        if token == ("mark", ","):
            groups.append([])
        else:
            groups[-1].append(token)
    if not groups[-1]:  # a comma before the end
        groups.pop()
    for number, group in enumerate(groups):
        kinds, values = [kind for kind, _ in group], [value for _, value in group]
        if tokens[0][1] == "[" and kinds == ["text"]:
            names[number] = values[0]
        elif tokens[0][1] == "{" and kinds == ["text", "mark", "text"] and values[1] == ":" and values[0].isdecimal():
            names[int(values[0])] = values[2]
        else:
            return {}
    return names


def _plain(text: str) -> str:
    """A value on a line of its own, without its quotes."""
    text = text.strip()
    if len(text) >= 2 and text[0] == text[-1] == '"':
        return _unescaped(text[1:-1])
    if len(text) >= 2 and text[0] == text[-1] == "'":
        return text[1:-1].replace("''", "'")
    return text


def _unescaped(text: str) -> str:
    def character(match: re.Match[str]) -> str:
        code = match[1]
        return chr(int(code[1:], 16)) if len(code) > 1 else _ESCAPES.get(code, code)

    return re.sub(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U000[0-9a-fA-F]{5}|.)", character, text)


def _without_comment(line: str) -> str:
    """The line up to a # that is at its start or behind a blank, and not in quotes."""
    quote = ""
    for at, character in enumerate(line):
        if quote:
            if character == quote and not (quote == '"' and line[at - 1] == "\\"):
                quote = ""
        elif character in "\"'" and (at == 0 or line[at - 1] in " [{,:-"):
            quote = character
        elif character == "#" and (at == 0 or line[at - 1].isspace()):
            return line[:at]
    return line


def quoted(name: str) -> str:
    r"""A name as a value of YAML, on one line.

    >>> quoted('5" tile')
    '"5\\" tile"'
    """
    inner = "".join(f"\\{one}" if one in '"\\' else one if one.isprintable() else f"\\U{ord(one):08x}" for one in name)
    return f'"{inner}"'
