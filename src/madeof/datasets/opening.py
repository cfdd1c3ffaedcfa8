"""`open_dataset`: from paths to a data set, whatever the layout."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import numpy as np

from madeof._util.text import show
from madeof.datasets.annotated import AnnotatedPhotos, read_annotations
from madeof.datasets.dataset import RegionDataset
from madeof.datasets.formats import FORMATS, recognise
from madeof.datasets.formats.parsing import head
from madeof.datasets.index import build
from madeof.datasets.label_maps import LabelMaps
from madeof.datasets.layout import Layout
from madeof.datasets.material_lists import read_materials
from madeof.datasets.photos import PhotoTable
from madeof.datasets.problems import complaint
from madeof.datasets.splits import assign
from madeof.datasets.table import Table
from madeof.errors import DatasetError

_logger = logging.getLogger("madeof")

LAYOUTS = (
    "a folder with images/, labels/ and materials.csv, or a CSV with the columns image,mask,material, or an annotation "
    f"file or folder of one of the formats {', '.join(FORMATS)}"
)


def open_dataset(
    path: str | Path | None = None,
    *,
    images: str | Path | None = None,
    labels: str | Path | None = None,
    format: str | None = None,
    materials: str | Path | Sequence[str] | None = None,
    min_area: int = 1,
    ignore: Collection[int] = (),
    val_fraction: float = 0.15,
    seed: int = 0,
    cache: str | Path | None = None,
    skip_bad: bool = False,
    workers: int = 2,
    progress: Callable[[int, int], object] | None = None,
) -> RegionDataset:
    """Open a data set: build the region index, or load it from the cache. Pixels are not kept in memory.

    Args:
        path: a folder with `images/`, `labels/`, `materials.csv` and perhaps `photos.csv`; or a CSV with the columns
            image,mask,material; or an annotation file or folder of one of the formats in
            `madeof.datasets.formats.FORMATS`, which is found out from its content.
        images: of an annotation file: the folder of its photos, where they are not beside it. In place of `path`: a
            folder of photos, with `labels`.
        labels: the folder of their label maps.
        format: the name of the annotation file's format, to insist on it.
        materials: the name of a list, a CSV (id,name) or the names, whose values are then 1, 2, ...; where the data set
            has no materials.csv. Two folders: OpenSurfaces if not given; a table or annotations: the names that are in
            it.
        min_area: regions of fewer pixels are left out, and counted.
        ignore: values of label maps besides 0 that are no region, such as 255.
        val_fraction: the part of photos that goes to "val" where no table gives the split.
        seed: of that drawing.
        cache: a folder, or a file that ends in .npz, where the index is kept, so that opening again is quick.
        skip_bad: leave out what cannot be used, listed in `skipped`, in place of an error.
        workers: threads.
        progress: called with the numbers of photos done and of all while the index is built.

    Raises:
        DatasetError: the layout is none of ours; a table is broken (file and line are named); files lack a partner,
            cannot be read, have another size than their photo or hold unknown values (all are counted, ten named); a
            group is in two splits; or nothing is left.
    """
    layout = find_layout(
        path, images=images, labels=labels, format=format, materials=materials, min_area=min_area, ignore=ignore
    )
    return open_layout(
        layout,
        min_area=min_area,
        val_fraction=val_fraction,
        seed=seed,
        cache=cache,
        skip_bad=skip_bad,
        workers=workers,
        progress=progress,
    )


def open_layout(
    layout: Layout,
    *,
    min_area: int = 1,
    val_fraction: float = 0.15,
    seed: int = 0,
    cache: str | Path | None = None,
    skip_bad: bool = False,
    workers: int = 2,
    progress: Callable[[int, int], object] | None = None,
    may_be_empty: bool = False,
) -> RegionDataset:
    """The data set in a layout; args and errors are those of `open_dataset`, but no regions may be no error."""
    if not 0 <= val_fraction < 1:
        raise DatasetError(f"val_fraction is {val_fraction}; expected 0 or more and less than 1")
    if workers < 1:
        raise DatasetError(f"workers is {workers}; expected 1 or more")
    problems = list(layout.problems)
    details = layout.details
    names = [layout.name(number) for number in range(len(layout))]
    # Before the index: what is wrong with the groups is known at once.
    splits = assign(
        names,
        [one.group for one in details],
        [one.split for one in details],
        val_fraction=val_fraction,
        seed=seed,
        where=show(layout.where),
    )
    index, numbers, found = build(layout, cache=_cache_file(cache, layout), workers=workers, progress=progress)
    problems += found
    if problems and not skip_bad:
        raise complaint(layout.where, problems)
    for problem in problems:
        _logger.info("left out: %s", problem.reason)  # asked for, and in `skipped`
    counts = np.bincount(index.regions.photo, minlength=len(index))
    rows = np.flatnonzero(counts)
    too_small = int(index.too_small.sum())
    if len(rows) == 0 and not may_be_empty:
        raise DatasetError(
            f"{show(layout.where)}: no region is left of {len(layout)} photos: {len(problems)} problems, {too_small} "
            f"regions under {min_area} px"
        )
    index, numbers = index.select(rows), numbers[rows]
    order = numbers.tolist()
    photos = PhotoTable(
        tuple(names[number] for number in order),
        tuple(splits[number] for number in order),
        tuple(details[number].group for number in order),
        tuple(details[number].source for number in order),
        tuple(details[number].licence for number in order),
        index.height,
        index.width,
    )
    dataset = RegionDataset(
        layout.materials,
        photos,
        index.regions,
        tuple(problems),
        too_small,
        int(len(counts) - len(rows)),
        layout,
        numbers,
        index.digest,
    )
    _logger.debug("%s: %d photos, %d regions", show(layout.where), len(dataset), len(dataset.regions))
    return dataset


def find_layout(
    path: str | Path | None = None,
    *,
    images: str | Path | None = None,
    labels: str | Path | None = None,
    format: str | None = None,
    materials: str | Path | Sequence[str] | None = None,
    min_area: int = 1,
    ignore: Collection[int] = (),
) -> LabelMaps | Table | AnnotatedPhotos:
    """The layout of a data set, none of whose photos is looked at yet; args and errors are those of `open_dataset`."""
    if min_area < 1:
        raise DatasetError(f"min_area is {min_area}; expected 1 pixel or more")
    if any(value < 0 for value in ignore):
        raise DatasetError(f"ignore is {sorted(ignore)}; expected values of label maps, from 0")
    if path is None:
        if images is None or labels is None:
            raise DatasetError(f"no data set: give {LAYOUTS}; or both a folder of images and one of labels")
        if format is not None:
            raise DatasetError(f"the format {format!r} is of an annotation file, but none is given")
        for folder in (images, labels):
            if not Path(folder).is_dir():
                raise DatasetError(f"{show(folder)} is not a folder; expected one of photos and one of label maps")
        if Path(images).samefile(labels):
            raise DatasetError(f"{show(images)} is given for both the photos and the label maps; expected two folders")
        if materials is None:
            places = (Path(labels).parent / "materials.csv", Path(labels) / "materials.csv")
            own = next((place for place in places if place.is_file()), None)
            hint = f"; {show(own)} is not read" if own else ""
            _logger.warning(
                "the values of the label maps in %s are taken for the numbers of OpenSurfaces%s: name their list "
                "(materials=, --materials)",
                show(labels),
                hint,
            )
        return LabelMaps(Path(images), Path(labels), read_materials(materials), min_area=min_area, ignore=ignore)
    path = Path(path)
    if not path.exists():
        raise DatasetError(f"{show(path)} does not exist; expected {LAYOUTS}")
    ours = format is None and (_is_table(path) or (path / "materials.csv").is_file())
    if not ours and format is None:
        format = recognise(path)
    if labels is not None or (images is not None and format is None):
        raise DatasetError(f"{show(path)} and folders of images or labels are both given; give one or the other")
    if format is None and path.is_dir():
        return _folder(path, materials, min_area, ignore)
    if format is None and path.suffix.lower() != ".csv":
        raise DatasetError(f"{show(path)} is of no layout or format that we know; expected {LAYOUTS}")
    if ignore:
        raise DatasetError(f"{show(path)} has no label values to ignore; leave ignore out")
    known = None if materials is None else read_materials(materials)
    if format is None:
        return Table(path, known, min_area=min_area)
    return AnnotatedPhotos(read_annotations(path, images=images, format=format), known, min_area=min_area)


def _is_table(path: Path) -> bool:
    """Whether it is a CSV with the columns of a table of masks."""
    if path.suffix.lower() != ".csv":
        return False
    columns = {column.strip(' "\r').casefold() for column in head(path).partition("\n")[0].split(",")}
    return {"mask", "material"} <= columns


def _folder(
    path: Path, materials: str | Path | Sequence[str] | None, min_area: int, ignore: Collection[int]
) -> LabelMaps:
    missing = [f"{name}/" for name in ("images", "labels") if not (path / name).is_dir()]
    own = path / "materials.csv"
    if materials is None and not own.is_file():
        missing.append("materials.csv")
    if missing:
        raise DatasetError(f"{show(path)}: no {' and no '.join(missing)} in this folder; expected {LAYOUTS}")
    if materials is not None and own.is_file():
        raise DatasetError(f"{show(path)} has its own materials.csv; leave the list of materials out")
    table = path / "photos.csv"
    return LabelMaps(
        path / "images",
        path / "labels",
        read_materials(own if materials is None else materials),
        photos_csv=table if table.is_file() else None,
        min_area=min_area,
        ignore=ignore,
    )


def _cache_file(cache: str | Path | None, layout: Layout) -> Path | None:
    """The file of this data set in `cache`: one for each place and its options, written over when files change."""
    if cache is None:
        return None
    cache = Path(cache)
    if cache.suffix == ".npz":
        return cache
    text = f"{Path(layout.where).resolve()}\0{layout.header}"
    return cache / f"index-{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}.npz"
