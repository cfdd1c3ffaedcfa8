"""Regions for `madeof predict` from an annotation file: `--annotations FILE`."""

from __future__ import annotations

import argparse
import filecmp
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from madeof.cli.arguments import add_format

if TYPE_CHECKING:
    from madeof.datasets.annotations import AnnotatedPhoto, Annotations
    from madeof.images.photo import Photo
    from madeof.regions.request import RegionRequest

_INSTEAD = ("masks", "boxes", "polygons", "label_map", "resize_masks", "jpeg_masks", "soft_masks")


def add_annotations(parser: argparse.ArgumentParser) -> None:
    """`--annotations`, `--format` and `--images`."""
    group = parser.add_argument_group("regions from an annotation file, instead of those")
    group.add_argument(
        "--annotations",
        metavar="FILE",
        help="the regions that this file or folder of another tool has for each PHOTO, or for all of its photos where "
        "no PHOTO is given",
    )
    add_format(group)
    group.add_argument("--images", metavar="DIR", help="folder of its photos, where they are not beside it")


@dataclass
class AnnotatedRegions:
    """The photos that are asked for, with their regions in an annotation file."""

    where: Path
    """The annotation file."""
    photos: list[str] = field(default_factory=list)
    """Their paths, as given or as found."""
    failures: list[str] = field(default_factory=list)
    """Problems in the file, and photos missing from it."""
    annotated: dict[str, AnnotatedPhoto] = field(default_factory=dict)
    """By the path in `photos`."""
    missing: dict[str, str] = field(default_factory=dict)
    """Why photos that were asked for are not in `photos`, by their paths as given; these are `failures` too."""
    materials: tuple[str, ...] = ()
    """Those that the file knows."""

    def requests(self, photo: Photo, path: str) -> list[RegionRequest]:
        """The photo's regions in the order of the file.

        Raises:
            RegionError: the file states another size for the photo, or they cannot be read.
        """
        from madeof.datasets.annotated import check_stated
        from madeof.errors import DatasetError, InputError, RegionError

        annotated = self.annotated[path]
        try:
            check_stated(annotated, photo.size, self.where, Path(path))
            return [one.request(self.where.name) for one in annotated.annotations]
        except (InputError, DatasetError) as error:
            raise RegionError(f"{path}: {error}") from error

    def place(self, path: str) -> tuple[Path, str] | None:
        """The folder and the path in it by which the file knows a photo; None where it has it by its name alone."""
        file = PurePosixPath(self.annotated[path].file)
        parts = Path(os.path.abspath(path)).parts  # noqa: PTH100  (a link is known by its own name)
        count = len(file.parts)
        return (Path(*parts[:-count]), f"{file}") if parts[-count:] == file.parts else None


def open_annotations(options: argparse.Namespace) -> AnnotatedRegions | None:
    """Read the annotation file and find the photos that are asked for in it; None where no file is given.

    Raises:
        DatasetError: the file cannot be read.
    """
    from madeof._util.text import show
    from madeof.datasets import read_annotations
    from madeof.datasets.annotated import has_no_regions, left_out
    from madeof.datasets.formats import sam
    from madeof.datasets.formats.gathering import ABSENT
    from madeof.datasets.problems import LISTED
    from madeof.errors import DatasetError

    if options.annotations is None:
        for name in ("format", "images"):
            if getattr(options, name) is not None:
                options.refuse(f"--{name} is of --annotations FILE, which is not given")
        return None
    if given := [name for name in _INSTEAD if getattr(options, name)]:
        option = {"masks": "mask", "boxes": "box", "polygons": "polygon"}.get(given[0], given[0].replace("_", "-"))
        options.refuse(f"--annotations gives the regions itself; leave --{option} out")
    path = Path(options.annotations)
    found = AnnotatedRegions(path)
    asked = list(dict.fromkeys(options.photos))
    if len(asked) == 1 and Path(asked[0]).is_file() and options.format in (None, "sam") and sam.names_no_photo(path):
        annotations = sam.read_for(path, Path(asked[0]))
    else:
        annotations = read_annotations(path, images=options.images, format=options.format)
    found.materials = annotations.materials
    if options.photos:
        _find(found, annotations, options)
    else:
        with_regions = [photo for photo in annotations.photos if not has_no_regions(photo)]
        found.annotated = {os.fspath(annotations.photos_folder / photo.file): photo for photo in with_regions}
        found.photos = list(found.annotated)
        if without := len(annotations.photos) - len(with_regions):
            print(f"madeof: {show(path.name)}: {without} of its photos have no region", file=sys.stderr)
    if options.photos:  # whether the others are there was not asked
        annotations.left_out.pop(ABSENT, None)
    if message := left_out(annotations):
        print(f"madeof: {message}", file=sys.stderr)
    problems = _problems(annotations, every_photo=not options.photos)
    found.failures += problems[:LISTED]
    if len(problems) > LISTED:
        found.failures.append(f"{path.name}: and {len(problems) - LISTED} more problems")
    if not found.photos:
        reasons = "; ".join(found.failures) or "its photos have no regions"
        raise DatasetError(f"{show(path)}: no photo to look at: {reasons}")
    return found


