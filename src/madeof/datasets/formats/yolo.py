"""YOLO segmentation: a text file for each photo, as Ultralytics documents it (docs.ultralytics.com/datasets/segment).

A line is a region: the number of its class, then x y x y ... of its outline, as parts of the photo's width and height;
or, with four numbers, a box: x and y of its middle, its width and its height (docs.ultralytics.com/datasets/detect).
Eight numbers are the corners of a turned box, which is the same as an outline. The names of the classes are in
`data.yaml`, or line by line in `classes.txt` or `obj.names`. The text of `images/a/b.jpg` is `labels/a/b.txt`, or it is
beside the photo; a photo without one has no regions. A folder train, val, valid or test on the way gives the split.
Where a data.yaml has kpt_shape, the key points behind each box are no regions.

Written are outlines, of which holes and several parts are joined by lines of no width, as Ultralytics does it; masks
are read back exactly.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from madeof._util.files import make_folder, write_text
from madeof._util.text import brief, show
from madeof.datasets.annotations import AnnotatedPhoto, Annotation, Annotations
from madeof.datasets.formats.finding import MissingPhoto, elsewhere, split_of_folder
from madeof.datasets.formats.gathering import Gathering, some_files
from madeof.datasets.formats.parsing import head, read_text
from madeof.datasets.formats.values import is_material, number, whole
from madeof.datasets.formats.yolo_names import Classes, names_of_lines, names_of_yaml, quoted
from madeof.datasets.listing import File, by_stem, list_files, spelling, stem
from madeof.datasets.photos import Details
from madeof.datasets.writing import Answered, AnsweredRegion, first_names, one_ring, outlines
from madeof.errors import DatasetError, WriteError
from madeof.images.photo import PHOTO_SUFFIXES
from madeof.materials.lists import key
from madeof.regions.raster import Cut, cut_box, cut_polygon
from madeof.regions.shapes import Box, Shape

_YAML = (".yaml", ".yml")
_LINES = ("classes.txt", "obj.names", "classes.names", "predefined_classes.txt")
_LABELS, _IMAGES = "labels", "images"
_SPLITS = {"train": "train", "val": "val", "valid": "val", "test": "test"}
_OVERHANG = 0.01  # of the photo's size, which Ultralytics lets pass too


class Relative(NamedTuple):
    """An outline in parts of the photo's width and height."""

    points: NDArray[np.float64]
    """(n, 2)"""

    def cut(self, size: tuple[int, int]) -> Cut:
        """See `Shape`."""
        return cut_polygon(self.points * (size[1], size[0]), size)


class RelativeBox(NamedTuple):
    """A box in parts of the photo's width and height."""

    box: tuple[float, float, float, float]
    """x0, y0, x1, y1."""

    def cut(self, size: tuple[int, int]) -> Cut:
        """See `Shape`."""
        x0, y0, x1, y1 = self.box
        return cut_box(Box(x0 * size[1], y0 * size[0], x1 * size[1], y1 * size[0]), size)


def matches(path: Path) -> bool:
    """Whether it is a data.yaml of YOLO, or a folder with names of classes and a text of numbers."""
    try:
        if path.is_file():
            return path.suffix.lower() in _YAML and "names:" in head(path)
        return path.is_dir() and _names_file(path) is not None and _has_labels(path)
    except OSError:
        return False


def _has_labels(folder: Path) -> bool:
    return any(_looks_like_regions(text) for text in some_files(folder, ".txt") if text.name not in _LINES)


def _names_file(folder: Path) -> Path | None:
    """The file with the names of the classes: in the folder, in that of the labels, or above a part of a data set."""
    above = [folder.parent] if folder.name in (_LABELS, *_SPLITS) else []
    for place in (folder, folder / _LABELS, *above):
        yamls = [file for ending in _YAML for file in sorted(place.glob(f"*{ending}")) if "names:" in head(file)]
        found = yamls + [place / name for name in _LINES if (place / name).is_file()]
        if found:
            return found[0]
    return None


