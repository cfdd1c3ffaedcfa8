"""`convert`: a data set of any layout or format, written in another format."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np

from madeof._util.files import all_new, check_free
from madeof._util.text import show
from madeof.datasets.annotated import check_stated, cut
from madeof.datasets.annotations import AnnotatedPhoto, Annotation
from madeof.datasets.formats import Format, format_named
from madeof.datasets.formats.copying import Copies
from madeof.datasets.formats.yolo import Relative, RelativeBox
from madeof.datasets.layout import Layout
from madeof.datasets.losses import Losses
from madeof.datasets.opening import find_layout
from madeof.datasets.problems import Problem, complaint
from madeof.datasets.writing import Answered, AnsweredRegion
from madeof.errors import DatasetError, InputError, RegionError, WriteError
from madeof.images.photo import size_of
from madeof.materials.lists import key
from madeof.regions.raster import Cut
from madeof.regions.shapes import Box, Polygons

_FILES = {"coco": ".json", "label_studio": ".json", "cvat": ".xml"}
"""The formats that are one file for all photos, with their suffixes."""
_COPIED = "images"
_COPIES_ANYWAY = ("label_map", "masks")


@dataclass(frozen=True)
class Converted:
    """Summary of a conversion."""

    format: Format
    """In which it was written."""
    photos: int
    regions: int
    folder: Path
    """The folder that the photos' paths in the result are relative to."""
    too_small: int
    """Regions that were left out for their area."""
    skipped: tuple[Problem, ...]
    """Problems of skipped items; empty unless skipping was requested."""
    lost: tuple[str, ...]
    """Information that the format cannot hold: "scores (12 regions)"."""


def convert(
    path: str | Path,
    out: str | Path,
    to: str,
    *,
    format: str | None = None,
    images: str | Path | None = None,
    labels: str | Path | None = None,
    materials: str | Path | Sequence[str] | None = None,
    min_area: int = 1,
    ignore: Collection[int] = (),
    skip_bad: bool = False,
    copy_photos: bool = False,
) -> Converted:
    """Write a data set in another format, atomically.

    Photos without a region are written too. The photos themselves are copied by formats that are a folder of both
    (label_map, masks), and by others where that is asked for; else the result names them where they are.

    Args:
        path: the data set, as `open_dataset` takes it; with `labels`, the folder of photos.
        out: a file or, as the format has it, a folder; it must not be there, or be an empty folder.
        to: the name of the format.
        format: the name of the data set's own format, to insist on it.
        images: the folder of the photos of an annotation file, where they are not beside it.
        labels: a folder of label maps for the folder of photos `path`.
        materials: see `open_dataset`. They are the result's list too, with the data set's order; else its own is.
        min_area: regions of fewer pixels are left out, and counted.
        ignore: values of label maps besides 0 that are no region.
        skip_bad: leave out what cannot be used, in place of an error.
        copy_photos: copy the photos, to `images/` in the folder `out` or beside the file.

    Raises:
        DatasetError: the data set or a part of it cannot be used, or no region is left.
        WriteError: `out` is there already, or cannot be written.
    """
    target = format_named(to)
    writer = target.writer
    out = Path(out)
    is_folder = is_folder_of(target.name, out)
    source, images = (None, path) if labels is not None else (path, images)
    layout = find_layout(
        source, images=images, labels=labels, format=format, materials=materials, min_area=min_area, ignore=ignore
    )
    reading = _Reading(layout, min_area, skip_bad)
    losses = Losses(target.name)
    copy_photos = copy_photos and target.name not in _COPIES_ANYWAY
    if copy_photos and not is_folder:
        check_free(out.parent / _COPIED, folder=False)
    folder = out / _COPIED if target.name in _COPIES_ANYWAY else layout.photos_folder
    with all_new(out, folder=is_folder) as place:
        photos: Iterable[Answered] = reading.photos()
        if copy_photos:
            photos = _copied(photos, (place if is_folder else place.parent) / _COPIED)
            folder = (out if is_folder else out.parent) / _COPIED
        writer.write(losses.through(photos), place, layout.materials)
    return Converted(
        target,
        reading.count,
        reading.regions,
        folder,
        reading.too_small,
        tuple(reading.problems),
        tuple(losses.lines()),
    )


def is_folder_of(format: str, out: Path) -> bool:
    """Whether what is written at `out` is a folder: it depends on the format and, for COCO, on the name.

    Raises:
        WriteError: it is a file, whose name has another suffix than those who read it look for.
    """
    suffix = _FILES.get(format)
    if suffix is None or (format == "coco" and (out.is_dir() or out.suffix.lower() != suffix)):
        return True
    if out.suffix.lower() != suffix:
        raise WriteError(f"cannot write {show(out)} as {format_named(format).title}; expected a name with {suffix}")
    return False


