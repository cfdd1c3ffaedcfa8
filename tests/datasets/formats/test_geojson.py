"""GeoJSON of QuPath: outlines with holes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from format_cases import reasons, save_photo, write_json
from small_formats import FLAT, SIZE, SQUARE, check

from madeof.datasets import read_annotations


def feature(kind: str, coordinates: Any, name: str = "Wood") -> dict[str, Any]:
    properties = {"objectType": "annotation", "classification": {"name": name, "color": [1, 2, 3]}}
    return {"type": "Feature", "geometry": {"type": kind, "coordinates": coordinates}, "properties": properties}


@pytest.mark.parametrize("name", ["a.geojson", "a.png.geojson", "a.json"])
def test_geojson_of_qupath(name: str, tmp_path: Path) -> None:
    save_photo(tmp_path, "a.png", SIZE)
    hole = [[10, 15], [20, 15], [20, 25], [10, 25], [10, 15]]
    far = [[[30, 1], [34, 1], [34, 3], [30, 3], [30, 1]]]
    features = [
        feature("Polygon", [[*SQUARE, SQUARE[0]], hole]),
        feature("MultiPolygon", [[[*FLAT, FLAT[0]]], far], "Brick"),
        feature("Point", [1, 1]),
    ]
    for content in (features, {"type": "FeatureCollection", "features": features}):
        path = write_json(tmp_path / name, content)
        found = check(path, "geojson", "a.png", ("Wood", 300), ("Brick", 208))
        assert found.left_out == {"points": 1}
    check(tmp_path, "geojson", "a.png", ("Wood", 300), ("Brick", 208))
    write_json(path, [feature("Polygon", []), feature("Circle", [1])])
    assert [reason.partition(": ")[2] for reason in reasons(read_annotations(path))] == [
        "feature 1: its coordinates are [[]]; expected lists of outlines",
        "feature 2: its geometry is {'coordinates': [1], 'type': 'Circle'}; expected a Polygon or MultiPolygon",
    ]