def read(path: Path, images: Path | None = None) -> Annotations:
    """Read a YOLO data set.

    Args:
        path: its folder, the folder `labels` in it, or its data.yaml.
        images: the folder of photos, where they are elsewhere.

    Raises:
        DatasetError: there is no such folder, or no file with the names of the classes.
    """
    root = path if path.is_dir() else path.parent
    classes = _classes(path, root)
    if images is not None and not images.is_dir():
        raise DatasetError(f"{show(images)} is not a folder; expected the folder of the photos of {show(path.name)}")
    gathering = Gathering(path)
    texts, problems = list_files(root, [".txt"])
    gathering.problems += problems
    prefix = f"{_LABELS}/" if root.name == _LABELS else ""
    base = root.parent if prefix else root
    paths = [f"{prefix}{text.path}" for text in texts if PurePosixPath(text.path).name not in _LINES]
    folder = images or base
    files, problems = list_files(folder, PHOTO_SUFFIXES)
    gathering.problems += problems
    if images is None and any(_LABELS in text.split("/")[:-1] for text in paths):
        files = [file for file in files if _IMAGES in file.path.split("/")[:-1]]
    photos, problems, _ = by_stem(files, folder.name)
    gathering.problems += problems
    annotations: dict[str, list[Annotation]] = {}
    for text, photo in _photos_of(paths, photos).items():
        if photo is not None:
            annotations[photo] = _read_text(gathering, base, text, classes)
        elif _looks_like_regions(base / text):
            reason = f"no photo {show(PurePosixPath(text).stem)} of its own in {show(folder)}"
            reason = f"{show(text)}: {reason}; give the folder (images=, --images)"
            gathering.problems.append(MissingPhoto(stem(text), reason))
        else:
            gathering.left_out["texts without regions and without a photo"] += 1
    return Annotations(
        path,
        folder,
        tuple(
            AnnotatedPhoto(file.path, tuple(annotations.get(file.path, ())), details=_details(file.path))
            for file in photos.values()
        ),
        tuple(classes.names[number] for number in sorted(classes.names) if is_material(classes.names[number])),
        tuple(gathering.problems),
        +gathering.left_out,
    )


def _classes(path: Path, root: Path) -> Classes:
    file = _names_file(root) if path.is_dir() else path
    if file is None:
        raise DatasetError(f"{show(path)}: no names of classes; expected data.yaml or classes.txt in this folder")
    return names_of_yaml(file) if file.suffix.lower() in _YAML else names_of_lines(file)


def _photos_of(texts: Sequence[str], photos: Mapping[str, File]) -> dict[str, str | None]:
    """The photo's path for each text: by its path, else by its name if no other text and no other photo has that."""
    by_stem = {spelling(own): file.path for own, file in photos.items()}
    by_name: dict[str, list[str]] = {}
    for own, file in photos.items():
        by_name.setdefault(spelling(own.rpartition("/")[2]), []).append(file.path)
    found = {text: next((by_stem[one] for one in _stems_of(text) if one in by_stem), None) for text in texts}
    taken = Counter(photo for photo in found.values() if photo)
    left = [text for text, photo in found.items() if photo is None]
    same = Counter(spelling(stem(text).rpartition("/")[2]) for text in left)
    for text in left:
        name = spelling(stem(text).rpartition("/")[2])
        fitting = [one for one in by_name.get(name, []) if not taken[one] and not elsewhere(text.split("/"), one, True)]
        found[text] = fitting[0] if len(fitting) == same[name] == 1 else None
    return {text: photo if photo is None or taken[photo] < 2 else None for text, photo in found.items()}


def _stems_of(text: str) -> Iterator[str]:
    """Where the photo of a text may be, without its suffix."""
    folders = text.split("/")
    own = stem(folders.pop())
    candidates = [folders, []]
    if _LABELS in folders:
        at = len(folders) - 1 - folders[::-1].index(_LABELS)
        before, after = folders[:at], folders[at + 1 :]
        candidates = [[*before, _IMAGES, *after], [*before, *after], after, folders]
    for some in candidates:
        yield spelling("/".join([*some, own]))


def _details(photo: str) -> Details:
    """The split that a folder on the way to the photo names."""
    splits = [split for folder in photo.split("/")[:-1] if (split := split_of_folder(folder))]
    return Details(split=splits[-1] if splits else "")


