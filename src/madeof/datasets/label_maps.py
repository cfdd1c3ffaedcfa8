"""Photos with label maps: a folder with `images/`, `labels/` and `materials.csv`, or two folders as in the original."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Collection
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from madeof._util.files import sha256
from madeof._util.text import show
from madeof.datasets.annotations import AnnotatedPhoto
from madeof.datasets.layout import Scan, changed, misfit
from madeof.datasets.listing import pair_files, stem
from madeof.datasets.material_lists import MaterialList
from madeof.datasets.photos import Details, details_in
from madeof.datasets.regions_table import RegionTable, table
from madeof.errors import DatasetError
from madeof.images.photo import read_photo, size_of
from madeof.regions.components import connected_components
from madeof.regions.files import read_label_map

_logger = logging.getLogger("madeof")
_SPELLED_OUT = 5  # unknown values in one message


class LabelMaps:
    """Photos, each with the label map of the same name. A region is an 8-connected component of one value."""

    def __init__(
        self,
        images: Path,
        labels: Path,
        materials: MaterialList,
        *,
        photos_csv: Path | None = None,
        min_area: int = 1,
        ignore: Collection[int] = (),
    ) -> None:
        self.where = str(images.parent if images.parent == labels.parent else images)
        self.materials = materials.names
        self._list, self._colours = materials.where, materials.colours
        self._values = np.array(materials.values, dtype=np.int64)
        self._min_area = int(min_area)
        self._ignore = tuple(sorted({0, *(int(value) for value in ignore)}))
        self._images, self._labels = images, labels
        pairs, self.problems = pair_files(images, labels)
        self._photos = [photo for photo, _ in pairs]
        self._maps = [label_map for _, label_map in pairs]
        stems = [stem(photo.path) for photo in self._photos]
        paths = [photo.path for photo in self._photos]
        self.details: list[Details] = details_in(photos_csv, stems, paths) if photos_csv else [Details()] * len(paths)

    @property
    def header(self) -> str:
        """Cache key: everything besides the files that the regions depend on."""
        materials = list(zip(self._values.tolist(), self.materials, strict=True))
        return json.dumps(["label maps", materials, self._min_area, self._ignore])

    @property
    def photos_folder(self) -> Path:
        """The folder of photos."""
        return self._images

    def annotated(self) -> list[AnnotatedPhoto]:
        """The photos with the shapes of their regions."""
        from madeof.datasets.formats.map_regions import MapRegions, Values  # which is built on this module

        names = dict(zip(self._values.tolist(), self.materials, strict=True))
        values = Values(names, frozenset(self._ignore), where=self._list, colours=self._colours)
        return [
            AnnotatedPhoto(
                photo.path, MapRegions(self._labels, label_map, self._images / photo.path, values), details=details
            )
            for photo, label_map, details in zip(self._photos, self._maps, self.details, strict=True)
        ]

    def __len__(self) -> int:
        return len(self._photos)

    def name(self, number: int) -> str:
        """The photo's path without its suffix."""
        return stem(self._photos[number].path)

    def file(self, number: int) -> str:
        """The photo's path in its folder."""
        return f"{self._images.name}/{self._photos[number].path}"

    def stamp(self, number: int) -> str:
        """Name, size and time of the photo and of its label map."""
        return f"{self._photos[number]}\0{self._maps[number]}"

    def scan(self, number: int) -> Scan:
        """Find the components of the photo's label map.

        Raises:
            InputError: the photo's header or the label map cannot be read, or their sizes differ.
            DatasetError: the label map holds values that are no material's.
        """
        photo, label_map = self._images / self._photos[number].path, self._labels / self._maps[number].path
        height, width = size_of(photo)
        values = read_label_map(label_map, colours=self._colours)
        if values.shape != (height, width):
            raise misfit(self._map(number), (values.shape[0], values.shape[1]), (height, width), photo)
        _, value, area, box = connected_components(values, ignore=self._ignore)
        material = np.searchsorted(self._values, value)
        material[material == len(self._values)] = 0
        unknown = self._values[material] != value
        if unknown.any():
            raise DatasetError(self._unknown_values(number, value[unknown], area[unknown]))
        key = np.flatnonzero(area >= self._min_area)
        digest = hashlib.sha256()
        text = f"{self.name(number)}\0{self._photos[number].size}\0{height}x{width}\0{sha256(label_map)}"
        digest.update(text.encode("utf-8", "surrogatepass"))
        return Scan(
            height,
            width,
            table(np.zeros(len(key), dtype=np.int32), material[key], area[key], box[key], key),
            too_small=len(area) - len(key),
            digest=digest.digest(),
        )

    def read(self, number: int, regions: RegionTable) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """The photo, (H, W, 3), and the masks of `regions`, (N, H, W)."""
        photo = read_photo(self._images / self._photos[number].path)
        if photo.damaged:
            _logger.warning("%s: %s", show(self.file(number)), "; ".join(photo.warnings))
        path = self._labels / self._maps[number].path
        height, width = photo.pixels.shape[:2]
        values = read_label_map(path, colours=self._colours)
        if values.shape != (height, width):
            raise changed(self._map(number))
        components, value, area, box = connected_components(values, ignore=self._ignore)
        expected = self._values[regions.material]
        if len(regions) and (
            regions.key.max() >= len(area)
            or (value[regions.key] != expected).any()
            or (area[regions.key] != regions.area).any()
            or (box[regions.key] != regions.box).any()
        ):
            raise changed(self._map(number))
        masks = np.zeros((len(regions), height, width), dtype=np.bool_)
        for mask, key, (x0, y0, x1, y1) in zip(masks, regions.key.tolist(), regions.box.tolist(), strict=True):
            # Label 0 is outside all components.
            np.equal(components[y0:y1, x0:x1], key + 1, out=mask[y0:y1, x0:x1])
        return photo.pixels, masks

    def _map(self, number: int) -> str:
        return show(f"{self._labels.name}/{self._maps[number].path}")

    def _unknown_values(self, number: int, value: NDArray[np.integer], area: NDArray[np.integer]) -> str:
        found, where = np.unique(value, return_inverse=True)
        pixels = np.bincount(where, weights=area)
        told = [f"{one} ({int(count)} px)" for one, count in zip(found.tolist(), pixels, strict=True)]
        more = f" and {len(told) - _SPELLED_OUT} more" if len(told) > _SPELLED_OUT else ""
        word = "value" if len(told) == 1 else "values"
        return (
            f"{self._map(number)}: the {word} {', '.join(told[:_SPELLED_OUT])}{more} not in {show(self._list)}: "
            "add the material, or ignore the value"
        )
