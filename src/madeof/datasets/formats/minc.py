"""MINC-2500 (Bell et al. 2015): patches images/CATEGORY/NAME.jpg, and their splits in labels/train1.txt and so on.

The region is the whole patch. There are five splits of the same patches; the first is read, or the one whose file is
given: `labels/train3.txt` (or validate3.txt, test3.txt) is all patches with the third split. "validate" is "val".
The category `polishedstone` is named "Polished stone", as in the paper.
"""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

from madeof._util.text import show
from madeof.datasets.annotations import Annotations
from madeof.datasets.formats.gathering import Gathering, Piece
from madeof.datasets.formats.parsing import head, read_text
from madeof.datasets.photos import Details
from madeof.errors import DatasetError
from madeof.regions.shapes import Whole

_SPLITS = {"train": "train", "validate": "val", "test": "test"}
_FILE = re.compile(r"(train|validate|test)([0-9]+)\.txt")
_LINE = re.compile(r"(?:.*/)?images/([^/]+)/[^/]+")
_SPELLED = {"polishedstone": "Polished stone"}


def matches(path: Path) -> bool:
    """Whether it is a folder with labels/train1.txt and the like, or such a file, that name images/CATEGORY/NAME."""
    with contextlib.suppress(OSError, ValueError):
        files = [path] if path.is_file() else sorted((path / "labels").glob("*1.txt")) if path.is_dir() else []
        for file in files:
            if _FILE.fullmatch(file.name) and _LINE.fullmatch(head(file).partition("\n")[0].strip()):
                return True
    return False


def read(path: Path, images: Path | None = None) -> Annotations:
    """Read the folder, or the split of one of its files.

    Args:
        path: the folder with images/, labels/ and categories.txt, or a file in its labels/.
        images: the folder of photos: that with images/, or images/ itself.

    Raises:
        DatasetError: there is no file of the split, or one cannot be read.
    """
    number = "1"
    if path.is_file():
        match = _FILE.fullmatch(path.name)
        if match is None:
            raise DatasetError(f"{show(path)}: expected a file of MINC-2500, such as labels/train1.txt")
        number, path = match.group(2), path.parent.parent
    files = {split: path / "labels" / f"{name}{number}.txt" for name, split in _SPLITS.items()}
    files = {split: file for split, file in files.items() if file.is_file()}
    if not files:
        raise DatasetError(f"{show(path)}: no labels/train{number}.txt; expected a folder of MINC-2500")
    gathering = Gathering(path)
    seen: dict[str, str] = {}
    for split, file in files.items():
        name = f"labels/{file.name}"
        for line, text in enumerate(read_text(file).splitlines(), start=1):
            photo = text.strip().replace("\\", "/")
            if not photo:
                continue
            match = _LINE.fullmatch(photo)
            if match is None:
                gathering.broken(f"line {line}", f"{show(photo)!r} is not images/CATEGORY/NAME.jpg", name)
            elif photo in seen:
                gathering.broken(f"line {line}", f"{show(photo)} stands in {seen[photo]} already", name)
            else:
                seen[photo] = f"{name} line {line}"
                category = match.group(1)
                piece = Piece(_SPELLED.get(category, category), Whole(), f"line {line} of {file.name}")
                # Where images/ itself is given, the path within it.
                names = [photo] if images is None else [photo, photo.partition("images/")[2]]
                gathering.photo(names, [piece], details=Details(split=split))
    return gathering.annotations(images, _categories(path))


def _categories(path: Path) -> list[str]:
    """The categories in the order of categories.txt, where it is there."""
    file = path / "categories.txt"
    names = [line.strip() for line in read_text(file).splitlines()] if file.is_file() else []
    return [_SPELLED.get(name, name) for name in names if name]