def _looks_like_regions(path: Path) -> bool:
    """Whether the text begins with a class and numbers, unlike a list of files or a note."""
    line = head(path).lstrip().partition("\n")[0].split()
    return len(line) >= 5 and line[0].isdecimal()


def _read_text(gathering: Gathering, base: Path, text: str, classes: Classes) -> list[Annotation]:
    found = []
    try:
        lines = read_text(base / text).splitlines()
    except DatasetError as error:
        gathering.broken("", error, text)
        return []
    for number_, line in enumerate(lines, start=1):
        values = line.split()
        if not values:
            continue
        try:
            material = classes.names.get(whole(values[0], "the class"))
            if material is None:
                raise DatasetError(f"the class {brief(values[0])} has no name; expected one of {len(classes.names)}")
            if classes.has_key_points:
                gathering.left_out["key points"] += len(values) > 5
                values = values[:5]
            shape = _shape(values[1:])
            if is_material(material):
                found.append(Annotation(material, shape, f"line {number_}"))
            else:
                gathering.left_out[f"regions labelled {material}"] += 1
        except DatasetError as error:
            gathering.broken(f"line {number_}", error, text)
    return found


def _shape(texts: Sequence[str]) -> Shape:
    values = np.array([number(text, "a coordinate") for text in texts])
    if len(values) and (values.min() < -_OVERHANG or values.max() > 1 + _OVERHANG):
        raise DatasetError(f"it has coordinates from {values.min():g} to {values.max():g}; expected parts, from 0 to 1")
    if len(values) == 4:
        x, y, width, height = values.tolist()
        if width <= 0 or height <= 0:
            raise DatasetError(f"its box has the size {width:g} x {height:g}; expected more than 0")
        return RelativeBox((x - width / 2, y - height / 2, x + width / 2, y + height / 2))
    if len(values) < 6 or len(values) % 2:
        raise DatasetError(
            f"it has {len(values)} numbers behind the class; expected 4 of a box, or the x and y of 3 or more points"
        )
    return Relative(values.reshape(-1, 2))


def write(photos: Iterable[Answered], out: Path, materials: Sequence[str] = ()) -> list[Path]:
    """Write a data set into the folder `out`: labels/, and a data.yaml that expects the photos in images/.

    Args:
        photos: taken one by one.
        out: the folder.
        materials: the first classes; others follow in the order of their first regions.

    Raises:
        WriteError: it cannot be written, or two photos differ in their suffix only and would share a text.
    """
    names = list(first_names(materials).values())
    numbers = {key(name): number_ for number_, name in enumerate(names)}
    written: dict[Path, str] = {}
    for photo in photos:
        path = out / _LABELS / f"{stem(photo.file.removeprefix(f'{_IMAGES}/'))}.txt"
        if path in written:
            raise WriteError(
                f"{show(written[path])} and {show(photo.file)} would share {show(path)}; rename one of them"
            )
        lines = []
        for region in photo.regions:
            if key(region.material) not in numbers:
                numbers[key(region.material)] = len(names)
                names.append(region.material)
            points = " ".join(f"{value:.12g}" for value in _points(region, photo.size).ravel().tolist())
            lines.append(f"{numbers[key(region.material)]} {points}\n")
        make_folder(path.parent)
        write_text(path, "".join(lines))
        written[path] = photo.file
    make_folder(out)
    listed = "".join(f"  {number_}: {quoted(name)}\n" for number_, name in enumerate(names))
    listing = out / "data.yaml"
    write_text(listing, f"train: {_IMAGES}\nval: {_IMAGES}\nnames:{' {}' if not names else ''}\n{listed}")
    return [*written, listing]


def _points(region: AnsweredRegion, size: tuple[int, int]) -> NDArray[np.float64]:
    """The region's outline in parts of the photo's size, (n, 2)."""
    scale = np.array([size[1], size[0]], dtype=np.float64)
    given = region.polygons
    if given is not None and len(given.parts) == 1 and not given.holes:
        points = np.asarray(given.parts[0], dtype=np.float64) / scale
        if points.min() >= 0 and points.max() <= 1:
            return points
    return one_ring(outlines(region.cut, region.corner)) / scale
