"""Open Images segmentations: masks whose image, class and box a CSV names (storage.googleapis.com/openimages/web).

The CSV, such as `train-annotations-object-segmentation.csv`, has the columns MaskPath, ImageID and LabelName; a class
is a code (/m/083vt), whose name is in a CSV beside it that has "class-descriptions" in its name. The masks are anywhere
in the folder, the photos are called by their ids. A mask may be of another size than its photo and is stretched to it,
nearest. The name of the CSV gives the split.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

from madeof._util.csv_rows import read_rows
from madeof._util.text import show
from madeof.datasets.annotations import Annotations
from madeof.datasets.formats.finding import split_of_folder
from madeof.datasets.formats.gathering import Gathering, Piece, some_files
from madeof.datasets.formats.mask_files import MaskFile
from madeof.datasets.formats.parsing import head, read_text
from madeof.datasets.listing import File, list_files
from madeof.datasets.photos import Details
from madeof.errors import DatasetError
from madeof.images.photo import PHOTO_SUFFIXES

_COLUMNS = ["maskpath", "imageid", "labelname"]


def matches(path: Path) -> bool:
    """Whether it is a CSV of masks, or a folder with one."""
    return any(_is_file(file) for file in some_files(path, ".csv"))


def _is_file(path: Path) -> bool:
    columns = {one.strip(' "\r').casefold() for one in head(path).partition("\n")[0].split(",")}
    return {*_COLUMNS} <= columns


def read(path: Path, images: Path | None = None) -> Annotations:
    """Read the CSV, or all in the folder; see `formats.Reader`.

    Raises:
        DatasetError: there is no such CSV, or one is broken (its line is named).
    """
    root = path if path.is_dir() else path.parent
    tables, problems = list_files(root, [".csv"])
    files = [path] if path.is_file() else [root / one.path for one in tables if _is_file(root / one.path)]
    if not files:
        raise DatasetError(f"{show(path)}: no CSV with the columns MaskPath, ImageID and LabelName in it")
    names = _class_names([root / one.path for one in tables if "class-descriptions" in one.path])
    listed, more = list_files(root, [".png"])
    masks: dict[str, list[File]] = {}
    for mask in listed:
        masks.setdefault(mask.path.rpartition("/")[2], []).append(mask)
    gathering = Gathering(path)
    gathering.problems += problems + more
    pieces: dict[tuple[str, str], list[Piece]] = {}
    for file in files:
        split = next(filter(None, map(split_of_folder, file.stem.split("-"))), "")
        for line, row in read_rows(file, _COLUMNS):
            photo, code = row["imageid"], row["labelname"]
            found = masks.get(row["maskpath"].rpartition("/")[2], [])
            place, some = f"line {line}", pieces.setdefault((photo, split), [])
            if code not in names:
                gathering.broken(place, f"no class-descriptions CSV here names the class {show(code)!r}", file.name)
            elif len(found) != 1:
                what = "is not there" if not found else "is there twice"
                gathering.broken(place, f"the mask {show(row['maskpath'])} {what}", file.name)
            else:
                some.append(Piece(names[code], MaskFile(root, found[0], root / f"{photo}.jpg", stretch=True), place))
    for (photo, split), some in pieces.items():
        gathering.photo([f"{photo}{suffix}" for suffix in PHOTO_SUFFIXES], some, details=Details(split=split))
    return gathering.annotations(images)


def _class_names(files: list[Path]) -> dict[str, str]:
    """The name of each code; the files have no header, or LabelName,DisplayName."""
    rows = [row for file in files for row in csv.reader(io.StringIO(read_text(file)))]
    return {row[0].strip(): row[1].strip() for row in rows if len(row) >= 2 and row[0].startswith("/")}
