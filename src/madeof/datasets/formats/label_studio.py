"""Label Studio: its JSON export, its short one (JSON-MIN), and tasks with annotations or predictions.

As its documentation (labelstud.io/guide/task_format) and its page's code (`web/libs/editor/src/regions/`) have it.
Coordinates are percents of the photo's width and height. A box is turned by degrees, clockwise, around its upper left
corner; an ellipse around its centre. A brushed region is packed by runs (see `brush`), a bitmask is a PNG. Of a task
with several annotations the latest counts that was not cancelled, and the others are counted as left out; predictions
count only in a file in which no task is annotated. Key points, lines and all that says something of the whole photo
are no regions.

Written are tasks with predictions (annotations, where a person named the materials), and beside them the labelling
interface that they are for. Each photo is `/data/local-files/?d=PATH`, which Label Studio serves from the folder of
photos where it is started with LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED=true and
LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT=THAT FOLDER.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from madeof._util.files import atomic, write_bytes
from madeof._util.text import brief, show
from madeof.datasets.annotations import Annotations
from madeof.datasets.formats.brush import brush_mask
from madeof.datasets.formats.curves import ellipse, turned_box
from madeof.datasets.formats.gathering import Gathering, Piece
from madeof.datasets.formats.label_studio_tasks import LOCAL_FILES, labelling_interface, task
from madeof.datasets.formats.parsing import read_json, top_keys
from madeof.datasets.formats.pixels import png_mask
from madeof.datasets.formats.values import MATERIAL, json_bytes, name, number, outline, size_of
from madeof.datasets.writing import Answered
from madeof.errors import DatasetError
from madeof.images.photo import PHOTO_SUFFIXES
from madeof.materials.lists import key
from madeof.regions.shapes import Box, Polygons, Shape

_ANSWERS = ("annotations", "completions", "predictions")  # completions: until version 1.0
_LABELS = ("brushlabels", "bitmasklabels", "polygonlabels", "rectanglelabels", "ellipselabels", "labels", "choices")
_GEOMETRY = ("rle", "imageDataURL", "points", "radiusX", "width")
_OLDER = "older annotations of a task"
_UPLOADED = re.compile(r"^[0-9a-f]{8}-")  # what is put before the name of a photo that is uploaded
_NO_REGION = {
    "keypoint": "key points",
    "keypointlabels": "key points",
    "vector": "lines",
    "vectorlabels": "lines",
    "relation": "relations between regions",
}


def matches(path: Path) -> bool:
    """Whether it is a JSON file of Label Studio's tasks."""
    keys = top_keys(path)
    photo = any(keys.get(f"[]{one}") == '"' for one in ("image", "imagefilename"))  # as CreateML has it
    if any(keys.get(f"[]{part}") == "[" for part in _ANSWERS) and ("[]data" in keys or not photo):
        return True
    return "[]data" in keys or "[]annotation_id" in keys


def read(path: Path, images: Path | None = None) -> Annotations:
    """Read a JSON file of Label Studio's tasks.

    Args:
        path: the file.
        images: the folder of photos, where they are not beside the file. A photo that was uploaded is found by its
            name there and by its own.

    Raises:
        DatasetError: it cannot be read or is none of Label Studio's.
    """
    content = read_json(path)
    if not isinstance(content, list):
        raise DatasetError(f"{show(path)} is {brief(content)}; expected a list of tasks, as Label Studio exports it")
    gathering = Gathering(path)
    content = _one_a_task(content, gathering.left_out)
    annotated = any(
        _finished(one.get("annotations")) or _finished(one.get("completions")) or _short(one)
        for one in content
        if isinstance(one, dict)
    )
    for position, one in enumerate(content, start=1):
        mark = one.get("id") if isinstance(one, dict) else None
        place = f"task {mark if isinstance(mark, int | str) else position}"
        try:
            if not isinstance(one, dict):
                raise DatasetError(f"it is {brief(one)}; expected an object")
            _read_task(gathering, one, place, annotated)
        except DatasetError as error:
            gathering.broken(place, error)
    return gathering.annotations(images)


def _one_a_task(content: list[Any], left_out: Counter[str]) -> list[Any]:
    """The rows without those of a task's older annotations, of each of which the short export has a row."""
    newest: dict[object, int] = {}
    dropped = set()
    for at, row in enumerate(content):
        task = row.get("id") if isinstance(row, dict) and "annotation_id" in row and "data" not in row else None
        if isinstance(task, int | str):
            other = newest.setdefault(task, at)
            if other != at:
                older, newer = (at, other) if _time(row) < _time(content[other]) else (other, at)
                newest[task] = newer
                dropped.add(older)
    left_out[_OLDER] += len(dropped)
    return [row for at, row in enumerate(content) if at not in dropped]


def _finished(answers: object) -> list[dict[str, Any]]:
    """The annotations, or predictions, that were not cancelled."""
    some = answers if isinstance(answers, list) else []
    return [one for one in some if isinstance(one, dict) and not one.get("was_cancelled") and not one.get("skipped")]


