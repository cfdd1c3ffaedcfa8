"""Inspect a data set: counts per material, sizes of regions and photos, problems."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from madeof._util.text import utf8
from madeof.datasets.annotated import AnnotatedPhotos
from madeof.datasets.dataset import RegionDataset
from madeof.datasets.formats import FORMATS, recognise
from madeof.datasets.formats.coco_rows import RowsOf
from madeof.datasets.label_maps import LabelMaps
from madeof.datasets.layout import Layout
from madeof.datasets.opening import find_layout, open_layout
from madeof.datasets.photos import PhotoTable
from madeof.materials.crosswalk import Crosswalk
from madeof.materials.lists import key
from madeof.metrics.classification import SIZE_BOUNDS

_QUANTILES = {"smallest": 0.0, "5%": 0.05, "25%": 0.25, "median": 0.5, "75%": 0.75, "95%": 0.95, "largest": 1.0}


@dataclass(frozen=True)
class Alike:
    """Names that differ in case, blanks, punctuation or a plural's s only."""

    names: tuple[str, ...]
    one_material: bool
    """Whether they are taken for one material, as in "Wood" and "wood "."""


@dataclass(frozen=True)
class Unnameable:
    """Materials that a model cannot name."""

    model: str
    """Name and version."""
    materials: Mapping[str, str]
    """Each with the reason."""
    crosswalk: str = ""
    """Mapping between the lists; "" if none is needed."""


@dataclass(frozen=True)
class Inspection:
    """Contents of a data set."""

    where: str
    form: str
    """Title of its format or layout."""
    dataset: RegionDataset
    """Usable photos and regions."""
    drawn: bool
    """Whether some splits are drawn, because the data set does not give them."""
    left_out: Counter[str]
    """Number of items that are no regions, by kind."""
    alike: tuple[Alike, ...]
    min_area: int
    unnameable: Unnameable | None = field(default=None)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object of `madeof inspect --json`. Areas are in pixels."""
        dataset = self.dataset
        found: dict[str, Any] = {
            "dataset": utf8(self.where),
            "form": self.form,
            "photos": len(dataset),
            "regions": len(dataset.regions),
            "materials": [
                {"material": utf8(one.material), "regions": one.regions, "photos": one.photos}
                for one in dataset.count_by_material()
            ],
            "splits_drawn": self.drawn,
        }
        for column, counts in (("split", self.by("split")), ("source", self.by("source")), ("licence", self.licences)):
            found[f"by_{column}"] = {utf8(name): {"photos": p, "regions": r} for name, (p, r) in counts.items()}
        found["areas"] = quantiles(dataset.regions.area)
        found["by_area"] = [{"under": under, "regions": count} for under, count in by_area(dataset.regions.area)]
        found["photo_sizes"] = self.photo_sizes()
        found["left_out"] = {**{utf8(kind): count for kind, count in self.left_out.items()}}
        found["too_small"] = dataset.too_small
        found["photos_without_regions"] = dataset.without_regions
        found["problems"] = [{"file": utf8(one.file), "reason": utf8(one.reason)} for one in dataset.skipped]
        found["alike"] = [
            {"names": [utf8(name) for name in one.names], "one_material": one.one_material} for one in self.alike
        ]
        if self.unnameable is not None:
            found["unnameable"] = {
                "model": self.unnameable.model,
                "crosswalk": self.unnameable.crosswalk or None,
                "materials": {utf8(name): reason for name, reason in self.unnameable.materials.items()},
            }
        return found

    @property
    def licences(self) -> dict[str, tuple[int, int]]:
        """Photos and regions of each licence."""
        return self.by("licence")

    def by(self, column: str) -> dict[str, tuple[int, int]]:
        """Photos and regions by a column of the photos (split, source, licence), the most photos first."""
        values: Sequence[str] = getattr(self.dataset.photos, column)
        photos = Counter(values)
        regions: Counter[str] = Counter()
        for value, count in zip(values, _regions_of(self.dataset), strict=True):
            regions[value] += count
        return {value: (count, regions[value]) for value, count in photos.most_common()}

    def photo_sizes(self) -> dict[str, Any]:
        """The photos' sizes: the smallest and the largest, the most frequent, megapixels."""
        return _photo_sizes(self.dataset.photos)


