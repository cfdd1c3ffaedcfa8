"""VGG Image Annotator (VIA): JSON or CSV of versions 1 and 2, project or annotations, and projects of version 3.

As `via-2.x.y/src/via.js` and `via-3.x.y/src/js/` of VIA write it. Coordinates count from the photo's upper left corner,
as ours; an ellipse's `theta` is in radians, clockwise. Read are polygons, rectangles, circles and ellipses; points and
lines are no regions.

The material is an attribute of the regions: one that is named material, label, class, category or name, else the only
one. Of a dropdown, radio or checkbox it is the text of the option that is chosen, if the file has that, else its id.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from madeof._util.csv_rows import read_rows
from madeof._util.text import brief, show
from madeof.datasets.annotations import Annotations
from madeof.datasets.formats.curves import ellipse
from madeof.datasets.formats.gathering import Gathering, Piece
from madeof.datasets.formats.parsing import head, read_json, top_keys
from madeof.datasets.formats.values import name, number, outline
from madeof.errors import DatasetError
from madeof.materials.lists import key
from madeof.regions.shapes import Box, Polygons, Shape

ATTRIBUTES = ("material", "label", "class", "category", "name")
"""Names of the attribute that holds the material; the first that there is counts."""

_CSV = "region_shape_attributes"
_NO_REGION = {"point": "points", "polyline": "lines", "line": "lines"}
_NO_REGION_3 = {1: "points", 5: "lines", 6: "lines", 9: "circles through three points"}  # _VIA_RSHAPE in via 3
_PROJECT = {"_via_img_metadata", "_via_settings", "_via_attributes"}
_PROJECT_3 = {"project", "attribute", "file", "metadata", "view"}


class _Region(NamedTuple):
    shape: Mapping[str, Any] | list[Any]
    """As VIA 2 has it, or the numbers of VIA 3."""
    attributes: Mapping[str, Any]
    place: str


class _Photo(NamedTuple):
    names: list[str]
    regions: list[_Region]


def matches(path: Path) -> bool:
    """Whether it is a JSON file of VIA, or a CSV that it exports."""
    if path.suffix.lower() == ".csv":
        return _CSV in head(path).partition("\n")[0]
    keys = top_keys(path)
    if not _PROJECT.isdisjoint(keys) or len(_PROJECT_3 & keys.keys()) >= 3:
        return True
    # Exported annotations: an object of photos, each with its file name and regions.
    text = head(path)
    return bool(keys) and set(keys.values()) == {"{"} and '"filename"' in text and '"regions"' in text


def read(path: Path, images: Path | None = None) -> Annotations:
    """Read a JSON file of VIA.

    Args:
        path: the file.
        images: the folder of photos, where they are not beside the file.

    Raises:
        DatasetError: it cannot be read, is none of VIA's, or which attribute is the material cannot be told.
    """
    content = _of_csv(path) if path.suffix.lower() == ".csv" else read_json(path)
    if not isinstance(content, dict):
        raise DatasetError(f"{show(path)} is {brief(content)}; expected an object, as VIA writes it")
    gathering = Gathering(path)
    if len(_PROJECT_3 & content.keys()) >= 3:
        photos = list(_photos_3(gathering, content))
        options = _options(content.get("attribute"), "aname")
    else:
        photos = list(_photos(gathering, content))
        attributes = content.get("_via_attributes")
        options = _options(attributes.get("region") if isinstance(attributes, dict) else None)
    attribute = _attribute(path, [region for photo in photos for region in photo.regions])
    for photo in photos:
        _add(gathering, photo, attribute, options.get(attribute, {}))
    return gathering.annotations(images)


def _of_csv(path: Path) -> dict[str, Any]:
    """A CSV of version 1 or 2, with a region in each row, as the JSON that says the same."""
    photos: dict[str, Any] = {}
    columns = ["filename", _CSV, "region_attributes"]
    for line, row in read_rows(path, columns, file_names=["filename"]):
        regions = photos.setdefault(row["filename"], {"filename": row["filename"], "regions": []})["regions"]
        try:
            shape, attributes = json.loads(row[_CSV] or "{}"), json.loads(row["region_attributes"] or "{}")
        except ValueError as error:
            raise DatasetError(f"{show(path)} line {line}: its attributes are not valid JSON: {error}") from error
        if shape:  # {} of a photo without regions
            regions.append({"shape_attributes": shape, "region_attributes": attributes})
    return photos


def _add(gathering: Gathering, photo: _Photo, attribute: str, options: Mapping[str, str]) -> None:
    pieces = []
    for region in photo.regions:
        try:
            kind = region.shape.get("name") if isinstance(region.shape, Mapping) else region.shape[0]
            kinds: Mapping[Any, str] = _NO_REGION if isinstance(region.shape, Mapping) else _NO_REGION_3
            what = kinds.get(kind) if isinstance(kind, str | int) else None
            if what:
                gathering.left_out[what] += 1
                continue
            material = _material(region.attributes.get(attribute), attribute, options)
            shape = _shape(region.shape) if isinstance(region.shape, Mapping) else _shape_3(region.shape)
            pieces.append(Piece(material, shape, region.place))
        except DatasetError as error:
            gathering.broken(f"{photo.names[0]}: {region.place}", error)
    gathering.photo(photo.names, pieces)


def _photos(gathering: Gathering, content: Mapping[str, Any]) -> Iterator[_Photo]:
    """The photos of a file of version 1 or 2."""
    settings = content.get("_via_settings")
    core = settings.get("core") if isinstance(settings, dict) else None
    folder = core.get("default_filepath") if isinstance(core, dict) else None
    photos = content.get("_via_img_metadata", content)
    if not isinstance(photos, dict):
        raise DatasetError(f"{show(gathering.where)}: its _via_img_metadata is {brief(photos)}; expected an object")
    for mark, photo in photos.items():
        file = photo.get("filename") if isinstance(photo, dict) else None
        if not isinstance(file, str) or not file.strip():
            gathering.broken(str(mark), "it has no filename; expected the path of the photo")
            continue
        regions = photo.get("regions", [])  # an object in version 1, a list in version 2
        listed = list(regions.values()) if isinstance(regions, dict) else regions
        if not isinstance(listed, list):
            gathering.broken(file, f"its regions are {brief(regions)}; expected a list")
            continue
        found = []
        for number_, region in enumerate(listed, start=1):
            place = f"region {number_}"
            shape = region.get("shape_attributes") if isinstance(region, dict) else None
            if not isinstance(shape, dict):
                gathering.broken(f"{file}: {place}", f"it is {brief(region)}; expected shape_attributes")
                continue
            attributes = region.get("region_attributes")
            found.append(_Region(shape, attributes if isinstance(attributes, dict) else {}, place))
        names = [f"{folder}{file}", file] if isinstance(folder, str) and folder else [file]
        yield _Photo(names, found)


def _photos_3(gathering: Gathering, content: Mapping[str, Any]) -> Iterator[_Photo]:
    """The photos of a project of version 3, in which each region belongs to a view of files."""
    tables = {part: content.get(part) for part in ("file", "view", "metadata", "attribute")}
    for part, table in tables.items():
        if not isinstance(table, dict):
            raise DatasetError(f"{show(gathering.where)}: its {part} is {brief(table)}; expected an object")
    files, views, regions, attributes = (table for table in tables.values() if isinstance(table, dict))
    names = {
        one: str(entry["aname"]) for one, entry in attributes.items() if isinstance(entry, dict) and "aname" in entry
    }
    photos: dict[str, _Photo] = {}
    for view in views:
        listed = views[view].get("fid_list") if isinstance(views[view], dict) else None
        file = files.get(str(listed[0])) if isinstance(listed, list) and len(listed) == 1 else None
        paths = [file.get(part) for part in ("fname", "src")] if isinstance(file, dict) else []
        usable = [path for path in paths if isinstance(path, str) and path.strip() and not path.startswith("data:")]
        if usable:
            photos[view] = _Photo(usable, [])
        else:
            gathering.broken(f"view {view}", "it has no single file with an fname; expected one photo a view")
    for mark, region in regions.items():
        shape = region.get("xy") if isinstance(region, dict) else None
        if not isinstance(shape, list):
            gathering.broken(f"metadata {mark}", f"it is {brief(region)}; expected xy, a list")
        elif not shape or region.get("z"):
            gathering.left_out["remarks on whole files or on times in them"] += 1
        elif str(region.get("vid")) in photos:
            values = region.get("av")
            pairs = values.items() if isinstance(values, dict) else ()
            named = {names.get(str(one), str(one)): value for one, value in pairs}
            photos[str(region["vid"])].regions.append(_Region(shape, named, f"metadata {mark}"))
        else:
            gathering.broken(f"metadata {mark}", f"its view {brief(region.get('vid'))} is not there")
    yield from photos.values()


def _attribute(path: Path, regions: Iterable[_Region]) -> str:
    """The attribute that holds the material."""
    found = dict.fromkeys(attribute for region in regions for attribute in region.attributes)
    for wanted in ATTRIBUTES:
        for attribute in found:
            if key(attribute) == wanted:
                return attribute
    if len(found) > 1:
        raise DatasetError(
            f"{show(path)}: its regions have the attributes {', '.join(map(show, found))}; expected one that is named "
            f"{', '.join(ATTRIBUTES)}, or no other: rename the one with the material"
        )
    return next(iter(found), ATTRIBUTES[0])


def _options(attributes: object, named: str = "") -> dict[str, dict[str, str]]:
    """Of each attribute the texts of its options by their ids."""
    found = {}
    for mark, attribute in attributes.items() if isinstance(attributes, dict) else ():
        if isinstance(attribute, dict) and attribute.get("type") not in ("image", 5):  # whose texts are pictures
            options = attribute.get("options")
            texts = options.items() if isinstance(options, dict) else ()
            attribute_name = str(attribute.get(named)) if named else mark
            found[attribute_name] = {one: text for one, text in texts if isinstance(text, str) and text.strip()}
    return found


def _material(value: object, attribute: str, options: Mapping[str, str]) -> str:
    if isinstance(value, dict):  # a checkbox: {option: true}
        chosen = [option for option, is_chosen in value.items() if is_chosen is True]
        if len(chosen) > 1:
            raise DatasetError(f"its {show(attribute)} is {', '.join(map(show, chosen))}; expected one material")
        value = chosen[0] if chosen else None
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    text = name(value, attribute, blank=True)
    return options.get(text, text).strip()


def _shape(shape: Mapping[str, Any]) -> Shape:
    """A shape of version 1 or 2."""

    def side(one: str) -> float:
        return number(shape.get(one), one)

    kind = shape.get("name")
    if kind == "polygon":
        xs, ys = shape.get("all_points_x"), shape.get("all_points_y")
        if not (isinstance(xs, list) and isinstance(ys, list) and len(xs) == len(ys)):
            raise DatasetError("its all_points_x and all_points_y are not lists of one length")
        return Polygons([outline([list(pair) for pair in zip(xs, ys, strict=True)])])
    if kind == "rect":
        return Box(side("x"), side("y"), side("x") + side("width"), side("y") + side("height"))
    if kind == "circle":
        return Polygons([ellipse(side("cx"), side("cy"), side("r"), side("r"))])
    if kind == "ellipse":
        turn = math.degrees(number(shape.get("theta", 0), "theta"))
        return Polygons([ellipse(side("cx"), side("cy"), side("rx"), side("ry"), turn)])
    raise DatasetError(f"its shape is {brief(kind)}; expected polygon, rect, circle or ellipse")


def _shape_3(shape: list[Any]) -> Shape:
    """A shape of version 3: its number, then its coordinates."""
    kind, *sides = shape[0], *(number(value, "a coordinate") for value in shape[1:])
    if kind in (7, 8) and len(sides) % 2 == 0:
        points = outline([sides[at : at + 2] for at in range(0, len(sides), 2)])
        if kind == 7:
            return Polygons([points])
        (x0, y0), (x1, y1) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
        return Box(x0, y0, x1, y1)  # through four points on its sides
    if (kind, len(sides)) == (2, 4):
        return Box(sides[0], sides[1], sides[0] + sides[2], sides[1] + sides[3])
    if (kind, len(sides)) == (3, 3):
        return Polygons([ellipse(sides[0], sides[1], sides[2], sides[2])])
    if (kind, len(sides)) == (4, 4):
        return Polygons([ellipse(sides[0], sides[1], sides[2], sides[3])])
    raise DatasetError(f"its xy is {brief(shape)}; expected a rectangle, circle, ellipse or polygon")
