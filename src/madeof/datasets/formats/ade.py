"""Label maps with a list of names, as ADE20K and COCO-Stuff have them: images/, annotations/ and a list `id: name`.

The list is `objectInfo150.txt` (ADE20K: Idx, Ratio, Train, Val, Name), `labels.txt` (COCO-Stuff: "0: unlabeled"), or a
`names.txt` or `classes.txt` of such lines; it is looked for in the folder and in that above it. The label maps are in
annotations/, stuffthingmaps/, labels/ or masks/, with the photos' names.

A value is the material of its id. 0 is unlabelled unless the list names it with a name of a material, and 255 is unless
the list names it. COCO-Stuff is its own case: its maps hold the id less 1, so that 0 is the first class, and 255 is
unlabelled (its README: "thing+stuff labels cover indices 0-181 and 255 indicates the 'unlabeled' or void class"). Its
list is known by its first and last classes. The folders training, train2017 and so on give the split. The full ADE20K,
whose maps hold the class in two colours, is not read.
"""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

from madeof._util.text import show
from madeof.datasets.annotations import Annotations
from madeof.datasets.formats.map_regions import Values, first_folder, map_annotations
from madeof.datasets.formats.parsing import head, read_text
from madeof.errors import DatasetError
from madeof.materials.lists import key

_LISTS = ("objectInfo150.txt", "labels.txt", "names.txt", "classes.txt")
_MAPS = ("annotations", "stuffthingmaps", "labels", "masks")
_UNLABELLED = {"unlabeled", "unlabelled", "background", "void", "ignore", "none", "other", "other objects", "no label"}
_LINE = re.compile(r"\s*([0-9]{1,9})\s*[:,;\t ]\s*(.*?)\s*")
_ADE_HEAD = re.compile(r"Idx\s+Ratio\s+Train\s+Val\s+Name", re.IGNORECASE)
_ADE_LINE = re.compile(r"\s*([0-9]{1,9})\s+[0-9.]+\s+[0-9]+\s+[0-9]+\s+(.*?)\s*")
_COCO = {0: "unlabeled", 1: "person", 92: "banner", 182: "wood"}
_VOID = 255
_LARGEST = 65535


def matches(path: Path) -> bool:
    """Whether it is a folder with label maps and a list of names beside them."""
    with contextlib.suppress(OSError, ValueError):
        maps = first_folder(path, _MAPS)
        if maps is None or next(maps.rglob("*.png"), None) is None:
            return False
        return any(_looks_like_a_list(file) for file in _lists(path))
    return False


def read(path: Path, images: Path | None = None) -> Annotations:
    """Read the folder.

    Args:
        path: the folder with images/, label maps and the list of names.
        images: the folder of photos, in place of images/.

    Raises:
        DatasetError: there are no label maps or no list of names, or that is broken (its line is named).
    """
    maps = first_folder(path, _MAPS)
    if maps is None:
        raise DatasetError(f"{show(path)}: no folder of label maps; expected {', '.join(f'{one}/' for one in _MAPS)}")
    file = next((one for one in _lists(path) if one.is_file()), None)
    if file is None:
        raise DatasetError(f"{show(path)}: no list of names; expected {', '.join(_LISTS)} with lines such as 1: wall")
    return map_annotations(path, images or path / "images", maps, read_values(file))


def read_values(path: Path) -> Values:
    """What the values of label maps mean by a list of names.

    Raises:
        DatasetError: the list cannot be read, a line is no id and name, or an id is there twice.
    """
    found: dict[int, str] = {}
    lines: dict[int, int] = {}
    pattern = _LINE
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if not found and _ADE_HEAD.fullmatch(line.strip()):
            pattern = _ADE_LINE
            continue
        match = pattern.fullmatch(line)
        if match is None or not match.group(2):
            raise DatasetError(f"{show(path)} line {number}: {show(line.strip())!r} is no id and name, such as 1: wall")
        value = int(match.group(1))
        if value > _LARGEST:
            raise DatasetError(
                f"{show(path)} line {number}: the id {value} is larger than a label map's largest, {_LARGEST}"
            )
        if value in lines:
            raise DatasetError(
                f"{show(path)} line {number}: the id {value} is on line {lines[value]} already; keep one"
            )
        found[value], lines[value] = match.group(2), number
    if all(found.get(value) == one for value, one in _COCO.items()):
        return Values({value - 1: one for value, one in found.items() if value}, frozenset({_VOID}), where=path.name)
    names = {value: one for value, one in found.items() if key(one) not in _UNLABELLED}
    if not names:
        raise DatasetError(f"{show(path)}: no names in it; expected lines such as 1: wall")
    unlabelled = {0, _VOID, *(found.keys() - names.keys())} - names.keys()
    return Values(names, frozenset(unlabelled), where=path.name)


def _lists(path: Path) -> list[Path]:
    return [folder / one for folder in (path, path.absolute().parent) for one in _LISTS]


def _looks_like_a_list(path: Path) -> bool:
    line = head(path).partition("\n")[0].strip()
    return _ADE_HEAD.fullmatch(line) is not None or (_LINE.fullmatch(line) is not None and not line.isdigit())
