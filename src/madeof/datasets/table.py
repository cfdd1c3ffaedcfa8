"""A table of masks: a CSV with the columns image, mask and material, one region a row."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from madeof._util.csv_rows import Row, read_rows
from madeof._util.files import sha256
from madeof._util.text import show
from madeof.datasets.annotations import AnnotatedPhoto, Annotation
from madeof.datasets.formats.mask_files import MaskFile
from madeof.datasets.layout import Scan, changed, misfit
from madeof.datasets.listing import File, check_file
from madeof.datasets.material_lists import MaterialList
from madeof.datasets.photos import COLUMNS, SPELLINGS, Details, details_of
from madeof.datasets.problems import Problem
from madeof.datasets.regions_table import RegionTable, table
from madeof.errors import DatasetError, InputError, RegionError
from madeof.images.photo import read_photo, size_of
from madeof.materials.lists import key
from madeof.regions.files import read_mask

_logger = logging.getLogger("madeof")


@dataclass(frozen=True)
class _Region:
    line: int
    mask: File
    material: int


@dataclass
class _Photo:
    file: File
    line: int
    details: Details
    regions: list[_Region]


class Table:
    """Photos and masks that a CSV names, relative to its own folder. A region is a mask, in one piece or several."""

    def __init__(self, path: Path, materials: MaterialList | None = None, *, min_area: int = 1) -> None:
        """Read the CSV; the materials are those of `materials`, else all that it names, in alphabetical order."""
        self.where = str(path)
        self._root = path.parent
        self._min_area = int(min_area)
        self.problems: list[Problem] = []
        rows = list(
            read_rows(path, ["image", "mask", "material"], COLUMNS, also=SPELLINGS, file_names=["image", "mask"])
        )
        if materials:
            self.materials = materials.names
        else:
            spelled: dict[str, str] = {}
            for row in rows:
                spelled.setdefault(key(row.values["material"]), row.values["material"])
            self.materials = tuple(spelled[one] for one in sorted(spelled) if one)
        self._list = materials.where if materials else path.name
        self._photos = self._read(path, rows)

    @property
    def header(self) -> str:
        """Cache key: everything besides the files that the regions depend on."""
        return json.dumps(["table", self.materials, self._min_area])

    @property
    def details(self) -> list[Details]:
        """The details of each photo."""
        return [photo.details for photo in self._photos]

    @property
    def photos_folder(self) -> Path:
        """The folder of the CSV."""
        return self._root

    def annotated(self) -> list[AnnotatedPhoto]:
        """The photos with the shapes of their regions."""
        return [
            AnnotatedPhoto(
                photo.file.path,
                [
                    Annotation(
                        self.materials[region.material],
                        MaskFile(self._root, region.mask, self._root / photo.file.path),
                        f"line {region.line}",
                    )
                    for region in photo.regions
                ],
                details=photo.details,
            )
            for photo in self._photos
        ]

    def __len__(self) -> int:
        return len(self._photos)

    def name(self, number: int) -> str:
        """The photo's path as the table has it."""
        return self._photos[number].file.path

    def file(self, number: int) -> str:
        """The photo's path as the table has it."""
        return self._photos[number].file.path

    def stamp(self, number: int) -> str:
        """Names, sizes and times of the photo and of its masks, and their materials."""
        photo = self._photos[number]
        # No lines: a row that comes or goes elsewhere changes nothing here.
        return f"{photo.file}\0{[(region.mask, region.material) for region in photo.regions]}"

    def scan(self, number: int) -> Scan:
        """Look at the photo's masks.

        Raises:
            InputError: the photo's header cannot be read.
        """
        photo = self._photos[number]
        path = self._root / photo.file.path
        size = size_of(path)
        digest = hashlib.sha256()
        text = f"{photo.file.path}\0{photo.file.size}\0{size[0]}x{size[1]}"
        digest.update(text.encode("utf-8", "surrogatepass"))
        found: list[tuple[int, int, tuple[int, int, int, int], int]] = []
        problems: list[Problem] = []
        too_small = 0
        for row, region in enumerate(photo.regions):
            try:
                mask = self._mask(region, size, path)
            except (InputError, DatasetError) as error:
                problems.append(Problem(region.mask.path, f"{self._at(region.line)}: {error}"))
                continue
            area = int(np.count_nonzero(mask))
            digest.update(f"\0{region.mask.path}\0{region.material}\0".encode("utf-8", "surrogatepass"))
            digest.update(sha256(self._root / region.mask.path).encode("ascii"))
            if area < self._min_area:
                too_small += 1
                continue
            found.append((region.material, area, _box(mask), row))
        material, areas, boxes, rows = zip(*found, strict=True) if found else ((), (), (), ())
        regions = table([0] * len(found), material, areas, boxes, rows)
        return Scan(size[0], size[1], regions, too_small, digest.digest(), tuple(problems))

    def read(self, number: int, regions: RegionTable) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """The photo, (H, W, 3), and the masks of `regions`, (N, H, W)."""
        found = self._photos[number]
        path = self._root / found.file.path
        photo = read_photo(path)
        if photo.damaged:
            _logger.warning("%s: %s", show(found.file.path), "; ".join(photo.warnings))
        size = photo.pixels.shape[:2]
        masks = np.zeros((len(regions), *size), dtype=np.bool_)
        for mask, row, area in zip(masks, regions.key.tolist(), regions.area.tolist(), strict=True):
            region = found.regions[row]
            mask[:] = self._mask(region, size, path)
            if np.count_nonzero(mask) != area:
                raise changed(show(region.mask.path))
        return photo.pixels, masks

    def _mask(self, region: _Region, size: tuple[int, int], photo: Path) -> NDArray[np.bool_]:
        """The region's pixels: of a soft mask those that are covered by half or, if none is, at all."""
        path = self._root / region.mask.path
        try:
            mask = read_mask(path, size)
        except RegionError:
            found = size_of(path)
            if found == size:
                raise
            raise misfit(show(region.mask.path), found, size, photo) from None
        if mask.dtype == np.bool_:
            return mask.astype(np.bool_, copy=False)
        hard = mask >= 0.5
        return hard if hard.any() else mask > 0

    def _at(self, line: int) -> str:
        return f"{show(Path(self.where).name)} line {line}"

    def _path(self, given: str) -> str:
        """A path of the table, tidied; backslashes of Windows are slashes, unless a file has that name."""
        path = os.path.normpath(given)
        return path if "\\" not in path or (self._root / path).exists() else os.path.normpath(path.replace("\\", "/"))

    def _read(self, path: Path, rows: Sequence[Row]) -> list[_Photo]:
        """The photos in the order of their first rows."""
        where = {key(name): position for position, name in enumerate(self.materials)}
        photos: dict[str, _Photo] = {}
        bad: set[str] = set()
        lines: dict[tuple[str, str], int] = {}
        for line, values in rows:
            missing = [column for column in ("image", "mask", "material") if not values[column]]
            if missing:
                self.problems.append(Problem(path.name, f"{self._at(line)}: {' and '.join(missing)} missing"))
                continue
            material = where.get(key(values["material"]))
            if material is None:
                reason = f"{self._at(line)}: the material {show(values['material'])!r} is not in {show(self._list)}"
                self.problems.append(Problem(path.name, reason))
                continue
            image, mask = (self._path(values[column]) for column in ("image", "mask"))
            first = lines.setdefault((image, mask), line)
            if first != line:
                reason = f"{self._at(line)}: the same image and mask as line {first}; keep one of them"
                self.problems.append(Problem(mask, reason))
                continue
            details = details_of(path, line, values)
            if image in bad:
                continue
            if image not in photos:
                file = check_file(self._root, image)
                if isinstance(file, str):
                    bad.add(image)
                    self.problems.append(Problem(image, f"{self._at(line)}: {show(image)}: {file}"))
                    continue
                photos[image] = _Photo(file, line, details, [])
            photo = photos[image]
            if details != photo.details:
                raise DatasetError(
                    f"{show(path)} line {line}: another {_difference(details, photo.details)} than line {photo.line} "
                    f"gives {show(image)}; a photo has one"
                )
            file = check_file(self._root, mask)
            if isinstance(file, str):
                self.problems.append(Problem(mask, f"{self._at(line)}: {show(mask)}: {file}"))
                continue
            photo.regions.append(_Region(line, file, material))
        return [photo for photo in photos.values() if photo.regions]


def _difference(one: Details, other: Details) -> str:
    return next(name for name, mine, theirs in zip(COLUMNS, one, other, strict=True) if mine != theirs)


def _box(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """x0, y0, x1, y1 of the pixels that are True; there is at least one."""
    ys, xs = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(xs[0]), int(ys[0]), int(xs[-1]) + 1, int(ys[-1]) + 1
