"""CVAT for images 1.1: one XML file for all photos, as `cvat/apps/dataset_manager/formats/cvat.py` of CVAT writes it.

Coordinates count from the photo's upper left corner, as ours; boxes and ellipses are turned by degrees, clockwise,
around their centres. A mask is a box and the lengths of runs along its rows, outside first. Shapes of one label and
one `group_id` are one region; a box around the others of its group, as datumaro writes it, is no part of it. An
attribute named material is the material, whatever the label. Polylines, points, skeletons, cuboids and tags are no
regions.

Written are polygons where the region has outlines without holes, else masks; both are read back exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import numpy as np
from numpy.typing import NDArray

from madeof._util.files import write_bytes
from madeof._util.text import brief, show
from madeof.datasets.annotations import Annotations
from madeof.datasets.formats.curves import ellipse, turned_box
from madeof.datasets.formats.finding import split_of_folder
from madeof.datasets.formats.gathering import Gathering, Piece, some_files
from madeof.datasets.formats.parsing import head, read_xml
from madeof.datasets.formats.pixels import row_lengths, row_runs
from madeof.datasets.formats.values import label, number, outline, size_of, whole
from madeof.datasets.formats.xml_text import plain
from madeof.datasets.photos import Details
from madeof.datasets.writing import Answered, AnsweredRegion
from madeof.errors import DatasetError
from madeof.regions.shapes import Box, Polygons, Shape

_FILE = "annotations.xml"
_NO_REGION = {
    "polyline": "polylines",
    "points": "points",
    "skeleton": "skeletons",
    "cuboid": "cuboids",
    "tag": "tags of photos",
}
_LABELS_WITHOUT_REGIONS = ("polyline", "points", "skeleton", "cuboid", "tag")


def matches(path: Path) -> bool:
    """Whether it is an XML file of CVAT, or a folder with one."""
    return any("<annotations" in head(file) for file in _candidates(path))


def _candidates(path: Path) -> list[Path]:
    return sorted(some_files(path, ".xml"), key=lambda file: file.name != _FILE)


def read(path: Path, images: Path | None = None) -> Annotations:
    """Read an XML file of CVAT, or that in a folder, as it is exported with its photos.

    Args:
        path: the file or folder.
        images: the folder of photos, where they are not beside the file.

    Raises:
        DatasetError: there is no such file, it cannot be read, or it is of a video.
    """
    file = path
    if path.is_dir():
        file = next((one for one in _candidates(path) if "<annotations" in head(one)), path / _FILE)
    root = read_xml(file)
    if root.tag != "annotations":
        raise DatasetError(f"{show(file)} has the root <{show(root.tag)}>; expected <annotations>, as CVAT writes it")
    photos = root.findall("image")
    if not photos and root.find("track") is not None:
        raise DatasetError(f'{show(file)} is of a video; expected photos: export it from CVAT as "CVAT for images 1.1"')
    gathering = Gathering(file)
    for number_, photo in enumerate(photos, start=1):
        _read_photo(gathering, photo, number_)
    return gathering.annotations(images, _labels(root))


def _labels(root: Element) -> list[str]:
    """The labels that the file lists, without those of shapes that are no regions."""
    listed = []
    for entry in root.iterfind("meta//label"):
        text = (entry.findtext("name") or "").strip()
        if text and entry.findtext("type") not in _LABELS_WITHOUT_REGIONS and entry.find("parent") is None:
            listed.append(text)
    return listed


def _read_photo(gathering: Gathering, photo: Element, position: int) -> None:
    file, subset = photo.get("name", "").strip(), photo.get("subset", "")
    if not file:
        gathering.broken(f"image {position}", "it has no name; expected the path of the photo")
        return
    pieces = []
    for number_, shape in enumerate(photo, start=1):
        if shape.tag in _NO_REGION:
            gathering.left_out[_NO_REGION[shape.tag]] += 1
            continue
        place = f"{shape.tag} {number_}"
        try:
            group = shape.get("group_id")
            attributes = {one.get("name", ""): one.text for one in shape.iterfind("attribute")}
            pieces.append(
                Piece(label(shape.get("label"), attributes), _shape(shape), place, None if group == "0" else group)
            )
        except DatasetError as error:
            gathering.broken(f"{file}: {place}", error)
    try:
        size = size_of(photo.get("height"), photo.get("width"))
    except DatasetError as error:
        gathering.broken(file, error)
        return
    # A project's photos are exported into folders of its subsets.
    names = [f"{subset}/{file}", file] if subset else [file]
    details = Details(split=split_of_folder(subset))
    gathering.photo(names, pieces, size=size, details=details)


def _shape(shape: Element) -> Shape:
    if shape.tag == "polygon":
        return Polygons([outline(_points(shape.get("points", "")))])
    if shape.tag == "mask":
        left, top = (whole(shape.get(side), side) for side in ("left", "top"))
        width, height = (whole(shape.get(side), side, least=1) for side in ("width", "height"))
        return row_runs(_numbers(shape.get("rle", "")), (left, top, width, height))
    degrees = number(shape.get("rotation", 0), "rotation")
    if shape.tag == "ellipse":
        x, y, radius_x, radius_y = (number(shape.get(side), side) for side in ("cx", "cy", "rx", "ry"))
        return Polygons([ellipse(x, y, radius_x, radius_y, degrees)])
    if shape.tag == "box":
        x0, y0, x1, y1 = (number(shape.get(side), side) for side in ("xtl", "ytl", "xbr", "ybr"))
        return Polygons([turned_box(x0, y0, x1, y1, degrees)]) if degrees else Box(x0, y0, x1, y1)
    raise DatasetError(f"we do not know the shape <{show(shape.tag)}>; expected box, polygon, ellipse or mask")


def _points(text: str) -> list[list[str]]:
    """The pairs of "x,y;x,y;x,y"."""
    return [pair.split(",") for pair in text.split(";") if pair.strip()]


def _numbers(text: str) -> NDArray[np.int64]:
    """The numbers of "3, 5, 7"."""
    try:
        return np.array([int(one) for one in text.split(",")], dtype=np.int64)
    except (ValueError, OverflowError):
        raise DatasetError(f"its rle is {brief(text)}; expected the lengths of runs: 3, 5, 7") from None


def write(photos: Iterable[Answered], out: Path, materials: Sequence[str] = ()) -> list[Path]:
    """Write the XML file `out`, which CVAT takes in as "CVAT 1.1".

    Its labels are `materials`, then others as they come.

    Raises:
        WriteError: it cannot be written, or a name holds a character that XML cannot.
    """
    root = Element("annotations")
    SubElement(root, "version").text = "1.1"
    labels = SubElement(SubElement(SubElement(root, "meta"), "task"), "labels")
    used = dict.fromkeys(materials)
    for number_, photo in enumerate(photos):
        height, width = photo.size
        image = SubElement(root, "image", id=str(number_), name=plain(photo.file), width=str(width), height=str(height))
        source = "manual" if photo.model is None else "auto"
        for group, region in enumerate(photo.regions, start=1):
            used[region.material] = None
            _add(image, region, source, group)
    for material in used:
        entry = SubElement(labels, "label")
        SubElement(entry, "name").text = plain(material)
        SubElement(entry, "attributes")
    indent(root)
    write_bytes(out, tostring(root, encoding="utf-8", xml_declaration=True) + b"\n")
    return [out]


def _add(image: Element, region: AnsweredRegion, source: str, group: int) -> None:
    common = {"label": plain(region.material), "source": source, "occluded": "0"}
    if region.polygons is None or region.polygons.holes:
        (x, y), (height, width) = region.corner, region.cut.shape
        rle = ", ".join(map(str, row_lengths(region.cut)))
        box = {"left": str(x), "top": str(y), "width": str(width), "height": str(height)}
        SubElement(image, "mask", {**common, "rle": rle, **box, "z_order": "0"})
        return
    parts = region.polygons.parts
    several = {"group_id": str(group)} if len(parts) > 1 else {}
    for part in parts:
        points = ";".join(f"{x!r},{y!r}" for x, y in np.asarray(part, dtype=np.float64).tolist())
        SubElement(image, "polygon", {**common, "points": points, "z_order": "0", **several})
