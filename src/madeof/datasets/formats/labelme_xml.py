"""The XML of the old LabelMe web tool: Annotations/FOLDER/NAME.xml for the photo Images/FOLDER/NAME.jpg.

An `object` has a name, `deleted`, and a `polygon` of points `pt`; x and y count from the photo's upper left corner. A
`segm` has its mask in a PNG of Masks/FOLDER/, in a box. An attribute material=... is the material.
"""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree.ElementTree import Element

from madeof._util.text import show
from madeof.datasets.annotations import Annotations
from madeof.datasets.formats.gathering import Gathering, Piece, beside, read_each, some_files
from madeof.datasets.formats.mask_files import MaskFile
from madeof.datasets.formats.parsing import head, read_xml
from madeof.datasets.formats.values import label, outline, size_of
from madeof.datasets.listing import File, check_file
from madeof.errors import DatasetError
from madeof.regions.shapes import Polygons, Shape

_MARK = re.compile(r"<annotation[\s>].*<(pt|segm|deleted)>", re.DOTALL)
_ATTRIBUTE = re.compile(r"\s*(\w+)\s*=\s*([^,;]+)")


def matches(path: Path) -> bool:
    """Whether it is such an XML file, or a folder with one."""
    return any(_MARK.search(head(file)) for file in some_files(path, ".xml"))


def read(path: Path, images: Path | None = None) -> Annotations:
    """Read a file, or all in a folder; see `formats.Reader`. Photos are looked for in Images/ too."""
    if images is None and path.is_dir() and (path / "Images").is_dir():
        images = path / "Images"
    return read_each(path, images, ".xml", read_xml, _take, "LabelMe's XML")


def _take(gathering: Gathering, file: str, root: Element) -> bool:
    if root.tag != "annotation":
        return False
    pieces = []
    for at, thing in enumerate(root.iterfind("object"), start=1):
        if (thing.findtext("deleted") or "0").strip() == "1":
            gathering.left_out["deleted objects"] += 1
            continue
        try:
            attributes = dict(_ATTRIBUTE.findall(thing.findtext("attributes") or ""))
            shape = _shape(gathering, file, thing)
            pieces.append(Piece(label(thing.findtext("name"), attributes, "name"), shape, f"object {at}"))
        except DatasetError as error:
            gathering.broken(f"object {at}", error, file)
    name, folder = ((root.findtext(one) or "").strip() for one in ("filename", "folder"))
    size = size_of(root.findtext("imagesize/nrows"), root.findtext("imagesize/ncols"))
    inner = file.removeprefix("Annotations/")
    names = [*beside(inner, name), *([f"{folder}/{name}"] if folder else [])]
    gathering.photo(names, pieces, size=size, place=file if gathering.where.is_dir() else "")
    return True


def _shape(gathering: Gathering, file: str, thing: Element) -> Shape:
    mask = (thing.findtext("segm/mask") or "").strip()
    if not mask:
        points = [[point.findtext("x"), point.findtext("y")] for point in thing.iterfind("polygon/pt")]
        return Polygons([outline(points)])
    root = gathering.where if gathering.where.is_dir() else gathering.where.parent
    folders = [root / "Masks" / file.removeprefix("Annotations/").rpartition("/")[0], (root / file).parent / "Masks"]
    for folder in folders:
        found = check_file(folder, mask)
        if isinstance(found, File):
            return MaskFile(folder, found, Path(file))
    raise DatasetError(f"its mask {show(mask)} is not in Masks/")
