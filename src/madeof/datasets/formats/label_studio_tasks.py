"""Tasks of Label Studio, as its import takes them, from photos and their regions; and the interface they are for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import numpy as np

from madeof.datasets.formats.brush import encode
from madeof.datasets.formats.xml_text import plain
from madeof.datasets.writing import Answered, AnsweredRegion
from madeof.regions.shapes import Bits

LOCAL_FILES = "/data/local-files/"
"""Where Label Studio serves the files of its LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT."""

_IMAGE, _BRUSH, _POLYGON = "image", "brush", "polygon"  # names in the labelling interface


def task(photo: Answered) -> dict[str, Any]:
    """A photo's task, with a prediction or, where a person named the materials, with an annotation.

    A prediction's score, by which Label Studio sorts tasks, is the least of its regions'.
    """
    results = [_result(photo, region, number) for number, region in enumerate(photo.regions, start=1)]
    # Bytes that are not UTF-8 are kept: quote takes the bytes that the file's name has.
    path = quote(photo.file.encode("utf-8", "surrogateescape"), safe="/")
    answer: dict[str, Any] = {"result": results}
    if photo.model is None:
        return {"data": {_IMAGE: f"{LOCAL_FILES}?d={path}"}, "annotations": [answer] if results else []}
    scores = [region.score for region in photo.regions if region.score is not None]
    answer = {"model_version": photo.model, **({"score": _score(min(scores))} if scores else {}), **answer}
    return {"data": {_IMAGE: f"{LOCAL_FILES}?d={path}"}, "predictions": [answer] if results else []}


def _result(photo: Answered, region: AnsweredRegion, number: int) -> dict[str, Any]:
    height, width = photo.size
    points = _points(region, photo.size)
    kind = f"{_BRUSH if points is None else _POLYGON}labels"
    value: dict[str, Any] = {"points": points, "closed": True}
    if points is None:
        mask = np.zeros(photo.size, dtype=np.bool_)
        part, (x, y) = Bits(region.cut, region.corner).cut(photo.size)
        mask[y : y + part.shape[0], x : x + part.shape[1]] = part
        value = {"format": "rle", "rle": encode(mask)}
    return {
        "id": f"region-{number}",
        "type": kind,
        "from_name": _BRUSH if points is None else _POLYGON,
        "to_name": _IMAGE,
        "original_width": width,
        "original_height": height,
        "image_rotation": 0,
        **({} if region.score is None else {"score": _score(region.score)}),
        "value": {**value, kind: [region.material]},
    }


def _points(region: AnsweredRegion, size: tuple[int, int]) -> list[list[float]] | None:
    """The points of a region's one outline in percents; None where it is more than that, or hangs over the photo."""
    if region.polygons is None or region.polygons.holes or len(region.polygons.parts) != 1:
        return None
    points = np.asarray(region.polygons.parts[0], dtype=np.float64) / (size[1], size[0]) * 100
    return points.tolist() if points.min() >= 0 and points.max() <= 100 else None


def _score(score: float) -> float:
    """As Label Studio wants it."""
    return min(max(float(score), 0.0), 1.0)


def labelling_interface(materials: Iterable[str]) -> bytes:
    """The XML of a labelling interface with a brush and polygons, for `Settings > Labeling Interface > Code`.

    Raises:
        WriteError: a material's name holds a character that XML cannot.
    """
    names = list(materials)
    view = Element("View")
    SubElement(view, "Image", name=_IMAGE, value=f"${_IMAGE}", zoom="true")
    for tag, name in (("BrushLabels", _BRUSH), ("PolygonLabels", _POLYGON)):
        control = SubElement(view, tag, name=name, toName=_IMAGE)
        for material in names:
            SubElement(control, "Label", value=plain(material))
    indent(view)
    text: str = tostring(view, encoding="unicode")
    return f"{text}\n".encode()