def _find(found: AnnotatedRegions, annotations: Annotations, options: argparse.Namespace) -> None:
    """The photos that the arguments name, each with its regions."""
    from madeof.datasets import read_annotations
    from madeof.datasets.annotated import has_no_regions

    lookup, missing = _Lookup(annotations), dict[str, list[str]]()
    for path in dict.fromkeys(options.photos):
        if (photo := lookup.find(path)) is not None:
            found.annotated[path] = photo
        elif lookup.has_name(path):
            _lacks(found, path, "no photo of this path or name alone")
        else:
            missing.setdefault(os.path.dirname(path), []).append(path)  # noqa: PTH120  (the text as given)
    for folder, paths in missing.items():
        # The file's photos were looked for beside it: now where these are.
        if options.images is None and Path(folder or ".").is_dir():
            lookup = _Lookup(read_annotations(found.where, images=folder or ".", format=options.format))
        for path in paths:
            if (photo := lookup.find(path)) is not None:
                found.annotated[path] = photo
            else:
                why = "no photo of this path or name alone" if Path(path).is_file() else "nothing for it: no such file"
                _lacks(found, path, why)
    for path in options.photos:
        if path not in found.annotated or path in found.photos or path in found.missing:
            continue
        if has_no_regions(found.annotated[path]):
            _lacks(found, path, "no region for it")
        else:
            found.photos.append(path)


def _lacks(found: AnnotatedRegions, path: str, what: str) -> None:
    found.missing[path] = f"{path}: {found.where.name} has {what}"
    found.failures.append(found.missing[path])


class _Lookup:
    """The photos of an annotation file by their paths and base names."""

    def __init__(self, annotations: Annotations) -> None:
        self._photos_folder = annotations.photos_folder
        self._folder = os.path.realpath(annotations.photos_folder)
        self._by_path = {photo.file: photo for photo in annotations.photos}
        self._by_name: dict[str, list[AnnotatedPhoto]] = {}
        for photo in annotations.photos:
            self._by_name.setdefault(PurePosixPath(photo.file).name, []).append(photo)

    def has_name(self, path: str) -> bool:
        """Whether another photo of that name is there: `path` is none of the file's."""
        return Path(path).is_file() and Path(path).name in self._by_name

    def find(self, path: str) -> AnnotatedPhoto | None:
        """The photo that `path` is: the file itself, else one of its name that is a copy of it, byte for byte."""
        if not Path(path).is_file():
            return None
        real = os.path.realpath(path)
        inside = os.path.relpath(real, self._folder).replace(os.sep, "/")
        if inside in self._by_path:
            return self._by_path[inside]
        alike = self._by_name.get(Path(path).name, [])
        copies = [photo for photo in alike if filecmp.cmp(path, self._photos_folder / photo.file, shallow=False)]
        return copies[0] if len(copies) == 1 else None


def _problems(annotations: Annotations, *, every_photo: bool) -> list[str]:
    """Problems in the file, and missing photos if all are requested."""
    from madeof.datasets.formats.finding import MissingPhoto

    return [one.reason for one in annotations.problems if every_photo or not isinstance(one, MissingPhoto)]
