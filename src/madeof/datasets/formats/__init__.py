"""The formats of annotation files that we know. Each is a module here, imported when it is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from madeof.datasets.formats.zips import unpacked
from madeof.errors import DatasetError

if TYPE_CHECKING:
    from madeof.datasets.annotations import Annotations
    from madeof.datasets.writing import Answered


class Reader(Protocol):
    """What the module of a format can do."""

    def matches(self, path: Path) -> bool:
        """Whether the file or folder is of this format, by a quick look at its content. Never raises."""
        ...

    def read(self, path: Path, images: Path | None = None) -> Annotations:
        """Read the file or folder.

        Args:
            path: the file or folder.
            images: the folder of photos, where it is not where it is looked for.

        Raises:
            DatasetError: it cannot be read at all. What is broken in parts of it stands in `problems`.
        """
        ...


class Writer(Protocol):
    """What the module of a format that we write can do besides."""

    def write(self, photos: Iterable[Answered], out: Path, materials: Sequence[str] = ()) -> list[Path]:
        """Write the photos' regions to the file or folder `out` and return the files written.

        Args:
            photos: taken one by one.
            out: the file or folder.
            materials: names that come first in the file's list of them, in this order, whether a region has them or
                not: so several files can have one list. Nothing where the format has no list.

        Raises:
            WriteError: that cannot be done; what stood there before is whole.
        """
        ...


@dataclass(frozen=True)
class Format:
    """A format of annotation files."""

    name: str
    """As in --format."""
    title: str
    """What people call it."""
    writes: bool = False
    """Whether we write it too."""

    @property
    def reader(self) -> Reader:
        """Its module."""
        return cast(Reader, importlib.import_module(f"{__name__}.{self.name}"))

    @property
    def writer(self) -> Writer:
        """Its module.

        Raises:
            DatasetError: we do not write this format.
        """
        if not self.writes:
            raise DatasetError(f"{self.title} is a format that we read and do not write; we write {written()}")
        return cast(Writer, importlib.import_module(f"{__name__}.{self.name}"))


FORMATS: dict[str, Format] = {
    one.name: one
    for one in (
        # In the order in which they are tried: first those that nothing else can be taken for.
        Format("coco", "COCO JSON", writes=True),
        Format("label_studio", "Label Studio JSON export", writes=True),
        Format("via", "VGG Image Annotator (VIA) JSON"),
        Format("labelme", "LabelMe JSON", writes=True),
        Format("isat", "ISAT JSON"),
        Format("supervisely", "Supervisely JSON"),
        Format("cityscapes", "Cityscapes polygons"),
        Format("labelbox", "Labelbox NDJSON export"),
        Format("createml", "CreateML JSON boxes"),
        Format("geojson", "GeoJSON of QuPath"),
        Format("sam", "Segment Anything's masks as JSON"),
        Format("coco_results", "COCO results"),
        Format("cvat", "CVAT XML", writes=True),
        Format("labelme_xml", "LabelMe's old XML"),
        Format("voc", "Pascal VOC XML"),
        Format("open_images", "Open Images masks"),
        Format("ade_full", "the full ADE20K"),
        Format("yolo", "YOLO segmentation text", writes=True),
        Format("opensurfaces", "OpenSurfaces release"),
        Format("minc", "MINC-2500"),
        Format("fmd", "Flickr Material Database (FMD)"),
        Format("dms", "Dense Material Segmentation (DMS) label maps"),
        Format("label_map", "a folder of photos, label maps and materials.csv", writes=True),
        Format("label_studio_brush", "Label Studio's brush export, PNG or NumPy"),
        Format("colour_map", "label maps in colours with a list of them, as Pascal VOC and CVAT have them"),
        Format("ade", "label maps with a list of names, as ADE20K and COCO-Stuff have them"),
        Format("masks", "a folder of masks named after their photos", writes=True),
    )
}
"""By name."""


def written() -> str:
    """The names of the formats that we write, for messages."""
    return ", ".join(one.name for one in FORMATS.values() if one.writes)


def recognise(path: Path) -> str | None:
    """The name of the format of the file or folder `path`, by its content; None where it is none of ours."""
    try:
        path = unpacked(path)
    except DatasetError:  # which whoever reads it says
        return None
    return next((name for name, one in FORMATS.items() if one.reader.matches(path)), None)


def format_named(name: str) -> Format:
    """The format of that name, "label-studio" and "label_studio" alike.

    Raises:
        DatasetError: there is none.
    """
    found = FORMATS.get(name.strip().casefold().replace("-", "_"))
    if found is None:
        raise DatasetError(f"there is no format {name!r}; the formats are {', '.join(FORMATS)}")
    return found