def inspect(
    path: str | Path | None = None,
    *,
    images: str | Path | None = None,
    labels: str | Path | None = None,
    format: str | None = None,
    materials: str | Path | Sequence[str] | None = None,
    min_area: int = 1,
    ignore: Collection[int] = (),
) -> Inspection:
    """Inspect a data set. Problems of single items are in `dataset.skipped`; only an unreadable data set raises.

    Args and errors are those of `madeof.datasets.open_dataset`.
    """
    layout = find_layout(
        path, images=images, labels=labels, format=format, materials=materials, min_area=min_area, ignore=ignore
    )
    dataset = open_layout(layout, min_area=min_area, skip_bad=True, may_be_empty=True)
    left_out = layout.left_out if isinstance(layout, AnnotatedPhotos) else Counter[str]()
    drawn = any(not (one.split or one.group) for one in layout.details)
    names = (*layout.materials, *(_spellings(layout) if isinstance(layout, AnnotatedPhotos) else ()))
    return Inspection(layout.where, _form(layout, format), dataset, drawn, left_out, alike(names), min_area)


def unnameable(inspection: Inspection, model: str, materials: Sequence[str]) -> Unnameable:
    """Those of a data set's materials, which have a region, that a model of these `materials` cannot name."""
    used = [one.material for one in inspection.dataset.count_by_material() if one.regions]
    crosswalk = Crosswalk.between(materials, used) if used else None
    if crosswalk is not None:
        return Unnameable(model, crosswalk.data_only, crosswalk.where)
    known = {key(name) for name in materials}
    return Unnameable(model, {name: "the model has no such name" for name in used if key(name) not in known})


def alike(names: Iterable[str]) -> tuple[Alike, ...]:
    """The groups of `names` that may be meant as one.

    >>> alike(["Wood", "wood", "Stone", "Tile", "Tiles"])
    (Alike(names=('Wood', 'wood'), one_material=True), Alike(names=('Tile', 'Tiles'), one_material=False))
    """
    groups: dict[str, dict[str, None]] = {}
    for name in names:
        groups.setdefault(_loosely(name), {})[name] = None
    return tuple(
        Alike(tuple(group), len({key(name) for name in group}) == 1) for group in groups.values() if len(group) > 1
    )


def quantiles(values: NDArray[np.integer[Any]]) -> dict[str, int]:
    """Some quantiles of whole numbers, each a value that occurs; {} of none."""
    if not len(values):
        return {}
    found = np.quantile(values, list(_QUANTILES.values()), method="nearest")
    return dict(zip(_QUANTILES, found.astype(np.int64).tolist(), strict=True))


def by_area(areas: NDArray[np.integer[Any]]) -> list[tuple[int | None, int]]:
    """How many areas are under each size of `madeof evaluate` and not under the one before; None is no bound."""
    counts = np.bincount(np.searchsorted(SIZE_BOUNDS, areas, side="right"), minlength=len(SIZE_BOUNDS) + 1)
    return [(under, count) for under, count in zip((*SIZE_BOUNDS, None), counts.tolist(), strict=True) if count]


def _form(layout: Layout, format: str | None) -> str:
    if isinstance(layout, LabelMaps):
        return "photos and label maps"
    if not isinstance(layout, AnnotatedPhotos):
        return "a table of masks"
    return FORMATS[format or recognise(Path(layout.where)) or ""].title


def _spellings(layout: AnnotatedPhotos) -> dict[str, None]:
    """The materials as the regions have them, as far as that is known without reading another file."""
    found: dict[str, None] = {}
    for photo in layout.annotated():
        if isinstance(photo.annotations, RowsOf):
            found.update(dict.fromkeys(photo.annotations.materials))
        elif isinstance(photo.annotations, list | tuple):
            found.update(dict.fromkeys(annotation.material for annotation in photo.annotations))
    return found


def _loosely(name: str) -> str:
    """Key that is equal for names that may mean the same."""
    plain = "".join(one for one in unicodedata.normalize("NFKC", name).casefold() if one.isalnum())
    if len(plain) > 3 and plain.endswith("s") and not plain.endswith("ss"):
        plain = plain[:-1]
    return plain or name


def _regions_of(dataset: RegionDataset) -> list[int]:
    """The number of regions of each photo."""
    return [int(count) for count in np.bincount(dataset.regions.photo, minlength=len(dataset))]


def _photo_sizes(photos: PhotoTable) -> dict[str, Any]:
    if not len(photos):
        return {}
    pixels = photos.height.astype(np.int64) * photos.width
    sizes = Counter(zip(photos.width.tolist(), photos.height.tolist(), strict=True))
    (width, height), count = sizes.most_common(1)[0]
    smallest, largest = int(pixels.argmin()), int(pixels.argmax())
    return {
        "sizes": len(sizes),
        "smallest": [int(photos.width[smallest]), int(photos.height[smallest])],
        "largest": [int(photos.width[largest]), int(photos.height[largest])],
        "most_frequent": {"width": width, "height": height, "photos": count},
        "median_megapixels": round(float(np.median(pixels)) / 1e6, 3),
    }
