"""Data sets of annotation files in any format: `read_annotations`, and their layout."""

from __future__ import annotations

import hashlib
import json
import logging
import pickle
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from madeof._util.text import join_some, show
from madeof.datasets.annotations import AnnotatedPhoto, Annotation, Annotations
from madeof.datasets.formats import FORMATS, format_named, recognise
from madeof.datasets.formats.coco_rows import RowsOf
from madeof.datasets.formats.gathering import ABSENT
from madeof.datasets.formats.zips import is_zip, unpacked
from madeof.datasets.layout import Scan, changed, misfit
from madeof.datasets.listing import File, check_file
from madeof.datasets.material_lists import MaterialList
from madeof.datasets.photos import Details
from madeof.datasets.problems import Problem
from madeof.datasets.regions_table import RegionTable, table
from madeof.errors import DatasetError, InputError
from madeof.images.photo import read_photo, size_of
from madeof.materials.lists import key
from madeof.regions.raster import Cut
from madeof.regions.region import mask_box
from madeof.regions.shapes import Shape, cut_many

_logger = logging.getLogger("madeof")


def read_annotations(path: str | Path, *, images: str | Path | None = None, format: str | None = None) -> Annotations:
    """Read an annotation file, or a folder of them, whatever its format. No photo is opened.

    Args:
        path: the file or folder.
        images: the folder of photos, where they are not beside it.
        format: the name of its format (`madeof.datasets.formats.FORMATS`); None finds it out from the content.

    Raises:
        DatasetError: it is of no format that we know, or cannot be read. What is broken in parts of it stands in
            `problems`.
    """
    path = Path(path)
    if not path.exists():
        raise DatasetError(f"{show(path)} does not exist; expected an annotation file, or a folder of them")
    if path.name in ("", ".."):  # messages call it by its name
        path = path.resolve()
    unpacked(path)  # which says what is wrong with a zip file
    found = format_named(format) if format is not None else None
    if found is None:
        name = recognise(path)
        if name is None:
            raise DatasetError(f"{show(path)} is of no format that we know: we tried {tried()}")
        found = FORMATS[name]
    _logger.debug("%s: %s", show(path), found.title)
    annotations = found.reader.read(unpacked(path), None if images is None else Path(images))
    return replace(annotations, where=path) if is_zip(path) else annotations


def tried() -> str:
    """The formats, for a message."""
    return ", ".join(FORMATS) + "; insist on one with format= (--format)"


def left_out(annotations: Annotations) -> str:
    """Summary of skipped items that are no regions: "coco.json: left out 12 keypoints, 3 captions", or ""."""
    kinds = [(kind, count) for kind, count in annotations.left_out.most_common() if kind != ABSENT]
    told = [f"{join_some(f'{count} {show(kind)}' for kind, count in kinds)}, which are no regions"] if kinds else []
    told += [f"{annotations.left_out[ABSENT]} {ABSENT}"] if annotations.left_out[ABSENT] else []
    return f"{show(annotations.where.name)}: left out {'; and '.join(told)}" if told else ""


def cut(annotation: Annotation, size: tuple[int, int], where: Path, file: str) -> Cut:
    """The annotation's pixels.

    Args:
        annotation: the annotation.
        size: (height, width) of its photo.
        where: its file, for messages.
        file: its photo, for messages.

    Raises:
        DatasetError: its shape cannot be cut out of the photo. File, photo and place are named.
    """
    try:
        return annotation.cut(size)
    except (InputError, DatasetError) as error:
        raise DatasetError(f"{show(where.name)}: {show(file)}: {show(annotation.place)}: {error}") from error


def check_stated(photo: AnnotatedPhoto, size: tuple[int, int], where: Path, path: Path) -> None:
    """Raise a DatasetError where the file states another size than `size`, which the photo at `path` has."""
    if photo.size is not None and photo.size != size:
        raise misfit(f"the photo in {show(where.name)}", photo.size, size, path)


