"""GeoJSON of outlines in pixels, as QuPath exports it: a file for each picture, which bears its name.

A FeatureCollection, or a list of features, of Polygons and MultiPolygons: first the outline, then its holes. x and y
count from the picture's upper left corner. The material is `properties.classification.name`, else `properties.name`,
else a property named material, label or class. The picture is NAME.jpg of NAME.geojson; NAME.jpg.geojson is read too.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from madeof._util.text import brief
from madeof.datasets.annotations import Annotations
from madeof.datasets.formats.gathering import Gathering, Piece, read_each, some_files
from madeof.datasets.formats.parsing import head, read_json
from madeof.datasets.formats.values import label, outline
from madeof.datasets.listing import stem
from madeof.errors import DatasetError
from madeof.images.photo import PHOTO_SUFFIXES
from madeof.regions.shapes import Polygons, Several, Shape

_NO_REGION = {"Point": "points", "MultiPoint": "points", "LineString": "lines", "MultiLineString": "lines"}


def matches(path: Path) -> bool:
    """Whether it is a file of features, or a folder with one."""
    suffixes = (".geojson", ".json")
    return any(
        '"Feature' in (text := head(file)) and '"geometry"' in text
        for one in suffixes
        for file in some_files(path, one)
    )


def read(path: Path, images: Path | None = None) -> Annotations:
    """Read a file, or all in a folder; see `formats.Reader`."""
    suffix = ".json" if path.suffix == ".json" or next(some_files(path, ".geojson"), None) is None else ".geojson"
    return read_each(path, images, suffix, read_json, _take, "GeoJSON")


def _take(gathering: Gathering, file: str, content: Any) -> bool:
    features = content.get("features", [content]) if isinstance(content, dict) else content
    if not isinstance(features, list) or not any(isinstance(one, dict) and "geometry" in one for one in features):
        return bool(isinstance(content, dict) and content.get("type") == "FeatureCollection")
    pieces = []
    for at, one in enumerate(features, start=1):
        geometry, properties = (one.get(part) if isinstance(one, dict) else None for part in ("geometry", "properties"))
        kind = geometry.get("type") if isinstance(geometry, dict) else None
        if isinstance(kind, str) and kind in _NO_REGION:
            gathering.left_out[_NO_REGION[kind]] += 1
            continue
        try:
            if not isinstance(geometry, dict) or kind not in ("Polygon", "MultiPolygon"):
                raise DatasetError(f"its geometry is {brief(geometry)}; expected a Polygon or MultiPolygon")
            parts = geometry.get("coordinates")
            parts = [parts] if kind == "Polygon" else parts
            if not isinstance(parts, list) or not parts or not all(isinstance(part, list) and part for part in parts):
                raise DatasetError(f"its coordinates are {brief(parts)}; expected lists of outlines")
            shapes: list[Shape] = [Polygons([outline(part[0])], [outline(hole) for hole in part[1:]]) for part in parts]
            material = _material(properties if isinstance(properties, dict) else {})
            pieces.append(Piece(material, shapes[0] if len(shapes) == 1 else Several(shapes), f"feature {at}"))
        except DatasetError as error:
            gathering.broken(f"feature {at}", error, file)
    name = stem(file)
    names = [name] if name.lower().endswith(PHOTO_SUFFIXES) else []
    names += [f"{name}{suffix}" for suffix in PHOTO_SUFFIXES]
    gathering.photo(names, pieces, place=file if gathering.where.is_dir() else "")
    return True


def _material(properties: dict[str, Any]) -> str:
    given = properties.get("classification")
    named = given.get("name") if isinstance(given, dict) else given
    others = (properties.get(one) for one in ("name", "label", "class"))
    return label(next((one for one in (named, *others) if isinstance(one, str) and one.strip()), None), properties)
