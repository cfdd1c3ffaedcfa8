"""What a reader of annotation files gathers: photos with their annotations, and what is broken or left out."""

from __future__ import annotations

import contextlib
import os
import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np

from madeof._util.text import show
from madeof.datasets.annotations import AnnotatedPhoto, Annotation, Annotations
from madeof.datasets.formats.finding import find_photos, relative_path, split_of_folder
from madeof.datasets.formats.values import is_material
from madeof.datasets.listing import list_files
from madeof.datasets.photos import Details
from madeof.datasets.problems import Problem
from madeof.errors import DatasetError
from madeof.materials.lists import key
from madeof.regions.shapes import Box, Drawn, Polygons, Several, Shape

ABSENT = "photos without a region, which are not there"
"""How they are called among what is left out."""

_LOOKED_AT = 5  # files in each folder, to tell the format
_ENTRIES = 1000  # in each folder, among which they are looked for
_FOLDERS = 100
_AROUND = 1.5  # pixels between a box and the outlines that it is around


class Piece(NamedTuple):
    """A shape as its file has it, which may be a part of a region only."""

    material: str
    shape: Shape
    place: str
    group: Hashable = None
    """Pieces of one group and one material are one region; None is a region of its own."""


class _Entry(NamedTuple):
    names: Sequence[str]
    annotations: Sequence[Annotation]
    size: tuple[int, int] | None
    details: Details
    place: str


class Gathering:
    """Photos, problems and what was left out, as they are read."""

    def __init__(self, where: Path, *, strict: bool = False) -> None:
        """Nothing is read.

        Args:
            where: the annotation file, or the folder of them.
            strict: each photo has a file of its own, which says where the photo is; see `find_photos`.
        """
        self.where, self._strict = where, strict
        self.problems: list[Problem] = []
        self.left_out: Counter[str] = Counter()
        self._entries: list[_Entry] = []

    def broken(self, place: str, reason: object, file: str | None = None) -> None:
        """Note what cannot be used.

        Args:
            place: where it stands: "shape 2 of a.jpg".
            reason: what is wrong with it.
            file: the annotation file relative to the folder `where`; None where `where` is the file.
        """
        name = self.where.name if file is None else file
        self.problems.append(Problem(name, f"{show(name)}: {show(place)}{': ' if place else ''}{reason}"))

    def photo(
        self,
        names: Sequence[str],
        pieces: Sequence[Piece],
        *,
        size: tuple[int, int] | None = None,
        details: Details | None = None,
        place: str = "",
    ) -> None:
        """Note a photo.

        Args:
            names: its path as the file has it, then others by which it may be found.
            pieces: what its regions are made of.
            size: (height, width), where the file states it.
            details: its split and so on.
            place: what names the photo in its file besides `names`: the file, in a folder of them.
        """
        for piece in pieces:
            if not is_material(piece.material):
                self.left_out[f"regions labelled {piece.material}"] += 1
        regions = _regions([piece for piece in pieces if is_material(piece.material)], self.left_out)
        self._entries.append(_Entry(names, regions, size, details or Details(), place))

    def annotations(self, images: Path | None = None, materials: Iterable[str] = ()) -> Annotations:
        """All that was gathered.

        Args:
            images: the folder of photos that the user gave.
            materials: the file's own list; empty is all materials that are used, in alphabetical order.

        Raises:
            DatasetError: `images` is not a folder.
        """
        folder, files = find_photos([entry.names for entry in self._entries], self.where, images, strict=self._strict)
        photos: dict[str, AnnotatedPhoto] = {}
        owners = {entry.place: file for entry, file in zip(self._entries, files, strict=True) if _is_own(entry, file)}
        owned = {file: place for place, file in owners.items()} if self._strict else {}
        for entry, file in zip(self._entries, files, strict=True):
            if isinstance(file, Problem):
                self._missing(entry, file)
            elif owned.get(file, entry.place) != entry.place:  # such as a copy that still names the other's photo
                self.broken(entry.place, f"its photo {show(file)} is that of {show(owned[file])}; name its own")
            elif file not in photos:
                photos[file] = AnnotatedPhoto(file, entry.annotations, entry.size, entry.details)
            else:
                photos[file] = self._both(photos[file], entry)
        return Annotations(
            self.where,
            folder,
            tuple(photos.values()),
            self._materials(materials, photos.values()),
            tuple(self.problems),
            +self.left_out,
        )

    def _missing(self, entry: _Entry, problem: Problem) -> None:
        if not entry.annotations:  # nothing is lost
            self.left_out[ABSENT] += 1
            return
        reason = f"{show(entry.place)}: {problem.reason}" if entry.place else problem.reason
        self.problems.append(problem._replace(reason=reason))  # which stays a MissingPhoto

    def _both(self, photo: AnnotatedPhoto, entry: _Entry) -> AnnotatedPhoto:
        """A photo that stands in the file twice, with the annotations of both."""
        if photo.size and entry.size and photo.size != entry.size:
            sizes = " and ".join(f"{width} x {height}" for height, width in (photo.size, entry.size))
            self.broken(entry.place or photo.file, f"the photo {show(photo.file)} is there twice, as {sizes}")
            return photo
        annotations = (*photo.annotations, *entry.annotations)
        return AnnotatedPhoto(photo.file, annotations, photo.size or entry.size, photo.details)

    @staticmethod
    def _materials(listed: Iterable[str], photos: Iterable[AnnotatedPhoto]) -> tuple[str, ...]:
        spelled: dict[str, str] = {}
        for name in filter(is_material, listed):
            spelled.setdefault(key(name), name)
        used: dict[str, str] = {}
        for photo in photos:
            for annotation in photo.annotations:
                used.setdefault(key(annotation.material), annotation.material)
        others = [used[one] for one in sorted(used) if one and one not in spelled]
        return (*spelled.values(), *others)