def has_no_regions(photo: AnnotatedPhoto) -> bool:
    """Whether a photo has no regions, as far as that is known without reading another file."""
    return isinstance(photo.annotations, list | tuple | RowsOf) and not len(photo.annotations)


@dataclass
class _Photo:
    file: File
    size: tuple[int, int] | None
    details: Details
    annotations: Sequence[Annotation]


class AnnotatedPhotos:
    """The photos of annotation files. A region is an annotation, in one piece or several.

    A region's key is the position of its annotation among those of its photo. A shape, or the sequence of a photo's
    annotations, may have a property `stamp`, a text: it must where it reads a file, and then tells that file's size and
    time.
    """

    def __init__(self, annotations: Annotations, materials: MaterialList | None = None, *, min_area: int = 1) -> None:
        """The materials are those of `materials`, else those of the annotations."""
        self.where = str(annotations.where)
        self.materials = materials.names if materials else annotations.materials
        self.problems = list(annotations.problems)
        self.left_out = annotations.left_out
        self._list = materials.where if materials else annotations.where.name
        self._from = annotations.where
        self._root = annotations.photos_folder
        self._min_area = int(min_area)
        self._material = {key(name): position for position, name in enumerate(self.materials)}
        self._photos = self._merge(annotations.photos)
        if message := left_out(annotations):
            _logger.info(message)

    @property
    def header(self) -> str:
        """Cache key: everything besides the files that the regions depend on."""
        return json.dumps(["annotations", self.materials, self._min_area])

    @property
    def details(self) -> list[Details]:
        """The details of each photo."""
        return [photo.details for photo in self._photos]

    @property
    def photos_folder(self) -> Path:
        """The folder of photos."""
        return self._root

    def annotated(self) -> list[AnnotatedPhoto]:
        """The photos with the shapes of their regions."""
        return [AnnotatedPhoto(one.file.path, one.annotations, one.size, one.details) for one in self._photos]

    def __len__(self) -> int:
        return len(self._photos)

    def name(self, number: int) -> str:
        """The photo's path in the folder of photos."""
        return self._photos[number].file.path

    def file(self, number: int) -> str:
        """The photo's path in the folder of photos."""
        return self._photos[number].file.path

    def stamp(self, number: int) -> str:
        """Name, size and time of the photo, and its regions."""
        photo = self._photos[number]
        regions = _own_stamp(photo.annotations)
        if regions is None:
            digest = hashlib.sha256()
            for annotation in photo.annotations:
                text = f"\0{key(annotation.material)}\0{_stamp(annotation.shape)}"
                digest.update(text.encode("utf-8", "surrogatepass"))
            regions = digest.hexdigest()
        return f"{photo.file}\0{photo.size}\0{regions}"

    def scan(self, number: int) -> Scan:
        """Cut out the photo's regions.

        Raises:
            InputError: the photo's header cannot be read.
            DatasetError: the photo has another size than its file states.
        """
        photo = self._photos[number]
        path = self._root / photo.file.path
        size = size_of(path)
        check_stated(AnnotatedPhoto(photo.file.path, (), photo.size), size, self._from, path)
        text = f"{photo.file.path}\0{photo.file.size}\0{size[0]}x{size[1]}"
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass"))
        found: list[tuple[int, int, tuple[int, int, int, int], int]] = []
        problems: list[Problem] = []
        too_small = 0
        annotations = list(photo.annotations)
        quick = cut_many([annotation.shape for annotation in annotations], size)
        for position, (annotation, found_at_once) in enumerate(zip(annotations, quick, strict=True)):
            try:
                material = self._position(annotation, photo.file.path)
                mask, corner = found_at_once or cut(annotation, size, self._from, photo.file.path)
            except DatasetError as error:
                problems.append(Problem(photo.file.path, str(error)))
                continue
            area, box = int(np.count_nonzero(mask)), _box(mask, corner)
            # The pixels and not the file's text: the same regions are the same data set, whatever their format.
            digest.update(f"\0{material}\0{area}\0{box}\0".encode())
            digest.update(np.packbits(_within(mask, corner, box)).tobytes())
            if area < self._min_area:
                too_small += 1
                continue
            found.append((material, area, box, position))
        materials, areas, boxes, keys = zip(*found, strict=True) if found else ((), (), (), ())
        regions = table([0] * len(found), materials, areas, boxes, keys)
        return Scan(size[0], size[1], regions, too_small, digest.digest(), tuple(problems))

    def read(self, number: int, regions: RegionTable) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """The photo, (H, W, 3), and the masks of `regions`, (N, H, W)."""
        found = self._photos[number]
        photo = read_photo(self._root / found.file.path)
        if photo.damaged:
            _logger.warning("%s: %s", show(found.file.path), "; ".join(photo.warnings))
        height, width = photo.pixels.shape[:2]
        masks = np.zeros((len(regions), height, width), dtype=np.bool_)
        rows = zip(masks, regions.key.tolist(), regions.area.tolist(), regions.box.tolist(), strict=True)
        for mask, position, area, box in rows:
            if position >= len(found.annotations):
                raise changed(show(self._from.name))
            part, corner = cut(found.annotations[position], (height, width), self._from, found.file.path)
            if np.count_nonzero(part) != area or list(_box(part, corner)) != box:
                raise changed(show(self._from.name))
            x, y = corner
            mask[y : y + part.shape[0], x : x + part.shape[1]] = part
        return photo.pixels, masks

    def _position(self, annotation: Annotation, file: str) -> int:
        """Index of the annotation's material in `materials`."""
        position = self._material.get(key(annotation.material))
        if position is None:
            where = f"{show(self._from.name)}: {show(file)}: {show(annotation.place)}"
            if not annotation.material.strip():
                raise DatasetError(f"{where}: it has no material")
            raise DatasetError(f"{where}: the material {show(annotation.material)!r} is not in {show(self._list)}")
        return position

    def _merge(self, photos: Sequence[AnnotatedPhoto]) -> list[_Photo]:
        """The photos that are there, each once."""
        found: dict[str, _Photo] = {}
        for photo in photos:
            known = found.get(photo.file)
            if known is None:
                file = check_file(self._root, photo.file)
                if isinstance(file, File):
                    found[photo.file] = _Photo(file, photo.size, photo.details, photo.annotations)
                else:
                    reason = f"{show(self._from.name)}: the photo {show(photo.file)}: {file}"
                    self.problems.append(Problem(photo.file, reason))
            elif (known.size, known.details) == (photo.size, photo.details):
                known.annotations = (*known.annotations, *photo.annotations)
            else:
                reason = "is there twice, with different sizes or details; keep one"
                self.problems.append(
                    Problem(photo.file, f"{show(self._from.name)}: the photo {show(photo.file)} {reason}")
                )
        return list(found.values())


def _own_stamp(thing: object) -> str | None:
    """The `stamp` of a shape or of a photo's annotations: they read a file. None where they have none."""
    found = getattr(thing, "stamp", None)
    return found if isinstance(found, str) else None


def _stamp(shape: Shape) -> str:
    """Hash of the shape."""
    own = _own_stamp(shape)
    return hashlib.sha256(pickle.dumps(shape, protocol=5)).hexdigest() if own is None else own


def _box(mask: NDArray[np.bool_], corner: tuple[int, int]) -> tuple[int, int, int, int]:
    """x0, y0, x1, y1 of the pixels that are True; there is at least one."""
    x0, y0, x1, y1 = mask_box(mask)
    return x0 + corner[0], y0 + corner[1], x1 + corner[0], y1 + corner[1]


def _within(mask: NDArray[np.bool_], corner: tuple[int, int], box: tuple[int, int, int, int]) -> NDArray[np.bool_]:
    """The part of the mask in `box`."""
    x, y = corner
    return mask[box[1] - y : box[3] - y, box[0] - x : box[2] - x]
