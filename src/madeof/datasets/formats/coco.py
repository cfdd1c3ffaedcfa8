"""COCO JSON: instances with outlines, run lengths (plain and compressed) or boxes; read element by element.

The format is that of https://cocodataset.org/#format-data: x and y in pixels from the photo's upper left corner, where
(0, 0) is the corner of the first pixel and not its centre; a box is x, y, width, height. A region that is marked as a
crowd (iscrowd) is a region. Annotations without outline, run lengths and box (captions, keypoints) are left out, and so
are stray outlines of one or two points beside good ones. An attribute named material is the material; segments of no
category have none.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from madeof._util.text import brief, show
from madeof.datasets.annotations import AnnotatedPhoto, Annotation, Annotations
from madeof.datasets.formats.coco_rows import Ids, Rows, RowsOf, pack, place_of
from madeof.datasets.formats.coco_writing import write, write_results
from madeof.datasets.formats.finding import find_photos
from madeof.datasets.formats.gathering import ABSENT, merged, some_files
from madeof.datasets.formats.panoptic import segments
from madeof.datasets.formats.parsing import head, top_keys
from madeof.datasets.formats.streaming import stream
from madeof.datasets.formats.values import MATERIAL, is_material, label, name, size_of
from madeof.datasets.listing import list_files
from madeof.datasets.photos import Details
from madeof.datasets.problems import Problem
from madeof.errors import DatasetError
from madeof.materials.lists import key
from madeof.regions.parsing import LEAST

__all__ = ["matches", "read", "write", "write_results"]

ANNOTATIONS = "annotations"
"""The folder in which COCO files are looked for first."""

_logger = logging.getLogger("madeof")


def matches(path: Path) -> bool:
    """Whether it is a file of COCO, or a folder with one or more, as tools export them with their photos."""
    return any(is_file(file) for file in some_files(path, ".json", first=ANNOTATIONS))


def is_file(path: Path) -> bool:
    """Whether it is a JSON object with lists of images or categories, or of annotations with image ids."""
    keys = top_keys(path)
    if keys.get("image") == "{":  # SA-1B's
        return False
    if keys.get("images") == "[" or (keys.get("categories") == "[" and keys.get("annotations", "[") == "["):
        return True
    return keys.get("annotations") == "[" and '"image_id"' in head(path)


def read(path: Path, images: Path | None = None) -> Annotations:
    """Read a COCO file, or those in a folder; see `formats.Reader`.

    Of the files of a folder each has its photos beside it, as Roboflow, CVAT and Label Studio export them; the names of
    folders and files give the splits. Where there are `instances_*.json`, other COCO files beside are left out.

    A region's place is "annotation 17" by its id, or "annotations[4]" by its position where it has none.
    """
    if not path.is_dir():
        return _read(path, images)
    names, _ = list_files(path, [".json"])
    files = [path / file.path for file in names if is_file(path / file.path)]
    if not files:
        raise DatasetError(f"{show(path)}: no COCO file in this folder; expected a .json with images and annotations")
    chosen = [file for file in files if file.name.startswith("instances")] or files
    found = merged(path, [_read(file, images) for file in chosen])
    found.left_out.update({"COCO files beside instances_*.json": len(files) - len(chosen)} if files != chosen else {})
    return found


def _read(path: Path, images: Path | None) -> Annotations:
    file = File(path)
    for top, position, value in stream(path):
        if top in ("images", "annotations", "categories", "licenses"):
            if position < 0:
                raise DatasetError(f"{show(path)}: its {top} are {brief(value)}; expected a list")
            file.take(top, position, value)
    return file.annotations(images)


class File:
    """What has been read of a file."""

    def __init__(self, path: Path, beside: Path | None = None) -> None:
        """Nothing is read.

        Args:
            path: the file.
            beside: another file, beside which the photos are.
        """
        self._path, self._beside = path, beside or path
        self._name = show(path.name)
        self._problems: list[Problem] = []
        self._left_out: Counter[str] = Counter()
        self._crowds = 0
        self._rows = Rows()
        self._photo_ids, self._category_ids = Ids(), Ids()
        # By the numbers of their ids.
        self._photos: dict[int, tuple[str | tuple[str, ...], tuple[int, int] | None, object]] = {}
        self._broken: set[int] = set()
        self._categories: dict[int, str] = {}
        self._nameless: dict[int, str] = {}
        self._ignored: dict[int, str] = {}
        self._licences: dict[object, str] = {}
        self._lists_categories = False
        self._segments: dict[int, list[tuple[int, Annotation]]] = {}

    def take(self, top: str, position: int, value: Any) -> None:
        """Take an element of one of the file's lists."""
        self._lists_categories |= top == "categories"
        try:
            if not isinstance(value, dict):
                raise DatasetError(f"it is {brief(value)}; expected an object")
            {
                "images": self._take_photo,
                "annotations": self._take_annotation,
                "categories": self._take_category,
                "licenses": self._take_licence,
            }[top](value, position)
        except DatasetError as error:
            known = value.get("id") if isinstance(value, dict) and top == "annotations" else None
            self._complain(place_of(known, position) if top == "annotations" else f"{top}[{position}]", str(error))

    def annotations(self, images: Path | None) -> Annotations:
        """All of it."""
        numbers = list(self._photos)
        folder, files = find_photos([self._photos[number][0] for number in numbers], self._beside, images)
        rows = self._by_photo()
        photos = []
        for number, file in zip(numbers, files, strict=True):
            chosen = rows.pop(number, np.zeros(0, dtype=np.int64))
            if isinstance(file, Problem):
                if len(chosen) or self._segments.get(number):
                    self._problems.append(file)
                else:  # nothing is lost
                    self._left_out[ABSENT] += 1
                continue
            _, size, licence = self._photos[number]
            details = Details(licence=self._licences.get(licence, "") if isinstance(licence, int | str) else "")
            regions: Sequence[Annotation] = RowsOf(self._rows, self._categories, chosen)
            if number in self._segments:
                regions = [*regions, *self._named(number)]
            photos.append(AnnotatedPhoto(file, regions, size, details))
        ids = list(self._photo_ids.known)
        for number in sorted(rows.keys() - self._broken):
            for row in rows[number].tolist():
                self._complain(self._rows.place(row), f"its image_id {brief(ids[number])} is none of its images")
        if self._crowds:
            _logger.info("%s: %d regions are crowds (iscrowd); they are read as regions", self._name, self._crowds)
        materials: dict[str, str] = {}
        for material in filter(None, self._categories.values()):
            materials.setdefault(key(material), material)
        return Annotations(
            self._path, folder, photos, tuple(materials.values()), tuple(self._problems), +self._left_out
        )

    def _named(self, photo: int) -> Iterator[Annotation]:
        """The segments of a panoptic photo, with their materials."""
        ids = list(self._category_ids.known)
        for category, annotation in self._segments[photo]:
            if category in self._ignored:
                self._left_out[f"regions labelled {self._ignored[category]}"] += 1
            elif category in self._categories:
                yield annotation._replace(material=self._categories[category])
            else:
                self._complain(annotation.place, f"its category_id {brief(ids[category])} is none of its categories")

    def _by_photo(self) -> dict[int, np.ndarray[Any, np.dtype[np.int64]]]:
        """The rows of each photo number, without those of no usable category."""
        category = np.array(self._rows.category, dtype=np.int64)
        ids = list(self._category_ids.known)
        if not self._lists_categories:  # segments without a class
            self._categories = {number: "" for number in range(len(ids))} | self._categories
        usable = np.isin(category, list(self._categories))
        for row in np.flatnonzero(~usable).tolist():
            number = int(category[row])
            if number in self._ignored:
                self._left_out[f"regions labelled {self._ignored[number]}"] += 1
                continue
            reason = self._nameless.get(number, "is none of its categories")
            self._complain(self._rows.place(row), f"its category_id {brief(ids[number])} {reason}")
        photo = np.array(self._rows.photo, dtype=np.int64)
        order = np.argsort(photo, kind="stable")
        order = order[usable[order]]
        values, starts = np.unique(photo[order], return_index=True)
        return dict(zip(values.tolist(), np.split(order, starts[1:]), strict=True)) if len(values) else {}

    def _take_photo(self, value: dict[str, Any], position: int) -> None:
        number = self._photo_ids.number(value.get("id"), "id")
        if number in self._photos:
            raise DatasetError(f"its id {brief(value['id'])} is that of another image too; keep one of them")
        self._broken.add(number)
        file = value.get("file_name", value.get("coco_url"))  # LVIS has the link alone
        if not isinstance(file, tuple) and (not isinstance(file, str) or not file.strip()):
            raise DatasetError(f"its file_name is {brief(file)}; expected the photo's path")
        self._photos[number] = (file, size_of(value.get("height"), value.get("width")), value.get("license"))
        self._broken.discard(number)

    def _take_annotation(self, value: dict[str, Any], position: int) -> None:
        if "segments_info" in value:
            photo = self._photo_ids.number(value.get("image_id"), "image_id")
            for one, shape in segments(self._path, value):
                row = self._category_of(one), Annotation("", shape, f"segment {one['id']}")
                self._segments.setdefault(photo, []).append(row)
            return
        packed = pack(value)
        if packed is None:
            kind = next((kind for kind in ("keypoints", "caption") if kind in value), "")
            if not kind:
                raise DatasetError("it has neither segmentation nor bbox")
            self._left_out["captions" if kind == "caption" else kind] += 1
            return
        photo = self._photo_ids.number(value.get("image_id"), "image_id")
        category = self._category_of(value)
        outlines = value.get("segmentation")
        if isinstance(outlines, list) and len(outlines) > 1:
            self._left_out["stray outlines of one or two points"] += sum(len(one) < LEAST for one in outlines)
        self._crowds += value.get("iscrowd") == 1
        self._rows.add(photo, category, value.get("id"), position, packed)

    def _category_of(self, value: dict[str, Any]) -> int:
        """The number of the category: of its name where an attribute says the material, "" where nothing does."""
        text = label(None, value["attributes"]) if "attributes" in value else ""
        if text or value.get("category_id") is None:
            number = self._category_ids.known.setdefault((MATERIAL, key(text)), len(self._category_ids.known))
            self._categories.setdefault(number, text)
            return number
        return self._category_ids.number(value["category_id"], "category_id")

    def _take_category(self, value: dict[str, Any], position: int) -> None:
        number = self._category_ids.number(value.get("id"), "id")
        if number in self._categories or number in self._nameless:
            raise DatasetError(f"its id {brief(value['id'])} is that of another category too; keep one of them")
        try:
            text = name(value.get("name"), "name")
            (self._categories if is_material(text) else self._ignored)[number] = text
        except DatasetError as error:
            self._nameless[number] = f"has no usable name: {error}"

    def _take_licence(self, value: dict[str, Any], position: int) -> None:
        text = value.get("name") or value.get("url")
        if isinstance(text, str) and isinstance(value.get("id"), int | str):
            self._licences[value["id"]] = text

    def _complain(self, place: str, reason: str) -> None:
        self._problems.append(Problem(self._path.name, f"{self._name}: {place}: {reason}"))