def _short(one: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The results of a task of the short export, which has no "data": all lists of results in it."""
    if "data" in one:
        return []
    lists = [(mark, value) for mark, value in one.items() if isinstance(value, list)]
    found = [(mark, thing) for mark, some in lists for thing in some if isinstance(thing, dict)]
    return [{"from_name": mark, **thing} for mark, thing in found if "original_width" in thing]


def _read_task(gathering: Gathering, one: Mapping[str, Any], place: str, annotated: bool) -> None:
    data = one.get("data", one)
    if not isinstance(data, dict):
        raise DatasetError(f"its data is {brief(data)}; expected an object")
    names = photo_names(data)
    results: Sequence[Any] = _short(one)
    if "data" in one:
        results = _latest(gathering.left_out, one, annotated)
    pieces = []
    sizes: set[tuple[int, int]] = set()
    labels = _labels_by_id(results)
    seen: set[str] = set()
    for position, result in enumerate(results, start=1):
        mark = result.get("id") if isinstance(result, dict) else None
        mark = mark if isinstance(mark, str) and any(part in _value(result) for part in _GEOMETRY) else ""
        if mark in seen:  # another answer about the same region
            continue
        seen |= {mark} - {""}
        spot = f"region {mark or position}"
        try:
            piece = _piece(gathering.left_out, result, spot, labels, sizes)
            if piece is not None:
                pieces.append(piece)
        except DatasetError as error:
            gathering.broken(f"{place}: {spot}", error)
    if len(sizes) > 1:
        told = " and ".join(f"{width} x {height}" for height, width in sorted(sizes))
        raise DatasetError(f"its regions are of photos of {told}; expected one size")
    gathering.photo(names, pieces, size=next(iter(sizes), None))


def photo_names(data: Mapping[str, Any]) -> list[str]:
    """The paths by which the task's photo is looked for."""
    texts = {mark: value for mark, value in data.items() if isinstance(value, str)}
    photos = [mark for mark in texts if _path(texts[mark]).lower().endswith(PHOTO_SUFFIXES)]
    for mark in ("image", "img", "photo", *photos):
        if mark in texts and texts[mark].strip():
            path = _path(texts[mark])
            folder, _, base = path.rpartition("/")
            uploaded = [_UPLOADED.sub("", base)] if _UPLOADED.match(base) else []
            # Of a link to a store, the end of the path may be that in the folder of photos.
            names = [path.lstrip("/"), f"/{path}"] if folder else []
            return list(dict.fromkeys([*names, base, *uploaded]))
    raise DatasetError(f"its data is {brief(dict(data))}; expected the path of one photo, such as under image")


def _path(text: str) -> str:
    """The path in what a task has for its photo: a path, a link, or a link to a local file."""
    text = text.strip()
    if text.startswith(LOCAL_FILES):
        return parse_qs(urlsplit(text).query, errors="surrogateescape").get("d", [""])[0].replace("\\", "/")
    if "://" in text:
        return unquote(urlsplit(text).path)
    if text.startswith("/data/"):  # a file that was uploaded: /data/upload/3/0f3a9c1d-a.jpg
        return unquote(text.rpartition("/")[2])
    return text.replace("\\", "/")


def _latest(left_out: Counter[str], one: Mapping[str, Any], annotated: bool) -> list[Any]:
    """The results of the annotation that counts or, in a file without any, of the prediction."""
    answers = {part: one.get(part) or [] for part in _ANSWERS}
    for part, some in answers.items():
        if not isinstance(some, list) or not all(isinstance(answer, dict) for answer in some):
            raise DatasetError(f"its {part} is {brief(some)}; expected a list of objects")
    what = "annotations" if annotated else "predictions"
    if annotated:
        left_out["predictions"] += len(answers["predictions"])
    some = (answers["annotations"] or answers["completions"]) if annotated else answers["predictions"]
    finished = _finished(some)
    left_out[f"cancelled {what}"] += len(some) - len(finished)
    if not finished:
        return []
    left_out[_OLDER if annotated else "older predictions of a task"] += len(finished) - 1
    # Equal times, or none: the last one.
    newest = max(range(len(finished)), key=lambda at: (_time(finished[at]), at))
    results = finished[newest].get("result")
    if not isinstance(results, list):
        raise DatasetError(f"its result is {brief(results)}; expected a list")
    return results


def _time(answer: Mapping[str, Any]) -> str:
    """When it was last changed; such times sort as text."""
    time = answer.get("updated_at") or answer.get("created_at")
    return time if isinstance(time, str) else ""


def _labels_by_id(results: Sequence[Any]) -> dict[str, list[str]]:
    """The labels of each region, which may stand in another result of the same id than its shape does."""
    found: dict[str, list[str]] = {}
    for result in results:  # first of all what is asked for as the material
        asked = isinstance(result, dict) and key(str(result.get("from_name"))) == MATERIAL
        if asked and isinstance(result.get("id"), str) and (labels := _labels(result)):
            found.setdefault(result["id"], labels)
    for part in _LABELS:  # a label before a choice
        for result in results:
            if isinstance(result, dict) and isinstance(result.get("id"), str) and (labels := _labels(result, [part])):
                found.setdefault(result["id"], labels)
    return found


def _value(result: Mapping[str, Any]) -> Mapping[str, Any]:
    value = result.get("value", result)  # the short export has all in one
    return value if isinstance(value, dict) else {}


def _labels(result: Mapping[str, Any], parts: Sequence[str] = _LABELS) -> list[str]:
    value = _value(result)
    for part in parts:
        labels = value.get(part)
        if isinstance(labels, list) and labels:
            return [name(label) for label in labels]
    return []


def _piece(
    left_out: Counter[str], result: object, place: str, labels: Mapping[str, list[str]], sizes: set[tuple[int, int]]
) -> Piece | None:
    """The region of a result, or None of one that has none, which is counted."""
    if not isinstance(result, dict):
        raise DatasetError(f"it is {brief(result)}; expected an object")
    kind, value = str(result.get("type") or "").lower(), _value(result)
    if kind in _NO_REGION or "keypointlabels" in value:
        left_out[_NO_REGION.get(kind, "key points")] += 1
        return None
    if not any(part in value for part in _GEOMETRY):
        left_out["answers about whole photos"] += 1
        return None
    size = drawn_on(result)
    sizes.add(size)
    found = labels.get(result["id"], []) if isinstance(result.get("id"), str) else _labels(result)
    return Piece(_label(found), shape(value, size), place)


def is_region(result: Mapping[str, Any]) -> bool:
    """Whether a result says where a region is: no key point, line, or answer without a shape."""
    kind, value = str(result.get("type") or "").lower(), _value(result)
    return kind not in _NO_REGION and "keypointlabels" not in value and any(part in value for part in _GEOMETRY)


def drawn_on(result: Mapping[str, Any]) -> tuple[int, int]:
    """The (height, width) of the photo on which a result's region was drawn.

    Raises:
        DatasetError: it does not say so, or the photo was turned.
    """
    size = size_of(result.get("original_height"), result.get("original_width"))
    if size is None:
        raise DatasetError("it has no original_width and original_height; expected the photo's size in pixels")
    if number(result.get("image_rotation") or 0, "image_rotation") % 360:
        raise DatasetError(
            f"it was drawn on the photo turned by {brief(result['image_rotation'])} degrees, which we do not read; "
            "turn the photo back in Label Studio"
        )
    return size


def _label(labels: Sequence[str]) -> str:
    if len(labels) > 1:
        raise DatasetError(f"it has the labels {', '.join(map(show, labels))}; expected one material")
    return labels[0] if labels else ""


def shape(value: Mapping[str, Any], size: tuple[int, int]) -> Shape:
    """The region of a result's value, drawn on a photo of this (height, width).

    Raises:
        DatasetError: it is broken.
    """
    height, width = size

    def across(part: str) -> float:
        return number(value.get(part), part) * width / 100

    def down(part: str) -> float:
        return number(value.get(part), part) * height / 100

    if "rle" in value:
        return brush_mask(value["rle"], size)
    if "imageDataURL" in value:
        mask = png_mask(value["imageDataURL"])
        if mask.size != size:
            raise DatasetError(f"its mask is {mask.size[1]} x {mask.size[0]}; expected {width} x {height}")
        return mask
    if "points" in value:
        return Polygons([outline(value["points"]) * (width / 100, height / 100)])
    degrees = number(value.get("rotation") or 0, "rotation")
    if "radiusX" in value:
        return Polygons([ellipse(across("x"), down("y"), across("radiusX"), down("radiusY"), degrees)])
    x0, y0 = across("x"), down("y")
    x1, y1 = x0 + across("width"), y0 + down("height")
    return Polygons([turned_box(x0, y0, x1, y1, degrees, (x0, y0))]) if degrees else Box(x0, y0, x1, y1)


def write(photos: Iterable[Answered], out: Path, materials: Sequence[str] = ()) -> list[Path]:
    """Write tasks to the file `out` and their labelling interface beside it, as NAME.label_config.xml.

    Its labels are `materials`, then others as they come. Regions are polygons where they have one outline without holes
    that is within the photo, else brushed.

    Raises:
        WriteError: that cannot be done; what stood there before is whole.
    """
    used = dict.fromkeys(materials)
    with atomic(out) as file:
        for number_, photo in enumerate(photos):
            used.update(dict.fromkeys(region.material for region in photo.regions))
            file.write(b",\n" if number_ else b"[\n")
            file.write(json_bytes(task(photo)).rstrip(b"\n"))
        file.write(b"\n]\n" if file.tell() else b"[]\n")
    interface = out.with_name(f"{out.stem}.label_config.xml")
    write_bytes(interface, labelling_interface(used))
    return [out, interface]
