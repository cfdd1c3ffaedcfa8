"""The names of classes in YOLO data sets: a list of lines, or the `names` of a `data.yaml`.

Lists of lines need nothing; a `data.yaml` needs PyYAML (the extra `yolo`; `train` brings it too), which is 3 MB that a
plain installation does without.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from madeof._util.text import brief, show
from madeof.datasets.formats.parsing import read_text
from madeof.errors import DatasetError, MissingExtraError


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
    """The names of a data.yaml: a list, or a map from numbers.

    A name is the text as it stands there: `no`, `1e3` and `2020-01-01` are names and no other values.

    Raises:
        DatasetError: it cannot be read, or its names are not there or not as tools write them.
        MissingExtraError: PyYAML is not installed.
    """
    text = read_text(path)
    try:
        import yaml
    except ImportError as error:
        raise MissingExtraError("a data.yaml", "yolo") from error
    try:
        document = yaml.compose(text, Loader=yaml.BaseLoader)  # nodes: aliases are not multiplied, and lines are known
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" line {mark.line + 1}" if mark else ""
        reason = getattr(error, "problem", None) or getattr(error, "reason", None) or "it is nested too deeply"
        raise DatasetError(
            f"{show(path)}{where} is no YAML ({show(reason)}); expected names: and a list or a map of classes: mend it"
        ) from error
    keys = {key.value: (key, node) for key, node in _pairs(document) if isinstance(key, yaml.ScalarNode)}
    if "names" not in keys:
        raise DatasetError(f"{show(path)}: it has no names; expected names: and a list or a map of classes")
    key, node = keys["names"]
    names = _names(node)
    if not names:
        found = " ".join(text[node.start_mark.index : node.end_mark.index].split())
        raise DatasetError(
            f"{show(path)} line {key.start_mark.line + 1}: its names are {brief(found)}; expected a list [wood, "
            "glass], or a map 0: wood"
        )
    return Classes(names, "kpt_shape" in keys)


def _pairs(node: Any) -> list[tuple[Any, Any]]:
    """The keys and values of a node that is a map; none of any other."""
    from yaml import MappingNode

    return node.value if isinstance(node, MappingNode) else []


def _names(node: Any) -> dict[int, str]:
    """The names of a list or a map; {} of anything else."""
    from yaml import ScalarNode, SequenceNode

    pairs = [(key.value, value) for key, value in _pairs(node)]
    if isinstance(node, SequenceNode):
        pairs = [(str(number), value) for number, value in enumerate(node.value)]
    if not all(isinstance(key, str) and key.isdecimal() and isinstance(value, ScalarNode) for key, value in pairs):
        return {}
    names = {int(key): str(value.value).strip() for key, value in pairs}
    return {} if "" in names.values() else names


def quoted(name: str) -> str:
    r"""A name as a value of YAML, on one line.

    >>> quoted('5" tile')
    '"5\\" tile"'
    """
    inner = "".join(f"\\{one}" if one in '"\\' else one if one.isprintable() else f"\\U{ord(one):08x}" for one in name)
    return f'"{inner}"'
