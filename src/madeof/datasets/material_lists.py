"""A data set's materials: from a CSV, from a list that we know by name, or as they are given."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from madeof._util.csv_rows import read_rows
from madeof._util.text import show
from madeof.datasets.formats.parsing import head
from madeof.errors import DatasetError
from madeof.materials.lists import LISTS, VALUES, key

_RED = ("opensurfaces", "opensurfaces-plus", "original")  # whose label maps have the number in the red channel
_LARGEST = 32767  # a material's position is an int16 in the table of regions


class MaterialList(NamedTuple):
    """Ordered materials and the value of each in label maps."""

    names: tuple[str, ...]
    values: tuple[int, ...]
    """Ascending, from 1."""
    where: str
    """Source of the list, for messages."""
    colours: Literal["red", "refuse"] = "refuse"
    """What the value of a label map in colours is; see `read_label_map`."""


def read_materials(source: str | Path | Sequence[str] | None) -> MaterialList:
    """The materials that `source` means.

    Args:
        source: the name of a list (`madeof.materials.LISTS`: "opensurfaces", "minc", ...), the path of a CSV with the
            columns id,name (or red_color,substance_name, as OpenSurfaces has them), or the names themselves, whose
            values are then 1, 2, ... None is OpenSurfaces.

    Raises:
        DatasetError: the CSV is broken (its file and line are named), or there is no such list, or a name is there
            twice.
    """
    if source is None:
        source = "opensurfaces"
    if isinstance(source, str) and source in LISTS:
        found = _numbered(LISTS[source], f"the list {source}", VALUES.get(source))
        return found._replace(colours="red") if source in _RED else found
    if not isinstance(source, str | Path):
        return _numbered(tuple(source), "the materials given")
    path = Path(source)
    if not path.is_file():
        raise DatasetError(f"materials: {show(path)} is neither a CSV file nor one of the lists {', '.join(LISTS)}")
    return _from_csv(path)


def _from_csv(path: Path) -> MaterialList:
    found: dict[int, str] = {}
    lines: dict[int | str, int] = {}
    name = show(path)
    for line, row in read_rows(path, ["id", "name"], also={"red_color": "id", "substance_name": "name"}):
        text, material = row["id"], row["name"]
        if not text.isascii() or not text.isdigit() or len(text) > 10 or int(text) > 2**31 - 1:
            raise DatasetError(f"{name} line {line}: the id {show(text)!r} is not a whole number from 1")
        value = int(text)
        if value == 0:  # Always unlabelled, whatever the file calls it.
            continue
        if not material:
            raise DatasetError(f"{name} line {line}: the id {value} has no name")
        for what, mark in ((f"the id {value}", value), (f"the material {show(material)!r}", key(material))):
            if mark in lines:
                raise DatasetError(f"{name} line {line}: {what} is on line {lines[mark]} already; keep one of them")
            lines[mark] = line
        found[value] = material
    if not found:
        raise DatasetError(f"{name}: no materials in it; expected rows such as 1,Brick")
    values = tuple(sorted(found))
    names = tuple(found[value] for value in values)
    colours: Literal["red", "refuse"] = "red" if "red_color" in head(path).partition("\n")[0] else "refuse"
    return _checked(MaterialList(names, values, path.name, colours))


def _numbered(names: tuple[str, ...], where: str, values: tuple[int, ...] | None = None) -> MaterialList:
    """The list of `names`, whose values are 1, 2, ... where none are given."""
    seen: set[str] = set()
    for name in names:
        if not isinstance(name, str) or not name.strip():
            raise DatasetError(f"{where}: {name!r} is not the name of a material")
        if key(name) in seen:
            raise DatasetError(f"{where}: the material {show(name)!r} is there twice; keep one of them")
        seen.add(key(name))
    if not names:
        raise DatasetError(f"{where}: no materials; expected one or more names")
    return _checked(MaterialList(names, values or tuple(range(1, len(names) + 1)), where))


def _checked(materials: MaterialList) -> MaterialList:
    if len(materials.names) > _LARGEST:
        raise DatasetError(f"{materials.where}: {len(materials.names)} materials; we can hold {_LARGEST}")
    return materials
