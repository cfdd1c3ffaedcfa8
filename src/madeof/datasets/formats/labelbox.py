"""Labelbox's export: a line of JSON for each photo (NDJSON), with boxes and polygons in pixels.

Of a photo's labels the newest counts, and the others are counted. A classification named material says the material.
Masks lie behind links that need a key; each is a problem that says so. Points, lines and answers about whole photos are
no regions.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from madeof._util.text import brief
from madeof.datasets.annotations import Annotations
from madeof.datasets.formats.gathering import Gathering, Piece
from madeof.datasets.formats.parsing import head, read_text
from madeof.datasets.formats.values import label, number, outline, size_of
from madeof.errors import DatasetError
from madeof.images.photo import PHOTO_SUFFIXES
from madeof.regions.shapes import Box, Polygons, Shape

_NO_REGION = {"point": "points", "line": "lines"}
_NAMES = ("external_id", "global_key", "row_data")


def matches(path: Path) -> bool:
    """Whether it is a text of such lines."""
    text = head(path).lstrip()
    return text.startswith("{") and '"data_row"' in text and '"projects"' in text


def read(path: Path, images: Path | None = None) -> Annotations:
    """Read the file; see `formats.Reader`."""
    gathering = Gathering(path)
    for line, text in enumerate(read_text(path).splitlines(), start=1):
        if text.strip():
            try:
                _take(gathering, json.loads(text), f"line {line}")
            except (DatasetError, ValueError, RecursionError) as error:
                gathering.broken(f"line {line}", " ".join(str(error).split()))
    return gathering.annotations(images)


def _take(gathering: Gathering, content: Any, line: str) -> None:
    row = _dict(_dict(content).get("data_row"))
    names = [one for one in map(row.get, _NAMES) if isinstance(one, str) and one.strip()]
    names = [one for one in names if one.lower().partition("?")[0].endswith(PHOTO_SUFFIXES)] or names
    if not names:
        raise DatasetError(f"its data_row is {brief(row)}; expected {' or '.join(_NAMES)} with the photo's path")
    projects = _dict(_dict(content).get("projects")).values()
    labels = [one for project in projects for one in _dict(project).get("labels") or [] if isinstance(one, dict)]
    labels.sort(key=lambda one: str(_dict(one.get("label_details")).get("updated_at", "")))
    gathering.left_out["older labels of a photo"] += max(0, len(labels) - 1)
    pieces = []
    found = _dict(_dict(labels[-1]).get("annotations")) if labels else {}
    gathering.left_out["answers about whole photos"] += len(found.get("classifications") or [])
    objects = found.get("objects") or []
    if not isinstance(objects, list):
        raise DatasetError(f"its objects are {brief(objects)}; expected a list")
    for at, one in enumerate(objects, start=1):
        place = f"{line} object {at}"
        kind = next((kind for kind in _NO_REGION if isinstance(one, dict) and kind in one), "")
        if kind:
            gathering.left_out[_NO_REGION[kind]] += 1
            continue
        try:
            pieces.append(Piece(label(_dict(one).get("name"), _attributes(_dict(one)), "name"), _shape(one), place))
        except DatasetError as error:
            gathering.broken(place, error)
    media = _dict(_dict(content).get("media_attributes"))
    gathering.photo(names, pieces, size=size_of(media.get("height"), media.get("width")))


def _attributes(one: Mapping[str, Any]) -> dict[str, Any]:
    """The answers to questions about an object, by the question."""
    answers = {}
    for question in one.get("classifications") or []:
        answer = _dict(question).get("radio_answer") or _dict(question).get("text_answer")
        text = _dict(answer)
        answers[str(_dict(question).get("name"))] = text.get("name") or text.get("content")
    return answers


def _shape(one: Any) -> Shape:
    box, polygon = (one.get(kind) if isinstance(one, dict) else None for kind in ("bounding_box", "polygon"))
    if isinstance(box, dict):
        x, y, width, height = (number(box.get(side), side) for side in ("left", "top", "width", "height"))
        return Box(x, y, x + width, y + height)
    if isinstance(polygon, list):
        return Polygons([outline([[_dict(point).get("x"), _dict(point).get("y")] for point in polygon])])
    if isinstance(one, dict) and not {"mask", "composite_mask"}.isdisjoint(one):
        raise DatasetError("its mask is behind a link of Labelbox; download it and give a folder of masks")
    raise DatasetError(f"it is {brief(one)}; expected a bounding_box or polygon")


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