def _is_own(entry: _Entry, file: str | Problem) -> bool:
    """Whether the annotation file of a photo has its name."""
    return isinstance(file, str) and bool(entry.place) and PurePosixPath(entry.place).stem == PurePosixPath(file).stem


def annotation_files(path: Path, suffix: str) -> tuple[Path, list[str], list[Problem]]:
    """The files with annotations at `path`, a file or a folder of them: their folder, and their paths in it.

    Raises:
        DatasetError: it is not there, or is a folder without such a file.
    """
    if not path.is_dir():
        return path.parent, [path.name], []
    files, problems = list_files(path, [suffix])
    if not files:
        raise DatasetError(f"{show(path)}: no {suffix} file in this folder; expected one or more")
    return path, [file.path for file in files], problems


def read_each(
    path: Path,
    images: Path | None,
    suffix: str,
    parse: Callable[[Path], Any],
    take: Callable[[Gathering, str, Any], bool],
    what: str,
) -> Annotations:
    """The annotations of a file, or of all such files in a folder, each of which has those of one photo.

    Args:
        path: the file or folder.
        images: the folder of photos that the user gave.
        suffix: of the files: ".json".
        parse: gives a file's content.
        take: puts the content of the file of that path, relative to the folder, to the gathering; False where it is of
            another format.
        what: whose files they are.

    Raises:
        DatasetError: there is no such file, or the one file cannot be read.
    """
    gathering = Gathering(path, strict=True)
    folder, files, problems = annotation_files(path, suffix)
    gathering.problems += problems
    for file in files:
        try:
            if take(gathering, file, parse(folder / file)):
                continue
            if not path.is_dir():
                raise DatasetError(f"{show(path)} is no file of {what}")
            gathering.left_out[f"{suffix[1:].upper()} files that are not of {what}"] += 1
        except DatasetError as error:
            if not path.is_dir():
                raise naming(path, error) from error
            gathering.broken("", error, file)
    return gathering.annotations(images)


def merged(path: Path, parts: Sequence[Annotations]) -> Annotations:
    """What several annotation files at `path` say, as one."""
    folders = [part.photos_folder.absolute() for part in parts]
    root = Path(os.path.commonpath(folders))
    photos, problems, left_out = [], list[Problem](), Counter[str]()
    materials: dict[str, str] = {}
    for part, folder in zip(parts, folders, strict=True):
        way = folder.relative_to(root).as_posix()
        for photo in part.photos:
            file = photo.file if way == "." else f"{way}/{photo.file}"
            folders_of = f"{way}/{photo.file}".split("/")[:-1]
            split = next(filter(None, map(split_of_folder, [*folders_of, *re.split(r"[_.-]", part.where.stem)])), "")
            details = photo.details if photo.details.split else photo.details._replace(split=split)
            photos.append(AnnotatedPhoto(file, photo.annotations, photo.size, details))
        problems += part.problems
        left_out += part.left_out
        for material in part.materials:
            materials.setdefault(key(material), material)
    return Annotations(path, root, tuple(photos), tuple(materials.values()), tuple(problems), left_out)