@dataclass
class _Reading:
    """The photos of a layout with the pixels of their regions, and what is found on the way."""

    layout: Layout
    min_area: int
    skip_bad: bool
    count: int = 0
    regions: int = 0
    too_small: int = 0
    problems: list[Problem] = field(default_factory=list)

    def photos(self) -> Iterator[Answered]:
        """The photos one by one.

        Raises:
            DatasetError: something cannot be used and is not to be skipped, or no region is left; after the last photo.
        """
        where = Path(self.layout.where)
        known = {key(name) for name in self.layout.materials}
        self.problems += self.layout.problems
        for photo in self.layout.annotated():
            path = self.layout.photos_folder / photo.file
            try:
                size = size_of(path)
                check_stated(photo, size, where, path)
                annotations = list(photo.annotations)
            except (InputError, DatasetError) as error:
                self.problems.append(Problem(photo.file, " ".join(str(error).split())))
                continue
            found = []
            for annotation in annotations:
                try:
                    check_material(annotation, known, where, photo.file)
                    found += self._large(annotation, cut(annotation, size, where, photo.file), size)
                except DatasetError as error:
                    self.problems.append(Problem(photo.file, str(error)))
            self.count += 1
            self.regions += len(found)
            yield _answered(photo, self.layout.photos_folder, size, found)
        if self.problems and not self.skip_bad:
            raise complaint(self.layout.where, self.problems)
        if not self.regions:
            raise DatasetError(
                f"{show(self.layout.where)}: no region is left of {self.count} photos: {len(self.problems)} problems, "
                f"{self.too_small} regions under {self.min_area} px"
            )

    def _large(self, annotation: Annotation, pixels: Cut, size: tuple[int, int]) -> list[AnsweredRegion]:
        """The region, if it is large enough."""
        part, corner = pixels
        if np.count_nonzero(part) < self.min_area:
            self.too_small += 1
            return []
        outline = outline_of(annotation.shape, size)
        return [AnsweredRegion(annotation.place, part, corner, annotation.material, polygons=outline)]


def check_material(annotation: Annotation, known: Collection[str], where: Path, file: str) -> None:
    """Raise a DatasetError where the annotation's material is not among those `known` by their keys."""
    if not annotation.material:
        place = f"{show(where.name)}: {show(file)}: {show(annotation.place)}"
        raise DatasetError(f"{place}: it has no material")
    if key(annotation.material) not in known:
        raise DatasetError(
            f"{show(where.name)}: {show(file)}: {show(annotation.place)}: the material {show(annotation.material)!r} "
            "is not in the list of materials"
        )


def outline_of(shape: object, size: tuple[int, int]) -> Polygons | None:
    """The outline that a shape is, in pixels; None where it is pixels, or its outline would not mark the same ones."""
    if isinstance(shape, Polygons):
        return shape
    if isinstance(shape, Relative):
        return Polygons([shape.points * (size[1], size[0])])
    if isinstance(shape, RelativeBox):
        x0, y0, x1, y1 = shape.box
        shape = Box(x0 * size[1], y0 * size[0], x1 * size[1], y1 * size[0])
    if not isinstance(shape, Box):
        return None
    x0, x1 = np.clip([shape.x0, shape.x1], 0, size[1]).tolist()
    y0, y1 = np.clip([shape.y0, shape.y1], 0, size[0]).tolist()
    outline = Polygons([np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])])
    try:
        return outline if _same(outline.cut(size), shape.cut(size)) else None
    except RegionError:
        return None


def _same(one: Cut, other: Cut) -> bool:
    """Whether two cuts that may have empty rows and columns around them mark the same pixels."""
    places = []
    for part, (x, y) in (one, other):
        ys, xs = np.nonzero(part)
        places.append((ys + y, xs + x))
    return all(np.array_equal(mine, theirs) for mine, theirs in zip(*places, strict=True))


def _answered(photo: AnnotatedPhoto, folder: Path, size: tuple[int, int], found: list[AnsweredRegion]) -> Answered:
    path = PurePosixPath(photo.file)
    if path.is_absolute() or ".." in path.parts:  # a table may name such photos; what is written must stay in `out`
        return Answered(path.name, (folder / path).parent, size, tuple(found), details=photo.details)
    return Answered(photo.file, folder, size, tuple(found), details=photo.details)


def _copied(photos: Iterable[Answered], folder: Path) -> Iterator[Answered]:
    """The photos, each copied into `folder`."""
    copies = Copies(folder)
    for photo in photos:
        file = copies.copy(photo) + PurePosixPath(photo.file).suffix
        yield Answered(file, folder, photo.size, photo.regions, photo.model, photo.details)
