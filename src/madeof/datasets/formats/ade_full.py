"""The full ADE20K, of 2017 or 2021: beside each photo X.jpg X_seg.png, and its objects in X_atr.txt or X.json.

In X_seg.png, B tells the objects apart and R / 10 * 256 + G is the class. X.json (2021) gives the class's name by that
number (`name_ndx`, `name`); X_atr.txt (2017) gives each object's name, by its number among the values of B. All pixels
of an object are a region; pictures of parts (X_parts_1.png) are not read. The folders training and validation give the
split.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from madeof._util.text import brief, show
from madeof.datasets.annotations import AnnotatedPhoto, Annotations
from madeof.datasets.formats.gathering import some_files
from madeof.datasets.formats.map_regions import MapRegions, Values, details_of_folder
from madeof.datasets.formats.parsing import read_json, read_text
from madeof.datasets.formats.values import whole
from madeof.datasets.listing import File, check_file, list_files
from madeof.datasets.problems import Problem
from madeof.errors import DatasetError
from madeof.materials.lists import key
from madeof.regions.files import read_colours

_SEG = "_seg.png"


def matches(path: Path) -> bool:
    """Whether it is a folder with a photo X.jpg and X_seg.png and their objects."""
    return path.is_dir() and any(_objects_of(file) for file in some_files(path, _SEG))


def _objects_of(seg: Path) -> Path | None:
    """The file with the objects of a picture."""
    stem = seg.name.removesuffix(_SEG)
    return next(
        (one for one in (seg.with_name(f"{stem}{end}") for end in (".json", "_atr.txt")) if one.is_file()), None
    )


def read(path: Path, images: Path | None = None) -> Annotations:
    """Read the folder; see `formats.Reader`. The photos are beside their pictures, or in the same folders in `images`.

    Raises:
        DatasetError: there is no such folder.
    """
    files, problems = list_files(path, [_SEG])
    root = images or path
    photos, materials = [], dict[str, str]()
    for file in files:
        seg, name = path / file.path, file.path.removesuffix(_SEG) + ".jpg"
        try:
            photo, objects = check_file(root, name), _objects_of(seg)
            if not isinstance(photo, File) or objects is None:
                raise DatasetError(f"its photo {show(name)} is not in {show(root)}, or its objects not beside it")
            names = dict(_names(objects))
        except DatasetError as error:
            problems.append(Problem(file.path, f"{show(file.path)}: {error}"))
            continue
        for one in names.values():
            materials.setdefault(key(one), one)
        values = Values(names, where=objects.name, reader=_by_class if objects.suffix == ".json" else _by_object)
        photos.append(AnnotatedPhoto(name, MapRegions(path, file, root / name, values), None, details_of_folder(name)))
    return Annotations(path, root, photos, tuple(materials[one] for one in sorted(materials)), tuple(problems))


def _by_class(path: Path) -> tuple[NDArray[Any], NDArray[Any]]:
    pixels = read_colours(path)
    return (pixels >> 16) // 10 * 256 + (pixels >> 8 & 0xFF), pixels & 0xFF


def _by_object(path: Path) -> tuple[NDArray[Any], NDArray[Any]]:
    pixels = read_colours(path) & 0xFF
    found, objects = np.unique(pixels, return_inverse=True)
    objects = objects.reshape(pixels.shape) + (0 if found[0] == 0 else 1)
    return objects, objects


def _names(path: Path) -> Iterator[tuple[int, str]]:
    """The name of each class or object of a photo, without its parts."""
    if path.suffix == ".json":
        content = read_json(path)
        annotation = content.get("annotation") if isinstance(content, dict) else None
        objects = annotation.get("object") if isinstance(annotation, dict) else None
        if not isinstance(objects, list):
            raise DatasetError(f"{show(path.name)} is {brief(content)}; expected an annotation with a list object")
        for one in objects:
            parts = one.get("parts") if isinstance(one, dict) else None
            if isinstance(one, dict) and not (isinstance(parts, dict) and parts.get("part_level")):
                yield whole(one.get("name_ndx"), "name_ndx", least=1), str(one.get("name") or "").strip()
        return
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        fields = [one.strip() for one in line.split("#")]
        if len(fields) < 5:
            raise DatasetError(
                f"{show(path.name)} line {number}: {show(line)!r} is no object: 001 # 0 # 0 # wall # wall"
            )
        if fields[1] == "0":  # not a part
            yield whole(fields[0], "the object's number", least=1), fields[3]