def covered(pieces: Sequence[Piece], layers: Sequence[float] = ()) -> list[Piece]:
    """The pieces without what others lie over: each outline is drawn over those before it, or of lower `layers`."""
    shapes = [piece.shape for piece in pieces if isinstance(piece.shape, Polygons | Drawn)]
    boxes = [(np.min(shape.parts[0], axis=0), np.max(shape.parts[0], axis=0)) for shape in shapes]
    found = []
    for at, (piece, shape) in enumerate(zip(pieces, shapes, strict=True)):
        least, most = boxes[at]
        later = [one for one in range(at + 1, len(pieces)) if not layers or layers[one] > layers[at]]
        over = [one for one in later if (boxes[one][0] <= most).all() and (boxes[one][1] >= least).all()]
        holes = [*shape.holes, *(part for one in over for part in shapes[one].parts)]
        found.append(piece._replace(shape=shape._replace(holes=holes)))
    return found


def naming(path: Path, error: DatasetError) -> DatasetError:
    """The error, with the file's name before it where it has none."""
    return error if show(path) in str(error) else DatasetError(f"{show(path)}: {error}")


def some_files(path: Path, suffix: str, first: str = "") -> Iterator[Path]:
    """`path` itself if it is a file with that suffix, else some such files in the folder and in those in it.

    It looks at so much only that the format of a large folder is told in a moment; in the folder `first` before others.
    """
    folders = [path / first, path] if first and (path / first).is_dir() else [path]
    with contextlib.suppress(OSError, ValueError):
        if path.is_file():
            folders = []
            if path.name.lower().endswith(suffix):
                yield path
    for folder in folders:  # which grows
        with contextlib.suppress(OSError, ValueError), os.scandir(folder) as found:
            entries = [entry for entry in islice(found, _ENTRIES) if not entry.name.startswith(".")]
            files = [entry.path for entry in entries if entry.name.lower().endswith(suffix) and entry.is_file()]
            yield from map(Path, sorted(files)[:_LOOKED_AT])
            inner = sorted(entry.path for entry in entries if entry.is_dir(follow_symlinks=False))
            folders += map(Path, inner[: _FOLDERS - len(folders)])


def _regions(pieces: Sequence[Piece], left_out: Counter[str]) -> list[Annotation]:
    """The regions of a photo, in the order of their first pieces."""
    regions: dict[Hashable, list[Piece]] = {}
    for number, piece in enumerate(pieces):
        group: Hashable = (number,) if piece.group is None else (piece.group, key(piece.material))
        regions.setdefault(group, []).append(piece)
    for group, some in regions.items():
        regions[group] = [piece for piece in some if not _is_around(piece, some)]
        left_out["boxes around the outlines of their group"] += len(some) - len(regions[group])
    return [Annotation(some[0].material, _union(some), _places(some)) for some in regions.values()]


def _is_around(piece: Piece, group: Sequence[Piece]) -> bool:
    """Whether a piece only says where the outlines of its group are, as in the files that datumaro writes."""
    outlines = [part for one in group if isinstance(one.shape, Polygons) for part in one.shape.parts]
    if not (isinstance(piece.shape, Box) and outlines):
        return False
    points = np.concatenate(outlines)
    bounds = np.concatenate([points.min(axis=0), points.max(axis=0)])
    return bool((np.abs(bounds - np.array(piece.shape)) <= _AROUND).all())


def _union(pieces: Sequence[Piece]) -> Shape:
    shapes = [piece.shape for piece in pieces]
    if len(shapes) == 1:
        return shapes[0]
    outlines = [shape for shape in shapes if isinstance(shape, Polygons) and not shape.holes]
    if len(outlines) == len(shapes):
        return Polygons([part for shape in outlines for part in shape.parts])
    return Several(shapes)


def _places(pieces: Sequence[Piece]) -> str:
    """Where a region stands: "shape 2", or "shape 2, shape 5" of several pieces."""
    return ", ".join(piece.place for piece in pieces)


def beside(file: str, photo: str) -> list[str]:
    r"""The paths by which a photo is looked for that the annotation file `file` names relative to its own folder.

    A path that leads out of the folder of all annotation files ends in that file's own folder; see `relative_path`.

    >>> beside("house/a.json", "kitchen\\1.jpg"), beside("house/a.json", "../photos/1.jpg")
    (['house/kitchen/1.jpg', 'kitchen/1.jpg'], ['photos/1.jpg', 'house/1.jpg', '1.jpg'])
    """
    own = [part for part in file.split("/")[:-1] if part]
    path = photo.strip().replace("\\", "/")
    plain = relative_path(path)
    parts: list[str] = []
    names = []
    if plain and not path.startswith("/") and ":" not in path.partition("/")[0]:
        parts = list(own)
        for part in path.split("/"):
            if part == "..":
                if not parts:
                    break
                parts.pop()
            elif part not in ("", "."):
                parts.append(part)
        else:
            names.append("/".join(parts))
    names += ["/".join([*own, plain]), plain]
    return list(dict.fromkeys(names))
